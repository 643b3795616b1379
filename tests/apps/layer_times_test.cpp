#include "common/layer_times.h"

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/models.h"
#include "common/run.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/linear.h"
#include "nn/layers/softmax.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/network/workspace.h"
#include "support/catch.h"

namespace {

void wait(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

}  // namespace

TEST_CASE("a layer's time is the median of its passes after the warm-ups",
          "[apps][times]") {
  apps::LayerTimer timer({"Quick", "Slow"});
  for (int pass = 0; pass < apps::LayerTimer::kWarmUps; ++pass) {
    timer.forward(0, [] { wait(30); });
    timer.end_pass();
  }
  for (int pass = 0; pass < apps::LayerTimer::kPasses; ++pass) {
    timer.forward(0, [] {});
    // Twice in a pass: what reshapes the batch, and the layer.
    timer.backward(1, [] { wait(1); });
    timer.backward(1, [] { wait(1); });
    timer.end_pass();
  }
  const std::vector<apps::LayerTime> times = timer.medians();
  REQUIRE(times.size() == 2);
  CHECK(times[0].layer == 0);
  CHECK(times[0].name == "Quick");
  CHECK(times[0].forward_seconds < 0.015);
  CHECK(times[0].backward_seconds == 0.0);
  CHECK(times[1].layer == 1);
  CHECK(times[1].name == "Slow");
  CHECK(times[1].forward_seconds == 0.0);
  CHECK(times[1].backward_seconds >= 0.002);
}

TEST_CASE("timing layers changes gradients and no weight", "[apps][times]") {
  const nn::Shape shape{1, 12, 12};
  nn::Sequential<float> network =
      apps::build_cnn<float>(shape, {4, 8}, 3, 1, 10, 5);
  nn::Matrix<float> x = nn::Matrix<float>::Random(shape.features(), 6);
  nn::Labels labels(6);
  labels << 0, 1, 2, 3, 4, 5;

  // A whole training step's gradients, to compare with.
  nn::Workspace<float> workspace;
  const nn::ConstView<float> input = nn::view(std::as_const(x));
  const nn::ConstLabels classes(labels.data(), labels.size());
  const nn::ConstView<float> logits = network.forward(input, workspace);
  nn::Matrix<float> dlogits(logits.rows(), logits.cols());
  nn::SoftmaxCrossEntropy<float>().evaluate(logits, classes, nn::view(dlogits));
  network.backward(nn::view(std::as_const(dlogits)), workspace);
  std::vector<nn::Matrix<float>> values;
  std::vector<nn::Matrix<float>> gradients;
  for (nn::Parameter<float>* parameter : network.parameters()) {
    values.push_back(parameter->value);
    gradients.push_back(parameter->grad);
    parameter->grad.setConstant(9.0F);
  }

  const std::vector<apps::LayerTime> times =
      apps::time_layers(network, input, classes);
  const std::vector<std::string> names{
      "Conv2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU", "MaxPool2d", "Linear"};
  REQUIRE(times.size() == names.size());
  CHECK(apps::timed_layers(network) == names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(times[i].layer == static_cast<int>(i));
    CHECK(times[i].name == names[i]);
    CHECK(times[i].forward_seconds > 0);
    CHECK(times[i].backward_seconds > 0);
  }
  const auto parameters = network.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    CHECK(parameters[i]->value == values[i]);
    // What is timed is the pass that training makes.
    CHECK(parameters[i]->grad.isApprox(gradients[i], 1e-4F));
  }
}

TEST_CASE("timing layers leaves running statistics as they are",
          "[apps][times]") {
  nn::Sequential<float> network(nn::Shape{6}, 3);
  network.add<nn::Linear>(8).add<nn::BatchNorm1d>();
  network.add<nn::Linear>(10).add<nn::Softmax>();
  const nn::Matrix<float> x = nn::Matrix<float>::Random(6, 4);
  nn::Labels labels(4);
  labels << 3, 1, 4, 1;
  std::vector<nn::Matrix<float>> before;
  for (const auto& buffer : network.named_buffers()) {
    before.push_back(buffer.parameter->value);
  }
  REQUIRE(before.size() == 3);
  apps::time_layers(
      network, nn::view(x), nn::ConstLabels(labels.data(), labels.size()));
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(network.named_buffers()[i].parameter->value == before[i]);
  }
}
