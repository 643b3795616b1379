#include <exception>

#include "process/training.h"

/// Trains with `threads` threads and returns what the network says then;
/// negative if something went wrong.
extern "C" double plugin_run(int threads) {
  try {
    nn::set_num_threads(threads);
    nn_test::Training training;
    training.train();
    return training.predict();
  } catch (const std::exception&) {
    return -1.0;
  }
}
