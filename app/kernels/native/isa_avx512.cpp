// x86 with AVX-512 F, BW, VL and DQ.
#define RK_ISA avx512
#define RK_AVX512 1
#include "isa.h"
