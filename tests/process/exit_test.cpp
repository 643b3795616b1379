// Networks work until the process is gone: in destructors of static objects
// and in atexit handlers, on threads that outlive main(), and exit() may be
// called anywhere. The argument names the case, which runs in a child, so that
// its parent sees how it ends.

#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <thread>

#include "process/support.h"
#include "process/training.h"

using nn_test::child_of;
using nn_test::ended_well;

namespace {

constexpr int kThreads = 4;

nn_test::Training* the_training = nullptr;  // never destroyed
double expected = 0.0;
// How often the check below held, in memory that parent and child share; null
// where nothing is checked at the end.
std::atomic<int>* checks = nullptr;

void begin() {
  nn::set_num_threads(kThreads);
  the_training = new nn_test::Training;
  the_training->train();
  expected = the_training->predict();
}

void check_that_all_works() {
  NN_CHECK(the_training->predict() == expected);
  NN_CHECK(the_training->train() > 0.0);
  expected = the_training->predict();
  NN_CHECK(nn_test::loop_is_complete());
  nn::set_num_threads(nn::num_threads() - 1);
  NN_CHECK(nn_test::loop_is_complete());
  nn::LayerSpec relu;
  relu.kind = "ReLU";
  NN_CHECK(nn::make_layer<float>(nn::Shape{3}, relu)->name() == "ReLU");
  ++*checks;
}

// Made before any static object of the library, so destroyed after them all.
struct Early {
  ~Early() {
    if (checks != nullptr) check_that_all_works();
  }
};
__attribute__((init_priority(101))) Early early;

void destructors_at_exit() {
  void* shared = mmap(nullptr,
                      sizeof(*checks),
                      PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS,
                      -1,
                      0);
  NN_CHECK(shared != MAP_FAILED);
  auto* const held = new (shared) std::atomic<int>(0);
  NN_CHECK(ended_well(child_of([held] {
    checks = held;
    begin();
    return std::atexit(check_that_all_works) == 0;
  })));
  NN_CHECK(*held == 2);
}

// The process ends while detached threads predict.
void threads_at_exit() {
  NN_CHECK(ended_well(child_of([] {
    begin();
    static std::atomic<int> running{0};
    for (int i = 0; i < 3; ++i) {
      std::thread([] {
        ++running;
        for (;;) the_training->predict();
      }).detach();
    }
    while (running < 3) std::this_thread::yield();
    return true;
  })));
}

[[noreturn]] void sleep_for_ever() {
  for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
}

// One task calls exit() and the others never end: nobody may wait for them.
void exit_in_a_task(bool of_worker) {
  NN_CHECK(ended_well(child_of([of_worker] {
    begin();
    static std::atomic<int> arrived{0};
    static std::atomic<bool> left{false};
    nn::parallel_for(kThreads, [&](nn::Index, int worker) {
      ++arrived;
      while (arrived < kThreads) std::this_thread::yield();
      if ((worker != 0) == of_worker && !left.exchange(true)) std::exit(0);
      sleep_for_ever();
    });
    return false;
  })));
}

// exit() on one thread while the loop of another one runs, and goes on to.
void exit_beside_a_loop() {
  NN_CHECK(ended_well(child_of([] {
    begin();
    static std::atomic<bool> inside{false};
    std::thread([] {
      nn::parallel_for(2, [](nn::Index, int) {
        inside = true;
        sleep_for_ever();
      });
    }).detach();
    while (!inside) std::this_thread::yield();
    return true;
  })));
}

}  // namespace

int main(int argc, char** argv) {
  return nn_test::run_case(
      argc,
      argv,
      {{"destructors", destructors_at_exit},
       {"threads", threads_at_exit},
       {"in_a_callers_task", [] { exit_in_a_task(false); }},
       {"in_a_workers_task", [] { exit_in_a_task(true); }},
       {"beside_a_loop", exit_beside_a_loop}});
}
