#include "nn/parallel.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/allocations.h"
#include "support/catch.h"
#include "support/threads.h"

using nn::Index;
using nn::parallel_for;
using nn_test::ScopedThreads;

namespace {

constexpr Index kTasks = 1000;

// Runs a loop and returns how often each task was called.
std::vector<int> calls_per_task(Index tasks) {
  std::vector<std::atomic<int>> calls(static_cast<std::size_t>(tasks));
  parallel_for(
      tasks, [&](Index task, int) { ++calls[static_cast<std::size_t>(task)]; });
  return {calls.begin(), calls.end()};
}

std::vector<int> ones(Index tasks) {
  return std::vector<int>(static_cast<std::size_t>(tasks), 1);
}

}  // namespace

TEST_CASE("a parallel loop calls every task exactly once", "[parallel]") {
  for (const int threads : {1, 2, 3, 8}) {
    const ScopedThreads scope(threads);
    for (const Index tasks : {1, 2, 3, 7, 8, 9, 100, 1000}) {
      CHECK(calls_per_task(tasks) == ones(tasks));
    }
  }
}

TEST_CASE("a parallel loop without tasks calls nothing", "[parallel]") {
  const ScopedThreads scope(3);
  int calls = 0;
  parallel_for(0, [&](Index, int) { ++calls; });
  parallel_for(-1, [&](Index, int) { ++calls; });
  CHECK(calls == 0);
}

TEST_CASE("no two tasks that run at the same time share a worker's number",
          "[parallel]") {
  constexpr int kThreads = 4;
  const ScopedThreads scope(kThreads);
  std::vector<std::atomic<int>> busy(kThreads);
  std::atomic<int> faults{0};
  for (int round = 0; round < 50; ++round) {
    parallel_for(64, [&](Index, int worker) {
      if (worker < 0 || worker >= kThreads) {
        ++faults;
        return;
      }
      std::atomic<int>& mine = busy[static_cast<std::size_t>(worker)];
      if (mine.fetch_add(1) != 0) ++faults;
      std::this_thread::yield();
      mine.fetch_sub(1);
    });
  }
  CHECK(faults == 0);
}

TEST_CASE("a parallel loop runs on as many threads as are set", "[parallel]") {
  constexpr int kThreads = 3;
  const ScopedThreads scope(kThreads);
  // Every task waits for the others: that ends only if all run at once.
  std::atomic<int> arrived{0};
  std::atomic<bool> late{false};
  parallel_for(kThreads, [&](Index, int) {
    ++arrived;
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (arrived < kThreads) {
      if (std::chrono::steady_clock::now() > deadline) {
        late = true;
        return;
      }
      std::this_thread::yield();
    }
  });
  CHECK_FALSE(late);
}

TEST_CASE("with one thread a loop runs in order on the caller's",
          "[parallel]") {
  const ScopedThreads scope(1);
  std::vector<Index> order;
  std::set<std::thread::id> threads;
  std::set<int> workers;
  parallel_for(5, [&](Index task, int worker) {
    order.push_back(task);
    threads.insert(std::this_thread::get_id());
    workers.insert(worker);
  });
  CHECK(order == std::vector<Index>{0, 1, 2, 3, 4});
  CHECK(threads == std::set<std::thread::id>{std::this_thread::get_id()});
  CHECK(workers == std::set<int>{0});
}

TEST_CASE("an exception in a task reaches the caller, and the next loop runs",
          "[parallel][errors]") {
  for (const int threads : {1, 2, 8}) {
    const ScopedThreads scope(threads);
    for (const Index bad : {Index{0}, Index{57}, kTasks - 1}) {
      CHECK_THROWS_WITH(
          parallel_for(kTasks,
                       [&](Index task, int) {
                         if (task == bad) {
                           throw std::runtime_error("task failed");
                         }
                       }),
          "task failed");
      CHECK(calls_per_task(kTasks) == ones(kTasks));
    }
  }
}

TEST_CASE("of many exceptions one reaches the caller", "[parallel][errors]") {
  const ScopedThreads scope(4);
  CHECK_THROWS_AS(
      parallel_for(100, [](Index, int) { throw std::logic_error("bad"); }),
      std::logic_error);
}

TEST_CASE("no task runs any more when a loop that threw has returned",
          "[parallel][errors]") {
  const ScopedThreads scope(4);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> inside{0};
    try {
      parallel_for(64, [&](Index task, int) {
        ++inside;
        std::this_thread::yield();
        --inside;
        if (task % 8 == 3) throw std::runtime_error("task failed");
      });
      FAIL("no exception came");
    } catch (const std::runtime_error&) {
      CHECK(inside == 0);
    }
  }
}

TEST_CASE("a loop inside a loop is serial and complete", "[parallel]") {
  const ScopedThreads scope(4);
  constexpr Index kOuter = 16;
  constexpr Index kInner = 50;
  std::vector<std::atomic<int>> calls(
      static_cast<std::size_t>(kOuter * kInner));
  std::atomic<int> elsewhere{0};
  parallel_for(kOuter, [&](Index outer, int) {
    const std::thread::id here = std::this_thread::get_id();
    parallel_for(kInner, [&](Index inner, int worker) {
      if (std::this_thread::get_id() != here || worker != 0) ++elsewhere;
      ++calls[static_cast<std::size_t>(outer * kInner + inner)];
    });
  });
  CHECK(elsewhere == 0);
  CHECK(std::vector<int>(calls.begin(), calls.end()) == ones(kOuter * kInner));
}

TEST_CASE("several threads may start loops at once", "[parallel]") {
  const ScopedThreads scope(3);
  constexpr int kCallers = 6;
  std::vector<std::thread> callers;
  std::atomic<int> faults{0};
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 30; ++round) {
        if (calls_per_task(100) != ones(100)) ++faults;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(faults == 0);
}

TEST_CASE("what tasks wrote is there when the loop returns", "[parallel]") {
  const ScopedThreads scope(4);
  for (int round = 0; round < 200; ++round) {
    // Plain integers: ThreadSanitizer watches that the loop orders them.
    std::vector<int> squares(100);
    parallel_for(100, [&](Index task, int) {
      squares[static_cast<std::size_t>(task)] = static_cast<int>(task * task);
    });
    int wrong = 0;
    for (int i = 0; i < 100; ++i) {
      if (squares[static_cast<std::size_t>(i)] != i * i) ++wrong;
    }
    REQUIRE(wrong == 0);
  }
}

TEST_CASE("a parallel loop allocates nothing", "[parallel]") {
  const ScopedThreads scope(3);
  std::atomic<Index> sum{0};
  const auto loop = [&] {
    parallel_for(100, [&](Index task, int) { sum += task; });
  };
  loop();  // starts the threads
  const std::size_t before = nn_test::allocation_count();
  loop();
  const std::size_t after = nn_test::allocation_count();
  CHECK(after == before);
  CHECK(sum == 2 * 4950);
}

TEST_CASE("set_num_threads takes 1 to 256 and nothing else",
          "[parallel][errors]") {
  const ScopedThreads scope(2);
  for (const int bad : {0, -1, 257}) {
    CHECK_THROWS_AS(nn::set_num_threads(bad), std::invalid_argument);
    CHECK_THROWS_WITH(nn::set_num_threads(bad),
                      Catch::Matchers::ContainsSubstring(std::to_string(bad)));
    CHECK(nn::num_threads() == 2);
  }
  for (const int good : {1, 256, 5}) {
    nn::set_num_threads(good);
    CHECK(nn::num_threads() == good);
    CHECK(calls_per_task(20) == ones(20));
  }
}

TEST_CASE("set_num_threads is refused inside of every loop",
          "[parallel][errors]") {
  for (const int threads : {1, 4}) {
    const ScopedThreads scope(threads);
    for (const Index tasks : {1, 20}) {
      std::atomic<int> refused{0};
      parallel_for(tasks, [&](Index, int) {
        try {
          nn::set_num_threads(threads + 1);
        } catch (const std::invalid_argument&) {
          ++refused;
        }
      });
      CHECK(refused == tasks);
      CHECK(nn::num_threads() == threads);
    }
  }
}

TEST_CASE("loops, exceptions, nested loops and changes of size may meet",
          "[parallel][threads]") {
  const ScopedThreads scope(4);
  constexpr int kCallers = 4;
  constexpr int kRounds = 200;
  constexpr int kWorkers = 3;
  std::atomic<int> faults{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> callers;
  for (unsigned caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      std::mt19937 random(caller);
      for (int round = 0; round < kRounds; ++round) {
        const Index tasks = static_cast<Index>(random() % 40);
        const Index bad = static_cast<Index>(random() % 80);
        const Index outer = static_cast<Index>(random() % 80);
        // Plain integers: ThreadSanitizer sees what the loop does not order.
        std::vector<int> calls(static_cast<std::size_t>(tasks));
        std::vector<int> of_worker(kWorkers);
        bool thrown = false;
        try {
          parallel_for(tasks, kWorkers, [&](Index task, int worker) {
            ++calls[static_cast<std::size_t>(task)];
            ++of_worker[static_cast<std::size_t>(worker)];
            if (task == outer && calls_per_task(5) != ones(5)) ++faults;
            if (task == bad) throw std::runtime_error("task failed");
          });
        } catch (const std::runtime_error&) {
          thrown = true;
        }
        if (thrown != (bad < tasks)) ++faults;
        if (!thrown && calls != ones(tasks)) ++faults;
      }
    });
  }
  std::thread resizing([&] {
    std::mt19937 random(kCallers);
    while (!done) {
      const int threads = 1 + static_cast<int>(random() % 6);
      nn::set_num_threads(threads);
      if (nn::num_threads() != threads) ++faults;
    }
  });
  for (std::thread& caller : callers) caller.join();
  done = true;
  resizing.join();
  CHECK(faults == 0);
}

TEST_CASE("signals from outside reach no worker", "[parallel]") {
  constexpr int kThreads = 4;
  const ScopedThreads scope(kThreads);
  const auto blocks = [](int signal) {
    sigset_t set;
    return pthread_sigmask(SIG_SETMASK, nullptr, &set) == 0 &&
           sigismember(&set, signal) == 1;
  };
  const bool callers = blocks(SIGINT);
  std::atomic<int> arrived{0};
  std::atomic<int> faults{0};
  parallel_for(kThreads, [&](Index, int worker) {
    // Every task waits for the others, so that each is on a thread of its own.
    ++arrived;
    while (arrived < kThreads) std::this_thread::yield();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGUSR1}) {
      if (blocks(signal) != (worker != 0)) ++faults;
    }
    for (const int signal : {SIGSEGV, SIGFPE}) {
      if (blocks(signal)) ++faults;
    }
  });
  CHECK(faults == 0);
  CHECK(blocks(SIGINT) == callers);
}

TEST_CASE("the instruction set has a name", "[parallel]") {
  const std::set<std::string> known{
      "AVX-512", "AVX2", "SSE4", "NEON", "baseline"};
  CHECK(known.count(nn::instruction_set()) == 1);
}
