// Children of fork() work: their loops run on threads of their own, and they
// end. The argument names the case; 0 is returned if it holds.

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "process/support.h"
#include "process/training.h"

using nn_test::child_of;
using nn_test::ended_well;

namespace {

constexpr int kThreads = 4;
constexpr int kChildren = 32;

/// Whether kThreads tasks that wait for each other all run at once.
bool has_threads_of_its_own() {
  std::atomic<int> arrived{0};
  std::atomic<bool> late{false};
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(30);
  nn::parallel_for(kThreads, [&](nn::Index, int) {
    ++arrived;
    while (arrived < kThreads && !late) {
      if (std::chrono::steady_clock::now() > deadline) late = true;
      std::this_thread::yield();
    }
  });
  return !late;
}

bool works(nn_test::Training& training, double expected) {
  const bool same = training.predict() == expected;
  return same && training.train() > 0.0 && nn_test::loop_is_complete();
}

// A server that trains, forks its workers and serves on.
void children_of_a_process_that_trained() {
  nn_test::Training training;
  training.train();
  const double expected = training.predict();
  std::vector<pid_t> children;
  for (int i = 0; i < kChildren; ++i) {
    children.push_back(child_of([&] {
      return has_threads_of_its_own() && works(training, expected) &&
             nn::num_threads() == kThreads;
    }));
  }
  for (const pid_t child : children) NN_CHECK(ended_well(child));
  NN_CHECK(works(training, expected));
}

void children_of_children() {
  nn_test::Training training;
  training.train();
  const double expected = training.predict();
  NN_CHECK(ended_well(child_of([&] {
    return works(training, expected) && ended_well(child_of([&] {
             nn::set_num_threads(2);
             const double now = training.predict();
             return works(training, now) && ended_well(child_of([&] {
                      nn::set_num_threads(kThreads);
                      return has_threads_of_its_own();
                    }));
           }));
  })));
}

// What daemon() does: the first child leaves at once.
void daemon() {
  nn_test::Training training;
  training.train();
  const double expected = training.predict();
  int ends[2] = {};
  NN_CHECK(pipe(ends) == 0);
  NN_CHECK(ended_well(child_of([&] {
    if (fork() != 0) return true;
    setsid();
    const char answer = works(training, expected) ? 'y' : 'n';
    const bool told = write(ends[1], &answer, 1) == 1;
    std::exit(told ? 0 : 1);
  })));
  char answer = 0;
  NN_CHECK(read(ends[0], &answer, 1) == 1);
  NN_CHECK(answer == 'y');
}

// The fork finds the pool in any state: between loops, in one, while its size
// is changed.
void forks_beside_loops() {
  std::atomic<bool> done{false};
  std::thread looping([&] {
    while (!done) NN_CHECK(nn_test::loop_is_complete());
  });
  std::thread resizing([&] {
    for (int i = 0; !done; ++i) {
      nn::set_num_threads(2 + i % (kThreads - 1));
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 2 * kChildren; ++i) {
    NN_CHECK(ended_well(child_of([] {
      for (int round = 0; round < 10; ++round) {
        if (!nn_test::loop_is_complete()) return false;
      }
      nn::set_num_threads(kThreads);
      return has_threads_of_its_own();
    })));
  }
  done = true;
  looping.join();
  resizing.join();
}

// From inside of a loop, on the caller's thread and on a worker's: the child
// may use the library and must end there.
void forks_inside_a_loop() {
  for (const bool of_worker : {false, true}) {
    std::atomic<int> forked{0};
    std::atomic<int> failed{0};
    nn::parallel_for(kThreads, [&](nn::Index, int worker) {
      // Every worker has a task: none goes on before all have one.
      static std::atomic<int> arrived{0};
      ++arrived;
      while (arrived % kThreads != 0) std::this_thread::yield();
      if ((worker != 0) != of_worker) return;
      ++forked;
      if (!ended_well(child_of([] { return nn_test::loop_is_complete(); }))) {
        ++failed;
      }
    });
    NN_CHECK(forked > 0);
    NN_CHECK(failed == 0);
    NN_CHECK(nn_test::loop_is_complete());
  }
}

// A child that goes on with a loop whose other threads stayed behind is told,
// and may go on to work without it.
void child_that_goes_on_with_a_loop() {
  // No thread may be at its start, with a lock of a sanitizer's allocator.
  NN_CHECK(has_threads_of_its_own());
  std::atomic<pid_t> child{-1};
  bool told = false;
  try {
    nn::parallel_for(1000, [&](nn::Index, int worker) {
      pid_t none = -1;
      if (worker == 0 && child.compare_exchange_strong(none, 0)) {
        child = fork();
      }
      // Else the others may have done all before the caller has begun.
      while (child < 0) std::this_thread::yield();
    });
  } catch (const std::logic_error& error) {
    told = std::strstr(error.what(), "fork()") != nullptr;
  }
  if (child == 0) {
    const bool goes_on =
        nn_test::loop_is_complete() && has_threads_of_its_own();
    std::exit(told && goes_on ? 0 : 1);
  }
  NN_CHECK(!told);
  NN_CHECK(ended_well(child));
}

}  // namespace

int main(int argc, char** argv) {
  nn::set_num_threads(kThreads);
  return nn_test::run_case(
      argc,
      argv,
      {{"children", children_of_a_process_that_trained},
       {"grandchildren", children_of_children},
       {"daemon", daemon},
       {"beside_loops", forks_beside_loops},
       {"inside_a_loop", forks_inside_a_loop},
       {"goes_on_with_a_loop", child_that_goes_on_with_a_loop}});
}
