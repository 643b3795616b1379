// Trains a network on a CSV file and saves it: train_csv DATA.csv MODEL
//
// The first line of the file names the columns. Each other one is a sample:
// numbers, the last of which is its class, counted from 0.

#include <nn/nn.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// The samples one after the other, as a matrix has them in its columns.
struct Table {
  nn::Index features = 0;
  std::vector<float> values;
  std::vector<int> labels;

  nn::Samples<float> samples() const {
    const auto count = static_cast<nn::Index>(labels.size());
    return {nn::ConstView<float>(values.data(), features, count),
            nn::ConstLabels(labels.data(), count)};
  }
};

// `place` is where the line comes from, for the message.
void read_row(const std::string& place, const std::string& line, Table& table) {
  std::istringstream row(line);
  float value = 0;
  char comma = ',';
  for (nn::Index i = 0; i < table.features && comma == ','; ++i) {
    row >> value >> comma;
    table.values.push_back(value);
  }
  int label = 0;
  if (comma != ',' || !(row >> label) || !(row >> std::ws).eof()) {
    throw std::runtime_error(place + ": expected " +
                             std::to_string(table.features) +
                             " numbers and a class, 0 or 1, found: " + line);
  }
  table.labels.push_back(label);
}

// Every fifth sample is kept apart, to see what the network makes of samples
// that it has not learned from.
void read_csv(const std::string& path, Table& learned, Table& apart) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) {
    throw std::runtime_error(path + ": cannot be read");
  }
  learned.features = std::count(line.begin(), line.end(), ',');
  apart.features = learned.features;
  for (int row = 0; std::getline(file, line); ++row) {
    if (line.empty()) continue;
    const std::string place = path + ", line " + std::to_string(row + 2);
    read_row(place, line, row % 5 == 0 ? apart : learned);
  }
}

void train(const std::string& data, const std::string& model) {
  Table learned;
  Table apart;
  read_csv(data, learned, apart);

  // BatchNorm1d scales the columns, whatever their units, and is saved with the
  // network: nothing needs to be prepared by hand, now or later.
  nn::Sequential<float> net(nn::Shape{learned.features}, /*seed=*/1);
  net.add<nn::BatchNorm1d>();
  net.add<nn::Linear>(16).add<nn::ReLU>();
  net.add<nn::Linear>(2).add<nn::Softmax>();

  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
  nn::TrainerOptions options;
  options.epochs = 200;
  options.batch_size = 32;
  options.drop_last = true;
  nn::Trainer<float> trainer(net, adam, options);
  nn::EarlyStoppingOptions stopping;
  stopping.patience = 20;
  const auto& best = trainer.add<nn::EarlyStopping>(stopping);
  trainer.add<nn::CsvLog>(model + ".csv");
  trainer.add<nn::Progress>([](const nn::EpochReport& report) {
    std::cout << "epoch " << report.epoch << ": loss " << report.train_loss
              << ", of other samples " << report.validation->loss << '\n';
  });
  trainer.fit(learned.samples(), apart.samples());
  nn::save_model(model, net);

  const nn::Evaluation reached = trainer.evaluate(apart.samples());
  std::cout << reached.correct << " of " << apart.labels.size()
            << " other samples right after epoch " << best.best_epoch() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: train_csv DATA.csv MODEL\n";
    return 2;
  }
  try {
    train(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "train_csv: error: " << error.what() << '\n';
    return 1;
  }
}
