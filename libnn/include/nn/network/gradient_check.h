#ifndef NN_NETWORK_GRADIENT_CHECK_H_
#define NN_NETWORK_GRADIENT_CHECK_H_

#include <cstdint>
#include <functional>
#include <string>

#include "nn/losses/loss.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/layer.h"
#include "nn/network/sequential.h"

namespace nn {

/// How check_gradients() differentiates, and what it lets pass.
struct GradientCheckOptions {
  /// The step h of the central difference, in units of the argument.
  double step = 1e-3;
  /// The largest relative error that passes.
  double tolerance = 1e-7;
  /// Seed of the random projection of the output onto a scalar.
  std::uint64_t seed = 1;
  /// At most this many elements of each tensor are checked, drawn at random; 0
  /// means all of them.
  Index max_elements = 0;
};

/// The verdict of check_gradients().
struct GradientReport {
  /// No error above the tolerance, and every difference settled.
  bool passed = false;
  /// The largest |analytic - numeric| / max(|analytic|, |numeric|, floor) over
  /// all elements that were checked, where floor is a hundredth of the largest
  /// gradient of the same tensor: rounding noise in elements that hardly matter
  /// is not an error.
  double max_relative_error = 0.0;
  /// Where that is, with both values: "weight(3, 5): analytic 0.12, ...".
  std::string worst;

  /// One line for a test's log.
  std::string to_string() const;
};

/// Compares the gradients that backward() computes, for the input and every
/// parameter, with fourth-order central differences
///   f'(v) ~ (8 f(v+h) - 8 f(v-h) - f(v+2h) + f(v-2h)) / 12h
/// of the scalar sum(R .* y), R random. Works in double, since in float the
/// differences drown in rounding: docs/math/README.md says how far.
///
/// `x` should keep away from kinks of the layer (ReLU at 0, ties in a pooling
/// window) by more than twice the step. A network has kinks that nobody can
/// keep away from, so where the two gradients differ, the differences are
/// taken again with smaller and smaller steps until two in a row agree; a step
/// that reaches over a kink is thus left behind. Whether they agree does not
/// depend on the analytic gradient: a wrong one stays wrong. Differences that
/// do not settle at all fail the check.
///
/// Layers with random draws draw the same in every evaluation: that of pass 1.
///
/// Parameters are as they were when it returns; their gradients are
/// overwritten.
/// Throws std::invalid_argument if x does not fit the layer or is empty, or if
/// an option makes no sense.
GradientReport check_gradients(Layer<double>& layer,
                               ConstView<double> x,
                               const GradientCheckOptions& options = {});

/// The same for the mean softmax cross-entropy of a whole network.
GradientReport check_gradients(Sequential<double>& network,
                               ConstView<double> x,
                               ConstLabels labels,
                               const GradientCheckOptions& options = {});

/// The same of a loss by the output.
GradientReport check_gradients(const Loss<double>& loss,
                               ConstView<double> y,
                               ConstView<double> target,
                               const GradientCheckOptions& options = {});

/// The same of a classification loss by the logits.
GradientReport check_gradients(const SoftmaxCrossEntropy<double>& loss,
                               ConstView<double> logits,
                               ConstLabels labels,
                               const GradientCheckOptions& options = {});

/// Returns a number that a matrix has, and writes its gradient by the matrix
/// into `dx`, of the size of x, unless that is no_view().
using ValueAndGradient =
    std::function<double(ConstView<double> x, View<double> dx)>;

/// The same of any such function: a loss of one's own, with its weights and
/// whatever else it takes.
///
///   nn::check_gradients(
///       [&](nn::ConstView<double> y, nn::View<double> dy) {
///         return loss.evaluate(y, target, dy, weights);
///       },
///       y);
///
/// Throws std::invalid_argument also if the function is empty.
GradientReport check_gradients(const ValueAndGradient& function,
                               ConstView<double> x,
                               const GradientCheckOptions& options = {});

}  // namespace nn

#endif  // NN_NETWORK_GRADIENT_CHECK_H_
