// Reads memory as fast as the processor can: the ceiling of every engine that reads its weights.
//
// Plain C ABI; built by read_speed.py for the processor at hand.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

typedef uint64_t Line __attribute__((vector_size(64)));  // one cache line

constexpr size_t kLine = sizeof(Line);
constexpr size_t kHugePage = size_t{1} << 21;

// All lines, from kStreams places at once, combined so that no read can be left out.
template <int kStreams>
uint64_t walk(const Line* lines, size_t count) {
    Line sums[kStreams] = {};
    const size_t part = count / kStreams;
    for (size_t i = 0; i + 1 < part; i += 2) {
        for (int s = 0; s < kStreams; ++s) {
            sums[s] ^= lines[s * part + i];
            sums[s] ^= lines[s * part + i + 1];
        }
    }
    uint64_t all = 0;
    for (const Line& sum : sums) {
        for (size_t word = 0; word < kLine / sizeof(uint64_t); ++word) {
            all ^= sum[word];
        }
    }
    return all;
}

}  // namespace

extern "C" {

// `bytes` of memory that has been written to once; `huge` asks for huge pages. Null if there is none.
void* rs_take(size_t bytes, int huge) {
    void* block = std::aligned_alloc(kHugePage, (bytes + kHugePage - 1) / kHugePage * kHugePage);
    if (block == nullptr) {
        return nullptr;
    }
#if defined(__linux__)
    if (huge) {
        madvise(block, bytes, MADV_HUGEPAGE);
    }
#endif
    std::memset(block, 1, bytes);
    return block;
}

void rs_give_back(void* block) { std::free(block); }

// Reads all of the block with so many threads, each from one place or from eight at once.
uint64_t rs_read(const void* block, size_t bytes, int threads, int streams) {
    const Line* lines = static_cast<const Line*>(block);
    const size_t share = bytes / kLine / static_cast<size_t>(threads);
    std::vector<uint64_t> sums(static_cast<size_t>(threads));
    std::vector<std::thread> team;
    for (size_t t = 0; t < sums.size(); ++t) {
        team.emplace_back([=, &sums] {
            const Line* mine = lines + t * share;
            sums[t] = streams == 1 ? walk<1>(mine, share) : walk<8>(mine, share);
        });
    }
    uint64_t all = 0;
    for (size_t t = 0; t < sums.size(); ++t) {
        team[t].join();
        all ^= sums[t];
    }
    return all;
}

}  // extern "C"
