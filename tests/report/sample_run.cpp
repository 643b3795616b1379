#include "report/sample_run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <vector>

#include "common/figures.h"
#include "nn/files/model.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/random.h"

namespace nn_test {
namespace {

constexpr int kImages = 80;

nn::Sequential<float> sample_network(const std::string& model,
                                     int classes = 10) {
  nn::Sequential<float> net(nn::Shape{1, 28, 28}, /*seed=*/1);
  if (model == "mlp") {
    net.add<nn::Linear>(256).add<nn::ReLU>();
    net.add<nn::Linear>(128).add<nn::ReLU>();
  } else {
    net.add<nn::Conv2d>(16, 5, 1, 2).add<nn::ReLU>().add<nn::MaxPool2d>(2);
    net.add<nn::Conv2d>(32, 5, 1, 2).add<nn::ReLU>().add<nn::MaxPool2d>(2);
  }
  net.add<nn::Linear>(classes).add<nn::Softmax>();
  return net;
}

std::vector<std::string> sample_names(int classes) {
  if (classes == 10) {
    return {"T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot"};
  }
  const std::string characters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::vector<std::string> names;
  for (const char c : characters.substr(0, static_cast<std::size_t>(classes))) {
    names.emplace_back(1, c);
  }
  return names;
}

nlohmann::json describe(const nn::Sequential<float>& network) {
  nlohmann::json list = nlohmann::json::array();
  for (nn::Index i = 0; i < network.size(); ++i) {
    list.push_back({{"index", i},
                    {"name", network.layer(i).name()},
                    {"description", network.layer(i).name()},
                    {"output", network.layer(i).output_shape().to_string()},
                    {"parameters", 0}});
  }
  return list;
}

}  // namespace

apps::Run sample_run(const std::string& model,
                     const std::string& backend,
                     int epochs,
                     unsigned seed,
                     int classes) {
  nn::Rng rng(seed);
  apps::Run run;
  run.classes = classes;
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
    p.label = i % classes;
    p.predicted =
        static_cast<int>(rng.uniform() < 0.125 ? rng.index(classes) : p.label);
    const double confidence = 0.5 + 0.499 * rng.uniform();
    p.probability.assign(static_cast<std::size_t>(classes),
                         (1 - confidence) / (classes - 1));
    p.probability[static_cast<std::size_t>(p.predicted)] = confidence;
    run.predictions.push_back(p);
  }
  apps::derive_tables(run);
  run.images = apps::collect_images(run, sample_test_set(classes));
  const nn::Sequential<float> network = sample_network(model, classes);
  for (nn::Index i = 0; i + 1 < network.size(); ++i) {
    run.layers.push_back({static_cast<int>(i),
                          network.layer(i).name(),
                          1e-4 + 1e-3 * rng.uniform(),
                          1e-4 + 2e-3 * rng.uniform()});
  }
  run.summary = {
      {"program", backend == "torch" ? "mnist_torch" : "mnist_" + model},
      {"model", model},
      {"backend", backend},
      {"dataset",
       {{"name", "fashion-mnist"},
        {"class_names", sample_names(classes)},
        {"training_images", 512},
        {"test_images", kImages},
        {"normalization", {{"mean", 0.5}, {"deviation", 0.25}}}}},
      {"network",
       {{"input", "1x28x28"},
        {"parameters", 235146},
        {"layers", describe(network)}}},
      {"options",
       {{"data", "my data"}, {"hidden", {256, 128}}, {"quiet", true}}},
      {"threads", 2},
      {"steps", 4 * epochs},
      {"results", {{"final", {{"epoch", epochs}}}}}};
  return run;
}

std::vector<apps::LayerOutput> sample_outputs(const std::string& model) {
  nn::Sequential<float> network = sample_network(model);
  auto outputs = apps::look_inside(network, sample_run(model, "libnn")).outputs;
  std::vector<float>& shares = outputs.back().values;
  std::fill(shares.begin(), shares.end(), 0.0125F);
  shares.back() = 0.8875F;
  return outputs;
}

nn::ImageSet sample_test_set(int classes) {
  nn::Rng rng(5);
  nn::ImageSet set;
  set.shape = {1, 28, 28};
  for (int i = 0; i < kImages; ++i) {
    set.labels.push_back(static_cast<int>(i % classes));
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
  nn::Sequential<float> network = sample_network(run.summary.at("model"));
  apps::write_figures(directory, run, network);
  nn::save_model(directory + "/model.safetensors", network);
}

}  // namespace nn_test
