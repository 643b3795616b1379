#include "kernels/optimizers.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/catch.h"
#include "support/guarded.h"

namespace {

using nn::Index;
using nn_test::Guarded;
using nn_test::kRounding;
using nn_test::relative_difference;

double sign(double v) {
  return v > 0 ? 1.0 : v < 0 ? -1.0 : 0.0;
}

/// Random values, and their copies in double for the formulas.
template <typename T>
struct Array : Guarded<T> {
  Array(Index size, nn::Rng& rng, bool is_positive = false) : Guarded<T>(size) {
    this->fill(rng);
    if (is_positive) {
      for (Index i = 0; i < size; ++i) {
        this->data()[i] = std::abs(this->data()[i]);
      }
    }
    copy.assign(this->data(), this->data() + size);
  }
  double operator[](Index i) const {
    return static_cast<double>(copy[static_cast<std::size_t>(i)]);
  }
  bool holds(const std::vector<T>& expected) const {
    return this->guards_are_whole() &&
           relative_difference(this->data(), expected.data(), this->size()) <
               kRounding<T>;
  }
  std::vector<T> copy;
};

template <typename T>
void push(std::vector<T>& values, double value) {
  values.push_back(static_cast<T>(value));
}

}  // namespace

TEMPLATE_TEST_CASE("the SGD update follows its formula in every element",
                   "[kernels][optimizers]",
                   float,
                   double) {
  nn::Rng rng(50);
  for (const int form : {0, 1, 2}) {
    const bool has_momentum = form > 0;
    const bool nesterov = form == 2;
    for (const Index size : {1, 15, 17, 1000}) {
      CAPTURE(form, size);
      Array<TestType> grad(size, rng), value(size, rng), velocity(size, rng);
      value.data()[size / 2] = value.copy[std::size_t(size / 2)] = TestType(0);
      nn::kernels::sgd_update<TestType>(
          {TestType(0.1),
           TestType(0.2),
           TestType(0.3),
           TestType(0.6),
           nesterov,
           grad.data(),
           value.data(),
           has_momentum ? velocity.data() : nullptr,
           size});
      std::vector<TestType> w, v;
      for (Index i = 0; i < size; ++i) {
        const double g = grad[i] + 0.1 * value[i] + 0.2 * sign(value[i]);
        const double next = 0.6 * velocity[i] + g;
        const double step =
            has_momentum ? (nesterov ? g + 0.6 * next : next) : g;
        v.push_back(static_cast<TestType>(has_momentum ? next : velocity[i]));
        w.push_back(static_cast<TestType>(value[i] - 0.3 * step));
      }
      CHECK(value.holds(w));
      CHECK(velocity.holds(v));
    }
  }
}

TEMPLATE_TEST_CASE("the adam update follows its formula in every element",
                   "[kernels][optimizers]",
                   float,
                   double) {
  nn::Rng rng(51);
  for (const bool amsgrad : {false, true}) {
    for (const Index size : {1, 15, 17, 1000}) {
      CAPTURE(amsgrad, size);
      Array<TestType> grad(size, rng), value(size, rng), mean(size, rng);
      Array<TestType> square(size, rng, true), largest(size, rng, true);
      value.data()[size / 2] = value.copy[std::size_t(size / 2)] = TestType(0);
      nn::kernels::adam_update<TestType>({TestType(0.1),
                                          TestType(0.2),
                                          TestType(0.9),
                                          TestType(0.75),
                                          TestType(0.25),
                                          TestType(0.5),
                                          TestType(0.5),
                                          TestType(0.3),
                                          TestType(1.5),
                                          TestType(0.1),
                                          grad.data(),
                                          value.data(),
                                          mean.data(),
                                          square.data(),
                                          amsgrad ? largest.data() : nullptr,
                                          size});
      std::vector<TestType> w, m, v, top;
      for (Index i = 0; i < size; ++i) {
        const double g = grad[i] + 0.1 * value[i] + 0.2 * sign(value[i]);
        const double mean_i = 0.75 * mean[i] + 0.25 * g;
        const double square_i = 0.5 * square[i] + 0.5 * g * g;
        const double used = amsgrad ? std::max(square_i, largest[i]) : square_i;
        push(m, mean_i);
        push(v, square_i);
        push(top, amsgrad ? used : largest[i]);
        push(w, 0.9 * value[i] - 0.3 * mean_i / (std::sqrt(used) * 1.5 + 0.1));
      }
      CHECK(value.holds(w));
      CHECK(mean.holds(m));
      CHECK(square.holds(v));
      CHECK(largest.holds(top));
    }
  }
}

TEMPLATE_TEST_CASE("the rmsprop update follows its formula in every element",
                   "[kernels][optimizers]",
                   float,
                   double) {
  nn::Rng rng(52);
  for (const int form : {0, 1, 2, 3}) {
    const bool centered = form % 2 == 1;
    const bool has_momentum = form / 2 == 1;
    for (const Index size : {1, 15, 17, 1000}) {
      CAPTURE(form, size);
      Array<TestType> grad(size, rng), value(size, rng), velocity(size, rng);
      Array<TestType> square(size, rng, true), mean(size, rng);
      nn::kernels::rmsprop_update<TestType>(
          {TestType(0.1),
           TestType(0.2),
           TestType(0.3),
           TestType(0.75),
           TestType(0.25),
           TestType(0.5),
           TestType(0.6),
           grad.data(),
           value.data(),
           square.data(),
           centered ? mean.data() : nullptr,
           has_momentum ? velocity.data() : nullptr,
           size});
      std::vector<TestType> w, s, m, v;
      for (Index i = 0; i < size; ++i) {
        const double g = grad[i] + 0.1 * value[i] + 0.2 * sign(value[i]);
        const double square_i = 0.75 * square[i] + 0.25 * g * g;
        const double mean_i = 0.75 * mean[i] + 0.25 * g;
        const double variance =
            centered ? std::max(0.0, square_i - mean_i * mean_i) : square_i;
        double step = g / (std::sqrt(variance) + 0.5);
        if (has_momentum) step += 0.6 * velocity[i];
        push(s, square_i);
        push(m, centered ? mean_i : mean[i]);
        push(v, has_momentum ? step : velocity[i]);
        push(w, value[i] - 0.3 * step);
      }
      // A variance near zero is a difference that cancels: its root has half
      // the digits.
      const double tolerance = sizeof(TestType) == 4 ? 1e-3 : 1e-7;
      if (centered) {
        CHECK(value.guards_are_whole());
        CHECK(velocity.guards_are_whole());
        CHECK(relative_difference(value.data(), w.data(), size) < tolerance);
        CHECK(relative_difference(velocity.data(), v.data(), size) < tolerance);
      } else {
        CHECK(value.holds(w));
        CHECK(velocity.holds(v));
      }
      CHECK(square.holds(s));
      CHECK(mean.holds(m));
    }
  }
}

TEMPLATE_TEST_CASE("the adagrad update follows its formula in every element",
                   "[kernels][optimizers]",
                   float,
                   double) {
  nn::Rng rng(53);
  for (const Index size : {1, 15, 17, 1000}) {
    CAPTURE(size);
    Array<TestType> grad(size, rng), value(size, rng), sum(size, rng, true);
    nn::kernels::adagrad_update<TestType>({TestType(0.1),
                                           TestType(0.2),
                                           TestType(0.3),
                                           TestType(0.5),
                                           grad.data(),
                                           value.data(),
                                           sum.data(),
                                           size});
    std::vector<TestType> w, s;
    for (Index i = 0; i < size; ++i) {
      const double g = grad[i] + 0.1 * value[i] + 0.2 * sign(value[i]);
      const double sum_i = sum[i] + g * g;
      push(s, sum_i);
      push(w, value[i] - 0.3 * g / (std::sqrt(sum_i) + 0.5));
    }
    CHECK(value.holds(w));
    CHECK(sum.holds(s));
  }
}

TEMPLATE_TEST_CASE("what clipping is made of covers arrays of every length",
                   "[kernels][optimizers]",
                   float,
                   double) {
  nn::Rng rng(54);
  for (const Index size : {1, 15, 16, 17, 33, 1000, 8193, 700001}) {
    CAPTURE(size);
    Array<TestType> x(size, rng), scaled(size, rng), clamped(size, rng);
    double sum = 0.0, largest = 0.0;
    std::vector<TestType> times, within;
    for (Index i = 0; i < size; ++i) {
      sum += x[i] * x[i];
      largest = std::max(largest, std::abs(x[i]));
      push(times, 0.25 * scaled[i]);
      push(within, std::min(0.5, std::max(-0.5, clamped[i])));
    }
    CHECK(std::abs(nn::kernels::sum_of_squares(x.data(), size) - sum) <
          1e-12 * sum);
    CHECK(nn::kernels::largest_magnitude(x.data(), size) == largest);
    nn::kernels::scale(scaled.data(), TestType(0.25), size);
    nn::kernels::clamp(clamped.data(), TestType(0.5), size);
    CHECK(scaled.holds(times));
    CHECK(clamped.holds(within));
  }
  CHECK(nn::kernels::sum_of_squares<TestType>(nullptr, 0) == 0.0);
  CHECK(nn::kernels::largest_magnitude<TestType>(nullptr, 0) == 0.0);
}
