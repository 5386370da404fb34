// Every family of kernels; included once per instruction set, inside its namespace.
#include "norm.h"
