#ifndef NN_TESTS_SUPPORT_REFERENCE_NETWORK_H_
#define NN_TESTS_SUPPORT_REFERENCE_NETWORK_H_

#include <limits>
#include <map>
#include <vector>

#include "nn/network/sequential.h"

namespace nn_test {

/// What a layer read and wrote on the way forward.
struct ReferenceStep {
  nn::Matrix<double> x;
  nn::Matrix<double> y;
  std::vector<ReferenceStep> body;  ///< of a container
};

/// A pass through a network by the definitions of its layers: plain loops over
/// every index, in double, one layer after the other. Knows every layer of the
/// library but Dropout, whose draws are its own.
class ReferencePass {
 public:
  /// Runs the layers forward, in training mode without a final Softmax.
  /// Reads the parameters and buffers of the network, and no code of its
  /// layers.
  ReferencePass(const nn::Sequential<double>& network,
                const nn::Matrix<double>& x,
                nn::Mode mode);

  const nn::Matrix<double>& output() const { return output_; }

  /// Runs them in reverse. Returns the gradient by the input.
  nn::Matrix<double> backward(const nn::Matrix<double>& dy);
  /// Of every parameter, by its address, after backward().
  const std::map<const nn::Parameter<double>*, nn::Matrix<double>>& gradients()
      const {
    return gradients_;
  }

  /// How near the pass came to a kink, where the gradient jumps: the smallest
  /// distance between values that a ReLU or a maximum tells apart, relative to
  /// the largest value. Below the rounding error, gradients say nothing.
  double distance_to_kink() const { return distance_to_kink_; }

  ///@{
  /// The largest on the way, forward and backward: results that cancel out to
  /// nothing keep its rounding.
  double largest_value() const { return largest_value_; }
  double largest_gradient() const { return largest_gradient_; }
  ///@}

 private:
  using Array = nn::Matrix<double>;
  using Layers = std::vector<const nn::Layer<double>*>;

  Array forward(const Layers& layers,
                const Array& x,
                std::vector<ReferenceStep>& steps);
  ReferenceStep step(const nn::Layer<double>& layer, const Array& x);
  Array backward(const Layers& layers,
                 const std::vector<ReferenceStep>& steps,
                 const Array& dy);
  Array step_backward(const nn::Layer<double>& layer,
                      const ReferenceStep& step,
                      const Array& dy);
  Array max_pool(const nn::Layer<double>& layer, const Array& x);
  void near_zero(const Array& x);

  nn::Mode mode_;
  Layers layers_;
  std::vector<ReferenceStep> steps_;
  nn::Matrix<double> output_;
  std::map<const nn::Parameter<double>*, nn::Matrix<double>> gradients_;
  double distance_to_kink_ = std::numeric_limits<double>::infinity();
  double largest_value_ = 0.0;
  double largest_gradient_ = 0.0;
};

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_REFERENCE_NETWORK_H_
