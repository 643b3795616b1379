#ifndef NN_SRC_FILES_ONNX_GRAPH_H_
#define NN_SRC_FILES_ONNX_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "files/little_endian.h"
#include "files/protobuf.h"
#include "nn/check.h"
#include "nn/shape.h"
#include "nn/types.h"

/// The file format of ONNX (onnx.proto): a graph of operators and tensors as a
/// message of Protocol Buffers. Which operators stand for a layer is decided in
/// onnx.cpp.
namespace nn::internal::onnx {

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

  /// The bytes of a file that holds the graph.
  /// Throws std::invalid_argument if they are too many for the format.
  std::string to_model(const Shape& input_shape,
                       const Value& input,
                       const Shape& output_shape,
                       const Value& output) const {
    ProtobufMessage operator_set;
    operator_set.add_integer(field::operator_set::kVersion, kOperatorSet);
    ProtobufMessage model;
    model.add_integer(field::model::kFormatVersion, kFormatVersion);
    model.add_bytes(field::model::kProducer, "libnn");
    model.add_message(field::model::kGraph,
                      to_message(input_shape, input, output_shape, output));
    model.add_message(field::model::kOperatorSet, operator_set);
    check_argument(model.bytes().size() <= kMaxModelBytes,
                   "[export_onnx] expected a model of at most 2 GiB, got ",
                   model.bytes().size(),
                   " bytes");
    return model.bytes();
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

}  // namespace nn::internal::onnx

#endif  // NN_SRC_FILES_ONNX_GRAPH_H_
