// The built programs side by side, over a small data set.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/models.h"
#include "common/run.h"
#include "nn/data/idx.h"
#include "nn/data/image_set.h"
#include "nn/files/file.h"
#include "nn/files/safetensors.h"
#include "support/catch.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

using nn_test::names_in;
using nn_test::quoted;

/// Trains for an epoch and returns the run folder's content. The small learning
/// rate keeps the losses from coming near 0, where relative differences say
/// nothing.
apps::Run train(const std::string& program,
                const std::string& data,
                const std::string& out,
                int seed,
                const std::string& more = "") {
  const std::string command =
      program + " --data " + quoted(data) + " --out " + quoted(out) +
      " --epochs 1 --batch-size 32 --learning-rate 0.005 --threads 2 --quiet"
      " --seed " +
      std::to_string(seed) + more + " > " + quoted(out + ".log") + " 2>&1";
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
  return apps::read_run(out);
}

double relative_difference(double a, double b) {
  return std::abs(a - b) / std::abs(b);
}

/// The probabilities that libnn computes for the test images of `data` with the
/// weights in `path` are those that the run has written.
void check_predictions(const std::string& model,
                       const std::string& path,
                       const std::string& data,
                       const apps::Run& run) {
  const nn::Normalization normalization =
      nn::measure_normalization(nn::load_mnist(data, nn::Split::kTraining));
  const nn::ImageSet test = nn::load_mnist(data, nn::Split::kTest);
  std::vector<nn::Index> all(static_cast<std::size_t>(test.size()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<nn::Index>(i);
  }
  nn::Matrix<float> x(test.shape.features(), test.size());
  nn::Labels labels(test.size());
  nn::gather<float>(
      test, all.data(), test.size(), normalization, nn::view(x), labels);
  nn::Sequential<float> network =
      model == "mlp"
          ? apps::build_mlp<float>(test.shape, {256, 128}, run.classes, 77)
          : apps::build_cnn<float>(test.shape, {16, 32}, 5, 2, run.classes, 77);
  nn::load_weights(path, network);
  const nn::Matrix<float> y = network.predict(nn::view(std::as_const(x)));

  REQUIRE(run.predictions.size() == all.size());
  double largest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (nn::Index c = 0; c < run.classes; ++c) {
      const double difference =
          std::abs(y(c, all[i]) -
                   run.predictions[i].probability[static_cast<std::size_t>(c)]);
      largest = std::max(largest, difference);
    }
  }
  CHECK(largest <= 1e-5);
}

}  // namespace

TEST_CASE(
    "mnist_torch starts from the weights and batches of mnist_mlp and "
    "mnist_cnn",
    "[parity][programs]") {
  const nn_test::TemporaryDirectory folder;
  nn_test::write_tiny_mnist(folder.path());
  const std::string model = GENERATE("mlp", "cnn");
  const std::string libnn_program =
      model == "mlp" ? NN_MNIST_MLP : NN_MNIST_CNN;
  double first_loss_of_seed_1 = 0;
  for (const int seed : {1, 2}) {
    INFO(model << ", seed " << seed);
    const std::string libnn_out =
        folder.file(model + "-libnn-" + std::to_string(seed));
    const std::string torch_out =
        folder.file(model + "-torch-" + std::to_string(seed));
    const apps::Run libnn =
        train(quoted(libnn_program), folder.path(), libnn_out, seed);
    const apps::Run torch = train(quoted(NN_MNIST_TORCH) + " --model " + model,
                                  folder.path(),
                                  torch_out,
                                  seed);

    REQUIRE(libnn.steps.size() == 7);
    REQUIRE(torch.steps.size() == libnn.steps.size());
    CHECK(relative_difference(libnn.steps[0].loss, torch.steps[0].loss) <=
          1e-5);
    // So few steps cannot drift further apart by rounding, while one other
    // image in a batch shows.
    for (std::size_t i = 1; i < libnn.steps.size(); ++i) {
      INFO("step " << libnn.steps[i].step);
      CHECK(relative_difference(libnn.steps[i].loss, torch.steps[i].loss) <=
            1e-3);
    }
    if (seed == 1) {
      first_loss_of_seed_1 = libnn.steps[0].loss;
    } else {
      CHECK(libnn.steps[0].loss != first_loss_of_seed_1);
    }

    CHECK(names_in(libnn_out) == names_in(torch_out));
    REQUIRE(libnn.layers.size() == (model == "mlp" ? 5 : 7));
    REQUIRE(torch.layers.size() == libnn.layers.size());
    for (std::size_t i = 0; i < torch.layers.size(); ++i) {
      CHECK(torch.layers[i].name == libnn.layers[i].name);
      CHECK(torch.layers[i].forward_seconds > 0);
      CHECK(torch.layers[i].backward_seconds > 0);
    }
    check_predictions(
        model, torch_out + "/model.safetensors", folder.path(), torch);
  }
}

TEST_CASE("mnist_torch trains on the same distorted images as mnist_mlp",
          "[parity][programs]") {
  const nn_test::TemporaryDirectory folder;
  nn_test::write_tiny_mnist(folder.path());
  const std::string augment = " --augment shift=2,rotate=10,elastic=20";
  const auto run = [&](const std::string& program,
                       const std::string& out,
                       const std::string& more) {
    return train(program, folder.path(), folder.file(out), 1, more);
  };
  const std::string mlp = quoted(NN_MNIST_MLP);
  const apps::Run plain = run(mlp, "plain", "");
  const apps::Run libnn = run(mlp, "libnn", augment);
  const apps::Run torch =
      run(quoted(NN_MNIST_TORCH) + " --model mlp", "torch", augment);
  REQUIRE(torch.steps.size() == libnn.steps.size());
  CHECK(relative_difference(libnn.steps[0].loss, torch.steps[0].loss) <= 1e-5);
  for (std::size_t i = 1; i < libnn.steps.size(); ++i) {
    INFO("step " << libnn.steps[i].step);
    CHECK(relative_difference(libnn.steps[i].loss, torch.steps[i].loss) <=
          1e-3);
  }
  CHECK(libnn.steps[0].loss != plain.steps[0].loss);
  CHECK(libnn.summary.at("options").at("augment") ==
        torch.summary.at("options").at("augment"));
}

TEST_CASE("mnist_torch goes on with a training that was broken off",
          "[parity][programs]") {
  const nn_test::TemporaryDirectory folder;
  nn_test::write_tiny_mnist(folder.path());
  const std::string model = GENERATE("mlp", "cnn");
  CAPTURE(model);
  const auto command = [&](const std::string& out) {
    return quoted(NN_MNIST_TORCH) + " --model " + model + " --data " +
           quoted(folder.path()) + " --out " + quoted(folder.file(out)) +
           " --epochs 3 --batch-size 32 --threads 1 --checkpoint 0";
  };
  const auto run = [&](const std::string& text) {
    return std::system((text + " 2> " + quoted(folder.file("log"))).c_str());
  };
  const auto bytes = [&](const std::string& file) {
    return nn::read_file(folder.file(file));
  };
  REQUIRE(run(command("whole") + " --quiet") == 0);
  // The pipe closes with the first line, before the training begins.
  run(command("stopped") + " | head -n 1 > " + quoted(folder.file("line")));
  REQUIRE(
      std::filesystem::exists(folder.file("stopped/checkpoint.safetensors")));
  CHECK(apps::read_run(folder.file("stopped")).steps.size() < 21);
  REQUIRE(run(command("stopped") + " --quiet --resume") == 0);
  for (const char* file :
       {"model.safetensors", "steps.csv", "predictions.csv"}) {
    CAPTURE(file);
    CHECK(bytes("stopped/" + std::string(file)) ==
          bytes("whole/" + std::string(file)));
  }
  CHECK(names_in(folder.file("stopped")) == names_in(folder.file("whole")));
}
