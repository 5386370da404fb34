// What the library shows to the outside: plain C, called through ctypes by library.py.

#include "core.h"
#include "pool.h"

#include <atomic>

#if defined(__x86_64__) || defined(_M_X64)
#define RK_X86 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

#if defined(_WIN32)
#define RK_EXPORT extern "C" __declspec(dllexport)
#else
#define RK_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace rk {

namespace plain {
extern const Isa isa;
}
#if RK_X86
namespace avx2 {
extern const Isa isa;
}
namespace avx512 {
extern const Isa isa;
}
#if !RK_WITHOUT_BF16
namespace avx512bf16 {
extern const Isa isa;
}
#endif
#elif defined(__aarch64__) || defined(_M_ARM64)
#define RK_ARM 1
namespace neon {
extern const Isa isa;
}
#endif

namespace {

#if RK_X86
struct Registers {
    unsigned a, b, c, d;
};

Registers cpuid(unsigned leaf, unsigned part) {
    Registers r{};
#if defined(_MSC_VER)
    int raw[4];
    __cpuidex(raw, int(leaf), int(part));
    r = {unsigned(raw[0]), unsigned(raw[1]), unsigned(raw[2]), unsigned(raw[3])};
#else
    __cpuid_count(leaf, part, r.a, r.b, r.c, r.d);
#endif
    return r;
}

// Which registers the operating system saves when it switches threads.
unsigned saved_registers() {
    if (!(cpuid(1, 0).c >> 27 & 1)) return 0;
#if defined(_MSC_VER)
    return unsigned(_xgetbv(0));
#else
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
#endif
}

bool all_set(unsigned bits, unsigned wanted) { return (bits & wanted) == wanted; }

// How many of the x86 instruction sets, in the order of `sets`, this processor has.
int usable_sets() {
    constexpr unsigned FMA_F16C = 1u << 12 | 1u << 29;
    constexpr unsigned AVX2_BMI2 = 1u << 5 | 1u << 8;
    constexpr unsigned F_DQ_BW_VL = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    const unsigned leaves = cpuid(0, 0).a, saved = saved_registers();
    if (leaves < 7 || !all_set(saved, 0x6) || !all_set(cpuid(1, 0).c, FMA_F16C)) return 1;
    const Registers seven = cpuid(7, 0);
    if (!all_set(seven.b, AVX2_BMI2)) return 1;
    if (!all_set(saved, 0xe6) || !all_set(seven.b, F_DQ_BW_VL)) return 2;
#if RK_WITHOUT_BF16
    return 3;
#else
    const bool vnni = seven.c >> 11 & 1, bf16 = seven.a >= 1 && (cpuid(7, 1).a >> 5 & 1);
    return vnni && bf16 ? 4 : 3;
#endif
}

const Isa* const sets[] = {
    &plain::isa, &avx2::isa, &avx512::isa,
#if !RK_WITHOUT_BF16
    &avx512bf16::isa,
#endif
};
#elif RK_ARM
int usable_sets() { return 2; }
const Isa* const sets[] = {&plain::isa, &neon::isa};
#else
int usable_sets() { return 1; }
const Isa* const sets[] = {&plain::isa};
#endif

const char* const names[] = {
#define KERNEL(name) #name,
#include "kernels/list.h"
#undef KERNEL
};
constexpr int64_t KERNELS = sizeof names / sizeof names[0];

std::atomic<const Isa*> chosen{nullptr};

const Isa& present() {
    const Isa* isa = chosen.load();
    if (isa == nullptr) chosen.store(isa = sets[usable_sets() - 1]);
    return *isa;
}

}  // namespace
}  // namespace rk

// The name of kernel `number`, or null beyond the last: their order is that of kernels/list.h.
RK_EXPORT const char* rk_kernel(int64_t number) {
    return number >= 0 && number < rk::KERNELS ? rk::names[number] : nullptr;
}

// The instruction set `number` that this processor has, from plain to best; null beyond the last.
RK_EXPORT const char* rk_set(int number) {
    return number >= 0 && number < rk::usable_sets() ? rk::sets[number]->name : nullptr;
}

// The name of the instruction set in use.
RK_EXPORT const char* rk_chosen() { return rk::present().name; }

// Use the instruction set `number` from now on; false if there is none.
RK_EXPORT bool rk_choose(int number) {
    if (rk_set(number) == nullptr) return false;
    rk::chosen.store(rk::sets[number]);
    return true;
}

// The kinds of numbers (core.h), a bit for each, that the instruction set in use reads as fast as
// memory gives them.
RK_EXPORT unsigned rk_reads() { return rk::present().reads; }

// Run `count` calls in order on `threads` threads; false, and nothing has run, if one names no
// kernel.
RK_EXPORT bool rk_run(const rk::Call* calls, int64_t count, int threads) {
    for (int64_t i = 0; i < count; ++i)
        if (calls[i].kernel < 0 || calls[i].kernel >= rk::KERNELS) return false;
    const int64_t size = rk::most(1, rk::least(threads, rk::MOST_THREADS));
    rk::run(calls, count, rk::present().kernels, int(size));
    return true;
}
