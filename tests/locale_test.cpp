// What the library writes and reads under a locale with other numbers. In one
// process: the global locale is changed while nothing else runs.

#include <algorithm>
#include <map>
#include <sstream>
#include <string>

#include "nn/check.h"
#include "nn/files/model.h"
#include "nn/files/onnx.h"
#include "nn/files/optimizer_file.h"
#include "nn/files/safetensors.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/leaky_relu.h"
#include "nn/layers/linear.h"
#include "nn/layers/softmax.h"
#include "nn/network/residual.h"
#include "nn/optimizers/adam.h"
#include "nn/training/trainer.h"
#include "nn/training/trainer_callbacks.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/hostile_locale.h"
#include "support/temporary_directory.h"

namespace {

using nn::Index;
using nn::Shape;
using nn_test::HostileLocale;
using nn_test::message_of;
using nn_test::TemporaryDirectory;

nn::Sequential<float> network() {
  // Sizes of more than three digits and settings with a fraction.
  nn::Sequential<float> net(Shape{3, 32, 32}, /*seed=*/1);
  net.add<nn::Conv2d>(5, 3, 1, 1).add<nn::BatchNorm2d>();
  net.add<nn::LeakyReLU>(0.015625);
  net.add<nn::Residual>(
      [](nn::Sequential<float>& body) { body.add<nn::Conv2d>(5, 3, 1, 1); });
  net.add<nn::Linear>(1024).add<nn::LeakyReLU>(1234.5).add<nn::Linear>(3);
  net.add<nn::Softmax>();
  return net;
}

/// All that the library writes: files by their names, and texts.
std::map<std::string, std::string> everything() {
  const TemporaryDirectory directory;
  std::map<std::string, std::string> all;
  auto net = network();
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.00125});
  nn::save_model(directory.file("model"), net);
  nn::save_weights(directory.file("weights"), net);
  nn::save_optimizer(directory.file("optimizer"), adam);
  nn::export_onnx(directory.file("onnx"), net);
  for (const char* name : {"model", "weights", "optimizer", "onnx"}) {
    all[name] = nn::read_file(directory.file(name));
  }
  all["summary"] = net.summary();
  for (Index i = 0; i < net.size(); ++i) {
    all["describe"] += net.layer(i).describe() + "\n";
  }
  all["names"] = net.named_parameters().back().name;
  all["shape"] = Shape{1234, 5678, 9}.to_string();
  all["extent"] = nn::Extent(1234, 5678).to_string();
  all["concat"] = nn::concat(1234567, ' ', 1234.5, ' ', 2.5F, ' ', 1e-46);
  all["message"] = message_of<std::invalid_argument>(
      [] { nn::Sequential<float>(Shape{3072}).add<nn::Linear>(-1234); });
  all["refusal"] = message_of<std::runtime_error>(
      [] { nn::read_safetensors(nn::MemoryFile{std::string(1234, 'x')}); });
  return all;
}

}  // namespace

TEST_CASE("what is written is the same to the byte under every locale",
          "[locale]") {
  const auto expected = everything();
  const HostileLocale hostile;
  if (!HostileLocale::has_comma()) {
    WARN("no C locale with a decimal comma: that of C++ alone is changed");
  }
  // The locale does what it is for.
  std::ostringstream out;
  out << 1234.5;
  REQUIRE(out.str() == "1'2'3'4,5");
  const auto found = everything();
  for (const auto& [name, text] : expected) {
    INFO(name);
    CHECK((found.at(name) == text));
    if (text.size() < 2000) CHECK(found.at(name) == text);
  }
}

TEST_CASE("what was written is read under every locale", "[locale]") {
  const TemporaryDirectory directory;
  auto net = network();
  nn::Rng rng(3);
  net.initialize(rng);
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.00125});
  nn::save_model(directory.file("model"), net);
  nn::save_optimizer(directory.file("optimizer"), adam);

  const HostileLocale hostile;
  auto loaded = nn::load_model<float>(directory.file("model"));
  CHECK(loaded.summary() == net.summary());
  auto weights = network();
  nn::load_weights(directory.file("model"), weights);
  const auto expected = net.named_parameters();
  for (auto* other : {&loaded, &weights}) {
    const auto got = other->named_parameters();
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK(got[i].name == expected[i].name);
      CHECK((got[i].parameter->value == expected[i].parameter->value));
    }
  }
  nn::Adam<float> again(loaded.parameters());
  nn::load_optimizer(directory.file("optimizer"), again);
  CHECK(again.learning_rate() == 0.00125);
}

TEST_CASE("the log of a training is a table under every locale", "[locale]") {
  const TemporaryDirectory directory;
  const HostileLocale hostile;
  nn::Sequential<float> net(Shape{2});
  net.add<nn::Linear>(2);
  nn::Adam<float> adam(net.parameters());
  nn::Matrix<float> x = nn::Matrix<float>::Random(2, 2048);
  nn::Labels labels = nn::Labels::Zero(2048);
  nn::Trainer<float> trainer(net, adam, {/*epochs=*/1, /*batch_size=*/1});
  trainer.add<nn::CsvLog>(directory.file("log.csv"));
  trainer.fit({x, labels});
  const std::string text = nn::read_file(directory.file("log.csv"));
  const std::string row = text.substr(text.find('\n') + 1);
  CHECK(row.rfind("1,2048,0.001,", 0) == 0);
  CHECK(std::count(row.begin(), row.end(), ',') == 7);
  CHECK(row.find('\'') == std::string::npos);
}
