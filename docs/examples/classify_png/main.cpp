// Which digit is on a picture?
//
//   classify_png model.safetensors picture.png [mean deviation]
//
// The model is one that takes 28 x 28 images, such as mnist_mlp and mnist_cnn
// write. Gray levels in 0 .. 1 are normalized with the mean and deviation that
// the training used ("normalization" in the run's summary.json); without them
// they stay as they are.

#include <nn/nn.h>

#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include "digit_image.h"

namespace {

int run(const std::string& model,
        const std::string& picture,
        const nn::Normalization& normalization) {
  const nn::Sequential<float> net = nn::load_model<float>(model);
  nn::check_argument(net.input_shape() == nn::Shape{1, 28, 28} ||
                         net.input_shape() == nn::Shape{784},
                     model,
                     ": expected a network for 28 x 28 images, got one for ",
                     net.input_shape());
  nn::Matrix<float> x = to_mnist(read_png(picture));
  x.array() -= static_cast<float>(normalization.mean);
  x.array() /= static_cast<float>(normalization.deviation);

  const nn::Matrix<float> probabilities = net.predict(x);
  nn::Index best = 0;
  probabilities.col(0).maxCoeff(&best);
  std::cout << best << " (" << 100.0F * probabilities(best, 0) << " %)\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 5) {
    std::cerr << "usage: classify_png model.safetensors picture.png "
                 "[mean deviation]\n";
    return 2;
  }
  try {
    nn::Normalization normalization;
    if (argc == 5) {
      normalization.mean = std::stod(argv[3]);
      normalization.deviation = std::stod(argv[4]);
      nn::check_argument(normalization.deviation > 0.0,
                         "expected a deviation above 0, got ",
                         argv[4]);
    }
    return run(argv[1], argv[2], normalization);
  } catch (const std::exception& error) {
    std::cerr << "classify_png: error: " << error.what() << '\n';
    return 1;
  }
}
