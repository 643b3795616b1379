#include "report/sample_run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <vector>

#include "common/figures.h"
#include "nn/random.h"

namespace nn_test {
namespace {

constexpr int kImages = 80;

struct SampleLayer {
  const char* name;
  nn::Shape shape;
};

std::vector<SampleLayer> sample_layers(const std::string& model) {
  if (model == "mlp") {
    return {{"Linear", {256}},
            {"ReLU", {256}},
            {"Linear", {128}},
            {"ReLU", {128}},
            {"Linear", {10}},
            {"Softmax", {10}}};
  }
  return {{"Conv2d", {16, 28, 28}},
          {"ReLU", {16, 28, 28}},
          {"MaxPool2d", {16, 14, 14}},
          {"Conv2d", {32, 14, 14}},
          {"ReLU", {32, 14, 14}},
          {"MaxPool2d", {32, 7, 7}},
          {"Linear", {10}},
          {"Softmax", {10}}};
}

nlohmann::json describe(const std::vector<SampleLayer>& layers) {
  nlohmann::json list = nlohmann::json::array();
  for (const SampleLayer& layer : layers) {
    list.push_back({{"index", list.size()},
                    {"name", layer.name},
                    {"description", layer.name},
                    {"output", layer.shape.to_string()},
                    {"parameters", 0}});
  }
  return list;
}

}  // namespace

apps::Run sample_run(const std::string& model,
                     const std::string& backend,
                     int epochs,
                     unsigned seed) {
  nn::Rng rng(seed);
  apps::Run run;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    for (int i = 0; i < 4; ++i) {
      const long step = static_cast<long>(run.steps.size()) + 1;
      run.steps.push_back(
          {step,
           epoch,
           2.3 / std::sqrt(static_cast<double>(step)) + 1e-6 * rng.uniform()});
    }
    run.history.push_back({epoch,
                           4L * epoch,
                           0.1,
                           1.7 / epoch + 0.01 * rng.uniform(),
                           1.1 / epoch + 0.01 * rng.uniform(),
                           1 - 0.4 / epoch,
                           1 - 0.3 / epoch - 0.01 * rng.uniform(),
                           0.5 + 0.1 * rng.uniform()});
  }
  for (int i = 0; i < kImages; ++i) {
    apps::Prediction p;
    p.index = i;
    p.label = i % apps::kClasses;
    p.predicted = static_cast<int>(
        rng.uniform() < 0.125 ? rng.index(apps::kClasses) : p.label);
    const double confidence = 0.5 + 0.499 * rng.uniform();
    for (double& q : p.probability) {
      q = (1 - confidence) / (apps::kClasses - 1);
    }
    p.probability[static_cast<std::size_t>(p.predicted)] = confidence;
    run.predictions.push_back(p);
  }
  apps::derive_tables(run);
  const std::vector<SampleLayer> layers = sample_layers(model);
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) {
    run.layers.push_back({static_cast<int>(i),
                          layers[i].name,
                          1e-4 + 1e-3 * rng.uniform(),
                          1e-4 + 2e-3 * rng.uniform()});
  }
  run.summary = {
      {"program", backend == "torch" ? "mnist_torch" : "mnist_" + model},
      {"model", model},
      {"backend", backend},
      {"dataset",
       {{"name", "fashion-mnist"},
        {"class_names",
         {"T-shirt/top",
          "Trouser",
          "Pullover",
          "Dress",
          "Coat",
          "Sandal",
          "Shirt",
          "Sneaker",
          "Bag",
          "Ankle boot"}},
        {"training_images", 512},
        {"test_images", kImages}}},
      {"network",
       {{"input", "1x28x28"},
        {"parameters", 235146},
        {"layers", describe(layers)}}},
      {"options",
       {{"data", "my data"}, {"hidden", {256, 128}}, {"quiet", true}}},
      {"threads", 2},
      {"steps", 4 * epochs},
      {"results", {{"final", {{"epoch", epochs}}}}}};
  return run;
}

std::vector<apps::LayerOutput> sample_outputs(const std::string& model) {
  std::vector<apps::LayerOutput> outputs;
  for (const SampleLayer& layer : sample_layers(model)) {
    const nn::Matrix<float> values =
        nn::Matrix<float>::Random(layer.shape.features(), 1);
    outputs.push_back({layer.name,
                       layer.shape,
                       {values.data(), values.data() + values.size()}});
  }
  // The last one's are probabilities.
  std::vector<float>& shares = outputs.back().values;
  std::fill(shares.begin(), shares.end(), 0.0125F);
  shares.back() = 0.8875F;
  return outputs;
}

nn::ImageSet sample_test_set() {
  nn::Rng rng(5);
  nn::ImageSet set;
  set.shape = {1, 28, 28};
  for (int i = 0; i < kImages; ++i) {
    set.labels.push_back(static_cast<std::uint8_t>(i % apps::kClasses));
    for (int k = 0; k < 28 * 28; ++k) {
      set.images.push_back(static_cast<std::uint8_t>(rng.index(256)));
    }
  }
  return set;
}

void write_sample_run(const std::string& results,
                      const std::string& folder,
                      const apps::Run& run) {
  const std::string directory = results + "/" + folder;
  std::filesystem::create_directories(directory);
  apps::write_run_tables(directory, run);
  nn::Matrix<float> weights = nn::Matrix<float>::Random(25, 16);
  apps::write_figures(directory,
                      run,
                      {sample_test_set(),
                       weights,
                       nn::Shape{1, 5, 5},
                       sample_outputs(run.summary.at("model"))});
}

}  // namespace nn_test
