#include "nn/files/model.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>

#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/files/safetensors.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/network/layer_registry.h"
#include "nn/network/residual.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/layer_examples.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using nn::Index;
using nn::load_model;
using nn::Matrix;
using nn::save_model;
using nn::Sequential;
using nn::Shape;
using nn_test::same_bits;
using nn_test::TemporaryDirectory;

namespace {

constexpr const char* kKey = "libnn.model";

template <typename Scalar>
Sequential<Scalar> small_network() {
  Sequential<Scalar> network(Shape{2, 9, 8}, /*seed=*/3);
  network.template add<nn::Conv2d>(4, nn::Extent(3, 2))
      .template add<nn::ReLU>()
      .template add<nn::MaxPool2d>(2);
  network.template add<nn::Linear>(5).template add<nn::Softmax>();
  return network;
}

template <typename Scalar>
void check_same(Sequential<Scalar>& a, Sequential<Scalar>& b) {
  CHECK(a.summary() == b.summary());
  const auto compare = [](const auto& ours, const auto& theirs) {
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      CHECK(ours[i].name == theirs[i].name);
      CHECK(ours[i].parameter->dims == theirs[i].parameter->dims);
      CHECK(same_bits(ours[i].parameter->value, theirs[i].parameter->value));
    }
  };
  compare(a.named_parameters(), b.named_parameters());
  compare(a.named_buffers(), b.named_buffers());
  nn::Rng rng(8);
  const auto x =
      nn_test::normal_matrix<Scalar>(a.input_shape().features(), 5, rng);
  CHECK(same_bits(a.predict(nn::view(x)), b.predict(nn::view(x))));
}

/// A layer of one's own: y = weight * x, feature by feature, with settings
/// that the library knows in another sense.
template <typename Scalar>
class Gate final : public nn::Layer<Scalar> {
 public:
  Gate(const Shape& in,
       double out_features,
       double out_channels,
       bool saves = true)
      : nn::Layer<Scalar>(in, in),
        out_features_(out_features),
        out_channels_(out_channels),
        saves_(saves),
        weight_("weight", {in.features()}, in.features(), 1) {}
  std::string name() const override { return "TestGate"; }
  nn::Settings settings() const override {
    nn::Settings all{{"out_features", out_features_},
                     {"out_channels", out_channels_}};
    if (!saves_) all["saves"] = 0;
    return all;
  }
  using nn::Layer<Scalar>::parameters;
  std::vector<nn::Parameter<Scalar>*> parameters() override {
    if (!saves_) return {};
    return {&weight_};
  }
  void initialize(nn::Rng& rng) override {
    for (Index i = 0; i < weight_.value.size(); ++i) {
      weight_.value.data()[i] = static_cast<Scalar>(rng.uniform());
    }
  }

 private:
  void do_forward(nn::ConstView<Scalar> x,
                  nn::View<Scalar> y,
                  nn::Mode /*mode*/,
                  nn::PassMemory /*memory*/) const override {
    y = weight_.value.col(0).asDiagonal() * x;
  }
  void do_backward(nn::ConstView<Scalar> x,
                   nn::ConstView<Scalar> /*y*/,
                   nn::ConstView<Scalar> dy,
                   nn::View<Scalar> dx,
                   nn::PassMemory /*memory*/) override {
    weight_.grad = x.cwiseProduct(dy).rowwise().sum();
    if (dx.size() > 0) dx = weight_.value.col(0).asDiagonal() * dy;
  }

  double out_features_;
  double out_channels_;
  bool saves_;
  nn::Parameter<Scalar> weight_;
};

void register_gate() {
  static const bool once = [] {
    nn::register_layer<float>("TestGate",
                              [](const Shape& in, const nn::LayerSpec& spec) {
                                return std::make_unique<Gate<float>>(
                                    in,
                                    spec.number("out_features"),
                                    spec.number("out_channels"),
                                    spec.settings.count("saves") == 0);
                              });
    return true;
  }();
  static_cast<void>(once);
}

std::string layer_json(const nn::LayerSpec& spec) {
  std::string settings;
  for (const auto& [name, value] : spec.settings) {
    settings +=
        nn::concat(settings.empty() ? "" : ",", "\"", name, "\":", value);
  }
  std::string body;
  for (const nn::LayerSpec& inner : spec.body) {
    body += (body.empty() ? "" : ",") + layer_json(inner);
  }
  return "{\"kind\":\"" + spec.kind + "\",\"settings\":{" + settings +
         "},\"body\":[" + body + "]}";
}

/// A model file that describes layers and holds no weights.
std::string model_bytes(const std::string& shape, const std::string& layers) {
  const TemporaryDirectory directory;
  nn::SafetensorsFile file;
  file.metadata[kKey] = "{\"version\":1,\"input_shape\":" + shape +
                        ",\"layers\":[" + layers + "]}";
  nn::write_safetensors(directory.file("a"), file);
  return nn::read_file(directory.file("a"));
}

// A model file whose description of the layers was replaced.
class Changed {
 public:
  Changed() {
    auto network = small_network<float>();
    save_model(path_, network);
    file_ = nn::read_safetensors(path_);
  }
  const std::string& path() const { return path_; }
  std::string description() const { return file_.metadata.at(kKey); }

  // The message with which the file is refused, without its path.
  std::string error_of(const std::string& description) {
    nn::SafetensorsFile changed = file_;
    changed.metadata[kKey] = description;
    nn::write_safetensors(path_, changed);
    try {
      load_model<float>(path_);
    } catch (const std::runtime_error& error) {
      const std::string message = error.what();
      CHECK(message.find(path_ + ": ") == 0);
      return message.substr(std::min(message.size(), path_.size() + 2));
    }
    return "loaded";
  }
  std::string error_with(const std::string& from, const std::string& to) {
    std::string text = description();
    const std::size_t place = text.find(from);
    REQUIRE(place != std::string::npos);
    return error_of(text.replace(place, from.size(), to));
  }

 private:
  TemporaryDirectory directory_;
  std::string path_ = directory_.file("model.safetensors");
  nn::SafetensorsFile file_;
};

}  // namespace

TEST_CASE("a network is loaded from memory as from its file", "[model]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  auto network = small_network<float>();
  save_model(path, network);
  const std::string bytes = nn::read_file(path);

  auto loaded = load_model<float>(nn::MemoryFile{bytes});
  check_same(network, loaded);
  auto weights = small_network<float>();
  nn::Rng rng(9);
  weights.initialize(rng);
  nn::load_weights(nn::MemoryFile{bytes}, weights);
  check_same(network, weights);

  CHECK_THROWS_WITH(
      load_model<float>(nn::MemoryFile{"no", "the user's upload"}),
      ContainsSubstring("the user's upload: expected a safetensors file"));
}

TEST_CASE("every kind of layer has an example with all its settings",
          "[model][layer_registry]") {
  std::set<std::string> kinds;
  for (const auto& example : nn_test::layer_examples()) {
    kinds.insert(example.spec.kind);
    CAPTURE(example.spec.kind);
    const auto layer = nn::make_layer<float>(example.input_shape, example.spec);
    CHECK(layer->settings() == example.spec.settings);
  }
  CHECK(std::vector<std::string>(kinds.begin(), kinds.end()) ==
        nn_test::library_layers());
}

TEMPLATE_TEST_CASE("every kind of layer is the same to the bit after loading",
                   "[model]",
                   float,
                   double) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  for (const auto& example : nn_test::layer_examples()) {
    auto network = nn_test::example_network<TestType>(example);
    INFO(network.layer(0).describe());
    save_model(path, network);
    auto loaded = load_model<TestType>(path);
    check_same(network, loaded);
    // What is saved again is the same file.
    const std::string bytes = nn::read_file(path);
    save_model(path, loaded);
    CHECK(nn::read_file(path) == bytes);
  }
}

TEMPLATE_TEST_CASE("a network is the same to the bit after loading",
                   "[model]",
                   float,
                   double) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  auto network = small_network<TestType>();
  save_model(path, network);
  auto loaded = load_model<TestType>(path);
  check_same(network, loaded);

  Sequential<TestType> empty(Shape{3, 1, 2});
  save_model(path, empty);
  auto nothing = load_model<TestType>(path);
  CHECK(nothing.size() == 0);
  CHECK(nothing.input_shape() == Shape{3, 1, 2});
}

TEST_CASE("a model file describes its layers in JSON", "[model]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  Sequential<float> network(Shape{2, 1, 3});
  network.add<nn::Residual>([](auto& body) { body.template add<nn::ReLU>(); });
  network.add<nn::Linear>(4);
  save_model(path, network);
  CHECK(nn::read_safetensors(path).metadata.at(kKey) ==
        R"({"version":1,"input_shape":[2,1,3],"layers":[)"
        R"({"kind":"Residual","body":[{"kind":"ReLU"}]},)"
        R"({"kind":"Linear","settings":{"out_features":4}}]})");
}

TEST_CASE("a model file holds the weights that load_weights() reads",
          "[model]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  auto network = small_network<float>();
  save_model(path, network);
  Sequential<float> other = small_network<float>();
  nn::Rng rng(99);
  other.initialize(rng);
  nn::load_weights(path, other);
  check_same(network, other);
}

TEST_CASE("a model is loaded in another scalar than it was saved in",
          "[model]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  auto network = small_network<float>();
  save_model(path, network);
  auto wide = load_model<double>(path);
  const auto ours = network.named_parameters();
  const auto theirs = wide.named_parameters();
  REQUIRE(ours.size() == theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    CHECK(ours[i].parameter->value.cast<double>() ==
          theirs[i].parameter->value);
  }
}

TEST_CASE("a layer of one's own is loaded once it is registered", "[model]") {
  class Half final : public nn::Layer<float> {
   public:
    explicit Half(const Shape& shape, double share = 0.5)
        : Layer(shape, shape), share_(share) {}
    std::string name() const override { return "Half"; }
    nn::Settings settings() const override { return {{"share", share_}}; }

   private:
    void do_forward(nn::ConstView<float> x,
                    nn::View<float> y,
                    nn::Mode,
                    nn::PassMemory) const override {
      y = static_cast<float>(share_) * x;
    }
    void do_backward(nn::ConstView<float>,
                     nn::ConstView<float>,
                     nn::ConstView<float>,
                     nn::View<float>,
                     nn::PassMemory) override {}
    double share_;
  };
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  Sequential<float> network(Shape{3});
  network.add(std::make_unique<Half>(Shape{3}, 0.3));
  save_model(path, network);
  CHECK_THROWS_WITH(
      load_model<float>(path),
      ContainsSubstring("layer 0: [make_layer] expected a known kind") &&
          ContainsSubstring("got \"Half\""));
  nn::register_layer<float>(
      "Half", [](const Shape& in, const nn::LayerSpec& spec) {
        return std::make_unique<Half>(in, spec.number("share"));
      });
  auto loaded = load_model<float>(path);
  check_same(network, loaded);
  CHECK(loaded.layer(0).settings().at("share") == 0.3);

  Sequential<float> infinite(Shape{3});
  infinite.add(std::make_unique<Half>(Shape{3}, HUGE_VAL));
  CHECK_THROWS_WITH(save_model(path, infinite),
                    Equals("[save_model] expected a finite value for the "
                           "setting share of Half, got inf"));
}

TEST_CASE("a file of weights alone is no model", "[model][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights.safetensors");
  auto network = small_network<float>();
  nn::save_weights(path, network);
  CHECK_THROWS_AS(load_model<float>(path), std::runtime_error);
  CHECK_THROWS_WITH(load_model<float>(path),
                    ContainsSubstring(path) &&
                        ContainsSubstring("expected a model file") &&
                        ContainsSubstring("load_weights()"));
  CHECK_THROWS_WITH(load_model<float>(directory.file("absent.safetensors")),
                    ContainsSubstring("absent.safetensors"));
}

TEST_CASE("a model whose description is damaged is refused, with the reason",
          "[model][errors]") {
  Changed file;
  CHECK(file.error_of(file.description()) == "loaded");
  CHECK(file.error_with("\"version\":1", "\"version\":2") ==
        "expected version 1 of the description of the layers, found 2");
  CHECK(file.error_with("\"version\":1,", "") ==
        "the description of the layers has no version");
  CHECK(file.error_with("\"input_shape\":[2,9,8],", "") ==
        "the description of the layers has no input_shape");
  CHECK(file.error_of("{\"version\":1,\"input_shape\":[2,9,8]}") ==
        "the description of the layers has no layers");
  CHECK(file.error_with("[2,9,8]", "[2,9]") ==
        "expected 3 sizes of the input, found 2");
  CHECK(file.error_with("[2,9,8]", "[2,0,8]") ==
        "expected sizes of the input from 1 to 2147483648, found 0");
  CHECK(file.error_with("[2,9,8]", "[2,9,9999999999]") ==
        "expected sizes of the input from 1 to 2147483648, found 9999999999");
  CHECK(file.error_with("\"layers\"", "\"Layers\"") ==
        "expected version, input_shape and layers, found \"Layers\"");
  CHECK(file.error_with("\"kind\":\"ReLU\"", "\"name\":\"ReLU\"") ==
        "expected the kind, settings and body of a layer, found \"name\"");
  CHECK(file.error_with("\"kind\":\"ReLU\"", "") == "a layer has no kind");
  CHECK_THAT(file.error_with("ReLU", "Relu"),
             ContainsSubstring("layer 1: [make_layer] expected a known kind") &&
                 ContainsSubstring("got \"Relu\""));
  CHECK(file.error_with("\"out_channels\":4,", "") ==
        "layer 0: [Conv2d] expected the setting out_channels, got none");
  CHECK(file.error_with("\"out_channels\":4", "\"out_channels\":4.5") ==
        "layer 0: [Conv2d] expected a whole number for the setting "
        "out_channels, got 4.5");
  CHECK(file.error_with("\"stride_h\":1", "\"stride_h\":0") ==
        "layer 0: [Conv2d] expected a stride of at least 1x1, got 0x1");
  CHECK(file.error_with("\"kind\":\"ReLU\"",
                        "\"kind\":\"ReLU\",\"settings\":{\"p\":1}") ==
        "layer 1: [ReLU] expected settings of this layer alone, got also p");
  CHECK(file.error_with("\"kind\":\"ReLU\"",
                        "\"kind\":\"ReLU\",\"body\":[{\"kind\":\"ReLU\"}]") ==
        "layer 1: [ReLU] expected 0 inner layers, got 1");
  CHECK_THAT(file.error_of(""), ContainsSubstring("found its end"));
  CHECK_THAT(file.error_of("[]"), ContainsSubstring("expected '{' at byte 0"));
  CHECK_THAT(file.error_of(file.description() + "x"),
             ContainsSubstring("nothing but spaces"));
}

TEST_CASE("a model whose weights do not fit its layers is refused",
          "[model][errors]") {
  Changed file;
  CHECK_THAT(file.error_with("\"out_features\":5", "\"out_features\":4"),
             ContainsSubstring("parameter \"3.weight\": expected [4, 36], "
                               "found [5, 36]"));
  CHECK_THAT(file.error_with(",{\"kind\":\"Linear\",\"settings\":"
                             "{\"out_features\":5}}",
                             ""),
             ContainsSubstring("found also \"3.weight\""));
}

TEST_CASE("damaged sizes in a model reserve no memory", "[model][errors]") {
  Changed file;
  // The file has 237 values; some may be made that are not in it.
  CHECK(file.error_with("\"out_features\":5", "\"out_features\":5000") ==
        "layer 3: [Linear] expected parameters of at most 66010 elements "
        "together, got one of 36 x 5000 with 65958 left");
  CHECK_THAT(
      file.error_with("\"out_features\":5", "\"out_features\":900719925474099"),
      ContainsSubstring("layer 3: [Layer] expected a shape of at most"));
  CHECK_THAT(
      file.error_with("\"out_channels\":4", "\"out_channels\":40000"),
      ContainsSubstring("expected parameters of at most 66010 elements"));
  CHECK_THAT(file.error_with("\"out_channels\":4", "\"out_channels\":4e12"),
             ContainsSubstring("[Conv2d] expected sizes whose product"));
  CHECK_THAT(file.error_with("\"padding_h\":0,\"padding_w\":0",
                             "\"padding_h\":2000000000,"
                             "\"padding_w\":2000000000"),
             ContainsSubstring("[Conv2d] expected sizes whose product"));
  CHECK_THAT(file.error_with("\"padding_h\":0,\"padding_w\":0",
                             "\"padding_h\":1000000,\"padding_w\":1000000"),
             ContainsSubstring("[Conv2d] expected sizes whose product"));
  CHECK_THAT(file.error_with("\"padding_h\":0", "\"padding_h\":4e15"),
             ContainsSubstring("padding_h from 0 to 2147483648"));
  CHECK_THAT(file.error_with("[2,9,8]", "[2147483648,2147483648,2147483648]"),
             ContainsSubstring("input_shape: [Sequential] expected a shape"));
  // Inside of a body as well.
  CHECK_THAT(
      file.error_of(
          R"({"version":1,"input_shape":[2,9,8],"layers":[{"kind":"Residual",)"
          R"("body":[{"kind":"Linear","settings":{"out_features":1e6}}]}]})"),
      ContainsSubstring("expected parameters of at most 66010 elements"));
}

TEST_CASE("a file of a few bytes takes little memory, whatever it describes",
          "[model][errors]") {
  // Every kind of layer, the library's and a program's own, over huge samples.
  register_gate();
  std::vector<nn::LayerSpec> specs;
  for (const auto& example : nn_test::layer_examples()) {
    specs.push_back(example.spec);
  }
  specs.push_back(
      {"TestGate", {{"out_features", 1e9}, {"out_channels", 7}}, {}});
  std::size_t tried = 0;
  for (const nn::LayerSpec& spec : specs) {
    for (const char* shape :
         {"[1,20000,20000]", "[400000000,1,1]", "[8,1000,1000]"}) {
      // The layer itself, often, and inside of a body.
      const std::string layer = layer_json(spec);
      std::string many = layer;
      for (int i = 0; i < 20; ++i) many += "," + layer;
      for (const std::string& layers :
           {layer, many, R"({"kind":"Residual","body":[)" + layer + "]}"}) {
        const std::string bytes = model_bytes(shape, layers);
        INFO(spec.kind << " over " << shape);
        const std::size_t before = nn_test::allocated_bytes();
        try {
          load_model<float>(nn::MemoryFile{bytes});
        } catch (const std::runtime_error&) {
        }
        CHECK(nn_test::allocated_bytes() - before < 2500000);
        ++tried;
      }
    }
  }
  CHECK(tried >= 9 * 19);
}

TEST_CASE("parameters that no file holds can be allowed", "[model]") {
  Sequential<float> network(Shape{100, 40, 40});
  nn::BatchNormOptions options;
  options.affine = false;
  network.add<nn::BatchNorm2d>(options);
  nn::LayerNormOptions plain;
  plain.affine = false;
  network.add<nn::LayerNorm>(plain);
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  save_model(path, network);
  CHECK_NOTHROW(load_model<float>(path));

  // As many as a layer of one's own makes and does not save.
  register_gate();
  Sequential<float> hidden(Shape{100000});
  hidden.add<Gate>(2.0, 0.0, /*saves=*/false);
  save_model(path, hidden);
  CHECK_THROWS_WITH(
      load_model<float>(path),
      ContainsSubstring("layer 0: [TestGate] expected parameters of at most "
                        "65536 elements together, got one of 100000 x 1"));
  nn::ReadLimits limits;
  limits.unsaved_elements = 100000;
  CHECK_NOTHROW(load_model<float>(path, limits));
}

TEST_CASE("the settings of a layer of one's own are its own", "[model]") {
  register_gate();
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  // Names that the library's layers have, with another meaning.
  Sequential<float> network(Shape{3, 2, 2}, 5);
  network.add<Gate>(1e12, -4.0).add<nn::Linear>(2);
  save_model(path, network);
  auto loaded = load_model<float>(path);
  check_same(network, loaded);
}

TEST_CASE("bodies nested beyond any use do not exhaust the stack",
          "[model][errors]") {
  Changed file;
  std::string layers = "{\"kind\":\"ReLU\"}";
  const auto description = [&layers] {
    return "{\"version\":1,\"input_shape\":[3,1,1],\"layers\":[" + layers +
           "]}";
  };
  const auto nest = [&layers](int times) {
    std::string open;
    std::string close;
    for (int i = 0; i < times; ++i) {
      open += "{\"kind\":\"Residual\",\"body\":[";
      close += "]}";
    }
    layers = open + layers + close;
  };
  nest(10);
  CHECK_THAT(file.error_of(description()), ContainsSubstring("found also"));
  nest(100000);
  CHECK(file.error_of(description()) ==
        "expected bodies in at most 32 layers, found more");

  // Who trusts a file may allow more.
  layers = "{\"kind\":\"ReLU\"}";
  nest(33);
  CHECK(file.error_of(description()) ==
        "expected bodies in at most 32 layers, found more");
  nn::ReadLimits limits;
  limits.body_depth = 33;
  CHECK_THROWS_WITH(load_model<float>(file.path(), limits),
                    ContainsSubstring("found also"));
}

TEST_CASE("a damaged model file loads or throws and does nothing else",
          "[model][errors][fuzz]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  Sequential<float> network(Shape{1, 4, 4}, 1);
  network.add<nn::Conv2d>(2, 3, 1, 1).add<nn::ReLU>().add<nn::MaxPool2d>(2);
  network.add<nn::Residual>(
      [](auto& body) { body.template add<nn::Conv2d>(2, 3, 1, 1); });
  network.add<nn::Linear>(3).add<nn::Softmax>();
  save_model(path, network);
  const std::string good = nn::read_file(path);
  const std::size_t description = good.find(kKey);
  const std::size_t end = good.find("}\"}", description);
  REQUIRE(end != std::string::npos);

  int loaded = 0;
  int refused = 0;
  const auto load = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      load_model<float>(path);
      ++loaded;
    } catch (const std::runtime_error&) {
      ++refused;
    }
  };
  nn::Rng rng(11);
  for (std::size_t i = description; i < end; ++i) {
    std::string bytes = good;
    bytes[i] = static_cast<char>(rng.index(256));
    load(bytes);
    // Other digits make other sizes.
    bytes[i] = static_cast<char>('0' + rng.index(10));
    load(bytes);
    bytes[i] = ' ';
    load(bytes);
  }
  CHECK(refused > 1000);
  CHECK(loaded > 0);
}

TEST_CASE("predict_classes gives the row of the largest output",
          "[sequential]") {
  Sequential<float> network(Shape{2, 9, 8}, 4);
  network.add<nn::Linear>(6).add<nn::Softmax>();
  nn::Rng rng(5);
  // More than one part, and a part that is not whole.
  const auto x = nn_test::normal_matrix<float>(144, 600, rng);
  const Matrix<float> y = network.predict(nn::view(x));
  const nn::Labels classes = network.predict_classes(nn::view(x));
  REQUIRE(classes.size() == 600);
  std::set<int> seen;
  for (Index n = 0; n < 600; ++n) {
    Index largest = 0;
    y.col(n).maxCoeff(&largest);
    CHECK(classes[n] == largest);
    seen.insert(classes[n]);
  }
  CHECK(seen.size() > 3);

  // Of equal outputs the first one counts.
  Sequential<float> same(Shape{4});
  const Matrix<float> equal = Matrix<float>::Ones(4, 2);
  CHECK(same.predict_classes(nn::view(equal)) == nn::Labels::Zero(2));
  // Where one is a NaN none is the largest.
  for (Index place = 0; place < 4; ++place) {
    Matrix<float> damaged = equal;
    damaged(2, 1) = 3.0f;
    damaged(place, 1) = std::numeric_limits<float>::quiet_NaN();
    CHECK(same.predict_classes(damaged)[0] == 0);
    CHECK(same.predict_classes(damaged)[1] == -1);
  }
  CHECK(same.predict_classes(Matrix<float>(4, 0)).size() == 0);
  const Matrix<float> wrong = Matrix<float>::Ones(5, 2);
  CHECK_THROWS_WITH(same.predict_classes(nn::view(wrong)),
                    ContainsSubstring("expected 4 rows"));
}

TEST_CASE("memory that runs out at any place harms neither file nor network",
          "[model][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("model.safetensors");
  auto network = small_network<float>();
  save_model(path, network);
  const std::string bytes = nn::read_file(path);
  // A description in escapes, a container, and types that are converted.
  auto target = small_network<float>();
  nn::Rng rng(4);
  target.initialize(rng);
  const auto before = target.named_parameters().front().parameter->value;
  std::size_t points = 0;

  const auto inject = [&points](const auto& work, const auto& check) {
    for (std::size_t nth = 1;; ++nth) {
      bool happened = false;
      bool failed = false;
      {
        const nn_test::AllocationFault fault(nth);
        try {
          work();
        } catch (const std::bad_alloc&) {
          failed = true;
        } catch (const std::runtime_error&) {
          failed = true;
        }
        happened = fault.happened();
      }
      if (!happened) {
        CHECK_FALSE(failed);
        return;
      }
      ++points;
      check(failed);
    }
  };
  // Where the library can do without a block, as sorting can, the work is done.
  const auto& saved = network.named_parameters().front().parameter->value;
  std::optional<Sequential<float>> loaded;
  const auto check_loaded = [&](bool failed) {
    REQUIRE(failed != loaded.has_value());
    if (failed) return;
    CHECK(
        same_bits(loaded->named_parameters().front().parameter->value, saved));
    loaded.reset();
  };
  inject([&] { loaded = load_model<float>(nn::MemoryFile{bytes}); },
         check_loaded);
  loaded.reset();
  inject([&] { loaded = load_model<float>(path); }, check_loaded);
  inject([&] { nn::load_weights(nn::MemoryFile{bytes}, target); },
         [&](bool failed) {
           auto& value = target.named_parameters().front().parameter->value;
           CHECK(same_bits(value, failed ? before : saved));
           value = before;
         });
  inject([&] { save_model(path, target); },
         [&](bool failed) {
           // Under its name is the old file or the new one.
           const std::string now = nn::read_file(path);
           CHECK(now.size() == bytes.size());
           if (failed) CHECK(now == bytes);
           nn::write_file_atomically(path, bytes);
         });
  CHECK(points > 500);
}
