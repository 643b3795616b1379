// Every optimizer with every option, groups and clipping against LibTorch's;
// the schedules that LibTorch's C++ side lacks against PyTorch's formulas.

#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "nn/optimizers/adagrad.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/clip_gradients.h"
#include "nn/optimizers/reduce_on_plateau.h"
#include "nn/optimizers/rmsprop.h"
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

constexpr int kConfigurations = 160;
constexpr int kSteps = 50;

/// The same parameters on both sides. The later half of them may be a group.
template <typename Scalar>
struct Twins {
  explicit Twins(nn::Rng& rng) {
    for (Index count = between(rng, 2, 5); count > 0; --count) {
      const Index rows = between(rng, 1, 20);
      const Index cols = between(rng, 1, 20);
      parameters.emplace_back(
          "weight", std::vector<Index>{cols, rows}, rows, cols);
      parameters.back().value = random_matrix<Scalar>(rng, rows, cols);
    }
    for (nn::Parameter<Scalar>& parameter : parameters) {
      pointers.push_back(&parameter);
      tensors.push_back(tensor_of(parameter.value).requires_grad_(true));
    }
  }

  static torch::Tensor tensor_of(const nn::Matrix<Scalar>& m) {
    return torch_twin::as_tensor(nn::view(m), nn::Shape{m.rows()}).clone();
  }

  std::size_t group_start() const { return parameters.size() / 2; }

  void draw_gradients(nn::Rng& rng) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      nn::Parameter<Scalar>& parameter = parameters[i];
      parameter.grad = random_matrix<Scalar>(
          rng, parameter.value.rows(), parameter.value.cols());
      tensors[i].mutable_grad() = tensor_of(parameter.grad);
    }
  }

  std::vector<nn::Parameter<Scalar>> parameters;
  std::vector<nn::Parameter<Scalar>*> pointers;
  std::vector<torch::Tensor> tensors;
};

/// Runs both for 50 steps. In half of the configurations the rate changes in
/// every step, in half of them the later parameters are a group with a rate, a
/// weight decay and an L1 penalty of their own.
template <typename Own, typename Torch, typename Scalar, typename TorchOptions>
void require_agreement(nn::Rng& rng,
                       Twins<Scalar>& twins,
                       Own& optimizer,
                       const TorchOptions& torch_options) {
  const bool rate_changes = rng.index(2) == 0;
  const bool has_group = rng.index(2) == 0;
  INFO("rate changes " << rate_changes << ", group " << has_group);
  const auto middle = static_cast<std::ptrdiff_t>(
      has_group ? twins.group_start() : twins.tensors.size());
  nn::GroupOptions group;
  std::vector<torch::optim::OptimizerParamGroup> torch_groups;
  const auto add_torch_group =
      [&](auto begin, auto end, const TorchOptions& options) {
        torch_groups.emplace_back(std::vector<torch::Tensor>(begin, end),
                                  std::make_unique<TorchOptions>(options));
      };
  add_torch_group(
      twins.tensors.begin(), twins.tensors.begin() + middle, torch_options);
  if (has_group) {
    group.learning_rate_scale = rng.uniform(0.1, 2.0);
    group.weight_decay = rng.uniform(0.0, 0.1);
    group.l1 = rng.index(2) == 0 ? 0.0 : rng.uniform(0.01, 0.5);
    optimizer.set_group({twins.pointers.begin() + middle, twins.pointers.end()},
                        group);
    TorchOptions options = torch_options;
    options.lr(options.lr() * group.learning_rate_scale);
    options.weight_decay(*group.weight_decay);
    add_torch_group(
        twins.tensors.begin() + middle, twins.tensors.end(), options);
  }
  Torch torch_optimizer(torch_groups, torch_options);

  for (int step = 0; step < kSteps; ++step) {
    INFO("step " << step);
    if (rate_changes) {
      const double rate = rng.uniform(0.0, 0.05);
      optimizer.set_learning_rate(rate);
      auto& groups = torch_optimizer.param_groups();
      groups[0].options().set_lr(rate);
      if (has_group) {
        groups[1].options().set_lr(rate * group.learning_rate_scale);
      }
    }
    twins.draw_gradients(rng);
    torch::NoGradGuard no_grad;
    for (auto i = static_cast<std::size_t>(middle);
         group.l1 > 0.0 && i < twins.tensors.size();
         ++i) {
      twins.tensors[i].mutable_grad() += group.l1 * twins.tensors[i].sign();
    }
    optimizer.step();
    torch_optimizer.step();
    for (std::size_t i = 0; i < twins.parameters.size(); ++i) {
      INFO("parameter " << i);
      // A small parameter may come close to zero: it is then a difference of
      // terms of the size of its first values.
      REQUIRE(relative_error(twins.parameters[i].value,
                             twins.tensors[i],
                             1.0) <= kTolerance<Scalar>);
    }
  }
}

template <typename Options>
void draw_adam_options(nn::Rng& rng, int configuration, Options& options) {
  options.learning_rate = rng.uniform(0.001, 0.05);
  options.beta1 = rng.index(4) == 0 ? 0.0 : rng.uniform(0.5, 0.99);
  options.beta2 = rng.uniform(0.5, 0.9999);
  options.epsilon = std::pow(10.0, rng.uniform(-10.0, -2.0));
  options.weight_decay =
      configuration / 2 % 2 == 0 ? 0.0 : rng.uniform(1e-4, 0.1);
  options.amsgrad = configuration % 2 == 1;
}

template <typename TorchOptions, typename Options>
TorchOptions torch_adam_options(const Options& options) {
  return TorchOptions(options.learning_rate)
      .betas({options.beta1, options.beta2})
      .eps(options.epsilon)
      .weight_decay(options.weight_decay)
      .amsgrad(options.amsgrad);
}

}  // namespace

TEMPLATE_TEST_CASE("adam with every option agrees with LibTorch over 50 steps",
                   "[parity][optimizers]",
                   float,
                   double) {
  int configuration = 0;
  parity::for_each_configuration(kConfigurations, [&](nn::Rng& rng) {
    nn::AdamOptions options;
    draw_adam_options(rng, configuration++, options);
    Twins<TestType> twins(rng);
    nn::Adam<TestType> optimizer(twins.pointers, options);
    require_agreement<nn::Adam<TestType>, torch::optim::Adam>(
        rng,
        twins,
        optimizer,
        torch_adam_options<torch::optim::AdamOptions>(options));
  });
}

TEMPLATE_TEST_CASE("adamw with every option agrees with LibTorch over 50 steps",
                   "[parity][optimizers]",
                   float,
                   double) {
  int configuration = 0;
  parity::for_each_configuration(kConfigurations, [&](nn::Rng& rng) {
    nn::AdamWOptions options;
    draw_adam_options(rng, configuration++, options);
    Twins<TestType> twins(rng);
    nn::AdamW<TestType> optimizer(twins.pointers, options);
    require_agreement<nn::AdamW<TestType>, torch::optim::AdamW>(
        rng,
        twins,
        optimizer,
        torch_adam_options<torch::optim::AdamWOptions>(options));
  });
}

TEMPLATE_TEST_CASE(
    "rmsprop with every option agrees with LibTorch over 50 steps",
    "[parity][optimizers]",
    float,
    double) {
  int configuration = 0;
  parity::for_each_configuration(kConfigurations, [&](nn::Rng& rng) {
    const int combination = configuration++ % 8;
    nn::RmsPropOptions options;
    options.learning_rate = rng.uniform(0.001, 0.05);
    options.alpha = rng.uniform(0.9, 0.999);
    options.epsilon = std::pow(10.0, rng.uniform(-10.0, -2.0));
    options.centered = combination % 2 == 1;
    if (combination / 2 % 2 == 1) options.momentum = rng.uniform(0.1, 0.95);
    if (combination / 4 == 1) options.weight_decay = rng.uniform(1e-4, 0.1);
    Twins<TestType> twins(rng);
    nn::RmsProp<TestType> optimizer(twins.pointers, options);
    require_agreement<nn::RmsProp<TestType>, torch::optim::RMSprop>(
        rng,
        twins,
        optimizer,
        torch::optim::RMSpropOptions(options.learning_rate)
            .alpha(options.alpha)
            .eps(options.epsilon)
            .centered(options.centered)
            .momentum(options.momentum)
            .weight_decay(options.weight_decay));
  });
}

TEMPLATE_TEST_CASE(
    "adagrad with every option agrees with LibTorch over 50 steps",
    "[parity][optimizers]",
    float,
    double) {
  int configuration = 0;
  parity::for_each_configuration(kConfigurations, [&](nn::Rng& rng) {
    const int combination = configuration++ % 8;
    nn::AdagradOptions options;
    options.learning_rate = rng.uniform(0.001, 0.1);
    options.epsilon = std::pow(10.0, rng.uniform(-10.0, -2.0));
    if (combination % 2 == 1) {
      options.learning_rate_decay = rng.uniform(0.001, 0.5);
    }
    if (combination / 2 % 2 == 1) {
      options.initial_accumulator = rng.uniform(0.0, 2.0);
    }
    if (combination / 4 == 1) options.weight_decay = rng.uniform(1e-4, 0.1);
    Twins<TestType> twins(rng);
    nn::Adagrad<TestType> optimizer(twins.pointers, options);
    require_agreement<nn::Adagrad<TestType>, torch::optim::Adagrad>(
        rng,
        twins,
        optimizer,
        torch::optim::AdagradOptions(options.learning_rate)
            .lr_decay(options.learning_rate_decay)
            .initial_accumulator_value(options.initial_accumulator)
            .eps(options.epsilon)
            .weight_decay(options.weight_decay));
  });
}

TEMPLATE_TEST_CASE("sgd's groups agree with LibTorch's over 50 steps",
                   "[parity][optimizers]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [&](nn::Rng& rng) {
    nn::SgdOptions options;
    options.learning_rate = rng.uniform(0.001, 0.1);
    options.momentum = rng.index(2) == 0 ? 0.0 : rng.uniform(0.1, 0.9);
    options.nesterov = options.momentum > 0.0 && rng.index(2) == 0;
    options.weight_decay = rng.uniform(0.0, 0.1);
    Twins<TestType> twins(rng);
    nn::Sgd<TestType> optimizer(twins.pointers, options);
    require_agreement<nn::Sgd<TestType>, torch::optim::SGD>(
        rng,
        twins,
        optimizer,
        torch::optim::SGDOptions(options.learning_rate)
            .momentum(options.momentum)
            .nesterov(options.nesterov)
            .weight_decay(options.weight_decay));
  });
}

TEMPLATE_TEST_CASE("clipped gradients agree with LibTorch's",
                   "[parity][optimizers]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [&](nn::Rng& rng) {
    Twins<TestType> twins(rng);
    twins.draw_gradients(rng);
    const double bound = std::pow(10.0, rng.uniform(-3.0, 3.0));
    const bool by_norm = rng.index(2) == 0;
    INFO("bound " << bound << ", by norm " << by_norm);
    if (by_norm) {
      const double norm = nn::clip_gradient_norm(twins.pointers, bound);
      const double expected =
          torch::nn::utils::clip_grad_norm_(twins.tensors, bound);
      CHECK(relative_error<TestType>(norm, expected) <= kTolerance<TestType>);
    } else {
      const double largest = nn::clip_gradient_value(twins.pointers, bound);
      double expected = 0.0;
      for (const torch::Tensor& tensor : twins.tensors) {
        expected = std::max(expected,
                            tensor.grad().abs().max().template item<double>());
      }
      torch::nn::utils::clip_grad_value_(twins.tensors, bound);
      CHECK(largest == expected);
    }
    for (std::size_t i = 0; i < twins.parameters.size(); ++i) {
      CHECK(relative_error(twins.parameters[i].grad, twins.tensors[i].grad()) <=
            kTolerance<TestType>);
    }
  });
}

// LibTorch's C++ side has neither of these schedules. PyTorch documents
// OneCycleLR by its phases: each ends at a step, the first at
// pct_start * total_steps - 1, the second at total_steps - 1, and runs from a
// rate to another by (1 + cos(pi * pct)) / 2.
TEST_CASE("one cycle agrees with PyTorch's phases", "[parity][schedule]") {
  parity::for_each_configuration(300, [](nn::Rng& rng) {
    nn::OneCycleOptions options;
    options.max_learning_rate = rng.uniform(0.001, 1.0);
    options.total_steps = between(rng, 10, 300);
    options.warmup_share = rng.uniform(0.15, 0.95);
    options.initial_divisor = rng.uniform(1.0, 50.0);
    options.final_divisor = std::pow(10.0, rng.uniform(0.0, 5.0));
    INFO("maximum " << options.max_learning_rate << ", steps "
                    << options.total_steps << ", share "
                    << options.warmup_share);
    struct Phase {
      double end_step, start_rate, end_rate;
    };
    const double initial = options.max_learning_rate / options.initial_divisor;
    const double minimum = initial / options.final_divisor;
    const auto total = static_cast<double>(options.total_steps);
    const std::vector<Phase> phases = {
        {options.warmup_share * total - 1, initial, options.max_learning_rate},
        {total - 1, options.max_learning_rate, minimum}};
    const nn::OneCycleSchedule schedule(options);
    for (Index step = 0; step < options.total_steps; ++step) {
      double start_step = 0.0;
      double expected = std::numeric_limits<double>::quiet_NaN();
      for (const Phase& phase : phases) {
        if (static_cast<double>(step) <= phase.end_step) {
          const double pct = (static_cast<double>(step) - start_step) /
                             (phase.end_step - start_step);
          expected = phase.end_rate + (phase.start_rate - phase.end_rate) /
                                          2.0 * (std::cos(M_PI * pct) + 1.0);
          break;
        }
        start_step = phase.end_step;
      }
      INFO("step " << step);
      REQUIRE(relative_error<double>(schedule.learning_rate(step),
                                     expected,
                                     options.max_learning_rate) <=
              kTolerance<double>);
    }
    CHECK(schedule.learning_rate(options.total_steps + 5) ==
          schedule.learning_rate(options.total_steps - 1));
  });
}

// As PyTorch documents ReduceLROnPlateau: mode, threshold_mode, patience,
// cooldown, min_lr and eps.
TEST_CASE("reduce on plateau agrees with PyTorch's rules",
          "[parity][schedule]") {
  parity::for_each_configuration(300, [](nn::Rng& rng) {
    nn::ReduceOnPlateauOptions options;
    options.learning_rate = rng.uniform(0.001, 1.0);
    options.factor = rng.uniform(0.1, 0.9);
    options.patience = rng.index(5);
    options.threshold = rng.index(3) == 0 ? 0.0 : rng.uniform(0.0, 0.2);
    options.absolute_threshold = rng.index(2) == 0;
    options.cooldown = rng.index(4);
    options.min_learning_rate = rng.index(2) == 0 ? 0.0 : 1e-3;
    options.min_reduction = rng.index(2) == 0 ? 1e-8 : 1e-2;
    options.maximize = rng.index(2) == 0;
    nn::ReduceOnPlateau plateau(options);

    double rate = options.learning_rate;
    double best = options.maximize ? -INFINITY : INFINITY;
    Index bad = 0, cooling = 0;
    const double level = rng.uniform(-2.0, 2.0);
    for (int epoch = 0; epoch < 200; ++epoch) {
      const double drift = (options.maximize ? 1.0 : -1.0) * epoch * 0.005;
      const double metric = level + drift + 0.2 * rng.normal();
      double sign_threshold = options.threshold;
      if (!options.maximize) sign_threshold = -sign_threshold;
      const double dynamic_threshold = options.absolute_threshold
                                           ? best + sign_threshold
                                           : best * (1.0 + sign_threshold);
      const bool better = options.maximize ? metric > dynamic_threshold
                                           : metric < dynamic_threshold;
      bad = better ? 0 : bad + 1;
      if (better) best = metric;
      if (cooling > 0) {
        cooling -= 1;
        bad = 0;
      }
      if (bad > options.patience) {
        const double next =
            std::max(rate * options.factor, options.min_learning_rate);
        if (rate - next > options.min_reduction) rate = next;
        cooling = options.cooldown;
        bad = 0;
      }
      INFO("epoch " << epoch << ", metric " << metric);
      REQUIRE(plateau.update(metric) == rate);
      REQUIRE(plateau.best() == best);
    }
  });
}
