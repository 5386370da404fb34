// Any processor.
#define RK_ISA plain
#define RK_PLAIN 1
#include "isa.h"
