// The losses with all their options. LibTorch computes what is expected.

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "nn/losses/binary_cross_entropy.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/losses/smooth_l1.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "parity.h"
#include "twin.h"

namespace {

using nn::Index;
using parity::between;
using parity::kTolerance;
using parity::random_matrix;
using parity::relative_error;

constexpr int kConfigurations = 300;

template <typename Scalar>
torch::Tensor as_tensor(const nn::Matrix<Scalar>& m) {
  return torch_twin::as_tensor(nn::view(m), nn::Shape{m.rows()}).clone();
}

template <typename Scalar>
torch::Tensor as_tensor(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat64)
      .to(c10::CppTypeToScalarType<Scalar>::value);
}

/// Compares value and gradient with those of torch_loss(output, target).
/// `largest_term` is that of one element.
template <typename Scalar, typename TorchLoss>
void require_agreement(const nn::Loss<Scalar>& loss,
                       const nn::Matrix<Scalar>& y,
                       const nn::Matrix<Scalar>& target,
                       const TorchLoss& torch_loss,
                       double largest_term,
                       double largest_derivative) {
  nn::Matrix<Scalar> dy(y.rows(), y.cols());
  const double value = loss.evaluate(y, target, dy);
  torch::Tensor output = as_tensor(y).requires_grad_(true);
  const torch::Tensor expected = torch_loss(output, as_tensor(target));
  expected.backward();
  CHECK(relative_error<Scalar>(value,
                               expected.template item<double>(),
                               largest_term) <= kTolerance<Scalar>);
  CHECK(relative_error(dy,
                       output.grad(),
                       largest_derivative / static_cast<double>(y.size())) <=
        kTolerance<Scalar>);
}

}  // namespace

TEMPLATE_TEST_CASE("the squared error agrees with LibTorch",
                   "[parity][loss]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Index rows = between(rng, 1, 60), cols = between(rng, 1, 60);
    const double scale = std::pow(10.0, static_cast<double>(rng.index(4)) - 1);
    INFO(rows << " x " << cols << ", up to " << scale);
    const auto y = random_matrix<TestType>(rng, rows, cols, scale);
    const auto target = random_matrix<TestType>(rng, rows, cols, scale);
    require_agreement(
        nn::MeanSquaredError<TestType>(),
        y,
        target,
        [](const torch::Tensor& a, const torch::Tensor& b) {
          return torch::mse_loss(a, b);
        },
        0.0,
        0.0);
  });
}

TEMPLATE_TEST_CASE("smooth l1 agrees with LibTorch for every beta",
                   "[parity][loss]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Index rows = between(rng, 1, 60), cols = between(rng, 1, 60);
    const double beta = rng.index(4) == 0 ? 0.0 : rng.uniform(0.01, 3.0);
    INFO(rows << " x " << cols << ", beta " << beta);
    const auto y = random_matrix<TestType>(rng, rows, cols, 2.0);
    nn::Matrix<TestType> target = random_matrix<TestType>(rng, rows, cols, 2.0);
    target(0, 0) = y(0, 0);
    require_agreement(
        nn::SmoothL1<TestType>(beta),
        y,
        target,
        [beta](const torch::Tensor& a, const torch::Tensor& b) {
          // The same for beta 0, but for the gradient of an element that is
          // right: smooth_l1_loss takes -1 of all subgradients, l1_loss 0.
          if (beta == 0.0) return torch::l1_loss(a, b);
          return torch::smooth_l1_loss(a, b, at::Reduction::Mean, beta);
        },
        0.0,
        0.0);
  });
}

TEMPLATE_TEST_CASE("binary cross-entropy agrees with LibTorch for all weights",
                   "[parity][loss]",
                   float,
                   double) {
  parity::for_each_configuration(2 * kConfigurations, [](nn::Rng& rng) {
    const Index rows = between(rng, 1, 60), cols = between(rng, 1, 60);
    const double scale = std::pow(10.0, static_cast<double>(rng.index(4)) - 1);
    std::vector<double> weights;
    const Index form = rng.index(3);
    const Index count = form == 0 ? 0 : form == 1 ? 1 : rows;
    for (Index i = 0; i < count; ++i) weights.push_back(rng.uniform(0.0, 5.0));
    const bool is_hard = rng.index(2) == 0;
    INFO(rows << " x " << cols << ", logits up to " << scale << ", " << count
              << " weights, answers are yes or no: " << is_hard);
    const auto y = random_matrix<TestType>(rng, rows, cols, scale);
    nn::Matrix<TestType> target(rows, cols);
    for (Index i = 0; i < target.size(); ++i) {
      target.data()[i] = static_cast<TestType>(
          is_hard ? static_cast<double>(rng.index(2)) : rng.uniform());
    }
    const double largest = y.array().abs().maxCoeff() + 1.0;
    require_agreement(
        nn::BinaryCrossEntropy<TestType>(weights),
        y,
        target,
        [&](const torch::Tensor& a, const torch::Tensor& b) {
          return torch::binary_cross_entropy_with_logits(
              a,
              b,
              {},
              weights.empty() ? torch::Tensor() : as_tensor<TestType>(weights));
        },
        5.0 * largest,
        5.0);
  });
}

TEMPLATE_TEST_CASE(
    "class weights and label smoothing agree with LibTorch's cross-entropy",
    "[parity][loss]",
    float,
    double) {
  parity::for_each_configuration(2 * kConfigurations, [](nn::Rng& rng) {
    const Index classes = between(rng, 2, 40);
    const Index batch = between(rng, 1, 40);
    const double scale = std::pow(10.0, static_cast<double>(rng.index(4)) - 1);
    nn::SoftmaxCrossEntropyOptions options;
    const bool is_weighted = rng.index(3) > 0;
    for (Index j = 0; is_weighted && j < classes; ++j) {
      options.class_weights.push_back(rng.uniform(0.1, 5.0));
    }
    if (rng.index(3) > 0) options.label_smoothing = rng.uniform();
    INFO(classes << " classes, batch " << batch << ", logits up to " << scale
                 << ", weights " << is_weighted << ", smoothing "
                 << options.label_smoothing);
    const auto logits = random_matrix<TestType>(rng, classes, batch, scale);
    nn::Labels labels(batch);
    std::vector<std::int64_t> targets;
    for (Index n = 0; n < batch; ++n) {
      labels[n] = static_cast<int>(rng.index(classes));
      targets.push_back(labels[n]);
    }
    nn::Matrix<TestType> dlogits(classes, batch);
    const nn::LossResult result =
        nn::SoftmaxCrossEntropy<TestType>(options).evaluate(
            logits, labels, dlogits);

    torch::Tensor torch_logits = as_tensor(logits).requires_grad_(true);
    auto torch_options =
        torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(
            options.label_smoothing);
    if (is_weighted) {
      torch_options.weight(as_tensor<TestType>(options.class_weights));
    }
    const torch::Tensor expected = torch::nn::functional::cross_entropy(
        torch_logits, torch::tensor(targets, torch::kInt64), torch_options);
    expected.backward();
    CHECK(relative_error<TestType>(result.loss,
                                   expected.template item<double>(),
                                   1.0) <= kTolerance<TestType>);
    CHECK(relative_error(
              dlogits, torch_logits.grad(), 1.0 / static_cast<double>(batch)) <=
          kTolerance<TestType>);
  });
}

TEMPLATE_TEST_CASE(
    "weights of samples agree with LibTorch's losses without a "
    "mean, weighted by hand",
    "[parity][loss]",
    float,
    double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Index features = between(rng, 2, 12);
    const Index batch = between(rng, 1, 40);
    INFO(features << " features, batch " << batch);
    const auto y = random_matrix<TestType>(rng, features, batch, 2.0);
    const auto target = random_matrix<TestType>(rng, features, batch, 1.0);
    nn::Matrix<TestType> weights(1, batch);
    nn::Labels labels(batch);
    std::vector<std::int64_t> torch_labels;
    for (Index n = 0; n < batch; ++n) {
      weights(0, n) = static_cast<TestType>(rng.uniform(0.1, 4.0));
      labels[n] = static_cast<int>(rng.index(features));
      torch_labels.push_back(labels[n]);
    }
    // One a row, as a batch of vectors of one feature.
    const torch::Tensor factors = as_tensor(weights);
    const auto check = [&](double loss,
                           const nn::Matrix<TestType>& gradient,
                           const auto& torch_terms) {
      torch::Tensor output = as_tensor(y).requires_grad_(true);
      const torch::Tensor terms = torch_terms(output);
      const torch::Tensor expected =
          (terms.reshape({batch, -1}).mean(1) * factors.reshape({batch}))
              .sum() /
          factors.sum();
      expected.backward();
      CHECK(relative_error<TestType>(loss,
                                     expected.template item<double>(),
                                     10.0) <= kTolerance<TestType>);
      CHECK(relative_error(
                gradient, output.grad(), 6.0 / static_cast<double>(batch)) <=
            kTolerance<TestType>);
    };
    nn::Matrix<TestType> dy(features, batch);
    const double squares =
        nn::MeanSquaredError<TestType>().evaluate(y, target, dy, weights);
    check(squares, dy, [&](const torch::Tensor& output) {
      return torch::mse_loss(output, as_tensor(target), at::Reduction::None);
    });
    const double entropy = nn::SoftmaxCrossEntropy<TestType>()
                               .evaluate(y, labels, dy, weights)
                               .loss;
    check(entropy, dy, [&](const torch::Tensor& output) {
      return torch::cross_entropy_loss(
          output,
          torch::tensor(torch_labels, torch::kInt64),
          {},
          at::Reduction::None);
    });
  });
}
