#include "files/named_tensors.h"

#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/files/file.h"
#include "nn/files/safetensors.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/network/residual.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;
using nn_test::message_of;
using nn_test::TemporaryDirectory;
using Error = std::runtime_error;

template <typename Scalar>
nn::Sequential<Scalar> small_network(std::uint64_t seed) {
  nn::Sequential<Scalar> network(nn::Shape{1, 6, 5}, seed);
  network.template add<nn::Conv2d>(3, 3)
      .template add<nn::ReLU>()
      .template add<nn::Linear>(4);
  // Biases start at zero; here they must show whether they are carried along.
  nn::Rng rng(seed + 100);
  for (nn::Parameter<Scalar>* parameter : network.parameters()) {
    parameter->value = nn_test::normal_matrix<Scalar>(
        parameter->value.rows(), parameter->value.cols(), rng);
  }
  return network;
}

/// y = x, with a parameter, a buffer of numbers and a counter.
template <typename Scalar>
class Tracker final : public nn::Layer<Scalar> {
 public:
  explicit Tracker(const nn::Shape& input)
      : nn::Layer<Scalar>(input, input),
        weight_("weight", {2}, 2, 1),
        mean_(nn::Parameter<Scalar>::buffer("running_mean", {3}, 3, 1)),
        steps_(nn::Parameter<Scalar>::counter("steps")) {}

  std::string name() const override { return "Tracker"; }
  using nn::Layer<Scalar>::parameters;
  using nn::Layer<Scalar>::buffers;
  std::vector<nn::Parameter<Scalar>*> parameters() override {
    return {&weight_};
  }
  std::vector<nn::Parameter<Scalar>*> buffers() override {
    return {&mean_, &steps_};
  }

 private:
  void do_forward(nn::ConstView<Scalar> x,
                  nn::View<Scalar> y,
                  nn::Mode,
                  nn::PassMemory) const override {
    y = x;
  }
  void do_backward(nn::ConstView<Scalar>,
                   nn::ConstView<Scalar>,
                   nn::ConstView<Scalar> dy,
                   nn::View<Scalar> dx,
                   nn::PassMemory) override {
    if (dx.size() > 0) dx = dy;
  }

  nn::Parameter<Scalar> weight_;
  nn::Parameter<Scalar> mean_;
  nn::Parameter<Scalar> steps_;
};

template <typename Scalar>
nn::Sequential<Scalar> tracking_network(double steps) {
  nn::Sequential<Scalar> network(nn::Shape{2});
  network.template add<nn::ReLU>().template add<Tracker>();
  const auto buffers = network.named_buffers();
  buffers.at(0).parameter->value << Scalar(0.1), Scalar(-2), Scalar(3);
  buffers.at(1).parameter->value(0, 0) = static_cast<Scalar>(steps);
  return network;
}

template <typename Scalar>
std::vector<nn::Matrix<Scalar>> values_of(nn::Sequential<Scalar>& network) {
  std::vector<nn::Matrix<Scalar>> values;
  for (const nn::Parameter<Scalar>* parameter : network.parameters()) {
    values.push_back(parameter->value);
  }
  return values;
}

template <typename Scalar>
bool same_values(const std::vector<nn::Matrix<Scalar>>& a,
                 const std::vector<nn::Matrix<Scalar>>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!nn_test::same_bits(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace

TEMPLATE_TEST_CASE("reloaded weights are the same to the bit",
                   "[safetensors]",
                   float,
                   double) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<TestType> saved = small_network<TestType>(1);
  // Values that a detour over text or another type would not survive.
  using Limits = std::numeric_limits<TestType>;
  auto* weight = saved.parameters()[0]->value.data();
  weight[0] = Limits::denorm_min();
  weight[1] = -TestType(0);
  weight[2] = Limits::infinity();
  weight[3] = Limits::quiet_NaN();
  weight[4] = Limits::max();
  nn::save_weights(path, saved);

  nn::Sequential<TestType> loaded = small_network<TestType>(2);
  REQUIRE(!same_values(values_of(saved), values_of(loaded)));
  nn::load_weights(path, loaded);
  REQUIRE(same_values(values_of(saved), values_of(loaded)));
}

TEST_CASE("weights are saved under pytorch's names and shapes",
          "[safetensors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<float> network = small_network<float>(1);
  nn::save_weights(path, network);
  const nn::SafetensorsFile file = nn::read_safetensors(path);
  const std::vector<std::pair<std::string, std::vector<Index>>> expected = {
      {"0.weight", {3, 1, 3, 3}},
      {"0.bias", {3}},
      {"2.weight", {4, 36}},
      {"2.bias", {4}}};
  REQUIRE(file.tensors.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(file.tensors[i].name == expected[i].first);
    CHECK(file.tensors[i].dims == expected[i].second);
    CHECK(file.tensors[i].dtype == "F32");
  }
  // Row 1, column 2 of the (out, in) array is weight(2, 1) here.
  float value = 0.0f;
  std::memcpy(&value,
              file.tensors[2].bytes.data() + (1 * 36 + 2) * sizeof(float),
              sizeof(float));
  CHECK(value == network.parameters()[2]->value(2, 1));
}

TEMPLATE_TEST_CASE("buffers are saved and reloaded to the bit",
                   "[safetensors][buffers]",
                   float,
                   double) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  // The largest number below which float misses no whole number.
  nn::Sequential<TestType> saved = tracking_network<TestType>(16777215.0);
  const auto buffers = saved.named_buffers();
  REQUIRE(buffers.size() == 2);
  CHECK(buffers[0].name == "1.running_mean");
  CHECK(buffers[1].name == "1.steps");
  CHECK(buffers[0].parameter->grad.size() == 0);
  // What is trained does not include them.
  CHECK(saved.parameters().size() == 1);
  CHECK(saved.parameter_count() == 2);
  nn::save_weights(path, saved);

  const nn::SafetensorsFile file = nn::read_safetensors(path);
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.tensors[1].name == "1.running_mean");
  CHECK(file.tensors[1].dims == std::vector<Index>{3});
  CHECK(file.tensors[2].name == "1.steps");
  CHECK(file.tensors[2].dtype == "I64");
  CHECK(file.tensors[2].dims.empty());
  CHECK(file.tensors[2].bytes == std::string("\xff\xff\xff\0\0\0\0\0", 8));

  nn::Sequential<TestType> loaded = tracking_network<TestType>(3.0);
  loaded.named_buffers()[0].parameter->value.setZero();
  nn::load_weights(path, loaded);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(nn_test::same_bits(loaded.named_buffers()[i].parameter->value,
                             buffers[i].parameter->value));
  }
}

TEST_CASE("a const layer has the same buffers", "[layer][buffers]") {
  nn::Sequential<float> network = tracking_network<float>(0.0);
  const nn::Layer<float>& tracker = network.layer(1);
  REQUIRE(tracker.buffers().size() == 2);
  CHECK(tracker.buffers()[0] == network.layer(1).buffers()[0]);
  const nn::Layer<float>& relu = network.layer(0);
  CHECK(relu.buffers().empty());
}

TEST_CASE("buffers that do not fit change nothing",
          "[safetensors][buffers][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<float> network = tracking_network<float>(7.0);
  nn::save_weights(path, network);
  const nn::SafetensorsFile good = nn::read_safetensors(path);
  const auto complaint_about = [&](const nn::SafetensorsFile& file) {
    nn::write_safetensors(path, file);
    const std::string message =
        message_of<Error>([&] { nn::load_weights(path, network); });
    CHECK(network.named_buffers()[0].parameter->value(1, 0) == -2.0f);
    CHECK(network.named_buffers()[1].parameter->value(0, 0) == 7.0f);
    return message;
  };

  nn::SafetensorsFile file = good;
  file.tensors[1].bytes.assign(3 * sizeof(float), '\0');
  file.tensors[2].dtype = "F64";
  CHECK_THAT(
      complaint_about(file),
      ContainsSubstring(
          "parameter \"1.steps\": expected the type I64, found \"F64\""));

  file = good;
  file.tensors[1].dtype = "I64";
  file.tensors[1].bytes.assign(24, '\0');
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("parameter \"1.running_mean\": expected the "
                               "type F32, F64, F16 or BF16, found \"I64\""));

  file = good;
  file.tensors[2].bytes.assign(8, '\xff');
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("parameter \"1.steps\": expected a count from 0 "
                               "to 9007199254740992, found -1"));
  file.tensors[2].bytes = std::string("\x01\0\0\0\0\0\x20\0", 8);
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("found 9007199254740993"));

  file = good;
  file.tensors.pop_back();
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("expected the network's parameter \"1.steps\" "
                               "[], found no such tensor"));
}

TEST_CASE("a counter that holds no count is not saved",
          "[safetensors][buffers][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  for (const double steps :
       {-1.0, 0.5, 1e16, std::numeric_limits<double>::quiet_NaN()}) {
    nn::Sequential<double> network = tracking_network<double>(steps);
    CHECK_THROWS_WITH(
        nn::save_weights(path, network),
        ContainsSubstring("[save_weights] expected \"1.steps\" to be a whole "
                          "number from 0 to 9007199254740992, got "));
  }
  CHECK_THROWS_AS(nn::read_file(path), Error);
}

TEST_CASE("weights travel between float and double", "[safetensors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<double> wide = small_network<double>(1);
  nn::Sequential<float> narrow = small_network<float>(2);
  nn::save_weights(path, wide);
  nn::load_weights(path, narrow);
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(narrow.parameters()[i]->value ==
            wide.parameters()[i]->value.cast<float>());
  }
  nn::save_weights(path, narrow);
  nn::load_weights(path, wide);
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(wide.parameters()[i]->value ==
            narrow.parameters()[i]->value.cast<double>());
  }
}

TEST_CASE("weights that do not all fit change nothing",
          "[safetensors][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weights");
  nn::Sequential<float> source = small_network<float>(1);
  nn::save_weights(path, source);
  const nn::SafetensorsFile good = nn::read_safetensors(path);

  nn::Sequential<float> network = small_network<float>(2);
  const std::vector<nn::Matrix<float>> before = values_of(network);
  const auto complaint_about = [&](const nn::SafetensorsFile& file) {
    nn::write_safetensors(path, file);
    const std::string message =
        message_of<Error>([&] { nn::load_weights(path, network); });
    CHECK_THAT(message, ContainsSubstring(path));
    CHECK(same_values(values_of(network), before));
    return message;
  };

  nn::SafetensorsFile file = good;
  file.tensors[3].dims = {2, 2};
  CHECK_THAT(
      complaint_about(file),
      ContainsSubstring("parameter \"2.bias\": expected [4], found [2, 2]"));

  file = good;
  file.tensors[2].dims = {36, 4};
  CHECK_THAT(complaint_about(file),
             ContainsSubstring(
                 "parameter \"2.weight\": expected [4, 36], found [36, 4]"));

  file = good;
  file.tensors.pop_back();
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("expected the network's parameter \"2.bias\" "
                               "[4], found no such tensor"));

  file = good;
  file.tensors.push_back({"3.weight", "F32", {1}, "abcd"});
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("found also \"3.weight\" [1]"));

  file = good;
  const double huge = 1e300;
  file.tensors[3].dtype = "F64";
  file.tensors[3].bytes.assign(4 * sizeof(double), '\0');
  std::memcpy(
      file.tensors[3].bytes.data() + sizeof(double), &huge, sizeof(double));
  CHECK_THAT(complaint_about(file),
             ContainsSubstring("parameter \"2.bias\": expected values in the "
                               "range of F32, found 1e+300 at place 1"));

  // And the file as it was does load.
  nn::write_safetensors(path, good);
  nn::load_weights(path, network);
  CHECK(same_values(values_of(network), values_of(source)));
}

TEST_CASE("weight files that cannot be opened are told by path",
          "[safetensors][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("none/weights");
  nn::Sequential<float> network = small_network<float>(1);
  CHECK_THAT(message_of<Error>([&] { nn::load_weights(path, network); }),
             ContainsSubstring(path));
  CHECK_THAT(message_of<Error>([&] { nn::save_weights(path, network); }),
             ContainsSubstring(path));
}

namespace {

/// A container of one's own that names nothing: y = x, and inside of it two
/// layers with the same names for their parameters and buffers.
template <typename Scalar>
class Pair final : public nn::Layer<Scalar> {
 public:
  explicit Pair(const nn::Shape& input, bool tells_inner_layers = true)
      : nn::Layer<Scalar>(input, input),
        tells_inner_layers_(tells_inner_layers),
        first_(input),
        second_(input),
        own_("scale", {1}, 1, 1) {}

  std::string name() const override { return "Pair"; }
  std::vector<const nn::Layer<Scalar>*> inner_layers() const override {
    if (!tells_inner_layers_) return {};
    return {&first_, &second_};
  }
  using nn::Layer<Scalar>::parameters;
  using nn::Layer<Scalar>::buffers;
  std::vector<nn::Parameter<Scalar>*> parameters() override {
    return {first_.parameters()[0], second_.parameters()[0], &own_};
  }
  std::vector<nn::Parameter<Scalar>*> buffers() override {
    auto all = first_.buffers();
    for (auto* buffer : second_.buffers()) all.push_back(buffer);
    return all;
  }

 private:
  void do_forward(nn::ConstView<Scalar> x,
                  nn::View<Scalar> y,
                  nn::Mode,
                  nn::PassMemory) const override {
    y = x;
  }
  void do_backward(nn::ConstView<Scalar>,
                   nn::ConstView<Scalar>,
                   nn::ConstView<Scalar> dy,
                   nn::View<Scalar> dx,
                   nn::PassMemory) override {
    if (dx.size() > 0) dx = dy;
  }

  bool tells_inner_layers_;
  Tracker<Scalar> first_;
  Tracker<Scalar> second_;
  nn::Parameter<Scalar> own_;
};

std::vector<std::string> names_of(
    const std::vector<nn::NamedParameter<float>>& all) {
  std::vector<std::string> names;
  for (const auto& named : all) names.push_back(named.name);
  return names;
}

}  // namespace

TEST_CASE("what a container holds is named by its place",
          "[named_tensors][sequential]") {
  nn::Sequential<float> network(nn::Shape{2});
  network.add<nn::Linear>(2).add<Pair>();
  network.add<nn::Residual>(
      [](nn::Sequential<float>& body) { body.add<nn::ReLU>().add<Pair>(); });
  CHECK(names_of(network.named_parameters()) ==
        std::vector<std::string>{"0.weight",
                                 "0.bias",
                                 "1.body.0.weight",
                                 "1.body.1.weight",
                                 "1.scale",
                                 "2.body.1.body.0.weight",
                                 "2.body.1.body.1.weight",
                                 "2.body.1.scale"});
  CHECK(names_of(network.named_buffers()) ==
        std::vector<std::string>{"1.body.0.running_mean",
                                 "1.body.0.steps",
                                 "1.body.1.running_mean",
                                 "1.body.1.steps",
                                 "2.body.1.body.0.running_mean",
                                 "2.body.1.body.0.steps",
                                 "2.body.1.body.1.running_mean",
                                 "2.body.1.body.1.steps"});
  // Each is saved and loaded as what it is.
  float next = 1;
  for (auto* parameter : network.parameters()) {
    parameter->value.setConstant(next++);
  }
  const TemporaryDirectory directory;
  nn::save_weights(directory.file("weights"), network);
  nn::Sequential<float> other(nn::Shape{2});
  other.add<nn::Linear>(2).add<Pair>();
  other.add<nn::Residual>(
      [](nn::Sequential<float>& body) { body.add<nn::ReLU>().add<Pair>(); });
  nn::load_weights(directory.file("weights"), other);
  next = 1;
  for (const auto* parameter : other.parameters()) {
    CHECK(parameter->value(0, 0) == next++);
  }
}

TEST_CASE("names that no file can hold are refused when a layer is added",
          "[named_tensors][sequential][errors]") {
  nn::Sequential<float> network(nn::Shape{2});
  network.add<nn::Linear>(2);
  CHECK(message_of<std::invalid_argument>(
            [&] { network.add<Pair>(/*tells_inner_layers=*/false); }) ==
        "[Sequential] layer 1: [Pair] expected a name of its own for each "
        "parameter, got \"weight\" twice");
  CHECK(network.size() == 1);
}
