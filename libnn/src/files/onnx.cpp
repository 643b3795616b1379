#include "nn/files/onnx.h"

#include <cmath>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "files/onnx_graph.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/network/layer_registry.h"

namespace nn {
namespace {

using internal::onnx::Attributes;
using internal::onnx::Graph;
using internal::onnx::Value;

/// A layer without its scalar: all that its ONNX form is made of.
struct Node {
  std::string place;  ///< PyTorch's prefix of its weights: "3.body.0"
  LayerSpec spec;
  Shape in;
  Shape out;
  struct Tensor {
    std::vector<Index> dims;
    std::vector<float> values;
  };
  /// Parameters and buffers under their names in the layer: "weight".
  std::map<std::string, Tensor> tensors;
  std::vector<Node> body;
};

template <typename Scalar>
Node::Tensor tensor_of(const Parameter<Scalar>& parameter,
                       const std::string& name) {
  Node::Tensor tensor{parameter.dims, {}};
  tensor.values.reserve(static_cast<std::size_t>(parameter.value.size()));
  for (Index i = 0; i < parameter.value.size(); ++i) {
    const Scalar value = parameter.value.data()[i];
    const auto narrow = static_cast<float>(value);
    check_argument(!std::isfinite(value) || std::isfinite(narrow),
                   "[export_onnx] expected values in the range of float32, "
                   "got ",
                   value,
                   " in ",
                   name);
    tensor.values.push_back(narrow);
  }
  return tensor;
}

template <typename Scalar>
Node node_of(const Layer<Scalar>& layer, const std::string& place) {
  Node node;
  node.place = place;
  node.spec = spec_of(layer);
  node.in = layer.input_shape();
  node.out = layer.output_shape();
  Index inner_place = 0;
  for (const Layer<Scalar>* inner : layer.inner_layers()) {
    node.body.push_back(
        node_of(*inner, concat(place, ".body.", inner_place++)));
  }
  // A container's are those of its layers.
  if (!node.body.empty()) return node;
  for (const auto& all : {layer.parameters(), layer.buffers()}) {
    for (const Parameter<Scalar>* parameter : all) {
      const std::string& name = parameter->name;
      node.tensors[name] = tensor_of(*parameter, concat(place, ".", name));
    }
  }
  return node;
}

Value add_layer(Graph& graph, const Node& node, const Value& x);

/// The name of one of the layer's tensors, which becomes part of the graph.
std::string weight(Graph& graph, const Node& node, const std::string& name) {
  const Node::Tensor& tensor = node.tensors.at(name);
  return graph.add_floats(
      concat(node.place, ".", name), tensor.dims, tensor.values);
}

std::vector<Index> pair(const Node& node, const std::string& setting) {
  const Extent extent = node.spec.extent(setting);
  return {extent.height, extent.width};
}

/// The same zeros above and below, left and right.
std::vector<Index> pads(const Node& node) {
  const Extent padding = node.spec.extent("padding");
  return {padding.height, padding.width, padding.height, padding.width};
}

/// An operator on every element, which neither has weights nor cares for the
/// form of its input.
Value elementwise(Graph& graph,
                  const Node& node,
                  const Value& x,
                  const std::string& operation,
                  const Attributes& attributes = {}) {
  return {graph.add(node.place, operation, {x.name}, attributes), x.is_flat};
}

/// The layer's weight or bias, or where it has none the same number throughout.
std::string weight_or(Graph& graph,
                      const Node& node,
                      const std::string& name,
                      const std::vector<Index>& dims,
                      float otherwise) {
  if (node.tensors.count(name) > 0) return weight(graph, node, name);
  Index count = 1;
  for (const Index size : dims) count *= size;
  return graph.add_floats(
      concat(node.place, ".", name),
      dims,
      std::vector<float>(static_cast<std::size_t>(count), otherwise));
}

Value add_batch_norm(Graph& graph, const Node& node, const Value& x) {
  const std::vector<Index> dims = node.tensors.at("running_mean").dims;
  return {graph.add(node.place,
                    "BatchNormalization",
                    {x.name,
                     weight_or(graph, node, "weight", dims, 1),
                     weight_or(graph, node, "bias", dims, 0),
                     weight(graph, node, "running_mean"),
                     weight(graph, node, "running_var")},
                    Attributes().number("epsilon", node.spec.number("eps"))),
          x.is_flat};
}

Value add_batch_norm1d(Graph& graph, const Node& node, const Value& x) {
  return add_batch_norm(graph, node, graph.flat(node.place, x));
}

Value add_batch_norm2d(Graph& graph, const Node& node, const Value& x) {
  return add_batch_norm(graph, node, graph.images(node.place, x, node.in));
}

Value add_layer_norm(Graph& graph, const Node& node, const Value& x) {
  std::vector<Index> dims{node.in.channels};
  if (!node.in.is_flat()) {
    dims.push_back(node.in.height);
    dims.push_back(node.in.width);
  }
  // The weights have the dimensions of a sample.
  const Value in = node.in.is_flat() ? graph.flat(node.place, x)
                                     : graph.images(node.place, x, node.in);
  return {graph.add(node.place,
                    "LayerNormalization",
                    {in.name,
                     weight_or(graph, node, "weight", dims, 1),
                     weight_or(graph, node, "bias", dims, 0)},
                    Attributes().integer("axis", 1).number(
                        "epsilon", node.spec.number("eps"))),
          in.is_flat};
}

Value add_linear(Graph& graph, const Node& node, const Value& x) {
  const Value flat = graph.flat(node.place, x);
  return {graph.add(node.place,
                    "Gemm",
                    {flat.name,
                     weight(graph, node, "weight"),
                     weight(graph, node, "bias")},
                    Attributes().integer("transB", 1)),
          true};
}

Value add_conv2d(Graph& graph, const Node& node, const Value& x) {
  const Value images = graph.images(node.place, x, node.in);
  std::vector<std::string> inputs{images.name, weight(graph, node, "weight")};
  if (node.tensors.count("bias") > 0) {
    inputs.push_back(weight(graph, node, "bias"));
  }
  Attributes attributes;
  attributes.integers("kernel_shape", pair(node, "kernel_size"))
      .integers("strides", pair(node, "stride"))
      .integers("pads", pads(node));
  // 1 where a file or layer says nothing of them.
  if (node.spec.settings.count("groups") > 0) {
    attributes.integer("group", node.spec.integer("groups"));
  }
  if (node.spec.settings.count("dilation_h") > 0) {
    attributes.integers("dilations", pair(node, "dilation"));
  }
  return {graph.add(node.place, "Conv", inputs, attributes), false};
}

Value add_max_pool2d(Graph& graph, const Node& node, const Value& x) {
  const Value images = graph.images(node.place, x, node.in);
  return {graph.add(node.place,
                    "MaxPool",
                    {images.name},
                    Attributes()
                        .integers("kernel_shape", pair(node, "kernel_size"))
                        .integers("strides", pair(node, "stride"))),
          false};
}

Value add_avg_pool2d(Graph& graph, const Node& node, const Value& x) {
  const Value images = graph.images(node.place, x, node.in);
  return {graph.add(node.place,
                    "AveragePool",
                    {images.name},
                    Attributes()
                        .integers("kernel_shape", pair(node, "kernel_size"))
                        .integers("strides", pair(node, "stride"))
                        .integers("pads", pads(node))
                        .integer("count_include_pad",
                                 node.spec.flag("count_include_pad") ? 1 : 0)),
          false};
}

Value add_global_avg_pool2d(Graph& graph, const Node& node, const Value& x) {
  const Value images = graph.images(node.place, x, node.in);
  const Value means{graph.add(node.place, "GlobalAveragePool", {images.name}),
                    false};
  return graph.flat(node.place, means);
}

Value add_leaky_relu(Graph& graph, const Node& node, const Value& x) {
  return elementwise(
      graph,
      node,
      x,
      "LeakyRelu",
      Attributes().number("alpha", node.spec.number("negative_slope")));
}

/// Operator set 17 has no Gelu: layers/gelu.h has both formulas.
Value add_gelu(Graph& graph, const Node& node, const Value& x) {
  const auto constant = [&](const char* name, double value) {
    return graph.add_number(concat(node.place, ".", name), value);
  };
  const auto add = [&](const char* operation,
                       const std::vector<std::string>& inputs) {
    return graph.add(node.place, operation, inputs);
  };
  std::string bent;
  if (node.spec.flag("approximate_tanh")) {
    const std::string cube = add("Mul", {add("Mul", {x.name, x.name}), x.name});
    const std::string sum =
        add("Add", {x.name, add("Mul", {cube, constant("cubic", 0.044715)})});
    constexpr double kRootOfTwoOverPi = 0.79788456080286535588;
    bent =
        add("Tanh", {add("Mul", {sum, constant("scale", kRootOfTwoOverPi)})});
  } else {
    constexpr double kRootOfHalf = 0.70710678118654752440;
    bent = add("Erf", {add("Mul", {x.name, constant("scale", kRootOfHalf)})});
  }
  const std::string share = add(
      "Mul", {add("Add", {bent, constant("one", 1)}), constant("half", 0.5)});
  return {add("Mul", {x.name, share}), x.is_flat};
}

Value add_silu(Graph& graph, const Node& node, const Value& x) {
  const Value gate = elementwise(graph, node, x, "Sigmoid");
  return {graph.add(node.place, "Mul", {x.name, gate.name}), x.is_flat};
}

/// What does nothing in inference.
Value add_nothing(Graph& /*graph*/, const Node& /*node*/, const Value& x) {
  return x;
}

Value add_residual(Graph& graph, const Node& node, const Value& x) {
  Value y = x;
  for (const Node& inner : node.body) y = add_layer(graph, inner, y);
  y = x.is_flat ? graph.flat(node.place, y)
                : graph.images(node.place, y, node.in);
  return {graph.add(node.place, "Add", {x.name, y.name}), x.is_flat};
}

Value add_softmax(Graph& graph, const Node& node, const Value& x) {
  return elementwise(graph,
                     node,
                     graph.flat(node.place, x),
                     "Softmax",
                     Attributes().integer("axis", 1));
}

Value add_standardize(Graph& graph, const Node& node, const Value& x) {
  // For images, numbers that are spread over the pixels of their channels.
  std::vector<Index> dims{node.in.channels};
  if (!node.in.is_flat()) dims = {node.in.channels, 1, 1};
  const Value in = node.in.is_flat() ? graph.flat(node.place, x)
                                     : graph.images(node.place, x, node.in);
  const auto numbers = [&](const char* name) {
    return graph.add_floats(
        concat(node.place, ".", name), dims, node.tensors.at(name).values);
  };
  const std::string mean = numbers("mean");
  const std::string deviation = numbers("deviation");
  const auto apply = [&](const char* operation,
                         const std::string& value,
                         const std::string& number) {
    return graph.add(node.place, operation, {value, number});
  };
  return {node.spec.flag("inverse")
              ? apply("Add", apply("Mul", in.name, deviation), mean)
              : apply("Div", apply("Sub", in.name, mean), deviation),
          in.is_flat};
}

using Export = std::function<Value(Graph&, const Node&, const Value&)>;

/// An element-wise layer that is one operator without attributes.
Export plain(const std::string& operation) {
  return [operation](Graph& graph, const Node& node, const Value& x) {
    return elementwise(graph, node, x, operation);
  };
}

/// The ONNX form of every kind of layer. A new one gets its line here, in the
/// order of the alphabet.
const std::map<std::string, Export>& exports() {
  // Never destroyed: a destructor of the program may still export a network.
  static const auto& all = *new const std::map<std::string, Export>{
      {"AvgPool2d", add_avg_pool2d},
      {"BatchNorm1d", add_batch_norm1d},
      {"BatchNorm2d", add_batch_norm2d},
      {"Conv2d", add_conv2d},
      {"Dropout", add_nothing},
      {"GELU", add_gelu},
      {"GlobalAvgPool2d", add_global_avg_pool2d},
      {"Identity", add_nothing},
      {"LayerNorm", add_layer_norm},
      {"LeakyReLU", add_leaky_relu},
      {"Linear", add_linear},
      {"MaxPool2d", add_max_pool2d},
      {"ReLU", plain("Relu")},
      {"Residual", add_residual},
      {"SiLU", add_silu},
      {"Sigmoid", plain("Sigmoid")},
      {"Softmax", add_softmax},
      {"Standardize", add_standardize},
      {"Tanh", plain("Tanh")},
  };
  return all;
}

Value add_layer(Graph& graph, const Node& node, const Value& x) {
  const auto found = exports().find(node.spec.kind);
  check_argument(found != exports().end(),
                 "[export_onnx] expected layers that ONNX has a form for, got ",
                 node.spec.kind,
                 " at place ",
                 node.place);
  return found->second(graph, node, x);
}

}  // namespace

template <typename Scalar>
void export_onnx(const std::string& path, const Sequential<Scalar>& network) {
  Graph graph;
  const Value input{"input", network.input_shape().is_flat()};
  Value output = input;
  for (Index i = 0; i < network.size(); ++i) {
    output = add_layer(graph, node_of(network.layer(i), concat(i)), output);
  }
  graph.name_output(output.name, "output");
  output.name = "output";

  write_file_atomically(
      path,
      graph.to_model(
          network.input_shape(), input, network.output_shape(), output));
}

template void export_onnx<float>(const std::string&, const Sequential<float>&);
template void export_onnx<double>(const std::string&,
                                  const Sequential<double>&);

}  // namespace nn
