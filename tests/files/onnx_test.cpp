#include "nn/files/onnx.h"

#include <limits>
#include <map>
#include <set>
#include <stdexcept>

#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/layers/standardize.h"
#include "nn/network/residual.h"
#include "support/catch.h"
#include "support/layer_examples.h"
#include "support/protobuf_reader.h"
#include "support/temporary_directory.h"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using nn::Index;
using nn::Matrix;
using nn::Sequential;
using nn::Shape;
using nn_test::ProtobufField;
using nn_test::read_protobuf;

namespace {

using Sizes = std::vector<Index>;

// The parts of an ONNX file, read by the numbers in onnx.proto.
struct Node {
  std::string operation;
  std::string name;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, Sizes> integers;
  std::map<std::string, float> floats;
};
struct Tensor {
  Sizes dims;
  int type = 0;
  std::string bytes;
};
struct Port {
  std::string name;
  int element_type = 0;
  std::vector<std::string> dims;
};
struct Model {
  Index format_version = 0;
  Index operator_set = 0;
  std::vector<Node> nodes;
  std::map<std::string, Tensor> tensors;
  Port input;
  Port output;

  std::vector<std::string> operations() const {
    std::vector<std::string> all;
    for (const Node& node : nodes) all.push_back(node.operation);
    return all;
  }
};

Node read_node(const std::string& bytes) {
  Node node;
  for (const ProtobufField& f : read_protobuf(bytes)) {
    if (f.number == 1) node.inputs.push_back(f.bytes);
    if (f.number == 2) node.outputs.push_back(f.bytes);
    if (f.number == 3) node.name = f.bytes;
    if (f.number == 4) node.operation = f.bytes;
    if (f.number != 5) continue;
    std::string name;
    Sizes integers;
    Index type = 0;
    float real = 0;
    for (const ProtobufField& a : read_protobuf(f.bytes)) {
      if (a.number == 1) name = a.bytes;
      if (a.number == 2) real = a.as_float();
      if (a.number == 3 || a.number == 8) {
        integers.push_back(static_cast<Index>(a.integer));
      }
      if (a.number == 20) type = static_cast<Index>(a.integer);
    }
    // FLOAT, INT, INTS.
    REQUIRE((type == 1 || type == 2 || type == 7));
    CHECK((type == 1) == integers.empty());
    if (type == 1) {
      node.floats[name] = real;
    } else {
      node.integers[name] = integers;
    }
  }
  return node;
}

Port read_port(const std::string& bytes) {
  Port port;
  for (const ProtobufField& f : read_protobuf(bytes)) {
    if (f.number == 1) port.name = f.bytes;
    if (f.number != 2) continue;
    const auto type = read_protobuf(f.bytes);
    REQUIRE(type.size() == 1);
    for (const ProtobufField& t : read_protobuf(type[0].bytes)) {
      if (t.number == 1) port.element_type = static_cast<int>(t.integer);
      if (t.number != 2) continue;
      for (const ProtobufField& dimension : read_protobuf(t.bytes)) {
        const auto value = read_protobuf(dimension.bytes);
        REQUIRE(value.size() == 1);
        port.dims.push_back(value[0].number == 2
                                ? value[0].bytes
                                : nn::concat(value[0].integer));
      }
    }
  }
  return port;
}

Model read_model(const std::string& bytes) {
  Model model;
  for (const ProtobufField& f : read_protobuf(bytes)) {
    if (f.number == 1) model.format_version = static_cast<Index>(f.integer);
    if (f.number == 8) {
      const auto set = read_protobuf(f.bytes);
      REQUIRE(set.size() == 1);  // of the default domain
      CHECK(set[0].number == 2);
      model.operator_set = static_cast<Index>(set[0].integer);
    }
    if (f.number != 7) continue;
    for (const ProtobufField& g : read_protobuf(f.bytes)) {
      if (g.number == 1) model.nodes.push_back(read_node(g.bytes));
      if (g.number == 11) model.input = read_port(g.bytes);
      if (g.number == 12) model.output = read_port(g.bytes);
      if (g.number != 5) continue;
      Tensor tensor;
      std::string name;
      for (const ProtobufField& t : read_protobuf(g.bytes)) {
        if (t.number == 1) tensor.dims.push_back(static_cast<Index>(t.integer));
        if (t.number == 2) tensor.type = static_cast<int>(t.integer);
        if (t.number == 8) name = t.bytes;
        if (t.number == 9) tensor.bytes = t.bytes;
      }
      CHECK(model.tensors.emplace(name, tensor).second);
    }
  }
  return model;
}

// What holds for every model: each name is written once, before it is read, and
// each tensor has the bytes that its sizes say.
void check_model(const Model& model) {
  CHECK(model.format_version == 8);
  CHECK(model.operator_set == 17);
  CHECK(model.input.name == "input");
  CHECK(model.input.element_type == 1);
  CHECK(model.input.dims.front() == "N");
  CHECK(model.output.name == "output");
  CHECK(model.output.element_type == 1);
  CHECK(model.output.dims.front() == "N");
  std::set<std::string> known{"input"};
  std::set<std::string> read;
  for (const auto& [name, tensor] : model.tensors) {
    CHECK(known.insert(name).second);
    Index bytes = tensor.type == 7 ? 8 : 4;
    CHECK((tensor.type == 1 || tensor.type == 7));
    for (const Index size : tensor.dims) bytes *= size;
    CHECK(static_cast<Index>(tensor.bytes.size()) == bytes);
  }
  for (const Node& node : model.nodes) {
    for (const std::string& input : node.inputs) {
      CHECK(known.count(input) == 1);
      read.insert(input);
    }
    REQUIRE(node.outputs.size() == 1);
    CHECK(known.insert(node.outputs[0]).second);
  }
  CHECK(known.count("output") == 1);
  for (const auto& [name, tensor] : model.tensors) CHECK(read.count(name) == 1);
}

template <typename Scalar>
Model exported(const Sequential<Scalar>& network) {
  const nn_test::TemporaryDirectory directory;
  const std::string path = directory.file("model.onnx");
  nn::export_onnx(path, network);
  Model model = read_model(nn::read_file(path));
  check_model(model);
  return model;
}

std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

}  // namespace

TEST_CASE("a convolution's groups and dilation are attributes in ONNX",
          "[onnx]") {
  nn::Conv2dOptions options;
  options.out_channels = 6;
  options.kernel = 2;
  options.dilation = {3, 2};
  options.groups = 3;
  options.bias = false;
  Sequential<float> network(Shape{3, 9, 8}, 1);
  network.add<nn::Conv2d>(options);
  const Model model = exported(network);
  const Node& conv = model.nodes.at(0);
  CHECK(conv.inputs == std::vector<std::string>{"input", "0.weight"});
  CHECK(conv.integers.at("dilations") == Sizes{3, 2});
  CHECK(conv.integers.at("group") == Sizes{3});
}

TEST_CASE("a network of layers is an ONNX graph of their operators", "[onnx]") {
  Sequential<float> network(Shape{2, 9, 8}, 1);
  network
      .add<nn::Conv2d>(5, nn::Extent(4, 2), nn::Extent(1, 3), nn::Extent(0, 1))
      .add<nn::ReLU>()
      .add<nn::MaxPool2d>(nn::Extent(3, 2), nn::Extent(2, 1));
  network.add<nn::Linear>(7).add<nn::Softmax>();
  const Model model = exported(network);
  CHECK(
      model.operations() ==
      std::vector<std::string>{
          "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Softmax", "Identity"});
  CHECK(model.input.dims == std::vector<std::string>{"N", "2", "9", "8"});
  CHECK(model.output.dims == std::vector<std::string>{"N", "7"});
  const Node& conv = model.nodes[0];
  CHECK(conv.inputs == std::vector<std::string>{"input", "0.weight", "0.bias"});
  CHECK(conv.integers.at("kernel_shape") == Sizes{4, 2});
  CHECK(conv.integers.at("strides") == Sizes{1, 3});
  CHECK(conv.integers.at("pads") == Sizes{0, 1, 0, 1});
  CHECK(conv.integers.at("dilations") == Sizes{1, 1});
  CHECK(conv.integers.at("group") == Sizes{1});
  const Node& pool = model.nodes[2];
  CHECK(pool.integers.at("kernel_shape") == Sizes{3, 2});
  CHECK(pool.integers.at("strides") == Sizes{2, 1});
  CHECK(model.nodes[3].integers.at("axis") == Sizes{1});
  const Node& gemm = model.nodes[4];
  CHECK(gemm.integers.at("transB") == Sizes{1});
  CHECK(gemm.inputs[1] == "3.weight");
  CHECK(model.nodes[5].integers.at("axis") == Sizes{1});

  CHECK(model.tensors.size() == 4);
  for (const auto& named : network.named_parameters()) {
    const Tensor& tensor = model.tensors.at(named.name);
    CHECK(tensor.dims == named.parameter->dims);
    const auto& value = named.parameter->value;
    CHECK(floats_of(tensor) ==
          std::vector<float>(value.data(), value.data() + value.size()));
  }
}

TEST_CASE("vectors and images turn into each other in ONNX where a layer wants",
          "[onnx]") {
  // One pixel a channel: a flat shape, which a convolution takes as well.
  Sequential<float> network(Shape{6}, 1);
  network.add<nn::Conv2d>(4, 1).add<nn::Linear>(3).add<nn::Conv2d>(2, 1);
  const Model model = exported(network);
  CHECK(
      model.operations() ==
      std::vector<std::string>{
          "Reshape", "Conv", "Flatten", "Gemm", "Reshape", "Conv", "Identity"});
  CHECK(model.input.dims == std::vector<std::string>{"N", "6"});
  CHECK(model.output.dims == std::vector<std::string>{"N", "2", "1", "1"});
  const Tensor& sizes = model.tensors.at(model.nodes[0].inputs[1]);
  CHECK(sizes.type == 7);
  std::vector<std::int64_t> values(4);
  REQUIRE(sizes.bytes.size() == 32);
  std::memcpy(values.data(), sizes.bytes.data(), 32);
  // -1 leaves the batch size open.
  CHECK(values == std::vector<std::int64_t>{-1, 6, 1, 1});
}

TEST_CASE("a residual block is a sum in ONNX", "[onnx]") {
  Sequential<float> network(Shape{4}, 1);
  network.add<nn::ReLU>().add<nn::Residual>([](auto& body) {
    body.template add<nn::Linear>(3).template add<nn::Residual>(
        [](auto& inner) { inner.template add<nn::Linear>(3); });
    body.template add<nn::Linear>(4);
  });
  const Model model = exported(network);
  CHECK(model.operations() ==
        std::vector<std::string>{
            "Relu", "Gemm", "Gemm", "Add", "Gemm", "Add", "Identity"});
  const auto& nodes = model.nodes;
  CHECK(nodes[3].inputs ==
        std::vector<std::string>{nodes[1].outputs[0], nodes[2].outputs[0]});
  CHECK(nodes[5].inputs ==
        std::vector<std::string>{nodes[0].outputs[0], nodes[4].outputs[0]});
  CHECK(nodes[2].inputs[1] == "1.body.1.body.0.weight");
  CHECK(model.tensors.at("1.body.2.weight").dims == Sizes{4, 3});
}

TEST_CASE("standardize takes its numbers along to ONNX, both ways",
          "[onnx][standardize]") {
  Matrix<float> x(12, 2);
  x << Matrix<float>::Constant(12, 1, 1), Matrix<float>::Constant(12, 1, 5);
  Sequential<float> network(Shape{3, 2, 2}, 1);
  network.add<nn::Standardize>(nn::Moments(x)).add<nn::Linear>(2);
  network.add<nn::Standardize>(nn::Moments(x.topRows(2).eval()),
                               nn::StandardizeForm::kInverse);
  const Model model = exported(network);
  CHECK(model.operations() ==
        std::vector<std::string>{
            "Sub", "Div", "Flatten", "Gemm", "Mul", "Add", "Identity"});
  CHECK(model.nodes[0].inputs == std::vector<std::string>{"input", "0.mean"});
  CHECK(model.nodes[1].inputs ==
        std::vector<std::string>{model.nodes[0].outputs[0], "0.deviation"});
  CHECK(model.nodes[4].inputs ==
        std::vector<std::string>{model.nodes[3].outputs[0], "2.deviation"});
  CHECK(model.nodes[5].inputs ==
        std::vector<std::string>{model.nodes[4].outputs[0], "2.mean"});
  CHECK(model.tensors.at("0.mean").dims == Sizes{3, 1, 1});
  CHECK(floats_of(model.tensors.at("0.mean")) == std::vector<float>{3, 3, 3});
  CHECK(model.tensors.at("2.deviation").dims == Sizes{2});
  CHECK(floats_of(model.tensors.at("2.deviation")) == std::vector<float>{2, 2});
}

TEST_CASE("norms take their running statistics and settings along to ONNX",
          "[onnx]") {
  nn::BatchNormOptions options;
  options.eps = 0.25;
  Sequential<float> network(Shape{2, 3, 4}, 1);
  network.add<nn::BatchNorm2d>(options);
  options.affine = false;
  network.add<nn::BatchNorm1d>(options);
  network.add<nn::LayerNorm>();
  network.named_buffers()[0].parameter->value << 5, 6;
  const Model model = exported(network);
  CHECK(model.operations() == std::vector<std::string>{"BatchNormalization",
                                                       "Flatten",
                                                       "BatchNormalization",
                                                       "Reshape",
                                                       "LayerNormalization",
                                                       "Identity"});
  const Node& norm = model.nodes[0];
  CHECK(norm.inputs ==
        std::vector<std::string>{
            "input", "0.weight", "0.bias", "0.running_mean", "0.running_var"});
  CHECK(norm.floats.at("epsilon") == 0.25f);
  CHECK(floats_of(model.tensors.at("0.running_mean")) ==
        std::vector<float>{5, 6});
  // Where there is no weight, one that changes nothing.
  CHECK(floats_of(model.tensors.at("1.weight")) == std::vector<float>(24, 1));
  CHECK(floats_of(model.tensors.at("1.bias")) == std::vector<float>(24, 0));
  CHECK(model.nodes[4].integers.at("axis") == Sizes{1});
  CHECK(model.tensors.at("2.weight").dims == Sizes{2, 3, 4});
}

TEMPLATE_TEST_CASE("every kind of layer of the library has an ONNX form",
                   "[onnx][layer_registry]",
                   float,
                   double) {
  for (const auto& example : nn_test::layer_examples()) {
    CAPTURE(example.spec.kind);
    const auto network = nn_test::example_network<TestType>(example);
    CHECK_FALSE(exported(network).nodes.empty());
  }
}

TEST_CASE("a network without layers hands its input through in ONNX",
          "[onnx]") {
  const Model model = exported(Sequential<float>(Shape{3, 1, 2}));
  CHECK(model.operations() == std::vector<std::string>{"Identity"});
  CHECK(model.output.dims == std::vector<std::string>{"N", "3", "1", "2"});
}

TEST_CASE("a layer without an ONNX form is named", "[onnx][errors]") {
  class Own final : public nn::Layer<float> {
   public:
    explicit Own(const Shape& shape) : Layer(shape, shape) {}
    std::string name() const override { return "Own"; }

   private:
    void do_forward(nn::ConstView<float> x,
                    nn::View<float> y,
                    nn::Mode,
                    nn::PassMemory) const override {
      y = x;
    }
    void do_backward(nn::ConstView<float>,
                     nn::ConstView<float>,
                     nn::ConstView<float>,
                     nn::View<float>,
                     nn::PassMemory) override {}
  };
  const nn_test::TemporaryDirectory directory;
  const std::string path = directory.file("model.onnx");
  Sequential<float> network(Shape{3});
  network.add<nn::ReLU>();
  network.add<nn::Residual>([](Sequential<float>& body) {
    body.add(std::make_unique<Own>(Shape{3}));
  });
  CHECK_THROWS_AS(nn::export_onnx(path, network), std::invalid_argument);
  CHECK_THROWS_WITH(
      nn::export_onnx(path, network),
      Equals("[export_onnx] expected layers that ONNX has a form for, got Own "
             "at place 1.body.0"));
  CHECK_THROWS_AS(nn::read_file(path), std::runtime_error);
}

TEST_CASE("a weight beyond float32 is not exported", "[onnx][errors]") {
  const nn_test::TemporaryDirectory directory;
  Sequential<double> network(Shape{3});
  network.add<nn::Linear>(2);
  network.parameters()[1]->value(1, 0) = 1e300;
  CHECK_THROWS_WITH(
      nn::export_onnx(directory.file("model.onnx"), network),
      Equals("[export_onnx] expected values in the range of float32, got "
             "1e+300 in 0.bias"));
  // An infinity is one in either type.
  network.parameters()[1]->value(1, 0) =
      std::numeric_limits<double>::infinity();
  CHECK_NOTHROW(nn::export_onnx(directory.file("model.onnx"), network));
  CHECK_THROWS_WITH(
      nn::export_onnx(directory.file("absent/model.onnx"), network),
      ContainsSubstring("absent/model.onnx"));
}
