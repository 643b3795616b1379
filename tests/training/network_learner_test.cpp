#include "nn/training/network_learner.h"

#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "nn/layers/batch_norm.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/sgd.h"
#include "nn/random.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using nn::ConstLabels;
using nn::ConstView;
using nn::Index;
using nn::Labels;
using nn::Matrix;
using nn::NetworkLearner;
using nn::Sequential;
using nn::Shape;
using nn::StepOptions;
using nn_test::message_of;

namespace {

using View = ConstView<double>;

template <typename Scalar>
std::vector<Matrix<Scalar>> values_of(Sequential<Scalar>& net) {
  std::vector<Matrix<Scalar>> values;
  for (const auto* parameter : net.parameters()) {
    values.push_back(parameter->value);
  }
  for (const auto& buffer : net.named_buffers()) {
    values.push_back(buffer.parameter->value);
  }
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

Sequential<double> hidden_network(bool draws = false) {
  Sequential<double> net(Shape{3}, 1);
  net.add<nn::Linear>(5).add<nn::ReLU>();
  if (draws) net.add<nn::Dropout>(0.5);
  net.add<nn::Linear>(2);
  return net;
}

std::shared_ptr<const nn::Objective<double>> squares() {
  return nn::make_objective<double>(nn::MeanSquaredError<double>());
}

struct Data {
  Matrix<double> x;
  Matrix<double> target;
  Labels labels;
  explicit Data(Index samples, std::uint64_t seed = 3) : labels(samples) {
    nn::Rng rng(seed);
    x = nn_test::normal_matrix<double>(3, samples, rng);
    target = nn_test::normal_matrix<double>(2, samples, rng);
    for (Index n = 0; n < samples; ++n) {
      labels(n) = static_cast<int>(rng.index(2));
    }
  }
};

}  // namespace

TEST_CASE("a step is that of the formulas", "[training]") {
  Sequential<double> net(Shape{1}, 1);
  net.add<nn::Linear>(1);
  net.parameters()[0]->value(0, 0) = 2.0;
  net.parameters()[1]->value(0, 0) = 1.0;
  nn::Sgd<double> sgd(net.parameters(), {0.5});
  NetworkLearner<double> learner(net, sgd, squares());
  Matrix<double> x(1, 2);
  x << 1, 3;
  Matrix<double> target(1, 2);
  target << 2, 8;
  // Outputs 3 and 7, errors 1 and -1: a loss of 1, and the gradients
  // (1 * 1 - 1 * 3) = -2 of the weight, and 0 of the bias.
  const nn::LossResult result = learner.step(View(x), View(target), 0.25);
  CHECK(result.loss == 1.0);
  CHECK(net.parameters()[0]->value(0, 0) == 2.5);
  CHECK(net.parameters()[1]->value(0, 0) == 1.0);
  CHECK(learner.learning_rate() == 0.25);
  Matrix<double> y(1, 2);
  learner.outputs(View(x), nn::view(y));
  CHECK(y(0, 1) == 8.5);
}

TEST_CASE("micro-batches add up to the gradient of their batch", "[training]") {
  nn::SoftmaxCrossEntropyOptions weighted;
  weighted.class_weights = {1.0, 7.0};
  const auto classes =
      nn::make_objective<double>(nn::CrossEntropyObjective<double>(weighted));
  for (const Index samples : {1, 4, 7, 13}) {
    for (const Index parts : {1, 2, 3, 5, 20}) {
      CAPTURE(samples, parts);
      const Data data(samples);
      const auto train = [&](Index micro_batches, bool has_labels) {
        auto net = hidden_network();
        nn::Adam<double> adam(net.parameters());
        StepOptions options;
        options.micro_batches = micro_batches;
        options.max_gradient_norm = 0.5;
        NetworkLearner<double> learner(
            net, adam, has_labels ? classes : squares(), options);
        nn::LossResult last;
        for (int i = 0; i < 3; ++i) {
          last = has_labels
                     ? learner.step(View(data.x), ConstLabels(data.labels), 0.1)
                     : learner.step(View(data.x), View(data.target), 0.1);
        }
        return std::make_pair(values_of(net), last);
      };
      for (const bool has_labels : {false, true}) {
        const auto [whole, loss] = train(1, has_labels);
        const auto [in_parts, loss_of_parts] = train(parts, has_labels);
        CHECK(loss_of_parts.loss == Approx(loss.loss).epsilon(1e-9));
        CHECK(loss_of_parts.weight == Approx(loss.weight));
        CHECK(loss_of_parts.correct == loss.correct);
        for (std::size_t i = 0; i < whole.size(); ++i) {
          CHECK((whole[i] - in_parts[i]).cwiseAbs().maxCoeff() < 1e-7);
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("weights of any size and of 0 are right in micro-batches",
                   "[training]",
                   float,
                   double) {
  nn::Rng rng(7);
  const auto x = nn_test::normal_matrix<TestType>(3, 8, rng);
  const auto target = nn_test::normal_matrix<TestType>(2, 8, rng);
  const auto step = [&](double unit, Index parts) {
    // The first and the last part have no weight at all.
    nn::Matrix<TestType> weights(1, 8);
    weights << 0, 0, 1, 2, 0, 3, 0, 0;
    weights *= static_cast<TestType>(unit);
    nn::Sequential<TestType> net(nn::Shape{3}, /*seed=*/2);
    net.template add<nn::Linear>(2);
    nn::Sgd<TestType> sgd(net.parameters(), {/*learning_rate=*/0.5});
    nn::NetworkLearner<TestType> learner(
        net,
        sgd,
        nn::make_objective<TestType>(nn::MeanSquaredError<TestType>()),
        {std::nullopt, parts});
    learner.step(
        nn::view(x),
        nn::Targets<TestType>(nn::view(target)).weighted(weights.data()),
        0.5);
    return nn::Matrix<TestType>(net.parameters()[0]->value);
  };
  const nn::Matrix<TestType> whole = step(1.0, 1);
  const double large = sizeof(TestType) == 4 ? 1e37 : 1e306;
  for (const double unit : {1.0, large, 1 / large}) {
    for (const Index parts : {1, 4, 8}) {
      CAPTURE(unit, parts);
      CHECK(nn_test::relative_difference(step(unit, parts), whole) < 1e-5);
    }
  }
}

TEST_CASE("draws depend on the number of steps alone", "[training]") {
  const Data data(8);
  for (const Index parts : {1, 3}) {
    CAPTURE(parts);
    const auto loss_after = [&](Index steps, bool takes_them, Index samples) {
      auto net = hidden_network(/*draws=*/true);
      nn::Sgd<double> sgd(net.parameters(), {0.0});
      StepOptions options;
      options.micro_batches = parts;
      NetworkLearner<double> learner(net, sgd, squares(), options);
      if (takes_them) {
        for (Index i = 0; i < steps; ++i) {
          learner.step(View(data.x.leftCols(samples)),
                       View(data.target.leftCols(samples)),
                       0.0);
        }
      } else {
        learner.set_steps(steps);
      }
      return learner.step(View(data.x), View(data.target), 0.0).loss;
    };
    const double expected = loss_after(5, true, 8);
    CHECK(loss_after(5, false, 0) == expected);
    // Batches of one sample have fewer parts, and count as many draws.
    CHECK(loss_after(5, true, 1) == expected);
    CHECK(loss_after(4, false, 0) != expected);
  }
}

TEST_CASE("a loss that is not finite updates nothing", "[training][errors]") {
  Data data(6);
  data.target(0, 3) = std::numeric_limits<double>::quiet_NaN();
  for (const Index parts : {1, 2}) {
    auto net = hidden_network();
    nn::Adam<double> adam(net.parameters());
    StepOptions options;
    options.micro_batches = parts;
    NetworkLearner<double> learner(net, adam, squares(), options);
    const auto before = values_of(net);
    CHECK(std::isnan(learner.step(View(data.x), View(data.target), 0.1).loss));
    CHECK(same_values(values_of(net), before));
    CHECK(*adam.state().steps == 0);
  }
}

TEST_CASE("no step of a learner but the first allocates", "[training]") {
  const Data data(12);
  for (const Index parts : {1, 4}) {
    auto net = hidden_network(/*draws=*/true);
    nn::Adam<double> adam(net.parameters());
    StepOptions options;
    options.micro_batches = parts;
    options.max_gradient_norm = 1.0;
    NetworkLearner<double> learner(
        net,
        adam,
        nn::make_objective<double>(nn::MultiLabelObjective<double>()),
        options);
    const Matrix<double> answers =
        (data.target.array() > 0.0).cast<double>().matrix();
    learner.step(View(data.x), View(answers), 0.1);
    const std::size_t before = nn_test::allocation_count();
    learner.step(View(data.x), View(answers), 0.1);
    learner.step(View(data.x.leftCols(5)), View(answers.leftCols(5)), 0.1);
    CHECK(nn_test::allocation_count() == before);
  }
}

TEST_CASE("a learner goes on from the state of another, to the bit",
          "[training]") {
  const Data data(10);
  const auto make_network = [] {
    Sequential<double> net(Shape{3}, 1);
    net.add<nn::Linear>(4).add<nn::BatchNorm1d>().add<nn::Dropout>(0.3);
    net.add<nn::Linear>(2);
    return net;
  };
  auto net = make_network();
  nn::Adam<double> adam(net.parameters());
  NetworkLearner<double> learner(net, adam, squares());
  for (int i = 0; i < 4; ++i) {
    learner.step(View(data.x), View(data.target), 0.01);
  }
  const nn::StateDict state = learner.state();
  auto other = make_network();
  other.parameters()[0]->value.setZero();
  nn::Adam<double> other_adam(other.parameters());
  NetworkLearner<double> goes_on(other, other_adam, squares());
  const auto take = goes_on.restoring(state);
  CHECK(other.parameters()[0]->value.isZero());
  take();
  for (int i = 0; i < 3; ++i) {
    const double rate = learner.learning_rate();
    CHECK(goes_on.learning_rate() == rate);
    CHECK(learner.step(View(data.x), View(data.target), rate).loss ==
          goes_on.step(View(data.x), View(data.target), rate).loss);
  }
  CHECK(same_values(values_of(net), values_of(other)));

  // What does not fit changes nothing.
  const auto before = values_of(other);
  const auto message = [&](const auto& damage) {
    nn::StateDict damaged = state;
    damage(damaged);
    return message_of<std::runtime_error>(
        [&] { goes_on.restoring(damaged)(); });
  };
  CHECK_THAT(message([](nn::StateDict& s) { s.tensors[0].name += "x"; }),
             ContainsSubstring("network's parameter \"0.weight\""));
  CHECK_THAT(message([](nn::StateDict& s) { s.tensors.pop_back(); }),
             ContainsSubstring("expected"));
  CHECK_THAT(message([](nn::StateDict& s) { s.tensors[0].name = "more"; }),
             ContainsSubstring("found also others"));
  CHECK_THAT(message([](nn::StateDict& s) { s.metadata.clear(); }),
             ContainsSubstring("expected the file of an optimizer"));
  CHECK(same_values(values_of(other), before));
}

TEST_CASE("a learner refuses what does not fit", "[training][errors]") {
  auto net = hidden_network();
  auto other = hidden_network();
  nn::Sgd<double> sgd(net.parameters(), {0.1});
  nn::Sgd<double> of_other(other.parameters(), {0.1});
  const auto message = [](const auto& function) {
    return message_of<std::invalid_argument>(function);
  };
  CHECK(message([&] { NetworkLearner<double>(net, sgd, nullptr); }) ==
        "[NetworkLearner] expected an objective, got a null pointer");
  CHECK(message([&] { NetworkLearner<double>(net, of_other, squares()); }) ==
        "[NetworkLearner] expected an optimizer of the network's parameters, "
        "got that of another at place 0");
  StepOptions options;
  options.micro_batches = 0;
  CHECK(message([&] {
          NetworkLearner<double>(net, sgd, squares(), options);
        }) == "[NetworkLearner] expected at least 1 micro-batch, got 0");
  options = {};
  options.max_gradient_norm = -1.0;
  CHECK(
      message([&] { NetworkLearner<double>(net, sgd, squares(), options); }) ==
      "[NetworkLearner] expected a finite maximal gradient norm above 0, got "
      "-1");

  NetworkLearner<double> learner(net, sgd, squares());
  const Data data(4);
  CHECK(message([&] {
          learner.step(View(data.x), View(data.target.leftCols(3)), 0.1);
        }) ==
        "[NetworkLearner] expected a batch of at least 1 sample and as many "
        "targets, got 4 and 3");
  CHECK_THAT(message([&] {
               learner.step(View(data.x), ConstLabels(data.labels), 0.1);
             }),
             ContainsSubstring("expected a matrix of targets, got labels"));
  net = hidden_network();
  CHECK_FALSE(learner.is_intact());
  CHECK_THAT(
      message([&] { learner.step(View(data.x), View(data.target), 0.1); }),
      ContainsSubstring("to keep the parameters"));

  Sequential<double> normed(Shape{3}, 1);
  normed.add<nn::BatchNorm1d>().add<nn::Linear>(2);
  nn::Sgd<double> normed_sgd(normed.parameters(), {0.1});
  options = {};
  options.micro_batches = 3;
  NetworkLearner<double> in_parts(normed, normed_sgd, squares(), options);
  CHECK_NOTHROW(in_parts.check_batch(Data(6).x));
  CHECK_THAT(message([&] { in_parts.check_batch(Data(5).x); }),
             ContainsSubstring("more than one value"));
}
