#include "support/layer_examples.h"

#include <cmath>

#include "nn/random.h"

namespace nn_test {
namespace {

nn::LayerSpec spec(const std::string& kind,
                   const nn::Settings& settings = {},
                   const std::vector<nn::LayerSpec>& body = {}) {
  nn::LayerSpec result;
  result.kind = kind;
  result.settings = settings;
  result.body = body;
  return result;
}

// Taken before any test runs.
const std::vector<std::string> kLibraryLayers = nn::registered_layers<double>();

}  // namespace

std::vector<LayerExample> layer_examples() {
  const nn::Settings norm{{"eps", 1e-2}, {"affine", 1}};
  const nn::Settings conv{{"out_channels", 5},
                          {"kernel_size_h", 4},
                          {"kernel_size_w", 2},
                          {"stride_h", 1},
                          {"stride_w", 3},
                          {"padding_h", 0},
                          {"padding_w", 1},
                          {"dilation_h", 2},
                          {"dilation_w", 1},
                          {"groups", 1},
                          {"bias", 1}};
  nn::Settings depthwise = conv;
  depthwise["out_channels"] = 4;
  depthwise["groups"] = 2;
  depthwise["bias"] = 0;
  const nn::Settings square_conv{{"out_channels", 2},
                                 {"kernel_size_h", 3},
                                 {"kernel_size_w", 3},
                                 {"stride_h", 1},
                                 {"stride_w", 1},
                                 {"padding_h", 1},
                                 {"padding_w", 1},
                                 {"dilation_h", 1},
                                 {"dilation_w", 1},
                                 {"groups", 1},
                                 {"bias", 1}};
  nn::Settings grouped = square_conv;
  grouped["out_channels"] = 6;
  grouped["groups"] = 2;
  const nn::Settings pool{{"kernel_size_h", 3},
                          {"kernel_size_w", 2},
                          {"stride_h", 1},
                          {"stride_w", 2}};
  nn::Settings average_pool = pool;
  average_pool["padding_h"] = 1;
  average_pool["padding_w"] = 0;
  average_pool["count_include_pad"] = 1;
  nn::Settings average_inside = average_pool;
  average_inside["count_include_pad"] = 0;
  const nn::Shape images{2, 9, 8};
  return {
      {images, spec("AvgPool2d", average_pool)},
      {images, spec("AvgPool2d", average_inside)},
      {nn::Shape{6},
       spec("BatchNorm1d", {{"eps", 1e-3}, {"momentum", 0.3}, {"affine", 1}})},
      {nn::Shape{6}, spec("BatchNorm1d", {{"eps", 1e-3}, {"affine", 0}})},
      {images, spec("BatchNorm2d", norm)},
      {images,
       spec("BatchNorm2d", {{"eps", 2e-2}, {"momentum", 0.3}, {"affine", 0}})},
      {images, spec("Conv2d", conv)},
      {images, spec("Conv2d", depthwise)},
      {nn::Shape{4, 5, 6}, spec("Conv2d", grouped)},
      {images, spec("Dropout", {{"p", 0.25}})},
      {images, spec("GELU", {{"approximate_tanh", 0}})},
      {images, spec("GELU", {{"approximate_tanh", 1}})},
      {images, spec("GlobalAvgPool2d")},
      {images, spec("Identity")},
      {images, spec("LayerNorm", {{"eps", 0.3}, {"elementwise_affine", 1}})},
      {nn::Shape{6},
       spec("LayerNorm", {{"eps", 0.3}, {"elementwise_affine", 0}})},
      {images, spec("LeakyReLU", {{"negative_slope", 0.3}})},
      {images, spec("Linear", {{"out_features", 7}})},
      {images, spec("MaxPool2d", pool)},
      {images, spec("ReLU")},
      {images,
       spec("Residual",
            {},
            {spec("Conv2d", square_conv),
             spec("BatchNorm2d", norm),
             spec("Residual", {}, {spec("ReLU"), spec("Conv2d", square_conv)}),
             spec("ReLU")})},
      {nn::Shape{6},
       spec("Residual",
            {},
            {spec("Linear", {{"out_features", 3}}),
             spec("Linear", {{"out_features", 6}})})},
      {images, spec("SiLU")},
      {images, spec("Sigmoid")},
      {images, spec("Softmax")},
      {images, spec("Standardize", {{"inverse", 0}})},
      {nn::Shape{6}, spec("Standardize", {{"inverse", 1}})},
      {images, spec("Tanh")},
  };
}

const std::vector<std::string>& library_layers() {
  return kLibraryLayers;
}

template <typename Scalar>
nn::Sequential<Scalar> example_network(const LayerExample& example) {
  nn::Sequential<Scalar> network(example.input_shape);
  network.add(nn::make_layer<Scalar>(example.input_shape, example.spec));
  nn::Rng rng(7);
  for (const auto& named : network.named_parameters()) {
    for (Scalar& value : named.parameter->value.reshaped()) {
      value = static_cast<Scalar>(rng.normal());
    }
  }
  // A running variance is positive.
  for (const auto& named : network.named_buffers()) {
    for (Scalar& value : named.parameter->value.reshaped()) {
      const double drawn = rng.uniform(0.5, 1.5);
      value = static_cast<Scalar>(
          named.parameter->counts ? std::floor(100 * drawn) : drawn);
    }
  }
  return network;
}

template nn::Sequential<float> example_network<float>(const LayerExample&);
template nn::Sequential<double> example_network<double>(const LayerExample&);

}  // namespace nn_test
