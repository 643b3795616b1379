// A layer of one's own in a network: its gradients are checked, and then it is
// trained. docs/adding-a-layer.md writes the layer.
//
//   custom_layer

#include <nn/nn.h>

#include <exception>
#include <iostream>

#include "swish.h"

namespace {

int run() {
  // A point is of class 1 if it lies in the ring between the radii 1/2 and 1.
  nn::Rng rng(1);
  nn::Matrix<double> x(2, 256);
  nn::Labels labels(256);
  for (nn::Index n = 0; n < x.cols(); ++n) {
    x(0, n) = rng.uniform(-1.5, 1.5);
    x(1, n) = rng.uniform(-1.5, 1.5);
    const double radius = x.col(n).norm();
    labels(n) = radius > 0.5 && radius < 1.0 ? 1 : 0;
  }

  nn::Sequential<double> net(nn::Shape{2}, /*seed=*/1);
  net.add<nn::Linear>(16).add<Swish>();
  net.add<nn::Linear>(16).add<Swish>();
  net.add<nn::Linear>(2).add<nn::Softmax>();

  const nn::GradientReport report =
      nn::check_gradients(net, x.leftCols(7), labels.head(7).eval());
  std::cout << report.to_string() << '\n';
  if (!report.passed) return 1;

  nn::SgdOptions options;
  options.learning_rate = 0.2;
  options.momentum = 0.9;
  nn::Sgd<double> sgd(net.parameters(), options);
  const nn::SoftmaxCrossEntropy<double> cross_entropy;
  nn::Workspace<double> workspace;
  nn::Matrix<double> dlogits(2, 256);
  nn::LossResult result;
  for (int step = 0; step < 1000; ++step) {
    const auto logits = net.forward(x, workspace);
    result = cross_entropy.evaluate(logits, labels, dlogits);
    net.backward(dlogits, workspace);
    sgd.step();
  }
  std::cout << "loss " << result.loss << ", " << result.correct
            << " of 256 right\n";
  return result.correct >= 250 ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    std::cerr << "custom_layer: error: " << error.what() << '\n';
    return 1;
  }
}
