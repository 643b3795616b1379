// What training adds to the layers: the loss, the optimizer, the schedules.

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "nn/losses/softmax_cross_entropy.h"
#include "nn/optimizers/schedule.h"
#include "nn/optimizers/sgd.h"
#include "parity.h"
#include "twin.h"

namespace {

using nn::Index;
using parity::between;
using parity::kTolerance;
using parity::random_matrix;
using parity::relative_error;

constexpr int kConfigurations = 300;
constexpr int kOptimizerSteps = 50;

torch::Tensor as_tensor(const nn::Labels& labels) {
  return torch::from_blob(
             const_cast<int*>(labels.data()), {labels.size()}, torch::kInt32)
      .to(torch::kInt64);
}

void set_learning_rate(torch::optim::Optimizer& optimizer, double rate) {
  for (auto& group : optimizer.param_groups()) group.options().set_lr(rate);
}

double learning_rate(torch::optim::Optimizer& optimizer) {
  return optimizer.param_groups().front().options().get_lr();
}

/// An optimizer over one number: what LibTorch's schedulers work on.
torch::optim::SGD lone_optimizer(double rate) {
  return torch::optim::SGD(
      std::vector<torch::Tensor>{torch::zeros({1}, torch::kFloat64)},
      torch::optim::SGDOptions(rate));
}

}  // namespace

TEMPLATE_TEST_CASE(
    "the cross-entropy and its gradient agree with LibTorch for logits up to "
    "1e4",
    "[parity][loss]",
    float,
    double) {
  parity::for_each_configuration(2 * kConfigurations, [](nn::Rng& rng) {
    const Index classes = between(rng, 2, 40);
    const Index batch = between(rng, 1, 40);
    const double scale = std::pow(10.0, static_cast<double>(rng.index(5)));
    INFO(classes << " classes, batch " << batch << ", logits up to " << scale);
    const auto logits = random_matrix<TestType>(rng, classes, batch, scale);
    nn::Labels labels(batch);
    for (Index n = 0; n < batch; ++n) {
      labels[n] = static_cast<int>(rng.index(classes));
    }

    const nn::SoftmaxCrossEntropy<TestType> loss;
    nn::Matrix<TestType> dlogits(classes, batch);
    const nn::LossResult result =
        loss.evaluate(nn::view(logits), nn::view(labels), nn::view(dlogits));
    const nn::LossResult loss_alone =
        loss.evaluate(nn::view(logits), nn::view(labels));

    torch::Tensor torch_logits =
        torch_twin::as_tensor(nn::view(logits), nn::Shape{classes}).clone();
    torch_logits.requires_grad_(true);
    const torch::Tensor target = as_tensor(labels);
    const torch::Tensor torch_loss =
        torch::nn::functional::cross_entropy(torch_logits, target);
    torch_loss.backward();
    const auto correct =
        torch_logits.argmax(1).eq(target).sum().template item<int64_t>();

    // The loss of a sample is log(1 + ...) where its label has the largest
    // logit; its gradient is a probability minus 1, over the batch size.
    const double expected = torch_loss.template item<double>();
    CHECK(relative_error<TestType>(result.loss, expected, 1.0) <=
          kTolerance<TestType>);
    CHECK(result.loss == loss_alone.loss);
    CHECK(relative_error(
              dlogits, torch_logits.grad(), 1.0 / static_cast<double>(batch)) <=
          kTolerance<TestType>);
    CHECK(result.correct == correct);
    CHECK(loss_alone.correct == correct);
  });
}

TEMPLATE_TEST_CASE("sgd with every option agrees with LibTorch over 50 steps",
                   "[parity][sgd]",
                   float,
                   double) {
  int configuration = 0;
  parity::for_each_configuration(kConfigurations, [&](nn::Rng& rng) {
    // Every combination comes up; the numbers are random.
    const int combination = configuration++ % 12;
    nn::SgdOptions options;
    options.learning_rate = rng.uniform(0.001, 0.3);
    if (combination % 3 > 0) options.momentum = rng.uniform(0.1, 0.99);
    options.nesterov = combination % 3 == 2;
    if (combination / 3 % 2 == 1) options.weight_decay = rng.uniform(1e-4, 0.1);
    const bool rate_changes = combination / 6 == 1;
    INFO("learning rate " << options.learning_rate << ", momentum "
                          << options.momentum << ", weight decay "
                          << options.weight_decay << ", Nesterov "
                          << options.nesterov << ", rate changes "
                          << rate_changes);

    std::vector<nn::Parameter<TestType>> parameters;
    for (Index count = between(rng, 1, 4); count > 0; --count) {
      const Index rows = between(rng, 1, 20);
      const Index cols = between(rng, 1, 20);
      parameters.emplace_back(
          "weight", std::vector<Index>{cols, rows}, rows, cols);
      parameters.back().value = random_matrix<TestType>(rng, rows, cols);
    }
    std::vector<nn::Parameter<TestType>*> pointers;
    std::vector<torch::Tensor> tensors;
    for (nn::Parameter<TestType>& parameter : parameters) {
      pointers.push_back(&parameter);
      tensors.push_back(
          torch_twin::as_tensor(nn::view(std::as_const(parameter.value)),
                                nn::Shape{parameter.value.rows()})
              .clone()
              .requires_grad_(true));
    }
    nn::Sgd<TestType> optimizer(pointers, options);
    torch::optim::SGD torch_optimizer(
        tensors,
        torch::optim::SGDOptions(options.learning_rate)
            .momentum(options.momentum)
            .weight_decay(options.weight_decay)
            .nesterov(options.nesterov));

    for (int step = 0; step < kOptimizerSteps; ++step) {
      INFO("step " << step);
      if (rate_changes) {
        const double rate = rng.uniform(0.0, 0.3);
        optimizer.set_learning_rate(rate);
        set_learning_rate(torch_optimizer, rate);
      }
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        nn::Parameter<TestType>& parameter = parameters[i];
        parameter.grad = random_matrix<TestType>(
            rng, parameter.value.rows(), parameter.value.cols());
        tensors[i].mutable_grad() =
            torch_twin::as_tensor(nn::view(std::as_const(parameter.grad)),
                                  nn::Shape{parameter.value.rows()})
                .clone();
      }
      optimizer.step();
      torch_optimizer.step();
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        INFO("parameter " << i);
        REQUIRE(relative_error(parameters[i].value, tensors[i]) <=
                kTolerance<TestType>);
      }
    }
  });
}

TEST_CASE("the step schedule agrees with LibTorch's StepLR",
          "[parity][schedule]") {
  parity::for_each_configuration(100, [](nn::Rng& rng) {
    const double base = rng.uniform(0.001, 1.0);
    const Index period = between(rng, 1, 40);
    const double gamma = rng.uniform(0.5, 1.0);
    INFO("base " << base << ", period " << period << ", gamma " << gamma);
    const nn::StepSchedule schedule(base, period, gamma);
    torch::optim::SGD optimizer = lone_optimizer(base);
    torch::optim::StepLR scheduler(
        optimizer, static_cast<unsigned>(period), gamma);
    // PyTorch's scheduler makes its first step in its constructor, LibTorch's
    // leaves it to the caller.
    scheduler.step();
    for (Index step = 0; step < 200; ++step) {
      INFO("step " << step);
      REQUIRE(relative_error<double>(schedule.learning_rate(step),
                                     learning_rate(optimizer)) <=
              kTolerance<double>);
      optimizer.step();
      scheduler.step();
    }
  });
}

TEST_CASE("the constant schedule is a LibTorch optimizer without a scheduler",
          "[parity][schedule]") {
  parity::for_each_configuration(20, [](nn::Rng& rng) {
    const double base = rng.uniform(0.001, 1.0);
    const nn::ConstantSchedule schedule(base);
    torch::optim::SGD optimizer = lone_optimizer(base);
    for (Index step = 0; step < 50; ++step) {
      REQUIRE(schedule.learning_rate(step) == learning_rate(optimizer));
      optimizer.step();
    }
  });
}

// LibTorch's C++ side has no cosine schedule. PyTorch documents
// CosineAnnealingLR by
//   eta_t = eta_min + (eta_max - eta_min) / 2 * (1 + cos(T_cur / T_max * pi))
// and LinearLR, for a warm-up, by a factor that rises linearly from
// start_factor at step 0 to 1 at step total_iters; both are computed here with
// tensor operations.
TEST_CASE("the cosine schedule agrees with PyTorch's formulas",
          "[parity][schedule]") {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const double base = rng.uniform(0.001, 1.0);
    const double final = rng.index(2) == 0 ? 0.0 : rng.uniform(0.0, base);
    const Index total = between(rng, 2, 300);
    const Index warmup = rng.index(2) == 0 ? 0 : rng.index(total);
    INFO("base " << base << ", final " << final << ", total " << total
                 << ", warm-up " << warmup);
    const nn::CosineSchedule schedule(base, total, warmup, final);

    const torch::Tensor rise = torch::arange(1, warmup + 1, torch::kFloat64) *
                               base /
                               static_cast<double>(std::max<Index>(warmup, 1));
    const torch::Tensor progress =
        torch::arange(0, total - warmup + 1, torch::kFloat64) /
        static_cast<double>(total - warmup);
    const torch::Tensor fall =
        final + (base - final) / 2 * (1 + torch::cos(progress * M_PI));
    const torch::Tensor expected = torch::cat({rise, fall});
    REQUIRE(expected.size(0) == total + 1);

    for (Index step = 0; step <= total; ++step) {
      INFO("step " << step);
      // Near the end 1 + cos cancels: it is a difference of terms of this size.
      REQUIRE(relative_error<double>(schedule.learning_rate(step),
                                     expected[step].item<double>(),
                                     base) <= kTolerance<double>);
    }
    // PyTorch's formula rises again after T_max; libnn's documentation says
    // that the rate stays.
    CHECK(schedule.learning_rate(total + 7) == schedule.learning_rate(total));
  });
}
