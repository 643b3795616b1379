#include "twin.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/network/sequential.h"
#include "parity.h"

namespace {

using torch_twin::TwinOutput;

/// A layer that LibTorch does not have.
class Doubling final : public nn::Layer<double> {
 public:
  explicit Doubling(const nn::Shape& shape) : Layer(shape, shape) {}
  std::string name() const override { return "Doubling"; }

 private:
  void do_forward(nn::ConstView<double> x,
                  nn::View<double> y,
                  nn::Mode,
                  nn::PassMemory) const override {
    y = 2 * x;
  }
  void do_backward(nn::ConstView<double>,
                   nn::ConstView<double>,
                   nn::ConstView<double> dy,
                   nn::View<double> dx,
                   nn::PassMemory) override {
    if (dx.size() > 0) dx = 2 * dy;
  }
};

template <typename Scalar>
nn::Sequential<Scalar> small_network(std::uint64_t seed) {
  nn::Sequential<Scalar> network(nn::Shape{2, 8, 6}, seed);
  network.template add<nn::Conv2d>(3, nn::Extent(3, 2))
      .template add<nn::ReLU>()
      .template add<nn::MaxPool2d>(2);
  network.template add<nn::Linear>(4).template add<nn::Softmax>();
  return network;
}

}  // namespace

TEST_CASE("a layer without a twin is named in the error", "[parity][twin]") {
  nn::Sequential<double> network(nn::Shape{5});
  network.add<nn::Linear>(3);
  network.add(std::make_unique<Doubling>(network.output_shape()));
  CHECK_THROWS_WITH(torch_twin::make_twin(network, TwinOutput::kWhole),
                    Catch::Matchers::ContainsSubstring("Doubling") &&
                        Catch::Matchers::ContainsSubstring("place 1"));
}

TEMPLATE_TEST_CASE("a twin has the names, shapes and bytes of the weights",
                   "[parity][twin]",
                   float,
                   double) {
  nn::Sequential<TestType> network = small_network<TestType>(3);
  torch::nn::Sequential twin =
      torch_twin::make_twin(network, TwinOutput::kWhole);
  const auto twins = twin->named_parameters();
  const auto parameters = network.named_parameters();
  REQUIRE(twins.size() == parameters.size());
  for (const auto& named : parameters) {
    INFO(named.name);
    const torch::Tensor* tensor = twins.find(named.name);
    REQUIRE(tensor != nullptr);
    const nn::Parameter<TestType>& parameter = *named.parameter;
    CHECK(tensor->sizes().vec() ==
          std::vector<int64_t>(parameter.dims.begin(), parameter.dims.end()));
    CHECK(std::memcmp(tensor->contiguous().data_ptr<TestType>(),
                      parameter.value.data(),
                      sizeof(TestType) * static_cast<std::size_t>(
                                             parameter.value.size())) == 0);
  }
}

TEMPLATE_TEST_CASE("weights come back from a twin to the bit",
                   "[parity][twin]",
                   float,
                   double) {
  nn::Sequential<TestType> source = small_network<TestType>(3);
  nn::Sequential<TestType> target = small_network<TestType>(4);
  const auto from = source.named_parameters();
  const auto to = target.named_parameters();
  REQUIRE(from[0].parameter->value != to[0].parameter->value);
  torch_twin::copy_weights(torch_twin::make_twin(source, TwinOutput::kLogits),
                           target);
  for (std::size_t i = 0; i < from.size(); ++i) {
    INFO(from[i].name);
    CHECK(from[i].parameter->value == to[i].parameter->value);
  }
}

TEST_CASE("weights of another network are refused and change nothing",
          "[parity][twin]") {
  nn::Sequential<double> source = small_network<double>(3);
  nn::Sequential<double> target(nn::Shape{2, 8, 6}, 4);
  target.add<nn::Conv2d>(3, nn::Extent(3, 2)).add<nn::ReLU>();
  target.add<nn::MaxPool2d>(2).add<nn::Linear>(5);
  const nn::Matrix<double> before =
      target.named_parameters()[0].parameter->value;
  CHECK_THROWS_WITH(
      torch_twin::copy_weights(
          torch_twin::make_twin(source, TwinOutput::kLogits), target),
      Catch::Matchers::ContainsSubstring("3.weight"));
  CHECK(target.named_parameters()[0].parameter->value == before);
}

TEST_CASE("a batch and its tensor are the same numbers in the same order",
          "[parity][twin]") {
  const nn::Shape shape{2, 3, 4};
  nn::Rng rng(parity::seed());
  const auto x = parity::random_matrix<double>(rng, shape.features(), 5);
  const torch::Tensor tensor = torch_twin::as_tensor(nn::view(x), shape);
  CHECK(tensor.sizes().vec() == std::vector<int64_t>{5, 2, 3, 4});
  for (nn::Index n = 0; n < 5; ++n) {
    for (nn::Index c = 0; c < 2; ++c) {
      for (nn::Index h = 0; h < 3; ++h) {
        for (nn::Index w = 0; w < 4; ++w) {
          CHECK(tensor[n][c][h][w].item<double>() == x((c * 3 + h) * 4 + w, n));
        }
      }
    }
  }
  CHECK(torch_twin::as_matrix<double>(tensor) == x);
}
