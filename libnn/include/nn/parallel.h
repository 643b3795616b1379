#ifndef NN_PARALLEL_H_
#define NN_PARALLEL_H_

#include <cstddef>
#include <type_traits>
#include <utility>

#include "nn/types.h"

namespace nn {

/// The most threads that a parallel loop may use.
constexpr int kMaxThreads = 256;

/// The number of threads that a parallel loop may use, the caller's included.
/// At first it is usable_cores(), by affinity and control groups. It is the
/// number wanted: where the system creates no more threads, loops run on those
/// that there are, and never on more than this.
int num_threads();

/// Sets num_threads(). Results do not depend on it, to the bit. Waits for
/// running loops to end. A thread that cannot be created is left out; a call
/// with the present number tries to create what is missing.
/// Throws std::invalid_argument unless 1 <= n <= 256, and inside of a loop.
void set_num_threads(int n);

/// The instruction set that the kernels run on: "AVX-512", "AVX2", "SSE4",
/// "NEON" or "baseline". It is chosen at run time, once; the environment
/// variable NN_MAX_ISA (avx2, sse4, baseline) lowers the choice.
const char* instruction_set();

namespace internal {
using LoopBody = void (*)(void* closure, Index task, int worker);
void run_parallel(Index tasks, int workers, LoopBody body, void* closure);
}  // namespace internal

/// Calls body(task, worker) once for every task in 0 .. tasks-1, on at most
/// `workers` threads, and returns when all have ended. `worker` is in
/// 0 .. workers-1 and no two calls that run at the same time share it, so it
/// can index scratch memory that was cut for `workers` workers, whatever
/// set_num_threads() does meanwhile. Which worker gets which task is open:
/// whoever wants results that do not depend on it cuts the work and adds up the
/// parts by task alone.
///
/// The first exception that a call throws is rethrown here once all have
/// ended. A loop inside a loop, and a loop started while another thread's loop
/// runs, is serial. Allocates nothing.
///
/// A child of fork() has threads of its own, which its first loop creates. A
/// task may fork, and may end the process; the child of a task must end inside
/// of it, or gets a std::logic_error when the task returns. Loops run, though
/// perhaps serially, until the process is gone, in destructors of static
/// objects too. Workers block the signals that come from outside, so that
/// handlers run on the program's threads.
template <typename Body>
void parallel_for(Index tasks, int workers, Body&& body) {
  using Closure = std::remove_reference_t<Body>;
  internal::run_parallel(
      tasks,
      workers,
      [](void* closure, Index task, int worker) {
        (*static_cast<Closure*>(closure))(task, worker);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

/// The same on as many threads as there are: for bodies without memory of a
/// worker's own.
template <typename Body>
void parallel_for(Index tasks, Body&& body) {
  parallel_for(tasks, kMaxThreads, std::forward<Body>(body));
}

}  // namespace nn

#endif  // NN_PARALLEL_H_
