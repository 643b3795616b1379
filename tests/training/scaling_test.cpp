#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "nn/files/model.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/layers/standardize.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/sgd.h"
#include "nn/training/metrics.h"
#include "nn/training/samples.h"
#include "nn/training/trainer.h"
#include "nn/training/trainer_callbacks.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"

using nn::Index;
using nn::Matrix;
using nn::Moments;
using nn::Sequential;
using nn::Shape;
using nn::StandardizeForm;
using nn_test::samples;

namespace {

template <typename Scalar>
struct Table {
  Matrix<Scalar> x;
  Matrix<Scalar> target;
};

constexpr double kNoise = 3;

/// Eight columns in units of their own, and a number that bends with them, of
/// mean 200 and deviation 65 or so, with normal noise of deviation kNoise.
template <typename Scalar>
Table<Scalar> draw_table(Index count, nn::Rng& rng) {
  constexpr double kUnits[] = {1, 1000, 0.01, 50, 1, 300, 5, 0.2};
  constexpr double kMeans[] = {0, 5000, 1, -20, 3, 100, 0, 10};
  Table<Scalar> table{Matrix<Scalar>(8, count), Matrix<Scalar>(1, count)};
  for (Index n = 0; n < count; ++n) {
    double u[8];
    for (Index i = 0; i < 8; ++i) {
      u[i] = rng.normal();
      table.x(i, n) = static_cast<Scalar>(kMeans[i] + kUnits[i] * u[i]);
    }
    table.target(0, n) = static_cast<Scalar>(
        200 + 40 * u[0] + 25 * u[1] * u[2] + 30 * std::sin(u[3]) +
        15 * std::abs(u[4]) - 20 * u[5] + 10 * u[6] * u[0] +
        kNoise * rng.normal());
  }
  return table;
}

template <typename Scalar>
double root_mean_square(const Matrix<Scalar>& errors) {
  return std::sqrt(errors.template cast<double>().squaredNorm() /
                   static_cast<double>(errors.size()));
}

/// A network of the table, in the targets' unit.
Sequential<float> network_of(const Table<float>& table,
                             bool batch_norm,
                             std::uint64_t seed) {
  Sequential<float> net(Shape{8}, seed);
  if (batch_norm) {
    net.add<nn::BatchNorm1d>();
  } else {
    net.add<nn::Standardize>(Moments(table.x));
  }
  net.add<nn::Linear>(32).add<nn::ReLU>();
  net.add<nn::Linear>(32).add<nn::ReLU>().add<nn::Linear>(1);
  net.add<nn::Standardize>(Moments(table.target), StandardizeForm::kInverse);
  return net;
}

}  // namespace

// What docs/training.md says of the two ways.
TEST_CASE(
    "a regression behind fixed statistics errs less than behind those of "
    "batches",
    "[training][standardize]") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    nn::Rng rng(seed);
    const auto learned = draw_table<float>(4000, rng);
    const auto apart = draw_table<float>(2000, rng);
    const auto error_of = [&](bool batch_norm) {
      auto net = network_of(learned, batch_norm, seed);
      nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
      nn::TrainerOptions options;
      options.epochs = 60;
      options.seed = seed;
      nn::Trainer<float> trainer(
          net,
          adam,
          nn::MeanSquaredError<float>(Moments(learned.target).deviation()),
          options);
      trainer.add<nn::EarlyStopping>();
      trainer.fit({learned.x, learned.target}, {apart.x, apart.target});
      return root_mean_square<float>(net.predict(apart.x) - apart.target);
    };
    const double fixed = error_of(false);
    const double of_batches = error_of(true);
    const double unscaled =
        root_mean_square<float>((apart.target.array() - 200.0f).matrix());
    CAPTURE(seed, fixed, of_batches, unscaled);
    CHECK(fixed < 2.5 * kNoise);
    CHECK(of_batches > 1.2 * fixed);
    CHECK(unscaled > 7 * fixed);
  }
}

TEST_CASE("a network with its scaling is trained as one on scaled targets",
          "[training][standardize]") {
  nn::Rng rng(31);
  const Index count = 60;
  const Matrix<double> x = nn_test::normal_matrix<double>(3, count, rng);
  // Metres and grams.
  Matrix<double> target = nn_test::normal_matrix<double>(2, count, rng);
  target.row(0).array() = 1e-3 * target.row(0).array() + 2;
  target.row(1).array() = 500 * target.row(1).array() - 1e4;
  const Moments moments(target);
  Matrix<double> scaled = target;
  for (Index i = 0; i < 2; ++i) {
    const auto place = static_cast<std::size_t>(i);
    scaled.row(i).array() = (target.row(i).array() - moments.mean()[place]) /
                            moments.deviation()[place];
  }
  const auto train = [&](bool in_units) {
    Sequential<double> net(Shape{3}, /*seed=*/5);
    net.add<nn::Linear>(8).add<nn::ReLU>().add<nn::Linear>(2);
    if (in_units) {
      net.add<nn::Standardize>(moments, StandardizeForm::kInverse);
    }
    nn::Sgd<double> sgd(net.parameters(), {/*learning_rate=*/0.1});
    nn::Trainer<double> trainer(
        net,
        sgd,
        nn::MeanSquaredError<double>(in_units ? moments.deviation()
                                              : std::vector<double>()),
        {/*epochs=*/20, /*batch_size=*/8});
    const auto history = trainer.fit({x, in_units ? target : scaled});
    Matrix<double> y = net.predict(x);
    if (!in_units) {
      for (Index i = 0; i < 2; ++i) {
        const auto place = static_cast<std::size_t>(i);
        y.row(i).array() = y.row(i).array() * moments.deviation()[place] +
                           moments.mean()[place];
      }
    }
    return std::pair(y, history.back().train_loss);
  };
  const auto [in_units, loss] = train(true);
  const auto [on_scaled, scaled_loss] = train(false);
  CHECK(loss < 1);  // below that of the mean
  CHECK(std::abs(loss - scaled_loss) <= 1e-9 * scaled_loss);
  CHECK(nn_test::relative_difference(in_units.row(0), on_scaled.row(0)) <=
        1e-11);
  CHECK(nn_test::relative_difference(in_units.row(1), on_scaled.row(1)) <=
        1e-9);
}

TEST_CASE(
    "what early stopping and a checkpoint keep predicts in the targets' "
    "unit",
    "[training][standardize][files]") {
  nn::Rng rng(32);
  const auto table = draw_table<float>(400, rng);
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.path() + "/best.safetensors";
  auto net = network_of(table, false, 1);
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
  nn::Trainer<float> trainer(
      net,
      adam,
      nn::MeanSquaredError<float>(Moments(table.target).deviation()),
      {/*epochs=*/15});
  trainer.add<nn::EarlyStopping>();
  trainer.add<nn::BestCheckpoint>(path);
  trainer.add_metric("error", [](auto outputs, const auto& targets) {
    return nn::mean_absolute_error<float>(outputs, targets.matrix());
  });
  const auto history =
      trainer.fit({table.x, table.target}, {table.x, table.target});
  // The metric is in the unit, the loss in deviations.
  double least = std::numeric_limits<double>::infinity();
  for (const auto& report : history) {
    least = std::min(least, report.validation->loss);
  }
  const auto& last = *history.back().validation;
  CHECK(last.loss < 0.3);
  CHECK(last.metrics[0] > 3);
  const Matrix<float> y = net.predict(table.x);
  CHECK(std::abs(root_mean_square<float>(y - table.target) -
                 std::sqrt(least) * Moments(table.target).deviation()[0]) <
        1e-3);
  CHECK(nn_test::same_bits(nn::load_model<float>(path).predict(table.x), y));
}

TEST_CASE("the moments of samples are those of the ones named",
          "[training][samples]") {
  nn::Rng rng(33);
  const auto x = nn_test::normal_matrix<double>(4, 700, rng);
  const auto target = nn_test::normal_matrix<double>(2, 700, rng);
  const nn::Samples<double> all(x, target);
  CHECK(all.moments().mean() == Moments(x).mean());
  CHECK(all.moments().deviation() == Moments(x).deviation());
  CHECK(all.target_moments().deviation() == Moments(target).deviation());
  const auto [learned, apart] = all.split(0.5, 1);
  Matrix<double> chosen(4, learned.size());
  for (Index n = 0; n < learned.size(); ++n) {
    chosen.col(n) = x.col(learned.place(n));
  }
  CHECK(learned.moments().count() == 350);
  CHECK(learned.moments().mean() == Moments(chosen).mean());
  CHECK(learned.moments().mean() != all.moments().mean());

  // Images are measured as the numbers that they become.
  nn::ImageSet set;
  set.shape = Shape{2, 1, 2};
  set.images = {0, 51, 102, 102, 204, 255, 102, 102};
  set.labels = {0, 1};
  const nn::Samples<double> images(set, {/*mean=*/0.5, /*deviation=*/0.25});
  const Moments channels = images.moments().of_groups(2);
  CHECK(std::abs(channels.mean()[0]) < 1e-12);
  CHECK(std::abs(channels.mean()[1] + 0.4) < 1e-12);
  CHECK(std::abs(channels.deviation()[0] - 1.6492422502470643) < 1e-12);
  CHECK(channels.deviation()[1] == 1);
}

TEST_CASE("samples say which of them cannot be measured",
          "[training][samples][errors]") {
  auto x = samples<float>({{1, 2}, {3, 4}, {5, 6}});
  auto target = samples<float>({{1}, {2}, {3}});
  const nn::Labels labels = nn::Labels::Zero(3);
  x(1, 2) = std::numeric_limits<float>::quiet_NaN();
  target(0, 1) = -std::numeric_limits<float>::infinity();
  using Error = std::invalid_argument;
  const auto chosen = nn::Samples<float>(x, target).subset({1, 2});
  CHECK(nn_test::message_of<Error>([&] { chosen.moments(); }) ==
        "[Samples] expected finite features, got nan for feature 1 of sample "
        "2");
  CHECK(nn_test::message_of<Error>([&] { chosen.target_moments(); }) ==
        "[Samples] expected finite targets, got -inf for target 0 of sample 1");
  CHECK(nn_test::message_of<Error>(
            [&] { nn::Samples<float>(x, labels).target_moments(); }) ==
        "[Samples] expected samples with a matrix of targets, got those with "
        "labels");
}
