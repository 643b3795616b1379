#ifndef NN_TESTS_FUZZ_NETWORKS_OF_SEEDS_H_
#define NN_TESTS_FUZZ_NETWORKS_OF_SEEDS_H_

#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/global_avg_pool2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/network/residual.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/adam.h"
#include "nn/training/trainer.h"
#include "nn/training/trainer_callbacks.h"

namespace nn_fuzz {

/// The network whose weights and optimizer the seeds hold: small, with a
/// counter among its buffers and names inside of a container.
inline nn::Sequential<float> network_of_weights() {
  nn::Sequential<float> network(nn::Shape{2, 1, 1});
  network.add<nn::Linear>(3).add<nn::BatchNorm1d>();
  network.add<nn::Residual>(
      [](nn::Sequential<float>& body) { body.add<nn::Linear>(3); });
  return network;
}

/// A training of it with callbacks that have a state; nothing is written unless
/// it runs.
struct TrainingOfSeeds {
  TrainingOfSeeds() {
    trainer.add<nn::EarlyStopping>();
    trainer.add<nn::CsvLog>("log.csv");
  }
  nn::Sequential<float> network = network_of_weights();
  nn::Adam<float> adam{network.parameters()};
  nn::Trainer<float> trainer{network, adam, nn::MeanSquaredError<float>()};
};

/// One with settings of two directions.
inline nn::Sequential<float> network_of_model() {
  nn::Sequential<float> network(nn::Shape{1, 4, 4});
  network.add<nn::Conv2d>(2, 3, 1, 1).add<nn::ReLU>();
  network.add<nn::GlobalAvgPool2d>().add<nn::Linear>(2).add<nn::Softmax>();
  return network;
}

}  // namespace nn_fuzz

#endif  // NN_TESTS_FUZZ_NETWORKS_OF_SEEDS_H_
