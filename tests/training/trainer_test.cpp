#include "nn/training/trainer.h"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/data/batches.h"
#include "nn/files/optimizer_file.h"
#include "nn/files/safetensors.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/network/residual.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/sgd.h"
#include "nn/random.h"
#include "nn/training/metrics.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"
#include "support/temporary_directory.h"
#include "support/threads.h"

using Catch::Matchers::ContainsSubstring;
using nn::EpochReport;
using nn::Index;
using nn::Labels;
using nn::Matrix;
using nn::Samples;
using nn::Sequential;
using nn::Shape;
using nn::StepReport;
using nn::Trainer;
using nn::TrainerOptions;
using nn_test::message_of;

namespace {

template <typename Scalar>
struct Data {
  Matrix<Scalar> x;
  Labels labels;

  Samples<Scalar> samples() const { return {x, labels}; }
};

// A cloud of points around each of two corners of the plane, 8 deviations
// apart.
template <typename Scalar>
Data<Scalar> two_clusters(Index samples, std::uint64_t seed = 1) {
  nn::Rng rng(seed);
  Data<Scalar> data{nn_test::normal_matrix<Scalar>(2, samples, rng),
                    Labels(samples)};
  for (Index n = 0; n < samples; ++n) {
    data.labels(n) = static_cast<int>(n % 2);
    data.x.col(n).array() += Scalar(n % 2 == 0 ? -3 : 3);
  }
  return data;
}

template <typename Scalar>
Sequential<Scalar> small_network(Index features = 2) {
  Sequential<Scalar> net(Shape{features}, 1);
  net.template add<nn::Linear>(8).template add<nn::ReLU>();
  net.template add<nn::Linear>(2).template add<nn::Softmax>();
  return net;
}

template <typename Scalar>
std::vector<Matrix<Scalar>> values_of(Sequential<Scalar>& net) {
  std::vector<Matrix<Scalar>> values;
  for (const auto& p : net.named_parameters()) {
    values.push_back(p.parameter->value);
  }
  for (const auto& p : net.named_buffers())
    values.push_back(p.parameter->value);
  return values;
}

template <typename Scalar>
bool same_values(const std::vector<Matrix<Scalar>>& a,
                 const std::vector<Matrix<Scalar>>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) {
    same = nn_test::same_bits(a[i], b[i]);
  }
  return same;
}

// Keeps all that it is told; ends the training at a step or an epoch.
template <typename Scalar>
class Recorder final : public nn::TrainerCallback<Scalar> {
 public:
  explicit Recorder(Index last_step = 0, Index last_epoch = 0)
      : last_step_(last_step), last_epoch_(last_epoch) {}

  void on_begin(const nn::TrainingPlan& plan, Sequential<Scalar>&) override {
    plans.push_back(plan);
  }
  bool on_step(const StepReport& report, Sequential<Scalar>&) override {
    steps.push_back(report);
    return report.step != last_step_;
  }
  bool on_epoch_end(const EpochReport& report, Sequential<Scalar>&) override {
    epochs.push_back(report);
    return report.epoch != last_epoch_;
  }
  void on_end(Sequential<Scalar>&) override { ++ends; }

  std::vector<nn::TrainingPlan> plans;
  std::vector<StepReport> steps;
  std::vector<EpochReport> epochs;
  int ends = 0;

 private:
  Index last_step_;
  Index last_epoch_;
};

// Counts the blocks that were taken from the heap up to each step.
template <typename Scalar>
class AllocationRecorder final : public nn::TrainerCallback<Scalar> {
 public:
  AllocationRecorder() { counts.reserve(1000); }
  bool on_step(const StepReport& report, Sequential<Scalar>&) override {
    if (report.step_in_epoch == 1) counts.clear();
    counts.push_back(nn_test::allocation_count());
    if (report.step_in_epoch == report.steps_per_epoch) {
      taken.push_back(counts.back() - counts.front());
    }
    return true;
  }
  std::vector<std::size_t> counts;
  std::vector<std::size_t> taken;  // by each epoch, after its first step
};

nn::ImageSet tiny_images(Index count) {
  // A bright row, the upper or the lower one.
  nn::ImageSet set;
  set.shape = Shape{1, 6, 6};
  nn::Rng rng(3);
  for (Index n = 0; n < count; ++n) {
    const Index bright = n % 2 == 0 ? 1 : 4;
    for (Index i = 0; i < 36; ++i) {
      set.images.push_back(static_cast<std::uint8_t>(
          i / 6 == bright ? 200 + rng.index(50) : rng.index(50)));
    }
    set.labels.push_back(static_cast<int>(n % 2));
  }
  return set;
}

Sequential<float> image_network() {
  Sequential<float> net(Shape{1, 6, 6}, 1);
  net.add<nn::Conv2d>(4, 3, 1, 1).add<nn::BatchNorm2d>().add<nn::ReLU>();
  net.add<nn::MaxPool2d>(2).add<nn::Dropout>(0.2);
  net.add<nn::Linear>(2).add<nn::Softmax>();
  return net;
}

}  // namespace

TEMPLATE_TEST_CASE("a trainer learns exclusive or",
                   "[trainer]",
                   float,
                   double) {
  Data<TestType> data{Matrix<TestType>(2, 4), Labels(4)};
  data.x << -1, -1, 1, 1,  //
      -1, 1, -1, 1;
  data.labels << 0, 1, 1, 0;
  auto net = small_network<TestType>();
  nn::Adam<TestType> adam(net.parameters(), {0.05});
  Trainer<TestType> trainer(net, adam, {/*epochs=*/200, /*batch_size=*/4});
  const auto history = trainer.fit(data.samples());
  REQUIRE(history.size() == 200);
  CHECK(history.back().train_accuracy == 1.0);
  CHECK(history.back().train_loss < 0.05);
  CHECK(net.predict_classes(data.x) == data.labels);
}

TEMPLATE_TEST_CASE("a trainer separates two clusters that it has not seen",
                   "[trainer]",
                   float,
                   double) {
  const auto training = two_clusters<TestType>(101, 1);
  const auto test = two_clusters<TestType>(300, 2);
  auto net = small_network<TestType>();
  nn::Adam<TestType> adam(net.parameters(), {0.01});
  Trainer<TestType> trainer(net, adam, {/*epochs=*/20, /*batch_size=*/16});
  const auto history = trainer.fit(training.samples(), test.samples());
  REQUIRE(history.back().validation);
  CHECK(history.back().validation->accuracy == 1.0);
  CHECK(history.back().validation->correct == 300);
  CHECK(history.back().train_accuracy == 1.0);
}

TEST_CASE("a trainer learns from images with augmentation", "[trainer]") {
  const nn::ImageSet set = tiny_images(90);
  const Samples<float> samples(set, nn::measure_normalization(set));
  auto net = image_network();
  nn::Adam<float> adam(net.parameters(), {0.01});
  TrainerOptions options;
  options.epochs = 8;
  options.batch_size = 16;
  options.augmentation.shift = 1;
  Trainer<float> trainer(net, adam, options);
  trainer.fit(samples);
  CHECK(trainer.evaluate(samples).accuracy == 1.0);

  // The same without augmentation is another training.
  auto plain = image_network();
  nn::Adam<float> plain_adam(plain.parameters(), {0.01});
  options.augmentation = {};
  Trainer<float>(plain, plain_adam, options).fit(samples);
  CHECK_FALSE(same_values(values_of(net), values_of(plain)));
}

TEST_CASE("images train as the matrix of their gray levels does", "[trainer]") {
  const nn::ImageSet set = tiny_images(23);
  const nn::Normalization normalization = nn::measure_normalization(set);
  Matrix<float> x(36, 23);
  Labels labels(23);
  std::vector<Index> all(23);
  for (Index n = 0; n < 23; ++n) all[static_cast<std::size_t>(n)] = n;
  nn::gather<float>(set, all.data(), 23, normalization, x, labels);
  const auto train = [](const Samples<float>& samples) {
    auto net = image_network();
    nn::Sgd<float> sgd(net.parameters(), {0.1});
    Trainer<float>(net, sgd, {/*epochs=*/2, /*batch_size=*/5}).fit(samples);
    return values_of(net);
  };
  CHECK(same_values(train({set, normalization}), train({x, labels})));
}

TEST_CASE(
    "a trainer's steps are forward, loss, backward and optimizer step, "
    "over batches reshuffled every epoch",
    "[trainer]") {
  const auto data = two_clusters<double>(10);
  auto net = small_network<double>();
  nn::Sgd<double> sgd(net.parameters(), {0.3, 0.9});
  TrainerOptions options;
  options.epochs = 3;
  options.batch_size = 4;
  options.seed = 7;
  Trainer<double> trainer(net, sgd, options);
  const auto& recorder = trainer.add<Recorder>();
  trainer.fit(data.samples());

  auto own = small_network<double>();
  nn::Sgd<double> own_sgd(own.parameters(), {0.3, 0.9});
  const nn::SoftmaxCrossEntropy<double> loss;
  nn::Workspace<double> workspace;
  nn::Batches batches(10, 4, 7);
  std::vector<double> losses;
  for (Index epoch = 0; epoch < 3; ++epoch) {
    batches.start_epoch(epoch);
    for (Index i = 0; i < batches.count(); ++i) {
      const Index size = batches.size(i);
      Matrix<double> x(2, size);
      Labels labels(size);
      for (Index n = 0; n < size; ++n) {
        x.col(n) = data.x.col(batches.indices(i)[n]);
        labels(n) = data.labels(batches.indices(i)[n]);
      }
      Matrix<double> dlogits(2, size);
      const auto logits = own.forward(x, workspace);
      losses.push_back(loss.evaluate(logits, labels, dlogits).loss);
      own.backward(dlogits, workspace);
      own_sgd.step();
    }
  }
  REQUIRE(recorder.steps.size() == losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i) {
    CHECK(recorder.steps[i].loss == losses[i]);
  }
  CHECK(same_values(values_of(net), values_of(own)));
}

TEST_CASE("a trainer tells of every step and epoch", "[trainer]") {
  const auto data = two_clusters<float>(10);
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  TrainerOptions options;
  options.epochs = 2;
  options.batch_size = 4;
  options.schedule = std::make_shared<nn::StepSchedule>(0.5, 1, 0.5);
  Trainer<float> trainer(net, sgd, options);
  const auto& recorder = trainer.add<Recorder>();
  const auto history = trainer.fit(data.samples(), data.samples());

  REQUIRE(recorder.plans.size() == 1);
  CHECK(recorder.plans[0].epochs == 2);
  CHECK(recorder.plans[0].steps_per_epoch == 3);
  CHECK(recorder.plans[0].has_validation);
  CHECK(recorder.ends == 1);
  REQUIRE(recorder.steps.size() == 6);
  double loss = 0;
  Index correct = 0;
  for (Index i = 0; i < 6; ++i) {
    const StepReport& step = recorder.steps[static_cast<std::size_t>(i)];
    CHECK(step.step == i + 1);
    CHECK(step.epoch == i / 3 + 1);
    CHECK(step.step_in_epoch == i % 3 + 1);
    CHECK(step.steps_per_epoch == 3);
    CHECK(step.samples == (i % 3 == 2 ? 2 : 4));
    CHECK(step.learning_rate == 0.5 * std::pow(0.5, double(i)));
    if (i >= 3) {
      loss += step.loss * double(step.samples);
      correct += step.correct;
    }
  }
  REQUIRE(history.size() == 2);
  REQUIRE(recorder.epochs.size() == 2);
  const EpochReport& last = history[1];
  CHECK(recorder.epochs[1].train_loss == last.train_loss);
  CHECK(last.epoch == 2);
  CHECK(last.step == 6);
  CHECK(last.learning_rate == recorder.steps[5].learning_rate);
  CHECK(last.train_loss == Catch::Approx(loss / 10));
  CHECK(last.train_accuracy == Catch::Approx(double(correct) / 10));
  CHECK(last.train_seconds > 0.0);
  CHECK(last.validation->loss == trainer.evaluate(data.samples()).loss);
}

TEST_CASE("without a schedule the optimizer's learning rate holds",
          "[trainer]") {
  const auto data = two_clusters<float>(4);
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.125});
  const auto history = Trainer<float>(net, sgd, {2, 4}).fit(data.samples());
  CHECK(history[1].learning_rate == 0.125);
  CHECK_FALSE(history[1].validation);
}

TEST_CASE("a smaller last batch can be left out", "[trainer]") {
  const auto data = two_clusters<float>(10);
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  TrainerOptions options;
  options.epochs = 2;
  options.batch_size = 4;
  options.drop_last = true;
  Trainer<float> trainer(net, sgd, options);
  const auto& recorder = trainer.add<Recorder>();
  trainer.fit(data.samples());
  REQUIRE(recorder.steps.size() == 4);
  for (const StepReport& step : recorder.steps) CHECK(step.samples == 4);
}

TEST_CASE("a callback can end a training after a step or an epoch",
          "[trainer]") {
  const auto data = two_clusters<float>(12);
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  Trainer<float> by_step(net, sgd, {/*epochs=*/9, /*batch_size=*/4});
  by_step.add<Recorder>(/*last_step=*/5);
  const auto& after = by_step.add<Recorder>();
  auto history = by_step.fit(data.samples(), data.samples());
  REQUIRE(history.size() == 2);
  CHECK(history[1].step == 5);
  CHECK(history[1].validation);
  // Those behind the one that ends it are told, too.
  CHECK(after.steps.size() == 5);
  CHECK(after.epochs.size() == 2);
  CHECK(after.ends == 1);

  Trainer<float> by_epoch(net, sgd, {/*epochs=*/9, /*batch_size=*/4});
  by_epoch.add<Recorder>(/*last_step=*/0, /*last_epoch=*/3);
  history = by_epoch.fit(data.samples());
  REQUIRE(history.size() == 3);
  CHECK(history[2].step == 9);
}

TEST_CASE("a trainer limits the norm of the gradients", "[trainer]") {
  const auto data = two_clusters<double>(8);
  const auto way = [&data](std::optional<double> most) {
    auto net = small_network<double>();
    const auto before = values_of(net);
    nn::Sgd<double> sgd(net.parameters(), {1.0});
    TrainerOptions options;
    options.epochs = 1;
    options.batch_size = 8;
    options.max_gradient_norm = most;
    Trainer<double>(net, sgd, options).fit(data.samples());
    const auto after = values_of(net);
    double square = 0;
    for (std::size_t i = 0; i < after.size(); ++i) {
      square += (after[i] - before[i]).squaredNorm();
    }
    return std::sqrt(square);
  };
  REQUIRE(way(std::nullopt) > 0.02);
  CHECK(way(0.01) == Catch::Approx(0.01).epsilon(1e-3));
}

TEST_CASE("class weights reach loss and validation as a whole", "[trainer]") {
  // More samples than one pass of the measurement takes, unevenly spread.
  Data<double> data = two_clusters<double>(700);
  for (Index n = 0; n < 700; ++n) data.labels(n) = n < 300 ? 0 : 1;
  auto net = small_network<double>();
  nn::Sgd<double> sgd(net.parameters(), {0.1});
  TrainerOptions options;
  options.loss.class_weights = {1.0, 5.0};
  Trainer<double> trainer(net, sgd, options);
  Matrix<double> logits(2, 700);
  nn::Workspace<double> workspace;
  net.predict_logits(data.x, logits, workspace);
  const nn::SoftmaxCrossEntropy<double> loss(options.loss);
  const auto expected =
      loss.evaluate(nn::view(std::as_const(logits)), nn::view(data.labels));
  const nn::Evaluation measured = trainer.evaluate(data.samples());
  CHECK(measured.loss == Catch::Approx(expected.loss).epsilon(1e-12));
  CHECK(measured.correct == expected.correct);
}

TEST_CASE(
    "weights of samples reach training and validation, whatever the last "
    "batch",
    "[trainer]") {
  // A sample of weight 3 is as good as three of it; 301 of them in batches of
  // 16, and more than one pass of the measurement takes.
  const Data<double> data = two_clusters<double>(301);
  Matrix<double> weights(1, 301);
  std::vector<Index> repeated;
  std::vector<Index> counting;
  for (Index n = 0; n < 301; ++n) {
    weights(0, n) = static_cast<double>(n % 4);
    if (n % 4 > 0) counting.push_back(n);
    for (Index k = 0; k < n % 4; ++k) repeated.push_back(n);
  }
  const Matrix<double> numbers = data.x.colwise().sum();
  for (const bool has_labels : {true, false}) {
    const Samples<double> plain =
        has_labels ? data.samples() : Samples<double>(data.x, numbers);
    const Samples<double> weighted = plain.weighted(weights);
    auto net = small_network<double>();
    if (!has_labels) net.add<nn::Linear>(1);
    // So small that the network stays what it is.
    nn::Sgd<double> sgd(net.parameters(), {/*learning_rate=*/1e-300});
    TrainerOptions options;
    options.epochs = 1;
    options.batch_size = 16;
    const auto check = [&](Trainer<double>& trainer) {
      const auto report = trainer.fit(weighted, weighted).back();
      const double expected = trainer.evaluate(plain.subset(repeated)).loss;
      CHECK(report.validation->loss == Catch::Approx(expected).epsilon(1e-12));
      CHECK(report.train_loss == Catch::Approx(expected).epsilon(1e-12));
      CHECK(report.validation->correct ==
            trainer.evaluate(plain.subset(counting)).correct);
      CHECK(std::abs(trainer.evaluate(plain).loss - expected) >
            1e-3 * expected);
    };
    if (has_labels) {
      Trainer<double> trainer(net, sgd, options);
      check(trainer);
    } else {
      Trainer<double> trainer(
          net, sgd, nn::MeanSquaredError<double>(), options);
      check(trainer);
    }
  }
}

TEST_CASE("a sample of weight 0 may hold anything", "[trainer]") {
  Data<double> data = two_clusters<double>(24);
  Matrix<double> weights = Matrix<double>::Ones(1, 24);
  std::vector<Index> others;
  for (Index n = 0; n < 24; ++n) {
    if (n % 5 == 2) {
      weights(0, n) = 0.0;
      data.x.col(n).setConstant(std::numeric_limits<double>::quiet_NaN());
    } else {
      others.push_back(n);
    }
  }
  const auto train = [&](const Samples<double>& samples) {
    nn::Sequential<double> net(nn::Shape{2}, /*seed=*/3);
    net.add<nn::Linear>(8).add<nn::BatchNorm1d>().add<nn::ReLU>();
    net.add<nn::Linear>(2);
    nn::Sgd<double> sgd(net.parameters(), {/*learning_rate=*/0.5});
    TrainerOptions options;
    options.epochs = 3;
    options.batch_size = 7;
    Trainer<double>(net, sgd, options).fit(samples, samples);
    return net.predict(Matrix<double>(Matrix<double>::Identity(2, 2)));
  };
  const Matrix<double> found = train(data.samples().weighted(weights));
  CHECK(found.allFinite());
  CHECK(found == train(data.samples().subset(others)));
}

TEST_CASE("a weighted step is the same in micro-batches", "[trainer]") {
  const Data<double> data = two_clusters<double>(12);
  Matrix<double> weights(1, 12);
  weights << 1, 0, 2, 5, 0.5, 1, 3, 0, 0, 0, 0, 0;
  const auto train = [&](Index micro_batches) {
    auto net = small_network<double>();
    nn::Sgd<double> sgd(net.parameters(), {/*learning_rate=*/0.5});
    TrainerOptions options;
    options.epochs = 3;
    options.batch_size = 12;
    options.micro_batches = micro_batches;
    Trainer<double>(net, sgd, options).fit(data.samples().weighted(weights));
    return net.predict(data.x);
  };
  const Matrix<double> whole = train(1);
  for (const Index parts : {2, 5, 12}) {
    CHECK(nn_test::relative_difference(train(parts), whole) < 1e-12);
  }
}

TEST_CASE("a training is the same to the bit for any number of threads",
          "[trainer][threads]") {
  const nn::ImageSet set = tiny_images(70);
  const Samples<float> samples(set, nn::measure_normalization(set));
  const auto train = [&samples](int threads, std::uint64_t seed) {
    const nn_test::ScopedThreads scope(threads);
    auto net = image_network();
    nn::Adam<float> adam(net.parameters(), {0.01});
    TrainerOptions options;
    options.epochs = 2;
    options.batch_size = 16;
    options.seed = seed;
    options.augmentation.shift = 1;
    Trainer<float> trainer(net, adam, options);
    const auto history = trainer.fit(samples, samples);
    auto values = values_of(net);
    Matrix<float> numbers(2, 1);
    numbers << static_cast<float>(history[1].train_loss),
        static_cast<float>(history[1].validation->loss);
    values.push_back(numbers);
    return values;
  };
  const auto one = train(1, 5);
  CHECK(same_values(train(2, 5), one));
  CHECK(same_values(train(3, 5), one));
  CHECK_FALSE(same_values(train(1, 6), one));
}

TEST_CASE("a training in two parts is the same to the bit as a whole one",
          "[trainer]") {
  const nn::ImageSet set = tiny_images(23);
  const Samples<float> samples(set, nn::measure_normalization(set));
  const nn_test::TemporaryDirectory directory;
  TrainerOptions options;
  options.epochs = 5;
  options.batch_size = 5;
  options.augmentation.shift = 1;
  options.schedule = std::make_shared<nn::CosineSchedule>(0.05, 25);
  const auto train = [&](bool is_second_part) {
    auto net = image_network();
    nn::Adam<float> adam(net.parameters(), {0.05});
    if (is_second_part) {
      nn::load_weights(directory.file("weights"), net);
      nn::load_optimizer(directory.file("optimizer"), adam);
    }
    Trainer<float> trainer(net, adam, options);
    const auto& recorder = trainer.add<Recorder>();
    trainer.fit(samples);
    if (options.epochs == 2) {
      nn::save_weights(directory.file("weights"), net);
      nn::save_optimizer(directory.file("optimizer"), adam);
    }
    return std::make_pair(values_of(net), recorder.steps);
  };
  const auto [whole, steps] = train(false);
  options.epochs = 2;
  train(false);
  options.epochs = 5;
  options.first_epoch = 3;
  const auto [parts, last_steps] = train(true);
  CHECK(same_values(whole, parts));
  REQUIRE(steps.size() == 25);
  REQUIRE(last_steps.size() == 15);
  for (std::size_t i = 0; i < last_steps.size(); ++i) {
    const StepReport& expected = steps[i + 10];
    CHECK(last_steps[i].epoch == expected.epoch);
    CHECK(last_steps[i].step == expected.step);
    CHECK(last_steps[i].learning_rate == expected.learning_rate);
    CHECK(last_steps[i].loss == expected.loss);
  }
}

TEST_CASE("no step of a trainer but the first allocates", "[trainer]") {
  const nn::ImageSet set = tiny_images(70);
  const Samples<float> samples(set, nn::measure_normalization(set));
  auto net = image_network();
  nn::Adam<float> adam(net.parameters(), {0.01});
  TrainerOptions options;
  options.epochs = 3;
  options.batch_size = 16;
  options.max_gradient_norm = 1.0;
  options.schedule = std::make_shared<nn::ConstantSchedule>(0.01);
  Trainer<float> trainer(net, adam, options);
  const auto& recorder = trainer.add<AllocationRecorder>();
  trainer.fit(samples, samples);
  CHECK(recorder.taken == std::vector<std::size_t>{0, 0, 0});
}

TEST_CASE("a loss that is not finite ends a training with its place",
          "[trainer][errors]") {
  const auto data = two_clusters<float>(8);
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  const auto fit = [&net, &sgd](const Data<float>& training,
                                const Data<float>& validation) {
    return message_of<std::runtime_error>([&] {
      Trainer<float>(net, sgd, {3, 4})
          .fit(training.samples(), validation.samples());
    });
  };

  Data<float> damaged = data;
  damaged.x(1, 3) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(fit(damaged, data),
             ContainsSubstring("[Trainer] expected a finite training loss, got "
                               "nan in epoch 1, step ") &&
                 ContainsSubstring("; feature 1 of training sample 3 is nan") &&
                 !ContainsSubstring("learning rate"));
  CHECK_THAT(fit(data, damaged),
             ContainsSubstring("expected a finite validation loss, got nan in "
                               "epoch 1, step 2; feature 1 of validation "
                               "sample 3 is nan"));

  net.parameters()[2]->value(0, 0) = std::numeric_limits<float>::infinity();
  const auto before = values_of(net);
  CHECK_THAT(
      fit(data, data),
      ContainsSubstring("in epoch 1, step 1;") &&
          ContainsSubstring("in the weight of layer 2, Linear(8 -> 2)") &&
          !ContainsSubstring("learning rate"));
  // The step was not taken.
  CHECK(same_values(values_of(net), before));
}

// Calls a function once, at the step or epoch end of that number.
class Intruder final : public nn::TrainerCallback<float> {
 public:
  using Function = std::function<void(Sequential<float>&)>;
  Intruder(bool at_step, Function function)
      : at_step_(at_step), function_(std::move(function)) {}

  void on_begin(const nn::TrainingPlan&, Sequential<float>&) override {
    ++begins;
  }
  bool on_step(const StepReport& report, Sequential<float>& net) override {
    if (at_step_ && report.step == 2) function_(net);
    return true;
  }
  bool on_epoch_end(const EpochReport& report,
                    Sequential<float>& net) override {
    if (!at_step_ && report.epoch == 1) function_(net);
    return true;
  }
  int begins = 0;

 private:
  bool at_step_;
  Function function_;
};

TEST_CASE("what a callback does to its trainer is done or refused",
          "[trainer][errors]") {
  const auto data = two_clusters<float>(12);
  const bool at_step = GENERATE(true, false);
  const auto fit = [&](const auto& function, std::optional<double> clip = {}) {
    auto net = small_network<float>();
    nn::Sgd<float> sgd(net.parameters(), {0.1, 0.9});
    TrainerOptions options;
    options.epochs = 2;
    options.batch_size = 4;
    options.max_gradient_norm = clip;
    Trainer<float> trainer(net, sgd, options);
    auto intruder = std::make_unique<Intruder>(
        at_step, [&](Sequential<float>& inside) { function(trainer, inside); });
    const Intruder& asked = *intruder;
    trainer.add(std::move(intruder));
    std::string message;
    try {
      trainer.fit(data.samples(), data.samples());
    } catch (const std::invalid_argument& error) {
      message = error.what();
      // The trainer is free again, and refuses what it cannot work with.
      trainer.add<Recorder>();
    }
    CHECK(asked.begins == 1);
    // A network moved from has no values.
    using Values = decltype(values_of(net));
    return std::make_pair(message, net.size() > 0 ? values_of(net) : Values());
  };
  const auto plain = fit([](auto&, auto&) {}).second;

  // So many that the vector of callbacks would move.
  CHECK(fit([](auto& trainer, auto&) {
          for (int i = 0; i < 50; ++i) trainer.template add<Recorder>();
        }).first ==
        "[Trainer] expected add() before fit(), got it from a callback of a "
        "running one");
  CHECK(fit([&](auto& trainer, auto&) { trainer.fit(data.samples()); }).first ==
        "[Trainer] expected one fit() at a time, got another from a callback");
  const std::string replaced =
      "[Trainer] expected the network to keep the parameters that it had when "
      "the trainer was built, got others";
  for (const std::optional<double> clip : {std::optional<double>(), {1.0}}) {
    CHECK(fit([](auto&, auto& net) { net = small_network<float>(); }, clip)
              .first == replaced);
    CHECK(fit([](auto&, auto& net) { Sequential<float> gone(std::move(net)); },
              clip)
              .first == replaced);
    CHECK(fit([](auto&, auto& net) { net.template add<nn::Linear>(2); }, clip)
              .first == replaced);
  }

  // What leaves the parameters where they are works.
  const auto measured = fit([&](auto& trainer, auto&) {
    trainer.evaluate(two_clusters<float>(300).samples());
  });
  CHECK(measured.first.empty());
  CHECK(same_values(measured.second, plain));
  const auto unfused = fit([](auto&, auto& net) { net.set_fusion(false); });
  CHECK(unfused.first.empty());
  CHECK(same_values(unfused.second, plain));
  CHECK(fit([](auto&, auto& net) {
          net.template add<nn::ReLU>();
        }).first.empty());
}

TEST_CASE("a trainer goes on after a callback has thrown", "[trainer]") {
  const auto data = two_clusters<float>(12);
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  Trainer<float> trainer(net, sgd, {/*epochs=*/1, /*batch_size=*/4});
  bool throws = true;
  trainer.add(std::make_unique<Intruder>(true, [&](Sequential<float>&) {
    if (throws) throw std::runtime_error("enough");
  }));
  CHECK(message_of<std::runtime_error>([&] { trainer.fit(data.samples()); }) ==
        "enough");
  throws = false;
  const auto& recorder = trainer.add<Recorder>();
  trainer.fit(data.samples());
  CHECK(recorder.steps.size() == 3);
}

TEST_CASE("a trainer refuses what is not its network's before the first step",
          "[trainer][errors]") {
  const auto data = two_clusters<float>(8);
  auto net = small_network<float>();
  auto other = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  nn::Sgd<float> of_other(other.parameters(), {0.1});
  CHECK(message_of<std::invalid_argument>(
            [&] { Trainer<float>(net, of_other); }) ==
        "[Trainer] expected an optimizer of the network's parameters, got that "
        "of another at place 0");
  // Some of them are enough: the others stay as they are.
  nn::Sgd<float> of_last({net.parameters().back()}, {0.1});
  CHECK_NOTHROW(Trainer<float>(net, of_last));

  Trainer<float> trainer(net, sgd, {1, 4});
  net = small_network<float>();
  CHECK_THAT(
      message_of<std::invalid_argument>([&] { trainer.fit(data.samples()); }),
      ContainsSubstring("expected the network to keep the parameters"));
}

TEST_CASE(
    "a batch of one is refused before the first step where a layer needs "
    "more",
    "[trainer][errors]") {
  const auto train =
      [](Index samples, Index batch_size, bool drop_last, bool nested) {
        const auto data = two_clusters<float>(samples);
        Sequential<float> net(Shape{2}, 1);
        if (nested) {
          net.add<nn::Residual>(
              [](Sequential<float>& body) { body.add<nn::BatchNorm1d>(); });
        } else {
          net.add<nn::BatchNorm1d>();
        }
        net.add<nn::Linear>(2).add<nn::Softmax>();
        const auto before = values_of(net);
        nn::Sgd<float> sgd(net.parameters(), {0.1});
        TrainerOptions options;
        options.epochs = 1;
        options.batch_size = batch_size;
        options.drop_last = drop_last;
        Trainer<float> trainer(net, sgd, options);
        const auto& recorder = trainer.add<Recorder>();
        const std::string message = message_of<std::invalid_argument>(
            [&] { trainer.fit(data.samples()); });
        const bool is_refused = message.find("[Trainer]") == 0;
        CHECK(recorder.plans.empty() == is_refused);
        CHECK(same_values(values_of(net), before) == is_refused);
        return message;
      };
  for (const bool nested : {false, true}) {
    CHECK_THAT(
        train(9, 4, false, nested),
        ContainsSubstring("[Trainer] the last batch of every epoch has 1 "
                          "sample (9 in batches of 4); drop_last leaves it "
                          "out: ") &&
            ContainsSubstring("[BatchNorm1d] expected more than one value"));
    CHECK(train(9, 4, true, nested) == "(nothing was thrown)");
    CHECK(train(10, 4, false, nested) == "(nothing was thrown)");
    const std::string always = "[Trainer] every batch has 1 sample: ";
    CHECK_THAT(train(3, 1, false, nested), ContainsSubstring(always));
    CHECK_THAT(train(3, 1, true, nested), ContainsSubstring(always));
    CHECK_THAT(train(1, 4, false, nested), ContainsSubstring(always));
  }
}

TEMPLATE_TEST_CASE("training and validation mean the same loss",
                   "[trainer]",
                   float,
                   double) {
  // A learning rate of 0 leaves the network as it is: what is measured in
  // batches while it trains is what is measured of all samples at once.
  const auto data = two_clusters<TestType>(23);
  Data<TestType> uneven = data;
  for (Index n = 0; n < 23; ++n) uneven.labels(n) = n % 5 == 0 ? 1 : 0;
  for (const Index batch_size : {1, 4, 7, 22, 23, 64}) {
    for (const std::vector<double>& weights : {std::vector<double>{},
                                               {1.0, 20.0},
                                               {0.0, 1.0},
                                               {1e-300, 1e-300},
                                               {0.0, 0.0}}) {
      for (const double smoothing : {0.0, 0.1}) {
        auto net = small_network<TestType>();
        nn::Sgd<TestType> sgd(net.parameters(), {0.0});
        TrainerOptions options;
        options.epochs = 1;
        options.batch_size = batch_size;
        options.loss.class_weights = weights;
        options.loss.label_smoothing = smoothing;
        Trainer<TestType> trainer(net, sgd, options);
        const auto report =
            trainer.fit(uneven.samples(), uneven.samples()).back();
        INFO("batches of " << batch_size << ", smoothing " << smoothing);
        const double tolerance = sizeof(TestType) == 4 ? 1e-5 : 1e-12;
        CHECK(report.train_loss ==
              Catch::Approx(report.validation->loss).epsilon(tolerance));
        CHECK(report.train_accuracy == report.validation->accuracy);
      }
    }
  }
}

TEST_CASE("a trainer says in which epoch and step the loss went away",
          "[trainer][errors]") {
  const auto data = two_clusters<float>(8);
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  // Destroys a weight after the third of two steps an epoch.
  class Destroyer final : public nn::TrainerCallback<float> {
    bool on_step(const StepReport& report, Sequential<float>& net) override {
      if (report.step == 3) {
        net.parameters()[0]->value(0, 0) =
            std::numeric_limits<float>::quiet_NaN();
      }
      return true;
    }
  };
  Trainer<float> trainer(net, sgd, {5, 4});
  trainer.add(std::make_unique<Destroyer>());
  CHECK_THAT(
      message_of<std::runtime_error>([&] { trainer.fit(data.samples()); }),
      ContainsSubstring("in epoch 2, step 4;") &&
          ContainsSubstring("in the weight of layer 0, Linear(2 -> 8)") &&
          ContainsSubstring("the learning rate is 0.1"));
}

TEST_CASE("a trainer refuses options that make no sense", "[trainer][errors]") {
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  const auto message = [&](const TrainerOptions& options) {
    return message_of<std::invalid_argument>(
        [&] { Trainer<float>(net, sgd, options); });
  };
  TrainerOptions options;
  options.epochs = 0;
  CHECK(message(options) == "[Trainer] expected at least 1 epoch, got 0");
  options = {};
  options.first_epoch = 0;
  CHECK(message(options) ==
        "[Trainer] expected a first epoch from 1 to 10, got 0");
  options.first_epoch = 11;
  CHECK(message(options) ==
        "[Trainer] expected a first epoch from 1 to 10, got 11");
  options = {};
  options.batch_size = 0;
  CHECK(message(options) ==
        "[Trainer] expected a batch size of at least 1, got 0");
  options = {};
  options.loss.class_weights = {1, 2, 3};
  CHECK(message(options) ==
        "[Trainer] expected 2 class weights, one for each class, got 3");
  options = {};
  options.max_gradient_norm = 0.0;
  CHECK(message(options) ==
        "[Trainer] expected a finite maximal gradient norm above 0, got 0");
  options = {};
  options.augmentation.rotation = -1;
  CHECK_THAT(message(options), ContainsSubstring("rotation"));

  Sequential<float> one(Shape{2}, 1);
  one.add<nn::Linear>(1);
  nn::Sgd<float> one_sgd(one.parameters(), {0.1});
  CHECK(message_of<std::invalid_argument>(
            [&] { Trainer<float>(one, one_sgd); }) ==
        "[Trainer] expected a network with an output for each of at least 2 "
        "classes, got 1");
  Trainer<float> trainer(net, sgd);
  CHECK(message_of<std::invalid_argument>([&] { trainer.add(nullptr); }) ==
        "[Trainer] expected a callback, got a null pointer");
}

TEST_CASE("a trainer refuses samples that do not fit", "[trainer][errors]") {
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  TrainerOptions options;
  options.batch_size = 8;
  options.drop_last = true;
  Trainer<float> trainer(net, sgd, options);
  const auto& recorder = trainer.add<Recorder>();
  const auto message = [](const auto& function) {
    return message_of<std::invalid_argument>(function);
  };
  const auto good = two_clusters<float>(9);

  Data<float> data{Matrix<float>::Zero(3, 9), good.labels};
  CHECK(message([&] { trainer.fit(data.samples()); }) ==
        "[Trainer] expected training samples of 2 features for the network's "
        "input 2, got 3");
  CHECK_THAT(message([&] { trainer.fit(good.samples(), data.samples()); }),
             ContainsSubstring("expected validation samples of 2 features"));
  CHECK_THAT(message([&] { trainer.evaluate(data.samples()); }),
             ContainsSubstring("expected test samples of 2 features"));

  data = good;
  data.labels(4) = 2;
  CHECK(message([&] { trainer.fit(data.samples()); }) ==
        "[Trainer] expected training labels from 0 to 1, got 2 for sample 4");
  data.labels(4) = -1;
  CHECK(message([&] { trainer.fit(good.samples(), data.samples()); }) ==
        "[Trainer] expected validation labels from 0 to 1, got -1 for sample "
        "4");
  CHECK(message([&] { trainer.fit(two_clusters<float>(7).samples()); }) ==
        "[Trainer] expected samples for at least 1 batch of 8, got 7");

  options.augmentation.shift = 1;
  CHECK(message([&] {
          Trainer<float>(net, sgd, options).fit(good.samples());
        }) == "[Trainer] expected images to augment, got a matrix");
  CHECK(recorder.plans.empty());
}

TEST_CASE("samples are of what outlives them", "[trainer]") {
  using Float = Samples<float>;
  using Plain = Matrix<float>;
  CHECK(std::is_constructible_v<Float, Plain&, Labels&>);
  CHECK(std::is_constructible_v<Float, const Plain&, const Labels&>);
  CHECK(std::is_constructible_v<Float, const Eigen::MatrixXf&, Labels&>);
  CHECK(std::is_constructible_v<Float, nn::ConstView<float>, nn::ConstLabels>);
  CHECK(std::is_constructible_v<Float, nn::View<float>, Labels&>);
  CHECK(std::is_constructible_v<Float, const nn::ImageSet&, nn::Normalization>);
  CHECK_FALSE(std::is_constructible_v<Float, Plain, Labels&>);
  CHECK_FALSE(std::is_constructible_v<Float, const Plain, Labels&>);
  CHECK_FALSE(std::is_constructible_v<Float, Plain&, Labels>);
  CHECK_FALSE(std::is_constructible_v<Float, Eigen::MatrixXf, Labels&>);
  CHECK_FALSE(std::is_constructible_v<Float, Plain&, Eigen::VectorXi>);
  CHECK_FALSE(std::is_constructible_v<Float, Matrix<double>&, Labels&>);
  CHECK_FALSE(std::is_constructible_v<Float, float*, int*>);
  CHECK_FALSE(std::is_constructible_v<Float, nn::ImageSet, nn::Normalization>);

  // Parts of a larger table, whose labels are a column of their own.
  const auto data = two_clusters<float>(9);
  const Float part(data.x.middleCols(2, 4), data.labels.segment(2, 4));
  CHECK(part.size() == 4);
  CHECK(part.label(3) == data.labels(5));
  CHECK_FALSE(std::is_constructible_v<Float,
                                      decltype(data.x.topRows(1).leftCols(4)),
                                      const Labels&>);
}

TEST_CASE("samples refuse what does not belong together", "[trainer][errors]") {
  const auto message = [](const auto& function) {
    return message_of<std::invalid_argument>(function);
  };
  const Matrix<float> x = Matrix<float>::Zero(2, 3);
  const Labels labels = Labels::Zero(4);
  CHECK(message([&] { Samples<float>(x, labels); }) ==
        "[Samples] expected 3 labels for 3 samples (columns), got 4");
  const Matrix<float> none(2, 0);
  const Labels no_labels;
  CHECK(message([&] { Samples<float>(none, no_labels); }) ==
        "[Samples] expected at least 1 sample, got none");
  nn::ImageSet set = tiny_images(3);
  CHECK_THAT(message([&] {
               Samples<float>(set, {0.0, 0.0});
             }),
             ContainsSubstring("deviation of the normalization above 0"));
  set.images.pop_back();
  CHECK_THAT(message([&] { Samples<float>(set, {}); }),
             ContainsSubstring("got 107 gray levels"));
  const nn::ImageSet no_images;
  CHECK(message([&] { Samples<float>(no_images, {}); }) ==
        "[Samples] expected at least 1 image, got none");

  const auto data = two_clusters<float>(3);
  Matrix<float> into(2, 2);
  Labels into_labels(2);
  const auto gather = [&](const std::vector<Index>& indices, Index count) {
    data.samples().gather(indices.data(), count, into, into_labels);
  };
  gather({2, 0}, 2);
  CHECK(into.col(0) == data.x.col(2));
  CHECK(into_labels(1) == data.labels(0));
  CHECK(message([&] {
          gather({0, 3}, 2);
        }) == "[Samples] expected an index below 3, got 3 at place 1");
  CHECK(message([&] { gather({0}, 1); }) ==
        "[Samples] expected x of 2 x 1 and 1 labels, got 2 x 2 and 2");
}

namespace {

// Points of a line with some noise, y = 2 x0 - x1 + 1.
template <typename Scalar>
struct Line {
  Matrix<Scalar> x;
  Matrix<Scalar> target;

  explicit Line(Index samples, std::uint64_t seed = 1) {
    nn::Rng rng(seed);
    x = nn_test::normal_matrix<Scalar>(2, samples, rng);
    target =
        0.01 *
        nn_test::normal_matrix<double>(1, samples, rng).template cast<Scalar>();
    target += Scalar(2) * x.row(0) - x.row(1);
    target.array() += Scalar(1);
  }
  Samples<Scalar> samples() const { return {x, target}; }
};

}  // namespace

TEMPLATE_TEST_CASE("a trainer learns numbers by the loss that it is given",
                   "[trainer]",
                   float,
                   double) {
  const Line<TestType> data(200);
  const Line<TestType> apart(50, 2);
  Sequential<TestType> net(Shape{2}, 1);
  net.template add<nn::Linear>(1);
  nn::Adam<TestType> adam(net.parameters(), {0.05});
  Trainer<TestType> trainer(net,
                            adam,
                            nn::MeanSquaredError<TestType>(),
                            {/*epochs=*/100, /*batch_size=*/32});
  trainer.add_metric("r2", [](auto outputs, const auto& targets) {
    return nn::r_squared<TestType>(outputs, targets.matrix());
  });
  const auto history = trainer.fit(data.samples(), apart.samples());
  CHECK(history.back().train_loss < 2e-4);
  CHECK(history.back().validation->loss < 2e-4);
  REQUIRE(history.back().validation->metrics.size() == 1);
  CHECK(history.back().validation->metrics[0] > 0.999);
  CHECK(net.parameters()[0]->value(0, 0) == Catch::Approx(2.0).epsilon(0.01));
  CHECK(net.parameters()[1]->value(0, 0) == Catch::Approx(1.0).epsilon(0.01));
  CHECK(trainer.measured_outputs().cols() == 50);
  // Nothing is right or wrong.
  CHECK(history.back().train_accuracy == 0.0);
}

TEST_CASE("training and validation mean the same loss of numbers",
          "[trainer]") {
  const Line<double> data(23);
  for (const Index batch_size : {1, 4, 22, 64}) {
    Sequential<double> net(Shape{2}, 1);
    net.add<nn::Linear>(1);
    nn::Sgd<double> sgd(net.parameters(), {0.0});
    Trainer<double> trainer(
        net, sgd, nn::MeanSquaredError<double>(), {1, batch_size});
    const auto report = trainer.fit(data.samples(), data.samples()).back();
    CHECK(report.train_loss ==
          Catch::Approx(report.validation->loss).epsilon(1e-12));
    CHECK(report.validation->loss ==
          Catch::Approx((net.predict(data.x) - data.target).squaredNorm() /
                        23.0));
  }
}

TEST_CASE("a trainer drives any learner", "[trainer]") {
  // Its steps change nothing; it counts what it is asked.
  class Counter final : public nn::Learner<float> {
   public:
    Counter() : network_(small_network<float>()) {}
    const nn::Objective<float>& objective() const override {
      return objective_;
    }
    Sequential<float>& network() override { return network_; }
    void fetch() override { ++fetched; }
    nn::LossResult step(nn::ConstView<float> x,
                        const nn::Targets<float>& targets,
                        double learning_rate) override {
      CHECK(targets.size() == x.cols());
      rates.push_back(learning_rate);
      return {0.5, 1, 0.5 * double(x.cols()), double(x.cols())};
    }
    void outputs(nn::ConstView<float> x, nn::View<float> y) override {
      y.setZero();
      y.row(1).setConstant(static_cast<float>(x.cols()));
    }
    double learning_rate() const override { return 0.25; }
    void set_steps(Index) override {}
    nn::StateDict state() override { return {}; }
    std::function<void()> restoring(const nn::StateDict&) override {
      return [] {};
    }

    std::vector<double> rates;
    int fetched = 0;

   private:
    Sequential<float> network_;
    nn::CrossEntropyObjective<float> objective_;
  };
  Counter learner;
  const auto data = two_clusters<float>(10);
  Trainer<float> trainer(learner, {/*epochs=*/2, /*batch_size=*/4});
  const auto history = trainer.fit(data.samples(), data.samples());
  CHECK(learner.rates == std::vector<double>(6, 0.25));
  CHECK(history[1].train_loss == 0.5);
  CHECK(history[1].train_accuracy == Catch::Approx(0.3));
  CHECK(history[1].validation->accuracy == 0.5);
  // Before the first, after each epoch and at the end.
  CHECK(learner.fetched == 4);

  TrainerOptions options;
  options.micro_batches = 2;
  CHECK(message_of<std::invalid_argument>(
            [&] { Trainer<float>(learner, options); }) ==
        "[Trainer] expected a learner's own max_gradient_norm and "
        "micro_batches (StepOptions), got others");
}

TEST_CASE("a trainer trains on a subset as on a copy of it", "[trainer]") {
  const nn::ImageSet set = tiny_images(40);
  const Samples<float> all(set, nn::measure_normalization(set));
  nn::ImageSet half = set.head(20);
  const Samples<float> copy(half, all.normalization());
  std::vector<Index> indices;
  for (Index i = 0; i < 20; ++i) indices.push_back(i);
  const auto train = [](const Samples<float>& samples) {
    auto net = image_network();
    nn::Sgd<float> sgd(net.parameters(), {0.1});
    TrainerOptions options;
    options.epochs = 2;
    options.batch_size = 8;
    options.augmentation.shift = 1;
    Trainer<float>(net, sgd, options).fit(samples, samples);
    return values_of(net);
  };
  const auto expected = train(copy);
  CHECK(same_values(train(all.subset(indices)), expected));
  // Others are other images, distorted ones too.
  for (Index& i : indices) i += 20;
  CHECK_FALSE(same_values(train(all.subset(indices)), expected));
}

TEST_CASE("no step on numbers or a subset allocates but the first",
          "[trainer]") {
  const Line<double> data(70);
  Sequential<double> net(Shape{2}, 1);
  net.add<nn::Linear>(4).add<nn::ReLU>().add<nn::Linear>(1);
  nn::Adam<double> adam(net.parameters(), {0.01});
  TrainerOptions options;
  options.epochs = 2;
  options.batch_size = 16;
  options.micro_batches = 3;
  Trainer<double> trainer(net, adam, nn::MeanSquaredError<double>(), options);
  const auto& recorder = trainer.add<AllocationRecorder>();
  trainer.fit(data.samples().split(0.1, 1).first);
  CHECK(recorder.taken == std::vector<std::size_t>{0, 0});
}

TEST_CASE("a trainer refuses objectives and metrics that make no sense",
          "[trainer][errors]") {
  const auto message = [](const auto& function) {
    return message_of<std::invalid_argument>(function);
  };
  const Line<float> line(8);
  const auto classes = two_clusters<float>(8);
  auto net = small_network<float>();
  nn::Sgd<float> sgd(net.parameters(), {0.1});
  TrainerOptions options;
  options.loss.label_smoothing = 0.1;
  CHECK(message([&] {
          Trainer<float>(net, sgd, nn::MeanSquaredError<float>(), options);
        }) ==
        "[Trainer] expected the settings of the loss in the objective that was "
        "given, got others in TrainerOptions::loss");
  options = {};
  options.micro_batches = 0;
  CHECK(message([&] { Trainer<float>(net, sgd, options); }) ==
        "[Trainer] expected at least 1 micro-batch, got 0");

  Trainer<float> numbers(net, sgd, nn::MeanSquaredError<float>());
  CHECK(message([&] { numbers.fit(classes.samples()); }) ==
        "[Trainer] expected training samples with a matrix of targets, got "
        "labels");
  CHECK(message([&] { numbers.fit(line.samples()); }) ==
        "[Trainer] expected training targets of 2 features as the network's "
        "output, got 1");
  CHECK_THAT(message([&] { Trainer<float>(net, sgd).fit(line.samples()); }),
             ContainsSubstring("samples with labels, got a matrix"));

  const auto zero = [](auto, const auto&) { return 0.0; };
  CHECK(message([&] { numbers.add_metric("a b", zero); }) ==
        "[Trainer] expected a metric's name of letters, digits and _, got \"a "
        "b\"");
  CHECK(message([&] { numbers.add_metric("none", nullptr); }) ==
        "[Trainer] expected a function for the metric none, got none");
  numbers.add_metric("r2", zero);
  CHECK(message([&] { numbers.add_metric("r2", zero); }) ==
        "[Trainer] expected one metric of the name r2, got two");
}
