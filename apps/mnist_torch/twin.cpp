#include "twin.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

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
#include "nn/layers/tanh.h"
#include "nn/network/residual.h"

namespace torch_twin {
namespace {

using nn::check_argument;
using nn::concat;

torch::ExpandingArray<2> pair_of(const nn::Extent& extent) {
  return torch::ExpandingArray<2>({extent.height, extent.width});
}

template <typename Options, typename Scalar>
Options batch_norm_options(const nn::BatchNorm<Scalar>& layer) {
  const nn::BatchNormOptions& options = layer.options();
  c10::optional<double> momentum;
  if (options.momentum) momentum = *options.momentum;
  return Options(layer.running_mean().value.size())
      .eps(options.eps)
      .momentum(momentum)
      .affine(options.affine);
}

/// Builds the modules one after the other and keeps account of whether the
/// tensor between them is a batch of vectors or of images.
class Builder {
 public:
  explicit Builder(bool is_flat) : is_flat_(is_flat) {}

  bool is_flat() const { return is_flat_; }

  void want_flat(nn::Index place) {
    if (is_flat_) return;
    modules_->push_back(concat("flatten", place), torch::nn::Flatten());
    is_flat_ = true;
  }

  void want_images(nn::Index place, const nn::Shape& shape) {
    if (!is_flat_) return;
    modules_->push_back(
        concat("unflatten", place),
        torch::nn::Unflatten(torch::nn::UnflattenOptions(
            1,
            std::vector<int64_t>{shape.channels, shape.height, shape.width})));
    is_flat_ = false;
  }

  template <typename Module>
  void add(nn::Index place, Module module) {
    modules_->push_back(std::to_string(place), std::move(module));
  }

  const torch::nn::Sequential& modules() const { return modules_; }

 private:
  torch::nn::Sequential modules_;
  bool is_flat_;
};

/// y = x + body(x).
class ResidualImpl : public torch::nn::Module {
 public:
  explicit ResidualImpl(torch::nn::Sequential body)
      : body_(register_module("body", std::move(body))) {}
  torch::Tensor forward(const torch::Tensor& x) {
    // Where the body reads images as vectors, its output is a vector as well.
    return x + body_->forward(x).view_as(x);
  }

 private:
  torch::nn::Sequential body_;
};
TORCH_MODULE(Residual);

template <typename Scalar>
void add_twin_of(const nn::Layer<Scalar>& layer,
                 nn::Index place,
                 Builder& builder) {
  const nn::Shape& in = layer.input_shape();
  const nn::Shape& out = layer.output_shape();
  if (dynamic_cast<const nn::Linear<Scalar>*>(&layer) != nullptr) {
    builder.want_flat(place);
    builder.add(place, torch::nn::Linear(in.features(), out.features()));
  } else if (dynamic_cast<const nn::ReLU<Scalar>*>(&layer) != nullptr) {
    builder.add(place, torch::nn::ReLU());
  } else if (const auto* conv =
                 dynamic_cast<const nn::Conv2d<Scalar>*>(&layer)) {
    builder.want_images(place, in);
    builder.add(place,
                torch::nn::Conv2d(
                    torch::nn::Conv2dOptions(
                        in.channels, out.channels, pair_of(conv->kernel()))
                        .stride(pair_of(conv->stride()))
                        .padding(pair_of(conv->padding()))
                        .dilation(pair_of(conv->dilation()))
                        .groups(conv->groups())
                        .bias(conv->has_bias())));
  } else if (const auto* pool =
                 dynamic_cast<const nn::MaxPool2d<Scalar>*>(&layer)) {
    builder.want_images(place, in);
    builder.add(place,
                torch::nn::MaxPool2d(
                    torch::nn::MaxPool2dOptions(pair_of(pool->window()))
                        .stride(pair_of(pool->stride()))));
  } else if (const auto* norm =
                 dynamic_cast<const nn::BatchNorm1d<Scalar>*>(&layer)) {
    builder.want_flat(place);
    builder.add(place,
                torch::nn::BatchNorm1d(
                    batch_norm_options<torch::nn::BatchNorm1dOptions>(*norm)));
  } else if (const auto* norm2d =
                 dynamic_cast<const nn::BatchNorm2d<Scalar>*>(&layer)) {
    builder.want_images(place, in);
    builder.add(
        place,
        torch::nn::BatchNorm2d(
            batch_norm_options<torch::nn::BatchNorm2dOptions>(*norm2d)));
  } else if (const auto* layer_norm =
                 dynamic_cast<const nn::LayerNorm<Scalar>*>(&layer)) {
    if (in.is_flat()) {
      builder.want_flat(place);
    } else {
      builder.want_images(place, in);
    }
    const std::vector<int64_t> dims =
        in.is_flat() ? std::vector<int64_t>{in.channels}
                     : std::vector<int64_t>{in.channels, in.height, in.width};
    builder.add(place,
                torch::nn::LayerNorm(
                    torch::nn::LayerNormOptions(dims)
                        .eps(layer_norm->options().eps)
                        .elementwise_affine(layer_norm->options().affine)));
  } else if (const auto* leaky =
                 dynamic_cast<const nn::LeakyReLU<Scalar>*>(&layer)) {
    builder.add(
        place,
        torch::nn::LeakyReLU(torch::nn::LeakyReLUOptions().negative_slope(
            leaky->negative_slope())));
  } else if (dynamic_cast<const nn::Sigmoid<Scalar>*>(&layer) != nullptr) {
    builder.add(place, torch::nn::Sigmoid());
  } else if (dynamic_cast<const nn::Tanh<Scalar>*>(&layer) != nullptr) {
    builder.add(place, torch::nn::Tanh());
  } else if (const auto* gelu = dynamic_cast<const nn::GELU<Scalar>*>(&layer)) {
    builder.add(place,
                torch::nn::GELU(torch::nn::GELUOptions().approximate(
                    gelu->form() == nn::GeluForm::kTanh ? "tanh" : "none")));
  } else if (dynamic_cast<const nn::SiLU<Scalar>*>(&layer) != nullptr) {
    builder.add(place, torch::nn::SiLU());
  } else if (dynamic_cast<const nn::Identity<Scalar>*>(&layer) != nullptr) {
    builder.add(place, torch::nn::Identity());
  } else if (const auto* dropout =
                 dynamic_cast<const nn::Dropout<Scalar>*>(&layer)) {
    builder.add(place, torch::nn::Dropout(dropout->p()));
  } else if (const auto* average =
                 dynamic_cast<const nn::AvgPool2d<Scalar>*>(&layer)) {
    builder.want_images(place, in);
    builder.add(place,
                torch::nn::AvgPool2d(
                    torch::nn::AvgPool2dOptions(pair_of(average->window()))
                        .stride(pair_of(average->stride()))
                        .padding(pair_of(average->padding()))
                        .count_include_pad(average->count_include_pad())));
  } else if (dynamic_cast<const nn::GlobalAvgPool2d<Scalar>*>(&layer) !=
             nullptr) {
    builder.want_images(place, in);
    builder.add(place,
                torch::nn::AdaptiveAvgPool2d(
                    torch::nn::AdaptiveAvgPool2dOptions({1, 1})));
  } else if (dynamic_cast<const nn::Softmax<Scalar>*>(&layer) != nullptr) {
    builder.want_flat(place);
    builder.add(place, torch::nn::Softmax(/*dim=*/1));
  } else if (dynamic_cast<const nn::Residual<Scalar>*>(&layer) != nullptr) {
    Builder body(builder.is_flat());
    nn::Index inner_place = 0;
    for (const nn::Layer<Scalar>* inner : layer.inner_layers()) {
      add_twin_of(*inner, inner_place++, body);
    }
    builder.add(place, Residual(body.modules()));
  } else {
    throw std::invalid_argument(
        concat("[make_twin] expected a layer that LibTorch has, got ",
               layer.describe(),
               " at place ",
               place));
  }
}

template <typename Scalar>
torch::Tensor tensor_over(const nn::Parameter<Scalar>& parameter) {
  // from_blob() takes no const pointer; the tensor is only read.
  return torch::from_blob(
      const_cast<Scalar*>(parameter.value.data()),
      std::vector<int64_t>(parameter.dims.begin(), parameter.dims.end()),
      torch::CppTypeToScalarType<Scalar>::value);
}

/// The twin's parameter or buffer for one of the network's, of the same type
/// and shape. Module::to() has made a counter one of this type too.
template <typename Scalar>
torch::Tensor find_parameter(const torch::nn::Sequential& twin,
                             const nn::NamedParameter<Scalar>& named) {
  const std::string& name = named.name;
  const nn::Parameter<Scalar>& parameter = *named.parameter;
  const auto parameters = twin->named_parameters();
  const auto buffers = twin->named_buffers();
  const torch::Tensor* found = parameters.find(name);
  if (found == nullptr) found = buffers.find(name);
  check_argument(found != nullptr,
                 "[torch_twin] expected the twin to have a parameter ",
                 name,
                 ", got none of this name");
  const torch::Tensor expected = tensor_over(parameter);
  check_argument(found->sizes() == expected.sizes() &&
                     found->scalar_type() == expected.scalar_type(),
                 "[torch_twin] expected parameter ",
                 name,
                 " to be ",
                 expected.sizes(),
                 " of ",
                 expected.scalar_type(),
                 ", got ",
                 found->sizes(),
                 " of ",
                 found->scalar_type());
  return *found;
}

/// The network's parameters and buffers, each with the twin's.
template <typename Scalar>
std::vector<std::pair<nn::Parameter<Scalar>*, torch::Tensor>> pairs_of(
    nn::Sequential<Scalar>& network, const torch::nn::Sequential& twin) {
  std::vector<std::pair<nn::Parameter<Scalar>*, torch::Tensor>> pairs;
  for (const auto& all :
       {network.named_parameters(), network.named_buffers()}) {
    for (const nn::NamedParameter<Scalar>& named : all) {
      pairs.emplace_back(named.parameter, find_parameter(twin, named));
    }
  }
  return pairs;
}

}  // namespace

template <typename Scalar>
torch::nn::Sequential make_twin(const nn::Sequential<Scalar>& network,
                                TwinOutput output) {
  nn::Index layers = network.size();
  const auto is_softmax = [&](nn::Index i) {
    return dynamic_cast<const nn::Softmax<Scalar>*>(&network.layer(i)) !=
           nullptr;
  };
  if (output == TwinOutput::kLogits && layers > 0 && is_softmax(layers - 1)) {
    --layers;
  }

  Builder builder(network.input_shape().is_flat());
  for (nn::Index i = 0; i < layers; ++i) {
    add_twin_of(network.layer(i), i, builder);
  }
  torch::nn::Sequential twin = builder.modules();
  twin->to(torch::CppTypeToScalarType<Scalar>::value);

  // Names come with pointers to write through, which only read here. A Softmax
  // that is left out has none.
  copy_weights(const_cast<nn::Sequential<Scalar>&>(network), twin);
  return twin;
}

template <typename Scalar>
void copy_weights(const torch::nn::Sequential& twin,
                  nn::Sequential<Scalar>& network) {
  torch::NoGradGuard no_grad;
  for (auto& [parameter, source] : pairs_of(network, twin)) {
    tensor_over(*parameter).copy_(source);
  }
}

template <typename Scalar>
void copy_weights(nn::Sequential<Scalar>& network,
                  const torch::nn::Sequential& twin) {
  torch::NoGradGuard no_grad;
  for (auto& [parameter, target] : pairs_of(network, twin)) {
    target.copy_(tensor_over(*parameter));
  }
}

template <typename Scalar>
torch::Tensor as_tensor(nn::ConstView<Scalar> x, const nn::Shape& shape) {
  check_argument(x.rows() == shape.features(),
                 "[as_tensor] expected ",
                 shape.features(),
                 " rows for shape ",
                 shape,
                 ", got ",
                 x.rows());
  std::vector<int64_t> sizes{x.cols(), shape.channels};
  if (!shape.is_flat()) {
    sizes.push_back(shape.height);
    sizes.push_back(shape.width);
  }
  return torch::from_blob(const_cast<Scalar*>(x.data()),
                          sizes,
                          torch::CppTypeToScalarType<Scalar>::value);
}

template <typename Scalar>
nn::Matrix<Scalar> as_matrix(const torch::Tensor& batch) {
  check_argument(
      batch.scalar_type() == torch::CppTypeToScalarType<Scalar>::value,
      "[as_matrix] expected a tensor of ",
      torch::CppTypeToScalarType<Scalar>::value,
      ", got one of ",
      batch.scalar_type());
  const torch::Tensor dense = batch.detach().contiguous();
  const nn::Index cols = dense.dim() == 0 ? 1 : dense.size(0);
  const nn::Index rows = cols == 0 ? 0 : dense.numel() / cols;
  return nn::ConstView<Scalar>(dense.data_ptr<Scalar>(), rows, cols);
}

#define NN_INSTANTIATE_TWIN(Scalar)                                          \
  template torch::nn::Sequential make_twin(const nn::Sequential<Scalar>&,    \
                                           TwinOutput);                      \
  template void copy_weights(const torch::nn::Sequential&,                   \
                             nn::Sequential<Scalar>&);                       \
  template void copy_weights(nn::Sequential<Scalar>&,                        \
                             const torch::nn::Sequential&);                  \
  template torch::Tensor as_tensor(nn::ConstView<Scalar>, const nn::Shape&); \
  template nn::Matrix<Scalar> as_matrix(const torch::Tensor&);
NN_INSTANTIATE_TWIN(float)
NN_INSTANTIATE_TWIN(double)
#undef NN_INSTANTIATE_TWIN

}  // namespace torch_twin
