#include "nn/network/layer_registry.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include "nn/check.h"
#include "nn/layers/avg_pool2d.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/dropout.h"
#include "nn/layers/gelu.h"
#include "nn/layers/global_avg_pool2d.h"
#include "nn/layers/identity.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/leaky_relu.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/sigmoid.h"
#include "nn/layers/silu.h"
#include "nn/layers/softmax.h"
#include "nn/layers/standardize.h"
#include "nn/layers/tanh.h"
#include "nn/network/residual.h"
#include "parameter_budget.h"

namespace nn {
namespace {

/// The maker of a layer that has no settings.
template <template <typename> class LayerType, typename Scalar>
LayerMaker<Scalar> plain_maker() {
  return [](const Shape& in, const LayerSpec& /*spec*/) {
    return std::make_unique<LayerType<Scalar>>(in);
  };
}

BatchNormOptions batch_norm_options(const LayerSpec& spec) {
  BatchNormOptions options;
  options.eps = spec.number("eps");
  // PyTorch's momentum of None is left out.
  options.momentum.reset();
  if (spec.settings.count("momentum") > 0) {
    options.momentum = spec.number("momentum");
  }
  options.affine = spec.flag("affine");
  return options;
}

/// The library's own layers. A new one gets its line here, in the order of the
/// alphabet.
template <typename Scalar>
std::map<std::string, LayerMaker<Scalar>> library_layers() {
  return {
      {"AvgPool2d",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<AvgPool2d<Scalar>>(
             in,
             spec.extent("kernel_size"),
             spec.extent("stride"),
             spec.extent("padding"),
             spec.flag("count_include_pad"));
       }},
      {"BatchNorm1d",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<BatchNorm1d<Scalar>>(in,
                                                      batch_norm_options(spec));
       }},
      {"BatchNorm2d",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<BatchNorm2d<Scalar>>(in,
                                                      batch_norm_options(spec));
       }},
      {"Conv2d",
       [](const Shape& in, const LayerSpec& spec) {
         const Conv2dOptions options{spec.integer("out_channels"),
                                     spec.extent("kernel_size"),
                                     spec.extent("stride"),
                                     spec.extent("padding"),
                                     spec.extent("dilation"),
                                     spec.integer("groups"),
                                     spec.flag("bias")};
         return std::make_unique<Conv2d<Scalar>>(in, options);
       }},
      {"Dropout",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<Dropout<Scalar>>(in, spec.number("p"));
       }},
      {"GELU",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<GELU<Scalar>>(
             in,
             spec.flag("approximate_tanh") ? GeluForm::kTanh : GeluForm::kErf);
       }},
      {"GlobalAvgPool2d", plain_maker<GlobalAvgPool2d, Scalar>()},
      {"Identity", plain_maker<Identity, Scalar>()},
      {"LayerNorm",
       [](const Shape& in, const LayerSpec& spec) {
         LayerNormOptions options;
         options.eps = spec.number("eps");
         options.affine = spec.flag("elementwise_affine");
         return std::make_unique<LayerNorm<Scalar>>(in, options);
       }},
      {"LeakyReLU",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<LeakyReLU<Scalar>>(
             in, spec.number("negative_slope"));
       }},
      {"Linear",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<Linear<Scalar>>(in,
                                                 spec.integer("out_features"));
       }},
      {"MaxPool2d",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<MaxPool2d<Scalar>>(
             in, spec.extent("kernel_size"), spec.extent("stride"));
       }},
      {"ReLU", plain_maker<ReLU, Scalar>()},
      {"Residual",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<Residual<Scalar>>(
             in, [&spec](Sequential<Scalar>& body) {
               for (const LayerSpec& inner : spec.body) {
                 body.add(make_layer<Scalar>(body.output_shape(), inner));
               }
             });
       }},
      {"SiLU", plain_maker<SiLU, Scalar>()},
      {"Sigmoid", plain_maker<Sigmoid, Scalar>()},
      {"Softmax", plain_maker<Softmax, Scalar>()},
      {"Standardize",
       [](const Shape& in, const LayerSpec& spec) {
         return std::make_unique<Standardize<Scalar>>(
             in,
             spec.flag("inverse") ? StandardizeForm::kInverse
                                  : StandardizeForm::kForward);
       }},
      {"Tanh", plain_maker<Tanh, Scalar>()},
  };
}

template <typename Scalar>
struct Registry {
  std::mutex mutex;
  std::map<std::string, LayerMaker<Scalar>> makers = library_layers<Scalar>();
};

template <typename Scalar>
Registry<Scalar>& registry() {
  // Never destroyed: a destructor of the program may still load a model.
  static auto& the_registry = *new Registry<Scalar>;
  return the_registry;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

/// In double, in which the product of any sizes is finite.
double features_of(const Shape& shape) {
  return static_cast<double>(shape.channels) *
         static_cast<double>(shape.height) * static_cast<double>(shape.width);
}

/// The products of sizes behind this check then stay within an Index.
void check_features(const LayerSpec& spec, const Shape& shape) {
  constexpr double kLargest = 1e12;
  check_argument(features_of(shape) <= kLargest,
                 "[",
                 spec.kind,
                 "] expected at most ",
                 kLargest,
                 " features, got ",
                 shape.channels,
                 "x",
                 shape.height,
                 "x",
                 shape.width);
}

}  // namespace

double LayerSpec::number(const std::string& name) const {
  const auto found = settings.find(name);
  check_argument(found != settings.end(),
                 "[",
                 kind,
                 "] expected the setting ",
                 name,
                 ", got none");
  return found->second;
}

Index LayerSpec::integer(const std::string& name) const {
  // Up to here a double holds every whole number.
  constexpr double kLargest = 9007199254740992.0;
  const double value = number(name);
  check_argument(std::abs(value) <= kLargest && value == std::floor(value),
                 "[",
                 kind,
                 "] expected a whole number for the setting ",
                 name,
                 ", got ",
                 value);
  return static_cast<Index>(value);
}

bool LayerSpec::flag(const std::string& name) const {
  const double value = number(name);
  check_argument(value == 0 || value == 1,
                 "[",
                 kind,
                 "] expected 0 or 1 for the setting ",
                 name,
                 ", got ",
                 value);
  return value == 1;
}

Extent LayerSpec::extent(const std::string& name) const {
  const auto size = [this](const std::string& full_name) {
    const Index value = integer(full_name);
    check_argument(value >= 0 && value <= kLargestExtent,
                   "[",
                   kind,
                   "] expected the setting ",
                   full_name,
                   " from 0 to ",
                   kLargestExtent,
                   ", got ",
                   value);
    return value;
  };
  return {size(name + "_h"), size(name + "_w")};
}

template <typename Scalar>
LayerSpec spec_of(const Layer<Scalar>& layer) {
  LayerSpec spec;
  spec.kind = layer.name();
  spec.settings = layer.settings();
  for (const Layer<Scalar>* inner : layer.inner_layers()) {
    spec.body.push_back(spec_of(*inner));
  }
  return spec;
}

template <typename Scalar>
void register_layer(const std::string& kind, LayerMaker<Scalar> maker) {
  check_argument(!kind.empty(),
                 "[register_layer] expected the name of a layer, got none");
  check_argument(maker != nullptr,
                 "[register_layer] expected a maker for ",
                 kind,
                 ", got an empty function");
  Registry<Scalar>& all = registry<Scalar>();
  const std::lock_guard<std::mutex> lock(all.mutex);
  check_argument(all.makers.emplace(kind, std::move(maker)).second,
                 "[register_layer] expected a kind of layer that is not known "
                 "yet, got ",
                 kind);
}

template <typename Scalar>
std::vector<std::string> registered_layers() {
  Registry<Scalar>& all = registry<Scalar>();
  const std::lock_guard<std::mutex> lock(all.mutex);
  std::vector<std::string> kinds;
  for (const auto& [kind, maker] : all.makers) kinds.push_back(kind);
  return kinds;
}

template <typename Scalar>
std::unique_ptr<Layer<Scalar>> make_layer(const Shape& input_shape,
                                          const LayerSpec& spec) {
  // A maker runs without the lock, since that of a container calls this
  // function again.
  LayerMaker<Scalar> maker;
  {
    Registry<Scalar>& all = registry<Scalar>();
    const std::lock_guard<std::mutex> lock(all.mutex);
    const auto found = all.makers.find(spec.kind);
    if (found != all.makers.end()) maker = found->second;
  }
  check_argument(maker != nullptr,
                 "[make_layer] expected a known kind of layer (",
                 joined(registered_layers<Scalar>()),
                 "), got \"",
                 spec.kind,
                 "\"");
  check_features(spec, input_shape);
  const internal::ParameterBudget budget(spec.kind, spec.most_elements);
  std::unique_ptr<Layer<Scalar>> layer = maker(input_shape, spec);
  check_argument(layer != nullptr && layer->name() == spec.kind,
                 "[make_layer] expected the registered maker to build a ",
                 spec.kind,
                 ", got ",
                 layer ? layer->name() : "null");
  check_features(spec, layer->output_shape());
  check_argument(layer->inner_layers().size() == spec.body.size(),
                 "[",
                 spec.kind,
                 "] expected ",
                 layer->inner_layers().size(),
                 " inner layers, got ",
                 spec.body.size());
  const Settings known = layer->settings();
  for (const auto& [name, value] : spec.settings) {
    const auto own = known.find(name);
    check_argument(own != known.end(),
                   "[",
                   spec.kind,
                   "] expected settings of this layer alone, got also ",
                   name);
    // A layer may keep a number in its scalar.
    check_argument(
        static_cast<Scalar>(own->second) == static_cast<Scalar>(value),
        "[",
        spec.kind,
        "] expected a value for ",
        name,
        " that the layer can keep, got ",
        value);
  }
  return layer;
}

#define NN_INSTANTIATE_REGISTRY(Scalar)                          \
  template LayerSpec spec_of<Scalar>(const Layer<Scalar>&);      \
  template void register_layer<Scalar>(const std::string&,       \
                                       LayerMaker<Scalar>);      \
  template std::vector<std::string> registered_layers<Scalar>(); \
  template std::unique_ptr<Layer<Scalar>> make_layer<Scalar>(    \
      const Shape&, const LayerSpec&);
NN_INSTANTIATE_REGISTRY(float)
NN_INSTANTIATE_REGISTRY(double)
#undef NN_INSTANTIATE_REGISTRY

}  // namespace nn
