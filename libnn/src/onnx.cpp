#include "nn/onnx.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "little_endian.h"
#include "nn/check.h"
#include "nn/file.h"
#include "nn/layer_registry.h"
#include "protobuf.h"

namespace nn {
namespace {

using internal::ProtobufMessage;
using internal::to_bytes;

constexpr int kOperatorSet = 17;  // the first with LayerNormalization
constexpr int kFormatVersion = 8;
// A protobuf message is smaller than 2 GiB.
constexpr std::size_t kMaxModelBytes = (std::size_t{1} << 31) - 1;

// The numbers of fields and types in onnx.proto.
namespace field {
namespace model {
constexpr int kFormatVersion = 1, kProducer = 2, kGraph = 7, kOperatorSet = 8;
}
namespace operator_set {
constexpr int kVersion = 2;
}
namespace graph {
constexpr int kNode = 1, kName = 2, kInitializer = 5, kInput = 11, kOutput = 12;
}
namespace node {
constexpr int kInput = 1, kOutput = 2, kName = 3, kOperator = 4, kAttribute = 5;
}
namespace attribute {
constexpr int kName = 1, kFloat = 2, kInteger = 3, kIntegers = 8, kType = 20;
constexpr int kTypeFloat = 1, kTypeInteger = 2, kTypeIntegers = 7;
}  // namespace attribute
namespace tensor {
constexpr int kDims = 1, kType = 2, kName = 8, kBytes = 9;
constexpr int kTypeFloat = 1, kTypeInt64 = 7;
}  // namespace tensor
namespace value_info {
constexpr int kName = 1, kType = 2;
}
namespace type {
constexpr int kTensor = 1, kElement = 1, kShape = 2;
}
namespace shape {
constexpr int kDimension = 1, kSize = 1, kSymbol = 2;
}
}  // namespace field

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
      // Inside of a body the name has the place before it.
      const std::string name =
          parameter->name.substr(parameter->name.rfind('.') + 1);
      node.tensors[name] = tensor_of(*parameter, concat(place, ".", name));
    }
  }
  return node;
}

/// A value of the graph: vectors (N x features) or images (N x C x H x W).
struct Value {
  std::string name;
  bool is_flat;
};

class Attributes {
 public:
  Attributes& integer(const std::string& name, Index value) {
    ProtobufMessage attribute;
    attribute.add_bytes(field::attribute::kName, name);
    attribute.add_integer(field::attribute::kInteger, value);
    attribute.add_integer(field::attribute::kType,
                          field::attribute::kTypeInteger);
    all_.push_back(attribute);
    return *this;
  }
  Attributes& integers(const std::string& name,
                       const std::vector<Index>& values) {
    ProtobufMessage attribute;
    attribute.add_bytes(field::attribute::kName, name);
    for (const Index value : values) {
      attribute.add_integer(field::attribute::kIntegers, value);
    }
    attribute.add_integer(field::attribute::kType,
                          field::attribute::kTypeIntegers);
    all_.push_back(attribute);
    return *this;
  }
  Attributes& number(const std::string& name, double value) {
    ProtobufMessage attribute;
    attribute.add_bytes(field::attribute::kName, name);
    attribute.add_float(field::attribute::kFloat, static_cast<float>(value));
    attribute.add_integer(field::attribute::kType,
                          field::attribute::kTypeFloat);
    all_.push_back(attribute);
    return *this;
  }

  const std::vector<ProtobufMessage>& all() const { return all_; }

 private:
  std::vector<ProtobufMessage> all_;
};

/// The nodes and tensors, in the order in which they are added.
class Graph {
 public:
  /// Adds a node and returns the name of its output.
  std::string add(const std::string& place,
                  const std::string& operation,
                  const std::vector<std::string>& inputs,
                  const Attributes& attributes = {}) {
    ProtobufMessage node;
    for (const std::string& input : inputs) {
      node.add_bytes(field::node::kInput, input);
    }
    const std::string name = concat(place, ".", operation, "_", nodes_.size());
    node.add_bytes(field::node::kOutput, name);
    node.add_bytes(field::node::kName, name);
    node.add_bytes(field::node::kOperator, operation);
    for (const ProtobufMessage& attribute : attributes.all()) {
      node.add_message(field::node::kAttribute, attribute);
    }
    nodes_.push_back(node);
    return name;
  }

  /// Adds a constant and returns its name.
  std::string add_floats(const std::string& name,
                         const std::vector<Index>& dims,
                         const std::vector<float>& values) {
    return add_tensor(
        name,
        field::tensor::kTypeFloat,
        dims,
        to_bytes(values.data(), static_cast<Index>(values.size())));
  }
  std::string add_int64s(const std::string& name,
                         const std::vector<std::int64_t>& values) {
    const auto count = static_cast<Index>(values.size());
    return add_tensor(name,
                      field::tensor::kTypeInt64,
                      {count},
                      to_bytes(values.data(), count));
  }
  std::string add_number(const std::string& name, double value) {
    return add_floats(name, {}, {static_cast<float>(value)});
  }

  /// The value in the form that an operator wants: as vectors, or as images of
  /// a shape.
  Value flat(const std::string& place, const Value& x) {
    if (x.is_flat) return x;
    return {add(place, "Flatten", {x.name}, Attributes().integer("axis", 1)),
            true};
  }
  Value images(const std::string& place, const Value& x, const Shape& shape) {
    if (!x.is_flat) return x;
    const std::string sizes =
        add_int64s(concat(place, ".shape_", nodes_.size()),
                   {-1, shape.channels, shape.height, shape.width});
    return {add(place, "Reshape", {x.name, sizes}), false};
  }

  ProtobufMessage to_message(const Shape& input_shape,
                             const Value& input,
                             const Shape& output_shape,
                             const Value& output) const {
    ProtobufMessage graph;
    for (const ProtobufMessage& node : nodes_) {
      graph.add_message(field::graph::kNode, node);
    }
    graph.add_bytes(field::graph::kName, "network");
    for (const ProtobufMessage& tensor : tensors_) {
      graph.add_message(field::graph::kInitializer, tensor);
    }
    graph.add_message(field::graph::kInput, value_info(input_shape, input));
    graph.add_message(field::graph::kOutput, value_info(output_shape, output));
    return graph;
  }

  void name_output(const std::string& value, const std::string& name) {
    ProtobufMessage node;
    node.add_bytes(field::node::kInput, value);
    node.add_bytes(field::node::kOutput, name);
    node.add_bytes(field::node::kName, name);
    node.add_bytes(field::node::kOperator, "Identity");
    nodes_.push_back(node);
  }

 private:
  std::string add_tensor(const std::string& name,
                         int type,
                         const std::vector<Index>& dims,
                         const std::string& bytes) {
    ProtobufMessage tensor;
    for (const Index size : dims) {
      tensor.add_integer(field::tensor::kDims, size);
    }
    tensor.add_integer(field::tensor::kType, type);
    tensor.add_bytes(field::tensor::kName, name);
    tensor.add_bytes(field::tensor::kBytes, bytes);
    tensors_.push_back(tensor);
    return name;
  }

  static ProtobufMessage value_info(const Shape& shape, const Value& value) {
    ProtobufMessage batch;
    batch.add_bytes(field::shape::kSymbol, "N");
    ProtobufMessage dims;
    dims.add_message(field::shape::kDimension, batch);
    std::vector<Index> sizes{shape.channels, shape.height, shape.width};
    if (value.is_flat) sizes = {shape.features()};
    for (const Index size : sizes) {
      ProtobufMessage dimension;
      dimension.add_integer(field::shape::kSize, size);
      dims.add_message(field::shape::kDimension, dimension);
    }
    ProtobufMessage tensor;
    tensor.add_integer(field::type::kElement, field::tensor::kTypeFloat);
    tensor.add_message(field::type::kShape, dims);
    ProtobufMessage type;
    type.add_message(field::type::kTensor, tensor);
    ProtobufMessage info;
    info.add_bytes(field::value_info::kName, value.name);
    info.add_message(field::value_info::kType, type);
    return info;
  }

  std::vector<ProtobufMessage> nodes_;
  std::vector<ProtobufMessage> tensors_;
};

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
  static const std::map<std::string, Export> all{
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

  ProtobufMessage operator_set;
  operator_set.add_integer(field::operator_set::kVersion, kOperatorSet);
  ProtobufMessage model;
  model.add_integer(field::model::kFormatVersion, kFormatVersion);
  model.add_bytes(field::model::kProducer, "libnn");
  model.add_message(
      field::model::kGraph,
      graph.to_message(
          network.input_shape(), input, network.output_shape(), output));
  model.add_message(field::model::kOperatorSet, operator_set);
  check_argument(model.bytes().size() <= kMaxModelBytes,
                 "[export_onnx] expected a model of at most 2 GiB, got ",
                 model.bytes().size(),
                 " bytes");
  write_file_atomically(path, model.bytes());
}

template void export_onnx<float>(const std::string&, const Sequential<float>&);
template void export_onnx<double>(const std::string&,
                                  const Sequential<double>&);

}  // namespace nn
