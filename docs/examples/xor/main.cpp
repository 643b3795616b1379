// Exclusive or: the smallest problem that no single layer can learn.
//
//   xor

#include <nn/nn.h>

#include <exception>
#include <iostream>

namespace {

int run() {
  // A sample is a column; its label is 1 where exactly one feature is positive.
  nn::Matrix<float> x(2, 4);
  x << -1, -1, 1, 1,  //
      -1, 1, -1, 1;
  nn::Labels labels(4);
  labels << 0, 1, 1, 0;

  nn::Sequential<float> net(nn::Shape{2}, /*seed=*/1);
  net.add<nn::Linear>(8).add<nn::ReLU>().add<nn::Linear>(2).add<nn::Softmax>();
  std::cout << net.summary() << '\n';

  nn::SgdOptions options;
  options.learning_rate = 0.2;
  options.momentum = 0.9;
  nn::Sgd<float> sgd(net.parameters(), options);
  const nn::SoftmaxCrossEntropy<float> cross_entropy;
  nn::Workspace<float> workspace;
  nn::Matrix<float> dlogits(2, 4);
  for (int step = 0; step <= 200; ++step) {
    const auto logits = net.forward(x, workspace);
    const auto result = cross_entropy.evaluate(logits, labels, dlogits);
    if (step % 50 == 0) {
      std::cout << "step " << step << ": loss " << result.loss << ", "
                << result.correct << " of 4 right\n";
    }
    net.backward(dlogits, workspace);
    sgd.step();
  }

  const nn::Matrix<float> probabilities = net.predict(x);
  bool all_right = true;
  for (nn::Index n = 0; n < x.cols(); ++n) {
    std::cout << x(0, n) << " xor " << x(1, n) << ": " << probabilities(1, n)
              << '\n';
    all_right = all_right && probabilities(labels(n), n) > 0.9F;
  }
  return all_right ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    std::cerr << "xor: error: " << error.what() << '\n';
    return 1;
  }
}
