// Where threads cannot be created, the work goes on with those that there are.
// The argument names the case.

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "process/support.h"
#include "process/training.h"

namespace {

constexpr int kWanted = 64;

/// How many threads may still be created; negative: any number.
std::atomic<int> allowed{-1};

}  // namespace

// The linker puts this in front of pthread_create() (--wrap).
extern "C" int __real_pthread_create(pthread_t* thread,
                                     const pthread_attr_t* attributes,
                                     void* (*run)(void*),
                                     void* argument);
extern "C" int __wrap_pthread_create(pthread_t* thread,
                                     const pthread_attr_t* attributes,
                                     void* (*run)(void*),
                                     void* argument) {
  if (allowed == 0) return EAGAIN;
  if (allowed > 0) --allowed;
  return __real_pthread_create(thread, attributes, run, argument);
}

namespace {

/// The highest number of a worker in a loop that has work for all, and 1.
int workers_of_a_loop() {
  std::atomic<int> highest{0};
  nn::parallel_for(10 * kWanted, [&](nn::Index, int worker) {
    int seen = highest;
    while (worker > seen && !highest.compare_exchange_weak(seen, worker)) {
    }
  });
  return highest + 1;
}

// The n-th thread fails, for every n: what is computed stays the same, and
// later calls may create the rest.
void every_creation_fails_once() {
  nn_test::Training training;
  training.train();
  const double expected = training.predict();
  const int others = nn_test::threads_of_process() - nn::num_threads();
  for (int created = 0; created < kWanted; ++created) {
    nn::set_num_threads(1);
    allowed = created;
    nn::set_num_threads(kWanted);
    NN_CHECK(nn::num_threads() == kWanted);
    NN_CHECK(nn_test::comes_to_threads(others + 1 + created));
    NN_CHECK(training.predict() == expected);
    NN_CHECK(workers_of_a_loop() <= created + 1);
    NN_CHECK(nn_test::loop_is_complete());
    // Fewer than there are, and more again, with none allowed any more.
    const int fewer = created / 2 + 1;
    nn::set_num_threads(fewer);
    NN_CHECK(nn_test::comes_to_threads(others + fewer));
    NN_CHECK(workers_of_a_loop() <= fewer);
    nn::set_num_threads(kWanted);
    NN_CHECK(workers_of_a_loop() <= fewer);
    // The same number once more tries again.
    allowed = -1;
    nn::set_num_threads(kWanted);
    NN_CHECK(nn_test::comes_to_threads(others + kWanted));
    NN_CHECK(training.predict() == expected);
  }
}

// The first loop creates the threads, and cannot.
void first_loop() {
  nn::set_num_threads(kWanted);
  allowed = 0;
  nn_test::Training training;
  NN_CHECK(training.train() > 0.0);
  NN_CHECK(training.predict() > 0.0);
  NN_CHECK(workers_of_a_loop() == 1);
  NN_CHECK(nn::num_threads() == kWanted);
}

// The kernel's own limit. It does not hold for the superuser.
void one_thread_allowed_of_64() {
  if (getuid() == 0) NN_CHECK(setuid(61234) == 0);
  const rlimit one{1, 1};
  NN_CHECK(setrlimit(RLIMIT_NPROC, &one) == 0);
  nn::set_num_threads(kWanted);
  nn_test::Training training;
  NN_CHECK(training.train() > 0.0);
  NN_CHECK(training.predict() > 0.0);
  NN_CHECK(workers_of_a_loop() == 1);
  NN_CHECK(nn::num_threads() == kWanted);
  nn::set_num_threads(2);
  nn::set_num_threads(kWanted);
  NN_CHECK(nn_test::loop_is_complete());
}

}  // namespace

int main(int argc, char** argv) {
  return nn_test::run_case(argc,
                           argv,
                           {{"every_creation", every_creation_fails_once},
                            {"first_loop", first_loop},
                            {"kernel", one_thread_allowed_of_64}});
}
