// The body of each isa_*.cpp: all kernels, compiled for RK_ISA.
#include "core.h"

#include <math.h>

#if RK_AVX2 || RK_AVX512
#include <immintrin.h>
#elif RK_NEON
#include <arm_neon.h>
#endif

namespace rk {
namespace RK_ISA {

#include "simd.h"
#include "kernels/families.h"

#define KERNEL(name) name,
static const Kernel kernels[] = {
#include "kernels/list.h"
};
#undef KERNEL

#define RK_TEXT_OF(x) #x
#define RK_TEXT(x) RK_TEXT_OF(x)
extern const Isa isa;
const Isa isa = {RK_TEXT(RK_ISA), kernels, READS};

}  // namespace RK_ISA
}  // namespace rk
