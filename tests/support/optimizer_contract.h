#ifndef NN_TESTS_SUPPORT_OPTIMIZER_CONTRACT_H_
#define NN_TESTS_SUPPORT_OPTIMIZER_CONTRACT_H_

#include <cmath>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "nn/optimizers/optimizer.h"
#include "nn/random.h"
#include "support/allocations.h"
#include "support/matrices.h"
#include "support/threads.h"

namespace nn_test {

template <typename Scalar>
using Pointers = std::vector<nn::Parameter<Scalar>*>;

/// Parameters of these sizes with random values, and steps with random
/// gradients: the same for every object of the same seed, element by element
/// over all of them, however they are cut.
template <typename Scalar>
struct OptimizerRun {
  explicit OptimizerRun(const std::vector<nn::Index>& sizes)
      : values(7), gradients(8) {
    for (const nn::Index size : sizes) {
      parameters.emplace_back("p", std::vector<nn::Index>{size}, size, 1);
      parameters.back().value = normal_matrix<Scalar>(size, 1, values);
    }
  }

  Pointers<Scalar> pointers() {
    Pointers<Scalar> result;
    for (auto& parameter : parameters) result.push_back(&parameter);
    return result;
  }

  void draw_gradients() {
    for (auto& parameter : parameters) {
      parameter.grad =
          normal_matrix<Scalar>(parameter.value.rows(), 1, gradients);
    }
  }

  void steps(nn::Optimizer<Scalar>& optimizer, int count) {
    for (int i = 0; i < count; ++i) {
      draw_gradients();
      optimizer.step();
    }
  }

  /// All values below each other.
  nn::Matrix<Scalar> joined() const {
    nn::Index size = 0;
    for (const auto& parameter : parameters) size += parameter.value.size();
    nn::Matrix<Scalar> result(size, 1);
    nn::Index first = 0;
    for (const auto& parameter : parameters) {
      result.middleRows(first, parameter.value.size()) = parameter.value;
      first += parameter.value.size();
    }
    return result;
  }

  nn::Rng values;
  nn::Rng gradients;
  std::vector<nn::Parameter<Scalar>> parameters;
};

/// What every nn::Optimizer promises. Returns the promises that are broken.
/// `make(parameters, weight_decay)` makes one, as a unique_ptr, with
/// a learning rate above 0.
template <typename Scalar, typename Make>
std::vector<std::string> optimizer_violations(const Make& make) {
  constexpr int kSteps = 4;
  std::vector<std::string> violations;
  const auto expect = [&violations](bool holds, const char* promise) {
    if (!holds) violations.emplace_back(promise);
  };
  const auto run_all = [&](const std::vector<nn::Index>& sizes, double decay) {
    OptimizerRun<Scalar> run(sizes);
    const auto optimizer = make(run.pointers(), decay);
    run.steps(*optimizer, kSteps);
    return run.joined();
  };

  {
    OptimizerRun<Scalar> run({130});
    const auto optimizer = make(run.pointers(), 0.1);
    run.draw_gradients();
    const nn::Matrix<Scalar> gradient = run.parameters[0].grad;
    const nn::Matrix<Scalar> before = run.joined();
    optimizer->step();
    expect(same_bits(run.parameters[0].grad, gradient),
           "a step leaves the gradients as they are");
    expect(((run.joined() - before).array() != 0).all(),
           "a step changes every element");
    const std::size_t count = allocation_count();
    optimizer->step();
    expect(allocation_count() == count, "a step allocates nothing");
  }
  {
    // Sizes beside those of vector registers, and cut elsewhere.
    const nn::Matrix<Scalar> whole = run_all({351}, 0.1);
    const nn::Matrix<Scalar> parts =
        run_all({1, 3, 8, 17, 64, 129, 100, 29}, 0.1);
    expect(relative_difference(whole, parts) <=
               (sizeof(Scalar) == 4 ? 1e-6 : 1e-15),
           "an element's update does not depend on where it stands");
  }
  {
    const std::vector<nn::Index> sizes = {20000, 5, 9000};
    nn::Matrix<Scalar> one, three;
    {
      const ScopedThreads threads(1);
      one = run_all(sizes, 0.1);
    }
    {
      const ScopedThreads threads(3);
      three = run_all(sizes, 0.1);
    }
    expect(same_bits(one, three),
           "results do not depend on the number of threads");
  }
  {
    OptimizerRun<Scalar> run({10, 20, 30});
    const auto optimizer = make(run.pointers(), 0.1);
    nn::GroupOptions frozen;
    frozen.learning_rate_scale = 0.0;
    optimizer->set_group({&run.parameters[1]}, frozen);
    const nn::Matrix<Scalar> before = run.parameters[1].value;
    run.steps(*optimizer, kSteps);
    expect(same_bits(run.parameters[1].value, before),
           "a group with the learning rate scale 0 is frozen");
    const nn::Matrix<Scalar> all = run_all({10, 20, 30}, 0.1);
    expect(same_bits(run.parameters[0].value, all.topRows(10).eval()) &&
               same_bits(run.parameters[2].value, all.bottomRows(30).eval()),
           "a group changes nothing for other parameters");
  }
  {
    OptimizerRun<Scalar> run({10, 20});
    const auto optimizer = make(run.pointers(), 0.1);
    nn::GroupOptions decay;
    decay.weight_decay = 0.3;
    optimizer->set_group({&run.parameters[1]}, decay);
    run.steps(*optimizer, kSteps);
    expect(same_bits(run.parameters[0].value,
                     run_all({10, 20}, 0.1).topRows(10).eval()) &&
               same_bits(run.parameters[1].value,
                         run_all({10, 20}, 0.3).bottomRows(20).eval()),
           "a group's weight decay is used in place of the optimizer's");
  }
  {
    OptimizerRun<Scalar> run({10, 20});
    const auto optimizer = make(run.pointers(), 0.1);
    nn::GroupOptions half;
    half.learning_rate_scale = 0.5;
    optimizer->set_group(run.pointers(), half);
    run.steps(*optimizer, kSteps);
    OptimizerRun<Scalar> other({10, 20});
    const auto slow = make(other.pointers(), 0.1);
    slow->set_learning_rate(slow->learning_rate() / 2);
    other.steps(*slow, kSteps);
    expect(same_bits(run.joined(), other.joined()),
           "a group's learning rate scale multiplies the learning rate");
  }
  {
    // The penalty's gradient, added by hand.
    OptimizerRun<Scalar> run({40});
    run.parameters[0].value(3, 0) = Scalar(0);
    run.parameters[0].value(39, 0) = Scalar(0);
    OptimizerRun<Scalar> other({40});
    other.parameters[0].value = run.parameters[0].value;
    const auto optimizer = make(run.pointers(), 0.1);
    const auto plain = make(other.pointers(), 0.1);
    nn::GroupOptions l1;
    l1.l1 = 0.25;
    optimizer->set_group(run.pointers(), l1);
    bool agree = true;
    for (int step = 0; step < kSteps; ++step) {
      run.draw_gradients();
      other.draw_gradients();
      for (nn::Index i = 0; i < 40; ++i) {
        const Scalar w = other.parameters[0].value(i, 0);
        const Scalar sign = w > 0 ? Scalar(1) : w < 0 ? Scalar(-1) : Scalar(0);
        other.parameters[0].grad(i, 0) += Scalar(0.25) * sign;
      }
      optimizer->step();
      plain->step();
      agree = agree && relative_difference(run.joined(), other.joined()) <=
                           (sizeof(Scalar) == 4 ? 1e-5 : 1e-13);
    }
    expect(agree, "L1 adds l1 * sign(w) to the gradient");
  }
  {
    OptimizerRun<Scalar> run({4, 4});
    const auto optimizer = make(run.pointers(), 0.1);
    OptimizerRun<Scalar> other({4, 4});
    const auto untroubled = make(other.pointers(), 0.1);
    run.draw_gradients();
    other.draw_gradients();
    const nn::Matrix<Scalar> before = run.joined();
    const nn::Matrix<Scalar> gradient = run.parameters[1].grad;
    run.parameters[1].grad = nn::Matrix<Scalar>::Ones(3, 1);
    bool refused = false;
    try {
      optimizer->step();
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    expect(refused, "a gradient whose size has changed is refused");
    expect(same_bits(run.joined(), before),
           "a refused step changes no parameter");
    run.parameters[1].grad = gradient;
    optimizer->step();
    untroubled->step();
    expect(same_bits(run.joined(), other.joined()),
           "a refused step leaves no trace in the optimizer");
  }
  return violations;
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_OPTIMIZER_CONTRACT_H_
