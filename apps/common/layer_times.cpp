#include "common/layer_times.h"

#include <utility>

#include "common/statistics.h"
#include "nn/layers/softmax.h"
#include "nn/losses/softmax_cross_entropy.h"

namespace apps {
namespace {

/// What one layer of a pass writes.
struct LayerMemory {
  nn::Matrix<float> y;
  nn::Matrix<float> dy;
  nn::PassBuffers buffers;
  nn::PassMemory pass;
};

}  // namespace

LayerTimer::LayerTimer(const std::vector<std::string>& names)
    : names_(names), passes_(names.size()) {}

void LayerTimer::end_pass() {
  all_.push_back(passes_);
  passes_.assign(names_.size(), {});
}

std::vector<LayerTime> LayerTimer::medians() const {
  std::vector<LayerTime> out;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    std::vector<double> forward;
    std::vector<double> backward;
    for (std::size_t p = kWarmUps; p < all_.size(); ++p) {
      forward.push_back(all_[p][i].forward);
      backward.push_back(all_[p][i].backward);
    }
    out.push_back({static_cast<int>(i),
                   names_[i],
                   median(std::move(forward)),
                   median(std::move(backward))});
  }
  return out;
}

std::vector<std::string> timed_layers(const nn::Sequential<float>& network) {
  std::vector<std::string> names;
  for (nn::Index i = 0; i < network.size(); ++i) {
    names.push_back(network.layer(i).name());
  }
  if (!names.empty() && dynamic_cast<const nn::Softmax<float>*>(
                            &network.layer(network.size() - 1)) != nullptr) {
    names.pop_back();
  }
  return names;
}

std::vector<LayerTime> time_layers(nn::Sequential<float>& network,
                                   nn::ConstView<float> x,
                                   nn::ConstLabels labels) {
  const std::vector<std::string> names = timed_layers(network);
  const auto layer = [&network](std::size_t i) -> nn::Layer<float>& {
    return network.layer(static_cast<nn::Index>(i));
  };
  std::vector<LayerMemory> memory(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const nn::MemoryNeeds needs =
        layer(i).memory_needs(x.cols(), nn::Mode::kTraining);
    memory[i].y.resize(layer(i).output_shape().features(), x.cols());
    memory[i].dy.resize(memory[i].y.rows(), x.cols());
    memory[i].pass = memory[i].buffers.prepare(needs);
  }
  const auto input = [&](std::size_t i) {
    return i == 0 ? x : nn::view(std::as_const(memory[i - 1].y));
  };
  // Running statistics go on running in every training pass.
  const auto buffers = network.named_buffers();
  std::vector<nn::Matrix<float>> kept;
  for (const auto& buffer : buffers) kept.push_back(buffer.parameter->value);
  nn::SoftmaxCrossEntropy<float> loss;
  LayerTimer timer(names);
  for (int pass = 0; pass < LayerTimer::kWarmUps + LayerTimer::kPasses;
       ++pass) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      timer.forward(i, [&] {
        layer(i).forward(input(i),
                         nn::view(memory[i].y),
                         nn::Mode::kTraining,
                         memory[i].pass);
      });
    }
    if (names.empty()) break;
    loss.evaluate(nn::view(std::as_const(memory.back().y)),
                  labels,
                  nn::view(memory.back().dy));
    for (std::size_t i = names.size(); i-- > 0;) {
      timer.backward(i, [&] {
        layer(i).backward(
            input(i),
            nn::view(std::as_const(memory[i].y)),
            nn::view(std::as_const(memory[i].dy)),
            i == 0 ? nn::no_view<float>() : nn::view(memory[i - 1].dy),
            memory[i].pass);
      });
    }
    timer.end_pass();
  }
  for (std::size_t i = 0; i < kept.size(); ++i) {
    buffers[i].parameter->value = kept[i];
  }
  return timer.medians();
}

}  // namespace apps
