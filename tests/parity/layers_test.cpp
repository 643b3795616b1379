#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/layers/avg_pool2d.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/dropout.h"
#include "nn/layers/gelu.h"
#include "nn/layers/global_avg_pool2d.h"
#include "nn/layers/identity.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/leaky_relu.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/sigmoid.h"
#include "nn/layers/silu.h"
#include "nn/layers/softmax.h"
#include "nn/layers/tanh.h"
#include "nn/network/layer_registry.h"
#include "nn/network/residual.h"
#include "nn/network/sequential.h"
#include "nn/network/workspace.h"
#include "parity.h"
#include "twin.h"

namespace {

using nn::Index;
using nn::Shape;
using parity::between;
using parity::kTolerance;
using parity::random_matrix;
using parity::random_shape;
using parity::relative_error;

constexpr int kConfigurations = 300;

/// Runs one layer forward and backward on `x`, with `dy` as the gradient of the
/// loss by its output, in libnn and in LibTorch, and compares the output and
/// all gradients. `largest_term` is that of the input gradient, and
/// `largest_output_term` that of the output.
template <typename Scalar>
void check_single_layer(nn::Sequential<Scalar>& network,
                        const nn::Matrix<Scalar>& x,
                        const nn::Matrix<Scalar>& dy,
                        double largest_term = 0.0,
                        double largest_output_term = 0.0) {
  nn::Layer<Scalar>& layer = network.layer(0);
  const Index batch = x.cols();
  INFO(layer.describe() << " on " << layer.input_shape().to_string()
                        << ", batch " << batch);

  const nn::MemoryNeeds needs = layer.memory_needs(batch, nn::Mode::kTraining);
  nn::PassBuffers buffers;
  const nn::PassMemory memory = buffers.prepare(needs);
  nn::Matrix<Scalar> y(layer.output_shape().features(), batch);
  nn::Matrix<Scalar> dx(x.rows(), batch);
  layer.forward(nn::view(x), nn::view(y), nn::Mode::kTraining, memory);
  const nn::Matrix<Scalar>& const_y = y;
  layer.backward(
      nn::view(x), nn::view(const_y), nn::view(dy), nn::view(dx), memory);

  torch::nn::Sequential twin =
      torch_twin::make_twin(network, torch_twin::TwinOutput::kWhole);
  torch::Tensor torch_x =
      torch_twin::as_tensor(nn::view(x), layer.input_shape()).clone();
  torch_x.requires_grad_(true);
  const torch::Tensor torch_y = twin->forward(torch_x);
  torch_y.backward(torch_twin::as_tensor(nn::view(dy), layer.output_shape())
                       .reshape(torch_y.sizes()));

  CHECK(relative_error(y, torch_y, largest_output_term) <= kTolerance<Scalar>);
  CHECK(relative_error(dx, torch_x.grad(), largest_term) <= kTolerance<Scalar>);
  const auto torch_parameters = twin->named_parameters();
  REQUIRE(torch_parameters.size() == network.named_parameters().size());
  for (const nn::NamedParameter<Scalar>& named : network.named_parameters()) {
    INFO("gradient of " << named.name);
    CHECK(relative_error(named.parameter->grad,
                         torch_parameters[named.name].grad()) <=
          kTolerance<Scalar>);
  }
}

/// The same with random parameters, input and output gradient.
template <typename Scalar>
void check_single_layer(nn::Sequential<Scalar>& network,
                        Index batch,
                        nn::Rng& rng) {
  nn::Layer<Scalar>& layer = network.layer(0);
  parity::randomize_parameters(layer, rng);
  const auto x =
      random_matrix<Scalar>(rng, layer.input_shape().features(), batch);
  const auto dy =
      random_matrix<Scalar>(rng, layer.output_shape().features(), batch);
  check_single_layer(network, x, dy);
}

/// A convolution, padded by less than its kernel spans, and an input that it
/// fits.
struct ConvSettings {
  Shape input;
  nn::Conv2dOptions options;
};

/// With more than one group, some are depthwise and some have no bias.
ConvSettings random_convolution(nn::Rng& rng,
                                Index most_groups,
                                Index most_dilation) {
  ConvSettings conv;
  nn::Conv2dOptions& o = conv.options;
  o.kernel = {between(rng, 1, 7), between(rng, 1, 7)};
  o.stride = {between(rng, 1, 3), between(rng, 1, 3)};
  o.dilation = {between(rng, 1, most_dilation), between(rng, 1, most_dilation)};
  o.padding = {between(rng, 0, o.kernel.height - 1),
               between(rng, 0, o.kernel.width - 1)};
  const auto extent = [&](Index kernel_size, Index dilation, Index pad) {
    const Index span = (kernel_size - 1) * dilation + 1;
    const Index smallest = std::max<Index>(1, span - 2 * pad);
    return between(rng, smallest, smallest + 12);
  };
  o.groups = between(rng, 1, most_groups);
  conv.input.channels = o.groups * between(rng, 1, 17 / o.groups);
  conv.input.height =
      extent(o.kernel.height, o.dilation.height, o.padding.height);
  conv.input.width = extent(o.kernel.width, o.dilation.width, o.padding.width);
  o.out_channels = o.groups * between(rng, 1, 17 / o.groups);
  if (most_groups > 1) {
    if (rng.index(4) == 0) {
      o.groups = conv.input.channels;
      o.out_channels = o.groups * between(rng, 1, 2);
    }
    o.bias = rng.index(4) > 0;
  }
  return conv;
}

/// Values out of few, so that windows have several largest ones.
template <typename Scalar>
nn::Matrix<Scalar> matrix_with_ties(nn::Rng& rng, Index rows, Index cols) {
  nn::Matrix<Scalar> matrix(rows, cols);
  for (Index i = 0; i < matrix.size(); ++i) {
    matrix.data()[i] = static_cast<Scalar>(between(rng, -1, 1));
  }
  return matrix;
}

}  // namespace

TEMPLATE_TEST_CASE("linear layers of any size agree with LibTorch",
                   "[parity][linear]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    nn::Sequential<TestType> network(random_shape(rng));
    network.template add<nn::Linear>(between(rng, 1, 70));
    check_single_layer(network, between(rng, 1, 33), rng);
  });
}

TEMPLATE_TEST_CASE(
    "convolutions of any kernel, stride and padding agree with LibTorch",
    "[parity][conv2d]",
    float,
    double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const ConvSettings conv = random_convolution(rng, 1, 1);
    nn::Sequential<TestType> network(conv.input);
    network.template add<nn::Conv2d>(conv.options);
    check_single_layer(network, between(rng, 1, 9), rng);
  });
}

TEMPLATE_TEST_CASE("convolutions of groups and dilation agree with LibTorch",
                   "[parity][conv2d]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const ConvSettings conv = random_convolution(rng, 4, 3);
    nn::Sequential<TestType> network(conv.input);
    network.template add<nn::Conv2d>(conv.options);
    check_single_layer(network, between(rng, 1, 9), rng);
  });
}

TEMPLATE_TEST_CASE("relu agrees with LibTorch, at the kink too",
                   "[parity][relu]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Shape shape = random_shape(rng);
    const Index batch = between(rng, 1, 9);
    nn::Sequential<TestType> network(shape);
    network.template add<nn::ReLU>();
    check_single_layer(network, batch, rng);
    check_single_layer(network,
                       matrix_with_ties<TestType>(rng, shape.features(), batch),
                       random_matrix<TestType>(rng, shape.features(), batch));
  });
}

TEMPLATE_TEST_CASE(
    "max-pooling agrees with LibTorch, and on the winner of a tie",
    "[parity][max_pool2d]",
    float,
    double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const nn::Extent window(between(rng, 1, 5), between(rng, 1, 5));
    // Strides below the window make windows overlap, strides above leave gaps.
    const nn::Extent stride(between(rng, 1, 6), between(rng, 1, 6));
    Shape input;
    input.channels = between(rng, 1, 17);
    input.height = between(rng, window.height, window.height + 12);
    input.width = between(rng, window.width, window.width + 12);
    const Index batch = between(rng, 1, 9);
    nn::Sequential<TestType> network(input);
    network.template add<nn::MaxPool2d>(window, stride);
    check_single_layer(network, batch, rng);
    check_single_layer(
        network,
        matrix_with_ties<TestType>(rng, input.features(), batch),
        random_matrix<TestType>(rng, network.output_shape().features(), batch));
  });
}

TEMPLATE_TEST_CASE("activations agree with LibTorch for inputs up to 1e3",
                   "[parity][activation]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Shape shape = random_shape(rng);
    const Index batch = between(rng, 1, 9);
    const double scale = std::pow(10.0, static_cast<double>(rng.index(5)) - 1);
    INFO("inputs up to " << scale);
    std::vector<nn::Sequential<TestType>> networks;
    for (int i = 0; i < 7; ++i) networks.emplace_back(shape);
    networks[0].template add<nn::LeakyReLU>(rng.uniform(-0.5, 1.5));
    networks[1].template add<nn::Sigmoid>();
    networks[2].template add<nn::Tanh>();
    networks[3].template add<nn::GELU>();
    networks[4].template add<nn::GELU>(nn::GeluForm::kTanh);
    networks[5].template add<nn::SiLU>();
    networks[6].template add<nn::Identity>();
    const auto x = random_matrix<TestType>(rng, shape.features(), batch, scale);
    // With zeros, where LeakyReLU has its kink.
    const auto ties = matrix_with_ties<TestType>(rng, shape.features(), batch);
    const auto dy = random_matrix<TestType>(rng, shape.features(), batch);
    for (nn::Sequential<TestType>& network : networks) {
      // Far below zero LibTorch's x / 2 * (1 + erf(...)) is right to the
      // rounding of x, and its gradient to that of 1.
      check_single_layer(network, x, dy, /*largest_term=*/1.0, scale);
      check_single_layer(network, ties, dy);
    }
  });
}

TEMPLATE_TEST_CASE(
    "average pooling of any window, stride and padding agrees with LibTorch",
    "[parity][avg_pool2d]",
    float,
    double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const nn::Extent window(between(rng, 1, 5), between(rng, 1, 5));
    const nn::Extent stride(between(rng, 1, 6), between(rng, 1, 6));
    const nn::Extent padding(between(rng, 0, window.height / 2),
                             between(rng, 0, window.width / 2));
    const auto extent = [&](Index size, Index pad) {
      const Index smallest = std::max<Index>(1, size - 2 * pad);
      return between(rng, smallest, smallest + 40);
    };
    Shape input;
    input.channels = between(rng, 1, 9);
    input.height = extent(window.height, padding.height);
    input.width = extent(window.width, padding.width);
    const bool count_include_pad = rng.index(2) == 0;
    nn::Sequential<TestType> network(input);
    network.template add<nn::AvgPool2d>(
        window, stride, padding, count_include_pad);
    check_single_layer(network, between(rng, 1, 9), rng);
  });
}

TEMPLATE_TEST_CASE("global average pooling agrees with LibTorch",
                   "[parity][global_avg_pool2d]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Shape input{
        between(rng, 1, 17), between(rng, 1, 20), between(rng, 1, 20)};
    nn::Sequential<TestType> network(input);
    network.template add<nn::GlobalAvgPool2d>();
    check_single_layer(network, between(rng, 1, 9), rng);
  });
}

TEMPLATE_TEST_CASE("dropout agrees with LibTorch given the same mask",
                   "[parity][dropout]",
                   float,
                   double) {
  using Scalar = TestType;
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Shape shape = random_shape(rng);
    const Index batch = between(rng, 1, 9);
    const double p = rng.uniform(0, 1);
    nn::Sequential<Scalar> network(shape, rng.next());
    network.template add<nn::Dropout>(p);
    INFO(network.layer(0).describe());
    const auto x = random_matrix<Scalar>(rng, shape.features(), batch);
    const auto dy = random_matrix<Scalar>(rng, shape.features(), batch);
    const nn::Matrix<Scalar> ones =
        nn::Matrix<Scalar>::Ones(shape.features(), batch);

    nn::Workspace<Scalar> workspace;
    workspace.set_passes(rng.next());
    const std::uint64_t pass = workspace.passes();
    const nn::Matrix<Scalar> kept = network.forward(nn::view(ones), workspace);
    workspace.set_passes(pass);
    const nn::Matrix<Scalar> y = network.forward(nn::view(x), workspace);
    nn::Matrix<Scalar> dx(x.rows(), x.cols());
    network.backward(nn::view(dy), workspace, nn::view(dx));

    // What at::dropout() does after it has drawn the mask, and its gradient.
    const torch::Tensor mask =
        torch_twin::as_tensor(nn::view(kept), shape).ne(0);
    const torch::Tensor scaled =
        mask.to(torch::CppTypeToScalarType<Scalar>::value).div(1 - p);
    torch::Tensor torch_x = torch_twin::as_tensor(nn::view(x), shape).clone();
    torch_x.requires_grad_(true);
    const torch::Tensor torch_y = torch_x * scaled;
    torch_y.backward(torch_twin::as_tensor(nn::view(dy), shape));
    CHECK(relative_error(y, torch_y) <= kTolerance<Scalar>);
    CHECK(relative_error(dx, torch_x.grad()) <= kTolerance<Scalar>);
    CHECK(relative_error(dx,
                         torch::native_dropout_backward(
                             torch_twin::as_tensor(nn::view(dy), shape),
                             mask,
                             1 / (1 - p))) <= kTolerance<Scalar>);

    // And both are the identity in inference.
    torch::nn::Sequential twin =
        torch_twin::make_twin(network, torch_twin::TwinOutput::kWhole);
    twin->eval();
    CHECK(relative_error(network.predict(nn::view(x)),
                         twin->forward(torch_x)) <= kTolerance<Scalar>);
  });
}

TEMPLATE_TEST_CASE("softmax agrees with LibTorch for logits up to 1e4",
                   "[parity][softmax]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Shape shape = random_shape(rng);
    const Index batch = between(rng, 1, 33);
    const double scale = std::pow(10.0, static_cast<double>(rng.index(5)));
    INFO("logits up to " << scale);
    nn::Sequential<TestType> network(shape);
    network.template add<nn::Softmax>();
    // dx_i = y_i * (dy_i - sum_j y_j dy_j): terms of up to max |y * dy|, which
    // cancel where one probability is near 1.
    check_single_layer(
        network,
        random_matrix<TestType>(rng, shape.features(), batch, scale),
        random_matrix<TestType>(rng, shape.features(), batch),
        /*largest_term=*/1.0);
  });
}

namespace {

nn::BatchNormOptions random_batch_norm(nn::Rng& rng) {
  nn::BatchNormOptions options;
  options.eps = std::pow(10.0, rng.uniform(-5, 0));
  options.momentum.reset();
  if (rng.index(3) > 0) options.momentum = rng.uniform(0, 1);
  options.affine = rng.index(3) > 0;
  return options;
}

/// How large the terms are of which a normalization's input gradient is the
/// difference: 1 / sqrt(eps) at most for |weight| and |dy| up to 1.
double largest_gradient_term(double eps) {
  return 4 / std::sqrt(eps);
}

/// Three training steps, each from new random numbers, and a prediction. The
/// running statistics are those of all steps.
template <typename Scalar>
void check_batch_norm(nn::Sequential<Scalar>& network,
                      Index smallest_batch,
                      double eps,
                      nn::Rng& rng) {
  nn::Layer<Scalar>& layer = network.layer(0);
  const Index features = layer.input_shape().features();
  INFO(layer.describe() << " on " << layer.input_shape().to_string());
  parity::randomize_parameters(layer, rng);
  torch::nn::Sequential twin =
      torch_twin::make_twin(network, torch_twin::TwinOutput::kWhole);
  nn::Workspace<Scalar> workspace;
  for (int step = 0; step < 3; ++step) {
    const Index batch = between(rng, smallest_batch, 33);
    INFO("step " << step << ", batch " << batch);
    const auto x = random_matrix<Scalar>(rng, features, batch);
    const auto dy = random_matrix<Scalar>(rng, features, batch);
    const nn::Matrix<Scalar> y = network.forward(nn::view(x), workspace);
    nn::Matrix<Scalar> dx(features, batch);
    network.backward(nn::view(dy), workspace, nn::view(dx));

    torch::Tensor torch_x =
        torch_twin::as_tensor(nn::view(x), layer.input_shape()).clone();
    torch_x.requires_grad_(true);
    twin->zero_grad();
    const torch::Tensor torch_y = twin->forward(torch_x);
    torch_y.backward(torch_twin::as_tensor(nn::view(dy), layer.output_shape())
                         .reshape(torch_y.sizes()));
    CHECK(relative_error(y, torch_y) <= kTolerance<Scalar>);
    CHECK(relative_error(dx, torch_x.grad(), largest_gradient_term(eps)) <=
          kTolerance<Scalar>);
    for (const auto& named : network.named_parameters()) {
      INFO("gradient of " << named.name);
      CHECK(relative_error(named.parameter->grad,
                           twin->named_parameters()[named.name].grad()) <=
            kTolerance<Scalar>);
    }
    for (const auto& named : network.named_buffers()) {
      INFO("buffer " << named.name);
      CHECK(relative_error(named.parameter->value,
                           twin->named_buffers()[named.name].to(
                               torch::CppTypeToScalarType<Scalar>::value)) <=
            kTolerance<Scalar>);
    }
  }
  twin->eval();
  const auto x = random_matrix<Scalar>(rng, features, between(rng, 1, 9));
  const torch::Tensor torch_x =
      torch_twin::as_tensor(nn::view(x), layer.input_shape());
  CHECK(relative_error(network.predict(nn::view(x)), twin->forward(torch_x)) <=
        kTolerance<Scalar>);

  // The buffers travel back, and into a twin made after training.
  nn::Sequential<Scalar> copy(layer.input_shape());
  copy.add(nn::make_layer<Scalar>(layer.input_shape(), nn::spec_of(layer)));
  torch_twin::copy_weights(twin, copy);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(relative_error(copy.named_buffers()[i].parameter->value,
                         twin->named_buffers()[copy.named_buffers()[i].name].to(
                             torch::CppTypeToScalarType<Scalar>::value)) == 0);
  }
  torch::nn::Sequential second =
      torch_twin::make_twin(network, torch_twin::TwinOutput::kWhole);
  second->eval();
  CHECK(relative_error(network.predict(nn::view(x)),
                       second->forward(torch_x)) <= kTolerance<Scalar>);
}

}  // namespace

TEMPLATE_TEST_CASE(
    "batch norm of vectors agrees with LibTorch, step after step",
    "[parity][batch_norm]",
    float,
    double) {
  parity::for_each_configuration(kConfigurations / 2, [](nn::Rng& rng) {
    const nn::BatchNormOptions options = random_batch_norm(rng);
    nn::Sequential<TestType> network(random_shape(rng));
    network.template add<nn::BatchNorm1d>(options);
    check_batch_norm(network, 2, options.eps, rng);
  });
}

TEMPLATE_TEST_CASE("batch norm of images agrees with LibTorch, step after step",
                   "[parity][batch_norm]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations / 2, [](nn::Rng& rng) {
    const nn::BatchNormOptions options = random_batch_norm(rng);
    Shape shape = random_shape(rng);
    if (rng.index(20) == 0) shape = {2, 40, 60};
    nn::Sequential<TestType> network(shape);
    network.template add<nn::BatchNorm2d>(options);
    check_batch_norm(network, shape.is_flat() ? 2 : 1, options.eps, rng);
  });
}

TEMPLATE_TEST_CASE("layer norm agrees with LibTorch",
                   "[parity][layer_norm]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    nn::LayerNormOptions options;
    options.eps = std::pow(10.0, rng.uniform(-5, 0));
    options.affine = rng.index(3) > 0;
    // Of one feature LibTorch's gradient by the weight is rounding noise where
    // libnn's is zero.
    Shape shape = random_shape(rng);
    if (shape.features() == 1) shape.channels = 2;
    nn::Sequential<TestType> network(shape);
    network.template add<nn::LayerNorm>(options);
    const Index batch = between(rng, 1, 33);
    parity::randomize_parameters(network.layer(0), rng);
    check_single_layer(network,
                       random_matrix<TestType>(rng, shape.features(), batch),
                       random_matrix<TestType>(rng, shape.features(), batch),
                       largest_gradient_term(options.eps));
  });
}

TEST_CASE("networks of all layers agree with LibTorch, fused or not",
          "[parity][sequential]") {
  parity::for_each_configuration(150, [](nn::Rng& rng) {
    const ConvSettings conv = rng.index(2) == 0 ? random_convolution(rng, 1, 1)
                                                : random_convolution(rng, 4, 3);
    nn::Sequential<double> network(conv.input);
    network.add<nn::Conv2d>(conv.options);
    if (rng.index(4) > 0) network.add<nn::ReLU>();
    if (rng.index(4) == 0) network.add<nn::Identity>().add<nn::SiLU>();
    if (rng.index(4) > 0) {
      const Shape shape = network.output_shape();
      network.add<nn::MaxPool2d>(
          nn::Extent(std::min<Index>(shape.height, between(rng, 1, 3)),
                     std::min<Index>(shape.width, between(rng, 1, 3))),
          nn::Extent(between(rng, 1, 3), between(rng, 1, 3)));
    }
    if (rng.index(2) == 0) {
      // A kernel of 1x1 fits whatever is left.
      network.add<nn::Conv2d>(between(rng, 1, 9), 1).add<nn::ReLU>();
    }
    // One pixel of every channel is left, and taken as a vector.
    if (rng.index(4) == 0) network.add<nn::GlobalAvgPool2d>();
    network.add<nn::Linear>(between(rng, 1, 20)).add<nn::ReLU>();
    // An image of one pixel: vectors become images again.
    if (rng.index(2) == 0) network.add<nn::Conv2d>(between(rng, 1, 9), 1);
    network.add<nn::Linear>(between(rng, 2, 12)).add<nn::Softmax>();
    for (Index i = 0; i < network.size(); ++i) {
      parity::randomize_parameters(network.layer(i), rng);
    }
    const bool fuse = rng.index(2) == 0;
    network.set_fusion(fuse);
    const Index batch = between(rng, 1, 9);
    INFO(network.summary() << "fused " << fuse << ", batch " << batch);

    const auto x =
        random_matrix<double>(rng, network.input_shape().features(), batch);
    const auto dlogits =
        random_matrix<double>(rng, network.output_shape().features(), batch);
    nn::Workspace<double> workspace;
    const nn::Matrix<double> logits = network.forward(nn::view(x), workspace);
    nn::Matrix<double> dx(x.rows(), x.cols());
    network.backward(nn::view(dlogits), workspace, nn::view(dx));

    torch::nn::Sequential twin =
        torch_twin::make_twin(network, torch_twin::TwinOutput::kLogits);
    torch::Tensor torch_x =
        torch_twin::as_tensor(nn::view(x), network.input_shape()).clone();
    torch_x.requires_grad_(true);
    const torch::Tensor torch_logits = twin->forward(torch_x);
    torch_logits.backward(
        torch_twin::as_tensor(nn::view(dlogits), network.output_shape()));

    CHECK(relative_error(logits, torch_logits) <= kTolerance<double>);
    CHECK(relative_error(dx, torch_x.grad()) <= kTolerance<double>);
    const auto torch_parameters = twin->named_parameters();
    const auto parameters = network.named_parameters();
    REQUIRE(torch_parameters.size() == parameters.size());
    for (const auto& named : parameters) {
      INFO("gradient of " << named.name);
      CHECK(relative_error(named.parameter->grad,
                           torch_parameters[named.name].grad()) <=
            kTolerance<double>);
    }

    // Without the gradient by the input, as in training, and the probabilities.
    network.forward(nn::view(x), workspace);
    network.backward(nn::view(dlogits), workspace);
    for (const auto& named : parameters) {
      INFO("gradient of " << named.name << " without that of the input");
      CHECK(relative_error(named.parameter->grad,
                           torch_parameters[named.name].grad()) <=
            kTolerance<double>);
    }
    torch::nn::Sequential whole =
        torch_twin::make_twin(network, torch_twin::TwinOutput::kWhole);
    CHECK(relative_error(network.predict(nn::view(x)),
                         whole->forward(torch_x)) <= kTolerance<double>);
  });
}

TEMPLATE_TEST_CASE("residual blocks agree with LibTorch",
                   "[parity][residual]",
                   float,
                   double) {
  parity::for_each_configuration(kConfigurations, [](nn::Rng& rng) {
    const Shape shape{
        between(rng, 1, 9), between(rng, 3, 9), between(rng, 3, 9)};
    const Index inner = between(rng, 1, 9);
    nn::Sequential<TestType> network(shape);
    network.template add<nn::Residual>([&](nn::Sequential<TestType>& body) {
      body.template add<nn::Conv2d>(inner, 3, 1, 1);
      if (rng.index(2) == 0) body.template add<nn::ReLU>();
      if (rng.index(2) == 0) {
        body.template add<nn::Residual>([&](nn::Sequential<TestType>& nested) {
          nested.template add<nn::Conv2d>(inner, 1);
        });
      }
      body.template add<nn::Conv2d>(shape.channels, 3, 1, 1);
    });
    check_single_layer(network, between(rng, 1, 5), rng);
  });
}

TEST_CASE("a residual block over a flat body agrees with LibTorch",
          "[parity][residual]") {
  parity::for_each_configuration(20, [](nn::Rng& rng) {
    // A shape of one pixel a channel: images for the convolution, vectors for
    // what follows.
    const Index features = between(rng, 1, 20);
    nn::Sequential<double> network(Shape{features});
    network.add<nn::Residual>([&](nn::Sequential<double>& body) {
      body.add<nn::Conv2d>(between(rng, 1, 9), 1);
      body.add<nn::Linear>(features);
    });
    check_single_layer(network, between(rng, 1, 5), rng);
  });
}
