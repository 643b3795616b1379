// Learns the number in a CSV file's last column from the others:
//
//   fit_regression DATA.csv MODEL
#include <nn/nn.h>

#include <cmath>
#include <exception>
#include <iostream>
#include <stdexcept>

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("expected DATA.csv MODEL");
  nn::CsvOptions csv;
  csv.targets = {-1};
  const auto table = nn::load_csv<float>(argv[1], csv);
  const nn::Samples<float> samples(table.x, table.target);
  const auto [learned, apart] = samples.split(/*share=*/0.2, /*seed=*/1);

  // Each column has a unit of its own. Both ways of scaling are layers, and are
  // saved with the network.
  const nn::Moments unit = learned.target_moments();
  nn::Sequential<float> net(nn::Shape{samples.features()}, /*seed=*/1);
  net.add<nn::Standardize>(learned.moments());
  net.add<nn::Linear>(32).add<nn::ReLU>().add<nn::Linear>(1);
  net.add<nn::Standardize>(unit, nn::StandardizeForm::kInverse);

  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
  const nn::MeanSquaredError<float> loss(unit.deviation());
  nn::Trainer<float> trainer(net, adam, loss, {/*epochs=*/500});
  trainer.add<nn::EarlyStopping>();
  const auto epochs = trainer.fit(learned, apart);
  nn::save_model(argv[2], net);
  const double deviations = std::sqrt(trainer.evaluate(apart).loss);
  std::cout << "after " << epochs.size() << " epochs off by "
            << deviations * unit.deviation()[0] << " (root mean square)\n";
} catch (const std::exception& error) {
  std::cerr << "fit_regression: error: " << error.what() << '\n';
  return 1;
}
