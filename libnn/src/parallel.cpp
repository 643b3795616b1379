#include "nn/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/isa.h"
#include "nn/check.h"

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

// Set inside a task: a loop inside a loop runs serially.
thread_local bool inside_loop = false;

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

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    const int count = CPU_COUNT(&set);
    if (count >= 1) return std::min(count, kMaxThreads);
  }
  const unsigned count = std::thread::hardware_concurrency();
  return count < 1 ? 1 : std::min(static_cast<int>(count), kMaxThreads);
}

// One pool for the process. The caller opens a loop, and whichever workers come
// while it is open join it. Every thread has a share of the tasks, the same in
// every loop of as many tasks: what one loop left in a core's cache, an image's
// activations or a piece of the weights, the next finds there. Whoever is done
// with the own share helps with the others'. Then the caller closes the loop
// and waits for those who have joined, and for nobody else: a worker that
// sleeps, or whose core is taken, delays nothing.
class Pool {
 public:
  explicit Pool(int threads) { start(threads); }
  ~Pool() { stop(); }

  // Runs the loop, or returns false if another thread's loop is running.
  bool run(Index tasks, int workers, internal::LoopBody body, void* closure) {
    std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
    if (!owner.owns_lock()) return false;
    body_ = body;
    closure_ = closure;
    active_ = std::min(static_cast<std::size_t>(workers), shares_.size());
    const Index shares = static_cast<Index>(active_);
    for (Index i = 0; i < shares; ++i) {
      Share& share = shares_[static_cast<std::size_t>(i)];
      share.next.store(i * tasks / shares, std::memory_order_relaxed);
      share.end = (i + 1) * tasks / shares;
    }
    // Publishes all of the above. Sequentially consistent, since it must not
    // pass the load of sleeping_: a worker adds itself there and then looks at
    // the state once more.
    state_.store((number_of(state_.load(std::memory_order_relaxed)) + 1)
                         << kNumberShift |
                     kOpen,
                 std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst) > 0) {
      { std::lock_guard<std::mutex> lock(mutex_); }
      wake_.notify_all();
    }
    work(0);
    std::uint64_t state =
        state_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
    for (Patience patience; joined(state);
         state = state_.load(std::memory_order_acquire)) {
      if (!patience.lasts()) std::this_thread::yield();
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return true;
  }

  void resize(int threads) {
    std::lock_guard<std::mutex> owner(owner_);
    stop();
    start(threads);
  }

 private:
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

  void start(int threads) {
    quit_ = false;
    shares_ = std::vector<Share>(static_cast<std::size_t>(threads));
    const std::uint64_t seen = number_of(state_.load());
    for (int worker = 1; worker < threads; ++worker) {
      workers_.emplace_back([this, worker, seen] { loop(worker, seen); });
    }
  }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      quit_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
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
      if (quit_.load(std::memory_order_relaxed)) return;
      if (patience.lasts()) continue;
      std::unique_lock<std::mutex> lock(mutex_);
      sleeping_.fetch_add(1, std::memory_order_seq_cst);
      wake_.wait(lock, [&] {
        return quit_ ||
               number_of(state_.load(std::memory_order_seq_cst)) != seen;
      });
      sleeping_.fetch_sub(1, std::memory_order_relaxed);
      patience.renew();
    }
  }

  void work(int worker) {
    const std::size_t first = static_cast<std::size_t>(worker);
    if (first >= active_) return;
    inside_loop = true;
    for (std::size_t i = 0; i < active_; ++i) {
      Share& share = shares_[(first + i) % active_];
      // Looks before it counts: most shares of others are used up.
      while (share.next.load(std::memory_order_relaxed) < share.end) {
        const Index task = share.next.fetch_add(1, std::memory_order_relaxed);
        if (task >= share.end) break;
        try {
          body_(closure_, task, worker);
        } catch (...) {
          give_up();
        }
      }
    }
    inside_loop = false;
  }

  // The rest is not begun: the caller gets an exception in any case.
  void give_up() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::current_exception();
    for (Share& share : shares_) {
      share.next.store(share.end, std::memory_order_relaxed);
    }
  }

  // On a cache line of its own: written by different threads.
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
  };

  std::mutex owner_;  // held while a loop runs
  std::vector<std::thread> workers_;

  internal::LoopBody body_ = nullptr;
  void* closure_ = nullptr;
  std::vector<Share> shares_;  // one per thread
  std::size_t active_ = 0;     // of them, those that the loop uses
  std::exception_ptr error_;

  // Each on a cache line of its own, like the shares.
  alignas(64) std::atomic<std::uint64_t> state_{0};
  alignas(64) std::atomic<int> sleeping_{0};
  std::atomic<bool> quit_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
};

std::atomic<int> thread_count{0};
std::mutex creation;
std::unique_ptr<Pool> the_pool;
std::atomic<Pool*> published{nullptr};

Pool& pool() {
  if (Pool* p = published.load(std::memory_order_acquire)) return *p;
  std::lock_guard<std::mutex> lock(creation);
  if (!the_pool) {
    the_pool = std::make_unique<Pool>(num_threads());
    published.store(the_pool.get(), std::memory_order_release);
  }
  return *the_pool;
}

}  // namespace

int num_threads() {
  int n = thread_count.load(std::memory_order_relaxed);
  if (n == 0) {
    int expected = 0;
    const int cores = available_cores();
    thread_count.compare_exchange_strong(expected, cores);
    n = thread_count.load(std::memory_order_relaxed);
  }
  return n;
}

void set_num_threads(int n) {
  check_argument(n >= 1 && n <= kMaxThreads,
                 "[set_num_threads] expected 1 to ",
                 kMaxThreads,
                 " threads, got ",
                 n);
  check_argument(!inside_loop,
                 "[set_num_threads] expected a call outside of parallel loops");
  if (n == num_threads()) return;
  std::lock_guard<std::mutex> lock(creation);
  if (the_pool) the_pool->resize(n);
  thread_count.store(n, std::memory_order_relaxed);
}

const char* instruction_set() {
  return kernels::isa_name(kernels::isa());
}

namespace internal {

void run_parallel(Index tasks, int workers, LoopBody body, void* closure) {
  if (tasks <= 0) return;
  if (tasks > 1 && workers > 1 && !inside_loop && num_threads() > 1 &&
      pool().run(tasks, workers, body, closure)) {
    return;
  }
  for (Index task = 0; task < tasks; ++task) body(closure, task, 0);
}

}  // namespace internal
}  // namespace nn
