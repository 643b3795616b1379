#ifndef NN_TESTS_PARITY_PARITY_H_
#define NN_TESTS_PARITY_PARITY_H_

#include <torch/torch.h>
// LibTorch's logging and Catch2 both define this name; the tests want Catch2's.
#undef CHECK

#include <cstdint>

#include "nn/network/layer.h"
#include "nn/random.h"
#include "nn/types.h"
#include "support/catch.h"

namespace parity {

// LibTorch judges libnn here: both compute the same thing from the same random
// numbers, and no expected number stands in a test.

/// The largest relative error that a tensor may show, see relative_error().
template <typename Scalar>
constexpr double kTolerance = 0.0;
template <>
constexpr double kTolerance<double> = 1e-10;
template <>
constexpr double kTolerance<float> = 1e-4;

/// The error of a whole tensor against LibTorch's:
///
///   max |actual - expected| / max |expected|
///
/// Where a value is a difference of larger terms, such as a softmax gradient
/// that saturates or the logarithm of 1 + tiny, LibTorch's own result is right
/// to no more than the rounding of those terms. `largest_term` says how large
/// they are: kRoundings roundings of it are taken off the numerator. It is 0
/// for everything but softmax, losses and weights after many steps.
///
/// Infinite if sizes differ, if a value is not finite, or if LibTorch has all
/// zeros and libnn has not.
template <typename Scalar>
double relative_error(const nn::Matrix<Scalar>& actual,
                      const torch::Tensor& expected,
                      double largest_term = 0.0);
/// The same for a single number that was computed in Scalar.
template <typename Scalar>
double relative_error(double actual, double expected, double largest_term = 0);
constexpr double kRoundings = 8;

/// The seed of all random configurations. The environment variable
/// NN_PARITY_SEED replaces it.
std::uint64_t seed();

/// Calls body(rng) `count` times, each time with a generator of its own that
/// depends on seed() and the configuration's number alone; both are printed
/// with a failure.
template <typename Body>
void for_each_configuration(int count, Body&& body) {
  for (int i = 0; i < count; ++i) {
    INFO("NN_PARITY_SEED=" << seed() << ", configuration " << i);
    nn::Rng rng = nn::Rng(seed()).fork(static_cast<std::uint64_t>(i));
    body(rng);
  }
}

/// Uniform in low .. high, both included.
nn::Index between(nn::Rng& rng, nn::Index low, nn::Index high);

template <typename Scalar>
nn::Matrix<Scalar> random_matrix(nn::Rng& rng,
                                 nn::Index rows,
                                 nn::Index cols,
                                 double scale = 1.0);

/// Random values for all parameters, biases included.
template <typename Scalar>
void randomize_parameters(nn::Layer<Scalar>& layer, nn::Rng& rng);

/// A flat shape or one with channels, height and width, of few features.
nn::Shape random_shape(nn::Rng& rng);

}  // namespace parity

#endif  // NN_TESTS_PARITY_PARITY_H_
