// One layer, of sizes from the input, with the kernels of every instruction set
// that the machine has and with one thread and several: each agrees with the
// layer's definition, and numbers of threads agree to the bit.

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "fuzz.h"
#include "kernels/isa.h"
#include "nn/layers/avg_pool2d.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/gelu.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/silu.h"
#include "nn/layers/tanh.h"
#include "nn/network/sequential.h"
#include "nn/parallel.h"
#include "nn/random.h"
#include "support/reference_network.h"

namespace {

using nn::Index;
using nn::Matrix;
using nn::kernels::Isa;
using nn_fuzz::Numbers;
using nn_fuzz::require;

nn::Extent extent(Numbers& numbers, long low, long high) {
  const Index h = numbers.in(low, high);
  return {h, numbers.in(low, high)};
}

void add_convolution(Numbers& numbers, nn::Sequential<double>& network) {
  nn::Conv2dOptions options;
  options.groups = numbers.in(1, 3);
  options.out_channels = options.groups * numbers.in(1, 20);
  options.kernel = extent(numbers, 1, 5);
  options.stride = extent(numbers, 1, 3);
  options.padding = extent(numbers, 0, 3);
  options.dilation = extent(numbers, 1, 2);
  options.bias = numbers.flag();
  network.add<nn::Conv2d>(options);
}

/// The layers of an input. Throws std::invalid_argument where they cannot be.
nn::Sequential<double> build(Numbers& numbers) {
  const Index channels = numbers.in(1, 20);
  const nn::Extent size = extent(numbers, 1, 20);
  nn::Sequential<double> network({channels, size.height, size.width}, 1);
  switch (numbers.in(0, 9)) {
    case 0:
      network.add<nn::Linear>(numbers.in(1, 300));
      break;
    case 1:
      network.add<nn::MaxPool2d>(extent(numbers, 1, 4), extent(numbers, 1, 4));
      break;
    case 2:
      network.add<nn::AvgPool2d>(extent(numbers, 1, 4), extent(numbers, 1, 4));
      break;
    case 3:
      network.add<nn::LayerNorm>();
      break;
    case 4:
      network.add<nn::BatchNorm2d>();
      break;
    case 5:
      network.add<nn::GELU>();
      break;
    case 6:
      network.add<nn::SiLU>();
      break;
    case 7:
      network.add<nn::Tanh>();
      break;
    default:
      add_convolution(numbers, network);
  }
  if (numbers.flag()) network.add<nn::ReLU>();
  if (numbers.flag()) network.add<nn::MaxPool2d>(2);
  return network;
}

struct Results {
  Matrix<double> y;
  Matrix<double> dx;
  std::vector<Matrix<double>> gradients;

  bool operator==(const Results& other) const {
    return y == other.y && dx == other.dx && gradients == other.gradients;
  }
};

Results run(nn::Sequential<double>& network,
            const Matrix<double>& x,
            const Matrix<double>& dy) {
  nn::Workspace<double> workspace;
  Results results;
  results.y = network.forward(x, workspace);
  results.dx.resize(x.rows(), x.cols());
  network.backward(dy, workspace, results.dx);
  for (const nn::Parameter<double>* parameter : network.parameters()) {
    results.gradients.push_back(parameter->grad);
  }
  return results;
}

bool near(const Matrix<double>& a, const Matrix<double>& b) {
  constexpr double kRounding = 1e-8;
  if (a.size() == 0) return b.size() == 0;
  const double scale = std::max(1.0, b.array().abs().maxCoeff());
  return (a - b).array().abs().maxCoeff() <= kRounding * scale;
}

Matrix<double> random_matrix(nn::Rng& rng, Index rows, Index cols) {
  Matrix<double> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = rng.uniform(-1.0, 1.0);
  return m;
}

/// Multiplications of an output's element, at most.
Index work(const nn::Sequential<double>& network) {
  Index count = 0;
  for (Index i = 0; i < network.size(); ++i) {
    const auto& layer = network.layer(i);
    const bool is_linear = layer.name() == "Linear";
    count += layer.output_shape().features() *
             (is_linear ? layer.input_shape().features() : 100);
  }
  return count;
}

void compare(Numbers& numbers) {
  nn::Sequential<double> network = build(numbers);
  constexpr Index kMostWork = 2000000;
  const Index batch = numbers.in(2, 40);
  if (batch * work(network) > kMostWork) return;
  nn::Rng rng(numbers.byte());
  const Matrix<double> x =
      random_matrix(rng, network.input_shape().features(), batch);
  const Matrix<double> dy =
      random_matrix(rng, network.output_shape().features(), batch);

  nn_test::ReferencePass reference(network, x, nn::Mode::kTraining);
  const Matrix<double> reference_dx = reference.backward(dy);
  constexpr double kNearKink = 1e-9;
  const bool smooth = reference.distance_to_kink() > kNearKink;

  for (const Isa isa : {Isa::kBaseline, Isa::kSse4, Isa::kAvx2, Isa::kAvx512}) {
    nn::kernels::limit_isa(isa);
    if (nn::kernels::isa() != isa) continue;
    nn::set_num_threads(1);
    const Results results = run(network, x, dy);
    require(near(results.y, reference.output()), "the output is as defined");
    if (smooth) {
      require(near(results.dx, reference_dx),
              "the gradient by the input is as defined");
      const auto parameters = network.parameters();
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        require(
            near(results.gradients[i], reference.gradients().at(parameters[i])),
            "the gradients by the parameters are as defined");
      }
    }
    nn::set_num_threads(3);
    require(run(network, x, dy) == results,
            "the number of threads does not change a bit");
  }
  nn::set_num_threads(1);
  nn::kernels::limit_isa(Isa::kAvx512);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Numbers numbers(data, size);
  try {
    compare(numbers);
  } catch (const std::invalid_argument&) {
    // No such network.
  }
  return 0;
}
