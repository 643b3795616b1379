#include "common/insight.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "nn/check.h"
#include "nn/data/image_set.h"
#include "nn/layers/conv2d.h"

namespace apps {
namespace {

// The shape that one column of the first layer's weights has as an image.
nn::Shape shape_of_filters(const nn::Sequential<float>& network) {
  const nn::Shape& input = network.input_shape();
  const auto* convolution =
      dynamic_cast<const nn::Conv2d<float>*>(&network.layer(0));
  if (convolution == nullptr) return input;
  return {input.channels,
          convolution->kernel().height,
          convolution->kernel().width};
}

std::optional<nn::Normalization> normalization_of(
    const nlohmann::json& summary) {
  nn::Normalization out;
  for (const auto& [name, value] :
       {std::pair("mean", &out.mean), std::pair("deviation", &out.deviation)}) {
    const nlohmann::json::json_pointer at(
        std::string("/dataset/normalization/") + name);
    if (!summary.contains(at) || !summary.at(at).is_number()) {
      return std::nullopt;
    }
    *value = summary.at(at).get<double>();
  }
  if (!(out.deviation > 0)) return std::nullopt;
  return out;
}

std::vector<LayerOutput> layer_outputs(const nn::Sequential<float>& network,
                                       const ShownImage& image,
                                       const nn::Normalization& normalization) {
  const nn::Shape shape{1, image.height, image.width};
  if (network.input_shape().features() != shape.features()) {
    throw std::runtime_error(nn::concat("expected a network for images of ",
                                        shape,
                                        ", found one for ",
                                        network.input_shape()));
  }
  // A network of few weights may still blow its image up.
  constexpr nn::Index kMostValues = nn::Index{1} << 26;
  nn::Index count = 0;
  for (nn::Index i = 0; i < network.size() && count <= kMostValues; ++i) {
    count += network.layer(i).output_shape().features();
  }
  if (count > kMostValues) {
    throw std::runtime_error(nn::concat("expected layers that make at most ",
                                        kMostValues,
                                        " values of an image, found more"));
  }
  const nn::ImageSet set{shape, image.gray, {image.label}, {}};
  nn::Matrix<float> x(shape.features(), 1);
  nn::Labels label(1);
  const nn::Index index = 0;
  nn::gather<float>(set, &index, 1, normalization, nn::view(x), label);
  const std::vector<nn::Matrix<float>> y =
      network.activations(nn::view(std::as_const(x)));
  std::vector<LayerOutput> outputs;
  for (nn::Index i = 0; i < network.size(); ++i) {
    const nn::Matrix<float>& values = y[static_cast<std::size_t>(i)];
    outputs.push_back({network.layer(i).name(),
                       network.layer(i).output_shape(),
                       {values.data(), values.data() + values.size()}});
  }
  return outputs;
}

}  // namespace

Insight look_inside(nn::Sequential<float>& network, const Run& run) {
  const auto parameters = network.parameters();
  if (parameters.empty()) {
    throw std::runtime_error("expected a network with weights, found none");
  }
  Insight insight;
  insight.first_weights = parameters.front()->value;
  insight.filter_shape = shape_of_filters(network);
  if (insight.first_weights.rows() != insight.filter_shape.features()) {
    throw std::runtime_error(nn::concat("expected first weights for images of ",
                                        insight.filter_shape,
                                        ", found ",
                                        insight.first_weights.rows(),
                                        " a unit"));
  }
  const auto image = std::find_if(
      run.images.begin(), run.images.end(), [](const ShownImage& shown) {
        return shown.index == kFeatureMapImage;
      });
  const auto normalization = normalization_of(run.summary);
  if (image != run.images.end() && normalization) {
    insight.outputs = layer_outputs(network, *image, *normalization);
  }
  return insight;
}

}  // namespace apps
