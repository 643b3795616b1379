#ifndef NN_TESTS_PROCESS_TRAINING_H_
#define NN_TESTS_PROCESS_TRAINING_H_

#include <nn/nn.h>

#include <atomic>

namespace nn_test {

/// A small network with a convolution, an input for it, and passes that use
/// the pool of threads.
class Training {
 public:
  Training() : network_(nn::Shape{1, 12, 12}, /*seed=*/1), x_(144, 64) {
    network_.add<nn::Conv2d>(8, 3).add<nn::ReLU>().add<nn::MaxPool2d>(2);
    network_.add<nn::Linear>(10).add<nn::Softmax>();
    nn::Rng rng(2);
    for (nn::Index i = 0; i < x_.size(); ++i) {
      x_.data()[i] = static_cast<float>(rng.uniform());
    }
    labels_.resize(x_.cols());
    for (nn::Index n = 0; n < x_.cols(); ++n) {
      labels_[n] = static_cast<int>(n % 10);
    }
  }

  /// Two epochs of training. Returns the last loss.
  double train() {
    nn::Sgd<float> sgd(network_.parameters(), {/*learning_rate=*/0.01});
    nn::TrainerOptions options;
    options.epochs = 2;
    options.batch_size = 16;
    nn::Trainer<float> trainer(network_, sgd, options);
    return trainer.fit({x_, labels_}).back().train_loss;
  }

  /// What the network says of all of the input, as one number.
  double predict() const {
    return static_cast<double>(network_.predict(nn::view(x_)).row(3).sum());
  }

 private:
  nn::Sequential<float> network_;
  nn::Matrix<float> x_;
  nn::Labels labels_;
};

/// Whether a parallel loop runs all of its tasks.
inline bool loop_is_complete() {
  constexpr nn::Index kTasks = 100;
  std::atomic<nn::Index> sum{0};
  nn::parallel_for(kTasks, [&](nn::Index task, int) { sum += task; });
  return sum == kTasks * (kTasks - 1) / 2;
}

}  // namespace nn_test

#endif  // NN_TESTS_PROCESS_TRAINING_H_
