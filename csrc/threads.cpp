#include "threads.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#include <unistd.h>
#endif

namespace elman {
namespace {

// Below this much work a second thread costs more than it brings.
constexpr double operations_per_thread = 2e6;

// How often an idle worker looks for new work before it sleeps: about 20 microseconds, the gap
// between the calls of one training step.
constexpr int spins_before_sleep = 2000;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

#if defined(__x86_64__) || defined(_M_X64)
constexpr uint64_t flush_bits = 0x8040;  // flush results to zero, take subnormal operands as zero
uint64_t read_float_control() { return _mm_getcsr(); }
void write_float_control(uint64_t value) { _mm_setcsr(static_cast<unsigned>(value)); }
#elif defined(__aarch64__)
constexpr uint64_t flush_bits = uint64_t(1) << 24;
uint64_t read_float_control() {
    uint64_t value;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(value));
    return value;
}
void write_float_control(uint64_t value) { __asm__ __volatile__("msr fpcr, %0" : : "r"(value)); }
#else
constexpr uint64_t flush_bits = 0;
uint64_t read_float_control() { return 0; }
void write_float_control(uint64_t) {}
#endif

int processors() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
    return std::max(1, int(std::thread::hardware_concurrency()));
}

int threads_at_start() {
    if (const char* text = std::getenv("ELMAN_NUM_THREADS")) {
        const int wanted = std::atoi(text);
        if (wanted >= 1) return wanted;
    }
    return processors();
}

std::atomic<int> thread_limit{0};

class Pool {
  public:
    void run(int tasks, int threads, void (*task)(void*, int), void* context) {
        const std::lock_guard<std::mutex> one_job_at_a_time(callers_);
        grow(threads - 1);
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            task_ = task;
            context_ = context;
            tasks_ = tasks;
            helpers_wanted_ = std::min(threads - 1, int(workers_.size()));
            next_.store(0, std::memory_order_relaxed);
            running_.store(helpers_wanted_, std::memory_order_relaxed);
            generation_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        work();
        while (running_.load(std::memory_order_acquire) > 0) relax();
    }

  private:
    void work() {
        for (int i = next_.fetch_add(1); i < tasks_; i = next_.fetch_add(1)) task_(context_, i);
    }

    void grow(int workers) {
        while (int(workers_.size()) < workers) {
            const int index = int(workers_.size());
            const uint64_t seen = generation_.load();
            workers_.emplace_back([this, index, seen] { serve(index, seen); });
            workers_.back().detach();
        }
    }

    void serve(int index, uint64_t seen) {
        const FlushSubnormals flush;
        for (;;) {
            for (int spin = 0; spin < spins_before_sleep && generation_.load() == seen; ++spin) relax();
            bool mine;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return generation_.load() != seen; });
                seen = generation_.load();
                mine = index < helpers_wanted_;
            }
            if (!mine) continue;
            work();
            running_.fetch_sub(1, std::memory_order_release);
        }
    }

    std::mutex callers_, mutex_;
    std::condition_variable wake_;
    std::vector<std::thread> workers_;
    std::atomic<uint64_t> generation_{0};
    std::atomic<int> next_{0}, running_{0};
    int tasks_ = 0, helpers_wanted_ = 0;
    void (*task_)(void*, int) = nullptr;
    void* context_ = nullptr;
};

// A forked child has the pool's memory but none of its threads: it starts a pool of its own. Pools
// are never destroyed, because their workers may outlive the end of main.
std::atomic<Pool*> the_pool{nullptr};

Pool& pool() {
    Pool* current = the_pool.load();
    if (!current) {
#if !defined(_WIN32)
        static std::once_flag fork_handler;
        std::call_once(fork_handler,
                       [] { pthread_atfork(nullptr, nullptr, [] { the_pool.store(nullptr); }); });
#endif
        Pool* fresh = new Pool;
        if (the_pool.compare_exchange_strong(current, fresh))
            current = fresh;
        else
            delete fresh;
    }
    return *current;
}

}  // namespace

FlushSubnormals::FlushSubnormals() : before_(read_float_control()) {
    write_float_control(before_ | flush_bits);
}

FlushSubnormals::~FlushSubnormals() { write_float_control(before_); }

void run_tasks(int tasks, int threads, void (*task)(void*, int), void* context) {
    pool().run(tasks, std::min(tasks, threads), task, context);
}

int maximum_threads() {
    int limit = thread_limit.load();
    if (limit == 0) {
        limit = threads_at_start();
        thread_limit.store(limit);
    }
    return limit;
}

void set_maximum_threads(int threads) { thread_limit.store(threads); }

int useful_threads(double operations) {
    const int worth = int(std::min(operations / operations_per_thread, 1024.0));
    return std::clamp(worth, 1, maximum_threads());
}

}  // namespace elman
