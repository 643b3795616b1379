// Trains and runs a network with a layer, a callback and a schedule of this
// program's own, none of which has type information, and catches what libnn
// throws.

#include <nn/nn.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

/// y = 2 x.
template <typename Scalar>
class Twice final : public nn::Layer<Scalar> {
 public:
  explicit Twice(const nn::Shape& shape) : nn::Layer<Scalar>(shape, shape) {}
  std::string name() const override { return "Twice"; }

 private:
  void do_forward(nn::ConstView<Scalar> x,
                  nn::View<Scalar> y,
                  nn::Mode /*mode*/,
                  nn::PassMemory /*memory*/) const override {
    y = Scalar(2) * x;
  }
  void do_backward(nn::ConstView<Scalar> /*x*/,
                   nn::ConstView<Scalar> /*y*/,
                   nn::ConstView<Scalar> dy,
                   nn::View<Scalar> dx,
                   nn::PassMemory /*memory*/) override {
    if (dx.size() > 0) dx = Scalar(2) * dy;
  }
};

template <typename Scalar>
class Counter final : public nn::TrainerCallback<Scalar> {
 public:
  bool on_step(const nn::StepReport& /*report*/,
               nn::Sequential<Scalar>& /*network*/) override {
    ++steps;
    return true;
  }
  int steps = 0;
};

class Halves final : public nn::Schedule {
 public:
  double learning_rate(nn::Index step) const override {
    return step < 10 ? 0.1 : 0.05;
  }
};

}  // namespace

int main() {
  nn::Sequential<float> net(nn::Shape{4}, /*seed=*/1);
  // Where the library looks for neighbours to fuse with: before, behind and
  // between its own layers, and last, where a Softmax may stand.
  net.add<Twice>().add<nn::Linear>(8).add<Twice>().add<nn::ReLU>();
  net.add<nn::Residual>([](nn::Sequential<float>& body) {
    body.add<Twice>().add<nn::Linear>(8).add<nn::ReLU>();
  });
  net.add<nn::Linear>(2).add<Twice>();
  net.set_fusion(false);
  net.set_fusion(true);

  nn::Rng rng(2);
  nn::Matrix<float> x(4, 64);
  nn::Labels labels(64);
  for (nn::Index n = 0; n < 64; ++n) {
    for (nn::Index i = 0; i < 4; ++i) {
      x(i, n) = static_cast<float>(rng.uniform()) - 0.5f;
    }
    labels[n] = x(0, n) > 0.0f ? 1 : 0;
  }
  nn::Sgd<float> sgd(net.parameters(), {/*learning_rate=*/0.1});
  nn::TrainerOptions options;
  options.epochs = 30;
  options.schedule = std::make_shared<Halves>();
  nn::Trainer<float> trainer(net, sgd, options);
  const Counter<float>& counter = trainer.add<Counter>();
  const auto history = trainer.fit({x, labels});
  if (!(history.back().train_accuracy > 0.9) || counter.steps != 60) {
    std::printf("no_rtti: accuracy %g after %d steps\n",
                history.back().train_accuracy,
                counter.steps);
    return 1;
  }
  const nn::Labels found = net.predict_classes(x);
  if ((found.array() == labels.array()).count() < 58) return 1;

  bool caught = false;
  try {
    net.add<nn::Conv2d>(1, 99);
  } catch (const std::invalid_argument&) {
    caught = true;
  }
  return caught ? 0 : 1;
}
