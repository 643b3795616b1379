// A loss of one's own: nine of ten targets shall lie below the prediction.
//
//   own_loss

#include <nn/nn.h>

#include <iostream>

class Quantile final : public nn::Loss<double> {
  const char* name() const override { return "Quantile"; }
  double do_evaluate(nn::ConstView<double> y,
                     nn::ConstView<double> target,
                     double scale,
                     double* dy) const override {
    double sum = 0.0;
    for (nn::Index i = 0; i < y.size(); ++i) {
      const double slope = target.data()[i] > y.data()[i] ? -0.9 : 0.1;
      sum += slope * (y.data()[i] - target.data()[i]);
      if (dy != nullptr) dy[i] = slope * scale;
    }
    return sum;
  }
};

int main() {
  nn::Rng rng(1);
  nn::Matrix<double> x(1, 1000);
  nn::Matrix<double> target(1, 1000);  // with noise that grows with x
  for (nn::Index n = 0; n < 1000; ++n) {
    x(0, n) = rng.uniform();
    target(0, n) = x(0, n) * (2.0 + rng.normal());
  }
  nn::Sequential<double> net(nn::Shape{1}, /*seed=*/1);
  net.add<nn::Linear>(16).add<nn::ReLU>().add<nn::Linear>(1);
  nn::Adam<double> adam(net.parameters(), {/*learning_rate=*/0.003});
  nn::Trainer<double>(net, adam, Quantile(), {/*epochs=*/50}).fit({x, target});
  const auto below = (target.array() < net.predict(x).array()).count();
  std::cout << below << " of 1000 targets are below\n";
  return below > 870 && below < 930 ? 0 : 1;
}
