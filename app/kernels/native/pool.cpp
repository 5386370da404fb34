// The library's own threads: they share each call of a list, and sleep between lists.
//
// A thread that waits spins for a moment, as most waits are shorter, and then sleeps: on a machine
// that is busy with other things a spinning thread keeps away the one it waits for.

#include "core.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <pthread.h>
#endif

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define RK_X86 1
#elif defined(_MSC_VER)
#include <intrin.h>
#endif

#include "pool.h"

namespace rk {

namespace {

constexpr std::chrono::microseconds SPIN{40};
// Between two lists, as long as a token is chosen: to wake a thread that sleeps takes 0.1 ms.
constexpr std::chrono::microseconds SPIN_BETWEEN{1000};
constexpr int PAUSES = 32;  // between two looks at the clock
constexpr int CREW = 8;     // threads that come to a barrier at the same number
constexpr int CREWS = MOST_THREADS / CREW;
constexpr int HELPED = 16;  // other threads whose part one looks at when its own is done

void pause_a_moment() {
#if RK_X86
    _mm_pause();
#elif defined(_MSC_VER)
    __yield();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Numbers below 1e-38 cost a hundred times the time of others and mean nothing here: they count
// as 0 while kernels run.
class NoDenormals {
  public:
#if RK_X86
    NoDenormals() : before(_mm_getcsr()) { _mm_setcsr(before | 0x8040); }
    ~NoDenormals() { _mm_setcsr(before); }

  private:
    unsigned before;
#elif defined(__aarch64__)
    NoDenormals() {
        __asm__ volatile("mrs %0, fpcr" : "=r"(before));
        __asm__ volatile("msr fpcr, %0" ::"r"(before | (uint64_t{1} << 24)));
    }
    ~NoDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(before)); }

  private:
    uint64_t before;
#endif
};

// A number that grows; threads wait until it has.
class Gate {
  public:
    uint32_t now() const { return epoch.load(std::memory_order_acquire); }

    void open() {
        epoch.fetch_add(1);
        if (sleepers.load() > 0) {
            { std::lock_guard<std::mutex> hold(mutex); }
            opened.notify_all();
        }
    }

    void wait(uint32_t seen, std::chrono::microseconds spin) {
        const auto end = std::chrono::steady_clock::now() + spin;
        do {
            for (int i = 0; i < PAUSES; ++i) {
                if (now() != seen) return;
                pause_a_moment();
            }
            // the one that is waited for may stand behind this thread on the same core
            std::this_thread::yield();
        } while (std::chrono::steady_clock::now() < end);
        std::unique_lock<std::mutex> hold(mutex);
        sleepers.fetch_add(1);
        opened.wait(hold, [&] { return epoch.load() != seen; });
        sleepers.fetch_sub(1);
    }

  private:
    alignas(64) std::atomic<uint32_t> epoch{0};  // many read it all the time
    alignas(64) std::atomic<int> sleepers{0};
    std::mutex mutex;
    std::condition_variable opened;
};

// A number in a line of its own, so that who writes it keeps nobody from another one.
template <class T>
struct alignas(64) Alone {
    std::atomic<T> count{0};
};

}  // namespace

struct Pool {
    // the present list
    const Call* calls = nullptr;
    int64_t count = 0;
    const Kernel* kernels = nullptr;
    int size = 1;

    // Who has come to the barrier: of each crew its threads, and the crews that are complete.
    Alone<int> arrived[CREWS], complete;
    Gate passed;
    // How much has been taken of each thread's part of a call, for every other stretch between two
    // barriers: meanwhile its thread sets the other number back to 0.
    Alone<int64_t> taken[2][MOST_THREADS];
    std::vector<std::unique_ptr<Gate>> mailboxes;  // of thread 1, 2, ...
    std::mutex busy;

    void run(const Call* list, int64_t length, const Kernel* table, int threads) {
        std::lock_guard<std::mutex> hold(busy);
        // nobody has come back to what was taken in the last stretch of the list before
        for (auto& stretch : taken)
            for (int id = 0; id < size; ++id)
                stretch[id].count.store(0, std::memory_order_relaxed);
        calls = list, count = length, kernels = table, size = grown(threads);
        wake_children(0);
        work(0);
    }

    Alone<int64_t>* taken_now() { return taken[passed.now() % 2]; }

    // Whether this thread is the last one to arrive.  Many threads at one number wait for each other.
    bool arrives_last(int id) {
        const int crew = id / CREW, crews = (size + CREW - 1) / CREW;
        if (!fills(arrived[crew], crew + 1 < crews ? CREW : size - crew * CREW)) return false;
        return crews == 1 || fills(complete, crews);
    }

    static bool fills(Alone<int>& number, int wanted) {
        if (number.count.fetch_add(1, std::memory_order_acq_rel) + 1 < wanted) return false;
        number.count.store(0, std::memory_order_relaxed);
        return true;
    }

    void work(int id) {
        const NoDenormals mode;
        const Team team{id, size, this};
        // copies: who passes the last barrier first may already begin the next list
        const Call* const list = calls;
        const Kernel* const table = kernels;
        const int64_t length = count;
        for (int64_t i = 0; i < length; ++i) {
            table[list[i].kernel](list[i], team);
            team.barrier();
        }
    }

    void live(int id, Gate& mailbox) {
        for (uint32_t seen = 0;; ++seen) {
            mailbox.wait(seen, SPIN_BETWEEN);
            wake_children(id);
            work(id);
        }
    }

    void wake_children(int id) {
        for (int child = 2 * id + 1; child <= 2 * id + 2 && child < size; ++child)
            mailboxes[child - 1]->open();
    }

    // How many of so many threads there are, once those that were missing have been started: fewer
    // where the system gives no more.
    int grown(int threads) {
        mailboxes.reserve(MOST_THREADS);
        while (int(mailboxes.size()) + 1 < threads)
            if (!start_one()) return int(mailboxes.size()) + 1;
        return threads;
    }

    bool start_one() {
        mailboxes.push_back(std::make_unique<Gate>());
        Gate& mailbox = *mailboxes.back();
        try {
            std::thread(&Pool::live, this, int(mailboxes.size()), std::ref(mailbox)).detach();
        } catch (const std::exception&) {
            mailboxes.pop_back();
            return false;
        }
        return true;
    }
};

void Team::barrier() const {
    const uint32_t seen = pool->passed.now();
    std::atomic<int64_t>& used_next = pool->taken[1 - seen % 2][id].count;
    if (used_next.load(std::memory_order_relaxed) != 0)
        used_next.store(0, std::memory_order_relaxed);
    if (pool->arrives_last(id))
        pool->passed.open();
    else
        pool->passed.wait(seen, SPIN);
}

Range Team::share(int64_t total, int64_t grain) const {
    const int64_t grains = (total + grain - 1) / grain;
    const int64_t begin = grains * id / size, end = grains * (id + 1) / size;
    return {least(total, begin * grain), least(total, end * grain)};
}

bool Team::next(int64_t total, int64_t grain, Range& part) const {
    Alone<int64_t>* const taken = pool->taken_now();
    for (int turn = 0; turn < size && turn <= HELPED; ++turn) {
        // its own part first, then what the others have left
        const Team owner{id + turn < size ? id + turn : id + turn - size, size, pool};
        const Range whole = owner.share(total, grain);
        std::atomic<int64_t>& count = taken[owner.id].count;
        if (whole.begin + count.load(std::memory_order_relaxed) >= whole.end) continue;
        const int64_t begin = whole.begin + count.fetch_add(grain, std::memory_order_relaxed);
        if (begin >= whole.end) continue;
        part = {begin, least(whole.end, begin + grain)};
        return true;
    }
    return false;
}

using Count = std::atomic<int32_t>;

void Team::begin_count(void* at) { new (at) Count(0); }

int64_t Team::count_up(void* at) {
    return int64_t(static_cast<Count*>(at)->fetch_add(1, std::memory_order_acq_rel)) + 1;
}

namespace {

// never destroyed: its threads may still sleep in it when the process ends
std::atomic<Pool*> present{nullptr};

#if !defined(_WIN32)
// A forked process has none of the threads, and perhaps a lock that nobody will open.
const int forked = pthread_atfork(nullptr, nullptr, [] { present.store(nullptr); });
#endif

Pool& pool_of_process() {
    Pool* pool = present.load();
    if (pool == nullptr) {
        Pool* const made = new Pool;
        if (present.compare_exchange_strong(pool, made)) return *made;
        delete made;
    }
    return *pool;
}

}  // namespace

void run(const Call* calls, int64_t count, const Kernel* kernels, int threads) {
    pool_of_process().run(calls, count, kernels, threads);
}

}  // namespace rk
