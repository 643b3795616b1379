// Whole training runs, side by side: the same network, the same batches, one
// step of libnn, one step of LibTorch, and a comparison.

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/models.h"
#include "nn/data/batches.h"
#include "nn/data/idx.h"
#include "nn/data/image_set.h"
#include "nn/layers/linear.h"
#include "nn/layers/tanh.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/schedule.h"
#include "nn/optimizers/sgd.h"
#include "nn/training/network_learner.h"
#include "parity.h"
#include "support/data_directory.h"
#include "twin.h"

namespace {

using nn::Index;
using parity::between;
using parity::relative_error;

constexpr double kTrajectoryTolerance = 1e-9;
constexpr int kClasses = 10;

template <typename Scalar>
nn::Sequential<Scalar> make_network(const std::string& model,
                                    const nn::Shape& input) {
  constexpr std::uint64_t kSeed = 1;
  if (model == "mlp") {
    return apps::build_mlp<Scalar>(input, {256, 128}, kClasses, kSeed);
  }
  return apps::build_cnn<Scalar>(input, {16, 32}, 5, 2, kClasses, kSeed);
}

/// Noise with a bright square whose place is the class, for machines without a
/// data set. Every eighth label is a random one, so that no loss comes near 0,
/// where its relative error says nothing.
nn::ImageSet synthetic_images(Index count) {
  constexpr Index kSide = 28;
  constexpr Index kSquare = 7;
  nn::ImageSet set;
  set.shape = nn::Shape{1, kSide, kSide};
  nn::Rng rng(parity::seed());
  for (Index i = 0; i < count; ++i) {
    const Index place = rng.index(kClasses);
    const Index top = place < 5 ? 3 : 17;
    const Index left = place % 5 * 5;
    for (Index h = 0; h < kSide; ++h) {
      for (Index w = 0; w < kSide; ++w) {
        const bool bright =
            h >= top && h < top + kSquare && w >= left && w < left + kSquare;
        const double level = (bright ? 155 : 0) + rng.uniform(0, 100);
        set.images.push_back(static_cast<std::uint8_t>(level));
      }
    }
    const Index label = i % 8 == 0 ? rng.index(kClasses) : place;
    set.labels.push_back(static_cast<int>(label));
  }
  return set;
}

/// One network trained twice, by libnn and by LibTorch.
template <typename Scalar>
class Race {
 public:
  using TorchLoss =
      std::function<torch::Tensor(torch::Tensor outputs, torch::Tensor target)>;

  /// Classes told apart.
  Race(nn::Sequential<Scalar> network, const nn::SgdOptions& options)
      : Race(std::move(network),
             options,
             nn::make_objective<Scalar>(nn::CrossEntropyObjective<Scalar>()),
             [](torch::Tensor logits, torch::Tensor labels) {
               return torch::nn::functional::cross_entropy(logits, labels);
             }) {}
  Race(nn::Sequential<Scalar> network,
       const nn::SgdOptions& options,
       std::shared_ptr<const nn::Objective<Scalar>> objective,
       TorchLoss torch_loss)
      : network_(std::move(network)),
        twin_(torch_twin::make_twin(network_, torch_twin::TwinOutput::kLogits)),
        optimizer_(network_.parameters(), options),
        learner_(network_, optimizer_, std::move(objective)),
        torch_optimizer_(twin_->parameters(),
                         torch::optim::SGDOptions(options.learning_rate)
                             .momentum(options.momentum)
                             .weight_decay(options.weight_decay)
                             .nesterov(options.nesterov)),
        torch_loss_(std::move(torch_loss)) {}

  struct Losses {
    double libnn;
    double torch;
  };

  Losses step(const nn::Matrix<Scalar>& x,
              const nn::Labels& labels,
              double learning_rate) {
    const torch::Tensor target =
        torch::from_blob(
            const_cast<int*>(labels.data()), {labels.size()}, torch::kInt32)
            .to(torch::kInt64);
    return step(x, nn::view(labels), target, learning_rate);
  }

  /// The same by numbers.
  Losses step(const nn::Matrix<Scalar>& x,
              const nn::Matrix<Scalar>& target,
              double learning_rate) {
    const nn::ConstView<Scalar> view(target);
    return step(x,
                view,
                torch_twin::as_tensor(view, nn::Shape{target.rows()}),
                learning_rate);
  }

  /// The largest error of a weight tensor, and whose it is.
  std::pair<double, std::string> weight_error() {
    std::pair<double, std::string> worst{0.0, "none"};
    const auto parameters = twin_->named_parameters();
    for (const auto& named : network_.named_parameters()) {
      const double error =
          relative_error(named.parameter->value, parameters[named.name]);
      // Written so that a NaN, too, is the worst.
      if (!(error <= worst.first)) worst = {error, named.name};
    }
    return worst;
  }

 private:
  Losses step(const nn::Matrix<Scalar>& x,
              const nn::Targets<Scalar>& targets,
              const torch::Tensor& torch_target,
              double learning_rate) {
    const nn::LossResult result =
        learner_.step(nn::view(x), targets, learning_rate);
    for (auto& group : torch_optimizer_.param_groups()) {
      group.options().set_lr(learning_rate);
    }
    torch_optimizer_.zero_grad();
    const torch::Tensor torch_loss =
        torch_loss_(twin_->forward(torch_twin::as_tensor(
                        nn::view(x), network_.input_shape())),
                    torch_target);
    torch_loss.backward();
    torch_optimizer_.step();
    return {result.loss, torch_loss.template item<double>()};
  }

  nn::Sequential<Scalar> network_;
  torch::nn::Sequential twin_;
  nn::Sgd<Scalar> optimizer_;
  nn::NetworkLearner<Scalar> learner_;
  torch::optim::SGD torch_optimizer_;
  TorchLoss torch_loss_;
};

nn::SgdOptions reference_options() {
  nn::SgdOptions options;
  options.learning_rate = 0.05;
  options.momentum = 0.9;
  options.weight_decay = 5e-4;
  return options;
}

/// Trains for `steps` steps over the set, with a cosine schedule, and calls
/// each(step, losses) after every step.
template <typename Scalar, typename Each>
void run(Race<Scalar>& race,
         const nn::ImageSet& set,
         Index batch_size,
         Index steps,
         Each&& each) {
  const nn::Normalization normalization = nn::measure_normalization(set);
  const nn::CosineSchedule schedule(reference_options().learning_rate, steps);
  nn::Batches batches(set.size(), batch_size, /*seed=*/1);
  nn::Matrix<Scalar> x;
  nn::Labels labels;
  for (Index step = 0; step < steps; ++step) {
    const Index i = step % batches.count();
    if (i == 0) batches.start_epoch(step / batches.count());
    x.resize(set.shape.features(), batches.size(i));
    labels.resize(batches.size(i));
    nn::gather<Scalar>(set,
                       batches.indices(i),
                       batches.size(i),
                       normalization,
                       nn::view(x),
                       labels);
    each(step, race.step(x, labels, schedule.learning_rate(step)));
  }
}

/// In double: every loss and all weights within kTrajectoryTolerance.
void check_trajectory(const std::string& model,
                      const nn::ImageSet& set,
                      Index batch_size,
                      Index steps) {
  INFO(model << ", batch " << batch_size);
  Race<double> race(make_network<double>(model, set.shape),
                    reference_options());
  double largest_loss_error = 0;
  double largest_weight_error = 0;
  double first_loss = 0;
  double late_losses = 0;
  constexpr Index kLate = 10;
  run(race, set, batch_size, steps, [&](Index step, auto losses) {
    INFO("step " << step);
    const double loss_error =
        relative_error<double>(losses.libnn, losses.torch);
    const auto [error, name] = race.weight_error();
    INFO("largest weight error in " << name);
    REQUIRE(loss_error <= kTrajectoryTolerance);
    REQUIRE(error <= kTrajectoryTolerance);
    largest_loss_error = std::max(largest_loss_error, loss_error);
    largest_weight_error = std::max(largest_weight_error, error);
    if (step == 0) first_loss = losses.torch;
    if (step >= steps - kLate) late_losses += losses.torch / kLate;
  });
  // Two networks whose ReLUs have died agree as well, and prove nothing.
  CHECK(late_losses < 0.7 * first_loss);
  std::cout << model << ", double, " << steps << " steps: largest relative "
            << "error of a loss " << largest_loss_error << ", of the weights "
            << largest_weight_error << "; loss from " << first_loss << " to "
            << late_losses << '\n';
}

/// In float the two drift apart by rounding. An epoch's losses are written to
/// <model>-float-epoch.csv in the working directory; asserted is only what
/// rounding cannot break.
void record_float_epoch(const std::string& model) {
  constexpr Index kBatchSize = 128;
  const nn::ImageSet set =
      nn::load_mnist(nn_test::data_directory(), nn::Split::kTraining);
  const Index steps = (set.size() + kBatchSize - 1) / kBatchSize;
  Race<float> race(make_network<float>(model, set.shape), reference_options());
  const std::string path = model + "-float-epoch.csv";
  std::ofstream csv(path);
  csv.precision(9);
  csv << "step,loss_libnn,loss_torch,difference\n";
  double first_error = 0;
  double sum_libnn = 0;
  double sum_torch = 0;
  constexpr Index kTail = 100;
  run(race, set, kBatchSize, steps, [&](Index step, auto losses) {
    csv << step + 1 << ',' << losses.libnn << ',' << losses.torch << ','
        << losses.libnn - losses.torch << '\n';
    INFO("step " << step);
    REQUIRE(std::isfinite(losses.libnn));
    REQUIRE(std::isfinite(losses.torch));
    if (step == 0) {
      first_error = relative_error<float>(losses.libnn, losses.torch);
    }
    if (step >= steps - kTail) {
      sum_libnn += losses.libnn;
      sum_torch += losses.torch;
    }
  });
  csv.close();
  {
    INFO("cannot write " << path);
    REQUIRE(csv.good());
  }
  CHECK(first_error <= 1e-5);
  // Both have learnt (log(10) = 2.3 is chance), and as much.
  CHECK(sum_libnn / kTail < 0.3);
  CHECK(std::abs(sum_libnn - sum_torch) < 0.1 * sum_torch);
}

constexpr Index kMnistSteps = 200;

}  // namespace

TEST_CASE("the MLP trained in double stays on LibTorch's path on made-up data",
          "[parity][trajectory]") {
  check_trajectory("mlp", synthetic_images(400), 32, 60);
}

TEST_CASE("the CNN trained in double stays on LibTorch's path on made-up data",
          "[parity][trajectory]") {
  check_trajectory("cnn", synthetic_images(320), 16, 60);
}

TEST_CASE("the MLP trained in double stays on LibTorch's path for 200 steps",
          "[parity][trajectory][data]") {
  check_trajectory(
      "mlp",
      nn::load_mnist(nn_test::data_directory(), nn::Split::kTraining),
      64,
      kMnistSteps);
}

TEST_CASE("the CNN trained in double stays on LibTorch's path for 200 steps",
          "[parity][trajectory][data]") {
  check_trajectory(
      "cnn",
      nn::load_mnist(nn_test::data_directory(), nn::Split::kTraining),
      16,
      kMnistSteps);
}

TEST_CASE("the MLP learns as much as LibTorch's in an epoch in float",
          "[parity][float_epoch][data]") {
  record_float_epoch("mlp");
}

TEST_CASE("the CNN learns as much as LibTorch's in an epoch in float",
          "[parity][float_epoch][data]") {
  record_float_epoch("cnn");
}

TEST_CASE(
    "200 steps of regression and of several labels at once agree with LibTorch",
    "[parity][trajectory]") {
  nn::SgdOptions options;
  options.momentum = 0.9;
  const bool has_labels = GENERATE(false, true);
  const auto objective =
      has_labels ? nn::make_objective<double>(nn::MultiLabelObjective<double>())
                 : nn::make_objective<double>(nn::MeanSquaredError<double>());
  nn::Sequential<double> net(nn::Shape{5}, /*seed=*/1);
  net.add<nn::Linear>(12).add<nn::Tanh>().add<nn::Linear>(3);
  Race<double> race(std::move(net),
                    options,
                    objective,
                    [has_labels](torch::Tensor outputs, torch::Tensor target) {
                      namespace functional = torch::nn::functional;
                      return has_labels
                                 ? functional::binary_cross_entropy_with_logits(
                                       outputs, target)
                                 : functional::mse_loss(outputs, target);
                    });
  nn::Rng rng(parity::seed());
  double worst = 0.0;
  for (int step = 0; step < 200; ++step) {
    const Index samples = between(rng, 1, 32);
    const auto x = parity::random_matrix<double>(rng, 5, samples);
    nn::Matrix<double> target = x.topRows(3).array().sin();
    if (has_labels) target = (target.array() > 0.0).cast<double>().eval();
    const auto losses = race.step(x, target, 0.05);
    worst = std::max(worst, relative_error<double>(losses.libnn, losses.torch));
  }
  const auto [error, name] = race.weight_error();
  INFO("loss " << worst << ", " << name << " " << error);
  CHECK(worst <= kTrajectoryTolerance);
  CHECK(error <= kTrajectoryTolerance);
}
