// Predicts by what fit_regression saved, a line for each row of a CSV file with
// the same columns but the last, in the same order: a network knows no names.
//
//   predict_regression MODEL DATA.csv
#include <nn/nn.h>

#include <exception>
#include <iostream>
#include <stdexcept>

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("expected MODEL DATA.csv");
  const auto net = nn::load_model<float>(argv[1]);
  const auto table = nn::load_csv<float>(argv[2]);
  const nn::Matrix<float> predicted = net.predict(table.x);
  for (nn::Index row = 0; row < table.size(); ++row) {
    std::cout << predicted(0, row) << '\n';
  }
} catch (const std::exception& error) {
  std::cerr << "predict_regression: error: " << error.what() << '\n';
  return 1;
}
