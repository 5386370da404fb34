// AVX-512 with products of bfloat16 (BF16) and of 8-bit integers (VNNI).
#define RK_ISA avx512bf16
#define RK_AVX512 1
#define RK_BF16 1
#define RK_VNNI 1
#include "isa.h"
