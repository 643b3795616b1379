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
  nn::Trainer<double> trainer(net, sgd, {/*epochs=*/1000, /*batch_size=*/256});
  trainer.fit({x, labels});
  const nn::Evaluation reached = trainer.evaluate({x, labels});
  std::cout << "loss " << reached.loss << ", " << reached.correct
            << " of 256 right\n";
  return reached.correct >= 250 ? 0 : 1;
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
