// A small persistent pool of threads: no OpenMP runtime that could collide with another's.
#pragma once

#include <cstdint>

namespace elman {

// Runs task(context, 0), ..., task(context, tasks - 1), each once, on at most `threads` threads,
// the caller's among them; returns when all are done. Which thread runs a task must not matter.
void run_tasks(int tasks, int threads, void (*task)(void* context, int index), void* context);

template <class Task>
void parallel_for(int tasks, int threads, Task& task) {
    if (tasks <= 1 || threads <= 1) {
        for (int i = 0; i < tasks; ++i) task(i);
        return;
    }
    run_tasks(tasks, threads, [](void* context, int i) { (*static_cast<Task*>(context))(i); }, &task);
}

// While it lives, results too small for a normal number are zero on this thread, as they always are
// on the pool's: gradients that vanish over a long sequence would otherwise pass through
// subnormal numbers, which processors handle a hundred times slower.
class FlushSubnormals {
  public:
    FlushSubnormals();
    ~FlushSubnormals();
    FlushSubnormals(const FlushSubnormals&) = delete;
    FlushSubnormals& operator=(const FlushSubnormals&) = delete;

  private:
    uint64_t before_;
};

int maximum_threads();              // what set_maximum_threads, ELMAN_NUM_THREADS or the machine says
void set_maximum_threads(int threads);

// How many threads are worth waking for this many floating-point operations.
int useful_threads(double operations);

}  // namespace elman
