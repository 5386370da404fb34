// 64-bit ARM.
#define RK_ISA neon
#define RK_NEON 1
#include "isa.h"
