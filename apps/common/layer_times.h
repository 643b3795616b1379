#ifndef NN_APPS_COMMON_LAYER_TIMES_H_
#define NN_APPS_COMMON_LAYER_TIMES_H_

#include <chrono>
#include <string>
#include <vector>

#include "common/run.h"
#include "nn/network/sequential.h"
#include "nn/types.h"

namespace apps {

/// Gathers how long the layers of a network take, over several passes.
class LayerTimer {
 public:
  /// Passes to measure: enough for a median, and few enough to cost less than
  /// a small part of an epoch. The first ones, in which memory is allocated and
  /// caches fill, are not counted.
  static constexpr int kWarmUps = 3;
  static constexpr int kPasses = 15;

  /// `names` of the layers, in their order.
  explicit LayerTimer(const std::vector<std::string>& names);

  /// Calls `work` and adds its seconds to what layer `layer` has taken in this
  /// pass.
  template <typename Work>
  void forward(std::size_t layer, const Work& work) {
    passes_[layer].forward += seconds_of(work);
  }
  template <typename Work>
  void backward(std::size_t layer, const Work& work) {
    passes_[layer].backward += seconds_of(work);
  }
  void end_pass();

  /// The median of every layer over the passes that count.
  std::vector<LayerTime> medians() const;

 private:
  struct Seconds {
    double forward = 0;
    double backward = 0;
  };

  template <typename Work>
  static double seconds_of(const Work& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                         start)
        .count();
  }

  std::vector<std::string> names_;
  std::vector<Seconds> passes_;
  std::vector<std::vector<Seconds>> all_;  ///< pass by pass
};

/// The names of the layers that training runs: all but a final Softmax, which
/// is part of the loss.
std::vector<std::string> timed_layers(const nn::Sequential<float>& network);

/// Times libnn's layers one by one, not fused, on training passes over the
/// batch. Overwrites the gradients of all parameters; parameters and buffers
/// are as before.
std::vector<LayerTime> time_layers(nn::Sequential<float>& network,
                                   nn::ConstView<float> x,
                                   nn::ConstLabels labels);

}  // namespace apps

#endif  // NN_APPS_COMMON_LAYER_TIMES_H_
