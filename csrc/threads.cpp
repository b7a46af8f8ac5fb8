#include "threads.hpp"

#include "refusals.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
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

// Below this much work, some 50 microseconds, a second thread costs more than it brings.
constexpr double operations_per_thread = 6e6;

constexpr int most_threads = 256;  // elman.set_num_threads takes no more either

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
    const char* text = std::getenv("ELMAN_NUM_THREADS");
    if (!text || !*text) return processors();
    char* end = nullptr;
    const long wanted = std::strtol(text, &end, 10);
    if (*end || wanted < 1 || wanted > most_threads)
        throw WrongInput("ELMAN_NUM_THREADS: expected a whole number from 1 to " +
                         std::to_string(most_threads) + ", got '" + text + "'");
    return int(wanted);
}

std::atomic<int> thread_limit{0};

// How long the caller spins for the last tasks before it lets others have the processor.
constexpr int spins_before_yield = 10000;

class Pool {
  public:
    void run(int tasks, int threads, void (*task)(void*, int), void* context) {
        const std::lock_guard<std::mutex> one_job_at_a_time(callers_);
        grow(threads - 1);
        Job job;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            job = {++generation_, tasks, threads - 1, task, context};
            job_ = job;
            done_.store(0, std::memory_order_relaxed);
            claimed_.store(uint64_t(job.generation) << 32, std::memory_order_release);
        }
        wake_.notify_all();
        work(job);
        // Only tasks are waited for: a helper that has not woken yet is not needed any more.
        for (int spin = 0; done_.load(std::memory_order_acquire) < tasks; ++spin) {
            if (spin < spins_before_yield)
                relax();
            else
                std::this_thread::yield();
        }
    }

  private:
    struct Job {
        uint32_t generation = 0;
        int tasks = 0, helpers = 0;
        void (*task)(void*, int) = nullptr;
        void* context = nullptr;
    };

    uint32_t current() const { return uint32_t(claimed_.load(std::memory_order_acquire) >> 32); }

    // Claims and runs tasks of the job until none is left or another job has begun.
    void work(const Job& job) {
        uint64_t claimed = claimed_.load(std::memory_order_acquire);
        for (;;) {
            const int index = int(claimed & 0xffffffffu);
            if (uint32_t(claimed >> 32) != job.generation || index >= job.tasks) return;
            if (!claimed_.compare_exchange_weak(claimed, claimed + 1, std::memory_order_acq_rel)) continue;
            job.task(job.context, index);
            done_.fetch_add(1, std::memory_order_release);
            claimed = claimed_.load(std::memory_order_acquire);
        }
    }

    void grow(int workers) {
        while (int(workers_.size()) < workers) {
            const int index = int(workers_.size());
            const uint32_t seen = generation_;
            workers_.emplace_back([this, index, seen] { serve(index, seen); });
            workers_.back().detach();
        }
    }

    void serve(int index, uint32_t seen) {
        const FlushSubnormals flush;
        for (;;) {
            for (int spin = 0; spin < spins_before_sleep && current() == seen; ++spin) relax();
            Job job;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return generation_ != seen; });
                job = job_;
            }
            seen = job.generation;
            if (index < job.helpers) work(job);
        }
    }

    std::mutex callers_, mutex_;
    std::condition_variable wake_;
    std::vector<std::thread> workers_;
    uint32_t generation_ = 0;           // changed under mutex_
    Job job_;                           // the latest
    std::atomic<uint64_t> claimed_{0};  // generation, and in the low half the next task
    std::atomic<int> done_{0};
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
