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
  nn::Trainer<float> trainer(net, sgd, {/*epochs=*/200, /*batch_size=*/4});
  trainer.add<nn::Progress>([](const nn::EpochReport& report) {
    if (report.epoch % 50 != 0) return;
    std::cout << "epoch " << report.epoch << ": loss " << report.train_loss
              << ", accuracy " << report.train_accuracy << '\n';
  });
  trainer.fit({x, labels});

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
