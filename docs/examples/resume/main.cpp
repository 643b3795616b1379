// A training that goes on where a killed one was, and ends the same:
//
//   resume TRAINING_FILE [STEP]    kills itself after that step

#include <nn/nn.h>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string path = argv[1];
  const nn::Index last_step = argc > 2 ? std::stol(argv[2]) : 0;

  nn::Rng rng(1);
  nn::Matrix<float> x(4, 500);
  for (nn::Index i = 0; i < x.size(); ++i) x.data()[i] = float(rng.normal());
  const nn::Matrix<float> target = x.colwise().norm();

  nn::Sequential<float> net(nn::Shape{4}, /*seed=*/1);
  net.add<nn::Linear>(32).add<nn::ReLU>().add<nn::Dropout>(0.1);
  net.add<nn::Linear>(1);
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
  nn::Trainer<float> trainer(net, adam, nn::MeanSquaredError<float>());
  trainer.add<nn::Checkpoint>(path);
  trainer.add<nn::Progress>(nullptr, [&](const nn::StepReport& report) {
    if (report.step == last_step) std::raise(SIGKILL);
  });
  if (std::filesystem::exists(path)) nn::resume_training(path, trainer);
  for (const nn::EpochReport& report : trainer.fit({x, target})) {
    std::cout << "epoch " << report.epoch << ": loss "
              << nn::concat(report.train_loss) << '\n';
  }
}
