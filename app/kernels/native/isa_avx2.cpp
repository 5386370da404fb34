// x86 with AVX2, FMA and F16C.
#define RK_ISA avx2
#define RK_AVX2 1
#include "isa.h"
