// Trains a network on a CSV file and saves it:
//
//   train_csv DATA.csv MODEL [CLASS COLUMN]
//
// The class is in the column of that name or in the last one.

#include <nn/nn.h>

#include <exception>
#include <iostream>
#include <string>

namespace {

void train(const std::string& data,
           const std::string& model,
           const nn::CsvColumn& class_column) {
  nn::CsvOptions csv;
  csv.label = class_column;
  const nn::Table<float> all = nn::load_csv<float>(data, csv);
  const nn::Samples<float> samples(all.x, all.labels);
  // Some are kept apart, to see what the network makes of samples that it has
  // not learned from.
  const auto [learned, apart] = samples.split(/*share=*/0.2, /*seed=*/1);
  const auto classes = static_cast<nn::Index>(all.classes.size());

  // Standardize scales the columns, whatever their units, and is saved with the
  // network: nothing needs to be prepared by hand, now or later.
  nn::Sequential<float> net(nn::Shape{samples.features()}, /*seed=*/1);
  net.add<nn::Standardize>(learned.moments());
  net.add<nn::Linear>(16).add<nn::ReLU>();
  net.add<nn::Linear>(classes).add<nn::Softmax>();

  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
  nn::TrainerOptions options;
  options.epochs = 200;
  options.batch_size = 32;
  nn::Trainer<float> trainer(net, adam, options);
  nn::EarlyStoppingOptions stopping;
  stopping.patience = 20;
  const auto& best = trainer.add<nn::EarlyStopping>(stopping);
  trainer.add<nn::CsvLog>(model + ".csv");
  trainer.add<nn::Progress>([](const nn::EpochReport& report) {
    std::cout << "epoch " << report.epoch << ": loss " << report.train_loss
              << ", of other samples " << report.validation->loss << '\n';
  });
  trainer.fit(learned, apart);
  nn::save_model(model, net);

  const nn::Evaluation reached = trainer.evaluate(apart);
  std::cout << reached.correct << " of " << apart.size()
            << " other samples right after epoch " << best.best_epoch() << '\n';
  for (std::size_t label = 0; label < all.classes.size(); ++label) {
    std::cout << "class " << label << " is " << all.classes[label] << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::cerr << "usage: train_csv DATA.csv MODEL [CLASS COLUMN]\n";
    return 2;
  }
  try {
    constexpr int kLast = -1;
    train(argv[1], argv[2], argc == 4 ? nn::CsvColumn(argv[3]) : kLast);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "train_csv: error: " << error.what() << '\n';
    return 1;
  }
}
