#include "nn/parallel.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>

#include "kernels/isa.h"
#include "nn/check.h"
#include "nn/machine_limits.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace nn {
namespace {

// How long a worker looks for the next loop before it sleeps. The gaps between
// the loops of a training step are shorter, and waking a sleeping thread costs
// as much on a virtual machine. Longer spinning takes the core from whoever
// else needs it.
constexpr std::chrono::microseconds kSpinTime(100);

// What loop the thread is in. A loop inside a parallel one runs serially.
enum class Inside { kNothing, kSerialLoop, kParallelLoop };
thread_local Inside inside = Inside::kNothing;

// Marks the thread as inside of a loop, for a scope.
class ScopedInside {
 public:
  explicit ScopedInside(Inside loop) : before_(inside) {
    inside = std::max(before_, loop);
  }
  ~ScopedInside() { inside = before_; }
  ScopedInside(const ScopedInside&) = delete;
  ScopedInside& operator=(const ScopedInside&) = delete;

 private:
  Inside before_;
};

// How many forks lie between the first process and this one.
unsigned forks = 0;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether to go on looking, a pause later. Counted in time: a pause takes 140
// cycles on one processor and 40 on the next.
class Patience {
 public:
  bool lasts() {
    pause();
    if (++pauses_ % kPausesPerLook != 0) return true;
    const auto now = std::chrono::steady_clock::now();
    if (pauses_ == kPausesPerLook) end_ = now + kSpinTime;
    return now < end_;
  }
  void renew() { pauses_ = 0; }

 private:
  // Some microseconds: what a look at the clock costs does not show.
  static constexpr unsigned kPausesPerLook = 32;
  unsigned pauses_ = 0;
  std::chrono::steady_clock::time_point end_;
};

// Signals that come from outside go to the program's threads: a handler may
// not expect to interrupt a worker. Left are those that a thread raises itself,
// and the profiler's clock.
sigset_t signals_from_outside() {
  sigset_t set;
  sigfillset(&set);
  for (const int own :
       {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) {
    sigdelset(&set, own);
  }
  return set;
}

// One pool for the process. The caller opens a loop, and whichever workers come
// while it is open join it. Every thread has a share of the tasks, the same in
// every loop of as many tasks: what one loop left in a core's cache, an image's
// activations or a piece of the weights, the next finds there. Whoever is done
// with the own share helps with the others'. Then the caller closes the loop
// and waits for those who have joined, and for nobody else: a worker that
// sleeps, or whose core is taken, delays nothing.
//
// The pool lives in static memory, all of it zero at first, is ready before any
// constructor runs and is never destroyed, so that loops run at any time: in
// constructors and destructors of static objects, and on threads that outlive
// main(). It takes no memory from elsewhere, so that a child of fork() can
// begin with a new one in place of the old, in whatever state the fork found
// that.
class Pool {
 public:
  constexpr Pool() = default;

  // Runs the loop, or returns false if it had better run serially: another
  // thread's loop is running, or there is one thread only.
  bool run(Index tasks, int workers, internal::LoopBody body, void* closure) {
    // Else loops without a gap between them could keep resize() out for ever.
    if (resizing_.load(std::memory_order_relaxed) > 0) return false;
    if (!owner_.try_lock()) return false;
    if (!started_) start();
    active_ = std::min(workers, created_ + 1);
    if (active_ < 2) {
      owner_.unlock();
      return false;
    }
    body_ = body;
    closure_ = closure;
    std::exception_ptr error;
    error_ = &error;
    for (int i = 0; i < active_; ++i) {
      Share& share = shares_[i];
      share.next.store(i * tasks / active_, std::memory_order_relaxed);
      share.end = (i + 1) * tasks / active_;
    }
    // Publishes all of the above. Sequentially consistent, since it must not
    // pass the load of sleeping_: a worker adds itself there and then looks at
    // the state once more.
    state_.store((number_of(state_.load(std::memory_order_relaxed)) + 1)
                         << kNumberShift |
                     kOpen,
                 std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst) > 0) wake_all();
    work(0);
    std::uint64_t state =
        state_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    for (Patience patience; joined(state);
         state = state_.load(std::memory_order_acquire)) {
      if (!patience.lasts()) std::this_thread::yield();
    }
    error_ = nullptr;
    owner_.unlock();
    if (error) std::rethrow_exception(error);
    return true;
  }

  // Where a thread cannot be created, there are fewer than wanted.
  void resize(int threads) {
    resizing_.fetch_add(1, std::memory_order_relaxed);
    owner_.lock();
    resizing_.fetch_sub(1, std::memory_order_relaxed);
    wanted_.store(threads, std::memory_order_relaxed);
    if (started_ && !closed_) {
      shrink(threads);
      grow(threads);
    }
    owner_.unlock();
  }

  int wanted() {
    int threads = wanted_.load(std::memory_order_relaxed);
    if (threads > 0) return threads;
    const int cores = std::min(usable_cores(), kMaxThreads);
    return wanted_.compare_exchange_strong(threads, cores) ? cores : threads;
  }

  // At exit, and when a shared library that holds the pool is unloaded: ends
  // the threads, whose code is gone afterwards. Later loops are serial.
  void close() {
    // A loop that still runs says that this is the exit, called by its body or
    // beside it: nothing may wait for the threads, and nothing has to.
    if (inside == Inside::kParallelLoop || !owner_.try_lock()) return;
    closed_ = true;
    started_ = true;
    shrink(1);
    owner_.unlock();
  }

  // In the child of a fork, whose only thread is the one that forked.
  void begin_again() {
    const int threads = wanted_.load(std::memory_order_relaxed);
    const bool closed = closed_;
    new (this) Pool;
    wanted_.store(threads, std::memory_order_relaxed);
    closed_ = started_ = closed;
  }

 private:
  // On a cache line of its own: written by different threads.
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
  };
  struct Worker {
    Pool* pool = nullptr;
    int number = 0;
    std::uint64_t seen = 0;  // the last loop before it was created
    pthread_t thread{};
  };

  // state_: the loop's number, how many workers have joined it, and whether it
  // is open.
  static constexpr std::uint64_t kOpen = 1;
  static constexpr std::uint64_t kJoined = 2;
  static constexpr int kNumberShift = 32;
  static std::uint64_t number_of(std::uint64_t state) {
    return state >> kNumberShift;
  }
  static bool joined(std::uint64_t state) {
    return (state & ((std::uint64_t{1} << kNumberShift) - 1)) >= kJoined;
  }

  void start() {
    started_ = true;
    process_ = getpid();
    grow(wanted());
  }

  void grow(int threads) {
    if (created_ + 1 >= threads) return;
    limit_.store(threads, std::memory_order_relaxed);
    const sigset_t blocked = signals_from_outside();
    sigset_t before;
    const bool masked = pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0;
    for (; created_ + 1 < threads; ++created_) {
      Worker& worker = workers_[created_];
      worker.pool = this;
      worker.number = created_ + 1;
      worker.seen = number_of(state_.load(std::memory_order_relaxed));
      if (pthread_create(&worker.thread, nullptr, run_worker, &worker) != 0) {
        break;
      }
    }
    if (masked) pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void shrink(int threads) {
    if (created_ + 1 <= threads) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      limit_.store(threads, std::memory_order_relaxed);
    }
    wake_all();
    // A child that came about behind fork()'s back has no threads to wait for.
    const bool has_threads = process_ == getpid();
    while (created_ + 1 > threads) {
      --created_;
      if (has_threads) pthread_join(workers_[created_].thread, nullptr);
    }
  }

  void wake_all() {
    { const std::lock_guard<std::mutex> lock(mutex_); }
    pthread_cond_broadcast(&wake_);
  }

  static void* run_worker(void* argument) {
    const Worker& worker = *static_cast<const Worker*>(argument);
    worker.pool->loop(worker.number, worker.seen);
    return nullptr;
  }

  void loop(int worker, std::uint64_t seen) {
    Patience patience;
    for (;;) {
      std::uint64_t state = state_.load(std::memory_order_acquire);
      if (number_of(state) != seen) {
        if ((state & kOpen) == 0) {  // come too late
          seen = number_of(state);
        } else if (state_.compare_exchange_weak(
                       state, state + kJoined, std::memory_order_acq_rel)) {
          seen = number_of(state);
          work(worker);
          state_.fetch_sub(kJoined, std::memory_order_release);
        }
        patience.renew();
        continue;
      }
      if (limit_.load(std::memory_order_relaxed) <= worker) return;
      if (patience.lasts()) continue;
      const std::lock_guard<std::mutex> lock(mutex_);
      sleeping_.fetch_add(1, std::memory_order_seq_cst);
      while (limit_.load(std::memory_order_relaxed) > worker &&
             number_of(state_.load(std::memory_order_seq_cst)) == seen) {
        pthread_cond_wait(&wake_, mutex_.native_handle());
      }
      sleeping_.fetch_sub(1, std::memory_order_relaxed);
      patience.renew();
    }
  }

  // Throws only in a child that a body forked and returned in: what the other
  // threads were at is lost there, so the loop cannot end.
  void work(int worker) {
    if (worker >= active_) return;
    const ScopedInside scope(Inside::kParallelLoop);
    const unsigned forks_before = forks;
    for (int i = 0; i < active_; ++i) {
      Share& share = shares_[(worker + i) % active_];
      // Looks before it counts: most shares of others are used up.
      while (share.next.load(std::memory_order_relaxed) < share.end) {
        const Index task = share.next.fetch_add(1, std::memory_order_relaxed);
        if (task >= share.end) break;
        try {
          body_(closure_, task, worker);
        } catch (...) {
          if (forks != forks_before) throw;
          give_up();
        }
        if (forks != forks_before) {
          throw std::logic_error(
              "[parallel_for] expected the child of a fork() inside of a loop "
              "to end there, got one that goes on with the loop");
        }
      }
    }
  }

  // The rest is not begun: the caller gets an exception in any case.
  void give_up() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!*error_) *error_ = std::current_exception();
    for (int i = 0; i < active_; ++i) {
      shares_[i].next.store(shares_[i].end, std::memory_order_relaxed);
    }
  }

  std::atomic<int> wanted_{0};  // num_threads(), or 0 before it is known
  std::atomic<int> resizing_{0};
  std::mutex owner_;  // held while a loop runs; guards all up to shares_
  bool started_ = false;
  bool closed_ = false;
  int created_ = 0;  // workers; one more thread is the caller
  pid_t process_ = 0;
  Worker workers_[kMaxThreads - 1] = {};

  internal::LoopBody body_ = nullptr;
  void* closure_ = nullptr;
  int active_ = 0;  // of the threads, those that the loop uses
  std::exception_ptr* error_ = nullptr;  // the loop's first exception
  Share shares_[kMaxThreads] = {};       // one per thread

  // Each on a cache line of its own, like the shares.
  alignas(64) std::atomic<std::uint64_t> state_{0};
  alignas(64) std::atomic<int> sleeping_{0};
  std::atomic<int> limit_{0};  // workers from this number on end themselves
  std::mutex mutex_;
  pthread_cond_t wake_ = PTHREAD_COND_INITIALIZER;
};

// Holds the pool and never destroys it.
union Forever {
  constexpr Forever() : pool() {}
  ~Forever() {}  // NOLINT(modernize-use-equals-default)
  Pool pool;
};
Forever forever;

Pool& pool() {
  return forever.pool;
}

class Lifetime {
 public:
  Lifetime() {
    pthread_atfork(nullptr, nullptr, [] {
      ++forks;
      pool().begin_again();
    });
  }
  ~Lifetime() { pool().close(); }
  Lifetime(const Lifetime&) = delete;
  Lifetime& operator=(const Lifetime&) = delete;
};
const Lifetime lifetime;

}  // namespace

int num_threads() {
  return pool().wanted();
}

void set_num_threads(int n) {
  check_argument(n >= 1 && n <= kMaxThreads,
                 "[set_num_threads] expected 1 to ",
                 kMaxThreads,
                 " threads, got ",
                 n);
  check_argument(inside == Inside::kNothing,
                 "[set_num_threads] expected a call outside of parallel loops");
  pool().resize(n);
}

const char* instruction_set() {
  return kernels::isa_name(kernels::isa());
}

namespace internal {

void run_parallel(Index tasks, int workers, LoopBody body, void* closure) {
  if (tasks <= 0) return;
  if (tasks > 1 && workers > 1 && inside != Inside::kParallelLoop &&
      num_threads() > 1 && pool().run(tasks, workers, body, closure)) {
    return;
  }
  const ScopedInside scope(Inside::kSerialLoop);
  for (Index task = 0; task < tasks; ++task) body(closure, task, 0);
}

}  // namespace internal
}  // namespace nn
