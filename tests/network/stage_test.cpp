#include "network/stage.h"

#include <memory>
#include <vector>

#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/network/sequential.h"
#include "support/catch.h"
#include "support/matrices.h"

namespace {

using Layers = std::vector<std::unique_ptr<nn::Layer<double>>>;

template <template <typename> class Kind, typename... Args>
void add(Layers& layers, const nn::Shape& input, Args... args) {
  const nn::Shape shape =
      layers.empty() ? input : layers.back()->output_shape();
  layers.push_back(std::make_unique<Kind<double>>(shape, args...));
}

}  // namespace

TEST_CASE("both reference networks run as few stages", "[stage]") {
  const nn::Shape image{1, 28, 28};
  Layers cnn;
  add<nn::Conv2d>(cnn, image, 4, 5, 1, 2);
  add<nn::ReLU>(cnn, image);
  add<nn::MaxPool2d>(cnn, image, 2);
  add<nn::Conv2d>(cnn, image, 8, 5, 1, 2);
  add<nn::ReLU>(cnn, image);
  add<nn::MaxPool2d>(cnn, image, 2);
  add<nn::Linear>(cnn, image, 10);
  add<nn::Softmax>(cnn, image);
  const auto fused = nn::internal::plan_stages(cnn, true);
  REQUIRE(fused.size() == 4);
  CHECK(fused[0]->output_shape() == nn::Shape{4, 14, 14});
  CHECK(fused[1]->output_shape() == nn::Shape{8, 7, 7});
  CHECK(nn::internal::plan_stages(cnn, false).size() == 8);

  Layers mlp;
  add<nn::Linear>(mlp, image, 32);
  add<nn::ReLU>(mlp, image);
  add<nn::Linear>(mlp, image, 10);
  CHECK(nn::internal::plan_stages(mlp, true).size() == 2);
}

TEST_CASE("a convolution fuses with what follows it and with nothing else",
          "[stage]") {
  const nn::Shape image{2, 9, 9};
  Layers layers;
  add<nn::Conv2d>(layers, image, 3, 3);
  add<nn::MaxPool2d>(layers, image, 2);
  add<nn::ReLU>(layers, image);
  add<nn::Conv2d>(layers, image, 3, 2);
  add<nn::ReLU>(layers, image);
  add<nn::Linear>(layers, image, 4);
  // Conv2d + MaxPool2d, ReLU, Conv2d + ReLU, Linear.
  const auto stages = nn::internal::plan_stages(layers, true);
  REQUIRE(stages.size() == 4);
  CHECK(stages[0]->output_shape() == layers[1]->output_shape());
  CHECK(stages[2]->output_shape() == layers[4]->output_shape());
}

TEST_CASE("convolutions of groups and dilation give the same fused or not",
          "[stage]") {
  nn::Conv2dOptions grouped;
  grouped.out_channels = 6;
  grouped.kernel = 3;
  grouped.padding = 1;
  grouped.groups = 2;
  nn::Conv2dOptions dilated_depthwise = grouped;
  dilated_depthwise.out_channels = 12;
  dilated_depthwise.groups = 6;
  dilated_depthwise.dilation = 2;
  dilated_depthwise.padding = 2;
  nn::Conv2dOptions dilated = grouped;
  dilated.groups = 1;
  dilated.dilation = {2, 1};
  dilated.bias = false;
  nn::Sequential<double> net(nn::Shape{4, 21, 19}, /*seed=*/3);
  net.add<nn::Conv2d>(grouped).add<nn::ReLU>().add<nn::MaxPool2d>(2);
  net.add<nn::Conv2d>(dilated_depthwise).add<nn::ReLU>();
  net.add<nn::MaxPool2d>(3, 1);
  net.add<nn::Conv2d>(dilated).add<nn::ReLU>().add<nn::MaxPool2d>(2);

  nn::Rng rng(4);
  const nn::Index batch = 5;
  const auto x =
      nn_test::normal_matrix<double>(net.input_shape().features(), batch, rng);
  const auto dy =
      nn_test::normal_matrix<double>(net.output_shape().features(), batch, rng);
  // The output, the input's gradient and those of the parameters.
  const auto results = [&](bool fuse) {
    net.set_fusion(fuse);
    nn::Workspace<double> workspace;
    std::vector<nn::Matrix<double>> all;
    all.emplace_back(net.forward(nn::view(x), workspace));
    nn::Matrix<double> dx(x.rows(), batch);
    net.backward(nn::view(dy), workspace, nn::view(dx));
    all.push_back(dx);
    for (const auto* parameter : net.parameters()) {
      all.push_back(parameter->grad);
    }
    return all;
  };
  const auto fused = results(true);
  const auto single = results(false);
  REQUIRE(fused.size() == 7);
  for (std::size_t i = 0; i < fused.size(); ++i) {
    CAPTURE(i);
    CHECK(nn_test::relative_difference(fused[i], single[i]) <= 1e-13);
    CHECK(fused[i].cwiseAbs().maxCoeff() > 0.01);
  }
}
