#include "nn/network/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "network/parameter_names.h"
#include "nn/check.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/random.h"
#include "resize.h"

namespace nn {
namespace {

// Steps go down to a thousandth (4^-5) of the first: rounding noise grows as
// the step shrinks, and below that it takes over.
constexpr int kReductions = 5;
constexpr double kReduction = 0.25;

// A tensor whose gradient is checked, with the gradient that backward() left.
struct Checked {
  std::string name;
  Matrix<double>* value;
  Matrix<double> analytic;
};

// Evaluates the function into a vector whose weighted sum is the scalar that is
// differentiated.
using Outputs = std::function<void(Matrix<double>& out)>;

// Takes differences of one scalar function of everything in `Checked`.
class Differences {
 public:
  Differences(Outputs outputs, Matrix<double> weights)
      : outputs_(std::move(outputs)), weights_(std::move(weights)) {}

  // The fourth-order central difference by `v`, which is left unchanged.
  double take(double& v, double step) {
    const double middle = v;
    v = middle + step;
    outputs_(plus_);
    v = middle - step;
    outputs_(minus_);
    v = middle + 2 * step;
    outputs_(plus2_);
    v = middle - 2 * step;
    outputs_(minus2_);
    v = middle;
    // Subtracted output by output before they are summed: the outputs that v
    // does not reach then cancel exactly and add no rounding noise.
    return (weights_.array() *
            (8 * (plus_ - minus_) - (plus2_ - minus2_)).array())
               .sum() /
           (12 * step);
  }

 private:
  Outputs outputs_;
  Matrix<double> weights_;
  Matrix<double> plus_, minus_, plus2_, minus2_;
};

double relative_error(double a, double b, double floor) {
  const double difference = std::abs(a - b);
  if (difference == 0) return 0;
  const double error = difference / std::max({std::abs(a), std::abs(b), floor});
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

std::vector<Index> elements_to_check(Index size, Index max_elements, Rng& rng) {
  std::vector<Index> elements(static_cast<std::size_t>(size));
  for (Index i = 0; i < size; ++i) elements[static_cast<std::size_t>(i)] = i;
  if (max_elements > 0 && max_elements < size) {
    rng.shuffle(elements);
    elements.resize(static_cast<std::size_t>(max_elements));
  }
  return elements;
}

void check_tensor(const Checked& tensor,
                  Differences& differences,
                  const GradientCheckOptions& options,
                  Rng& rng,
                  GradientReport& report) {
  const std::vector<Index> elements =
      elements_to_check(tensor.value->size(), options.max_elements, rng);
  std::vector<double> numeric;
  double largest = 0;
  for (const Index i : elements) {
    double& v = tensor.value->data()[i];
    numeric.push_back(differences.take(v, options.step));
    largest = std::max({largest,
                        std::abs(numeric.back()),
                        std::abs(tensor.analytic.data()[i])});
  }
  const double floor = largest / 100;

  for (std::size_t e = 0; e < elements.size(); ++e) {
    const Index i = elements[e];
    const double analytic = tensor.analytic.data()[i];
    double error = relative_error(analytic, numeric[e], floor);
    bool settled = true;
    if (error > options.tolerance) {
      settled = false;
      double step = options.step;
      for (int r = 0; r < kReductions && !settled; ++r) {
        step *= kReduction;
        const double finer = differences.take(tensor.value->data()[i], step);
        settled =
            relative_error(finer, numeric[e], floor) <= options.tolerance / 2;
        numeric[e] = finer;
      }
      error = relative_error(analytic, numeric[e], floor);
      // Whatever the last difference happens to be, it proves nothing.
      if (!settled) error = std::max(error, 2 * options.tolerance);
    }
    if (report.worst.empty() || error > report.max_relative_error) {
      const Index rows = tensor.value->rows();
      report.max_relative_error = error;
      report.worst = concat(tensor.name,
                            "(",
                            i % rows,
                            ", ",
                            i / rows,
                            "): analytic ",
                            analytic,
                            ", numeric ",
                            numeric[e],
                            settled ? "" : " (differences do not settle)");
    }
  }
}

GradientReport check_all(const std::vector<Checked>& tensors,
                         Differences& differences,
                         const GradientCheckOptions& options,
                         Rng& rng) {
  GradientReport report;
  for (const Checked& tensor : tensors) {
    check_tensor(tensor, differences, options, rng, report);
  }
  report.passed = report.max_relative_error <= options.tolerance;
  return report;
}

void check_options(ConstView<double> x, const GradientCheckOptions& options) {
  check_argument(x.size() > 0,
                 "[check_gradients] expected at least one sample, got none");
  check_argument(options.step > 0 && std::isfinite(options.step),
                 "[check_gradients] expected a positive step, got ",
                 options.step);
  check_argument(options.tolerance > 0 && std::isfinite(options.tolerance),
                 "[check_gradients] expected a positive tolerance, got ",
                 options.tolerance);
  check_argument(options.max_elements >= 0,
                 "[check_gradients] expected max_elements of at least 0, got ",
                 options.max_elements);
}

}  // namespace

std::string GradientReport::to_string() const {
  return concat(passed ? "passed" : "failed",
                ": largest relative error ",
                max_relative_error,
                " at ",
                worst);
}

GradientReport check_gradients(Layer<double>& layer,
                               ConstView<double> x,
                               const GradientCheckOptions& options) {
  check_options(x, options);
  Rng rng(options.seed);
  const Index batch = x.cols();
  Matrix<double> input = x;
  Matrix<double> output(layer.output_shape().features(), batch);

  const MemoryNeeds needs = layer.memory_needs(batch, Mode::kTraining);
  // One pass for all: random draws are part of the function that is checked.
  PassBuffers buffers;
  const PassMemory memory = buffers.prepare(needs);
  const auto forward = [&](Matrix<double>& out) {
    internal::resize(out, output.rows(), output.cols());
    layer.forward(
        view(std::as_const(input)), view(out), Mode::kTraining, memory);
  };

  Matrix<double> projection(output.rows(), batch);
  for (Index i = 0; i < projection.size(); ++i) {
    projection.data()[i] = rng.uniform(-1, 1);
  }
  forward(output);
  Matrix<double> input_gradient(input.rows(), batch);
  layer.backward(view(std::as_const(input)),
                 view(std::as_const(output)),
                 view(std::as_const(projection)),
                 view(input_gradient),
                 memory);

  std::vector<Checked> tensors;
  tensors.push_back({"input", &input, input_gradient});
  const auto names = internal::parameter_names(std::as_const(layer), "");
  for (Parameter<double>* parameter : layer.parameters()) {
    tensors.push_back(
        {names.at(parameter), &parameter->value, parameter->grad});
  }
  Differences differences(forward, projection);
  return check_all(tensors, differences, options, rng);
}

GradientReport check_gradients(Sequential<double>& network,
                               ConstView<double> x,
                               ConstLabels labels,
                               const GradientCheckOptions& options) {
  check_options(x, options);
  Rng rng(options.seed);
  Matrix<double> input = x;
  Workspace<double> workspace;
  const SoftmaxCrossEntropy<double> loss;
  const auto forward = [&](Matrix<double>& out) {
    // The same pass each time: random draws are part of the function.
    workspace.set_passes(0);
    const ConstView<double> logits =
        network.forward(view(std::as_const(input)), workspace);
    internal::resize(out, 1, 1);
    out(0, 0) = loss.evaluate(logits, labels).loss;
  };

  const ConstView<double> logits =
      network.forward(view(std::as_const(input)), workspace);
  // What the loss or a layer does not write shows.
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  Matrix<double> logits_gradient =
      Matrix<double>::Constant(logits.rows(), logits.cols(), kNaN);
  loss.evaluate(logits, labels, view(logits_gradient));
  Matrix<double> input_gradient =
      Matrix<double>::Constant(input.rows(), input.cols(), kNaN);
  network.backward(
      view(std::as_const(logits_gradient)), workspace, view(input_gradient));

  std::vector<Checked> tensors;
  tensors.push_back({"input", &input, input_gradient});
  for (const NamedParameter<double>& named : network.named_parameters()) {
    tensors.push_back(
        {named.name, &named.parameter->value, named.parameter->grad});
  }
  Differences differences(forward, Matrix<double>::Ones(1, 1));
  return check_all(tensors, differences, options, rng);
}

GradientReport check_gradients(const ValueAndGradient& function,
                               ConstView<double> x,
                               const GradientCheckOptions& options) {
  check_options(x, options);
  check_argument(function != nullptr,
                 "[check_gradients] expected a function, got an empty one");
  Rng rng(options.seed);
  Matrix<double> argument = x;
  const auto value = [&](Matrix<double>& out) {
    internal::resize(out, 1, 1);
    out(0, 0) = function(view(std::as_const(argument)), no_view<double>());
  };
  // What the function does not write shows.
  Matrix<double> gradient = Matrix<double>::Constant(
      x.rows(), x.cols(), std::numeric_limits<double>::quiet_NaN());
  function(view(std::as_const(argument)), view(gradient));
  Differences differences(value, Matrix<double>::Ones(1, 1));
  return check_all(
      {{"argument", &argument, gradient}}, differences, options, rng);
}

GradientReport check_gradients(const Loss<double>& loss,
                               ConstView<double> y,
                               ConstView<double> target,
                               const GradientCheckOptions& options) {
  const ConstView<double> no_weights(nullptr, 0, 0);
  return check_gradients(
      [&](ConstView<double> at, View<double> dy) {
        return loss.evaluate(at, target, dy, no_weights);
      },
      y,
      options);
}

GradientReport check_gradients(const SoftmaxCrossEntropy<double>& loss,
                               ConstView<double> logits,
                               ConstLabels labels,
                               const GradientCheckOptions& options) {
  const ConstView<double> no_weights(nullptr, 0, 0);
  return check_gradients(
      [&](ConstView<double> at, View<double> dlogits) {
        return loss.evaluate(at, labels, dlogits, no_weights).loss;
      },
      logits,
      options);
}

}  // namespace nn
