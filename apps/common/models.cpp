#include "common/models.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <string>

#include "common/run.h"
#include "nn/check.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/machine_limits.h"

namespace apps {
namespace {

constexpr nn::Index kWindow = 2;  // of the CNN's pools

// In double, which no size on the command line can overflow.
struct Numbers {
  double weights = 0.0;
  double outputs = 0.0;  ///< that a training keeps of each image
};

Numbers count_mlp(const nn::Shape& input,
                  nn::Index classes,
                  const Options& options) {
  Numbers numbers;
  auto inputs = static_cast<double>(input.features());
  for (const nn::Index count : options.hidden) {
    const auto units = static_cast<double>(count);
    numbers.weights += (inputs + 1) * units;
    numbers.outputs += units;
    inputs = units;
  }
  numbers.weights += (inputs + 1) * static_cast<double>(classes);
  return numbers;
}

Numbers count_cnn(const nn::Shape& input,
                  nn::Index classes,
                  const Options& options) {
  Numbers numbers;
  const auto kernel = static_cast<double>(options.kernel);
  const double grows = 2.0 * static_cast<double>(options.padding) - kernel + 1;
  auto channels = static_cast<double>(input.channels);
  auto height = static_cast<double>(input.height);
  auto width = static_cast<double>(input.width);
  for (const nn::Index count : options.channels) {
    // The convolution's own output is not kept: it is pooled image by image.
    height = std::floor((height + grows) / kWindow);
    width = std::floor((width + grows) / kWindow);
    if (height < 1 || width < 1) return {};  // build_cnn() says what is wrong
    const auto filters = static_cast<double>(count);
    numbers.weights += (channels * kernel * kernel + 1) * filters;
    numbers.outputs += filters * height * width;
    channels = filters;
  }
  numbers.weights +=
      (channels * height * width + 1) * static_cast<double>(classes);
  return numbers;
}

/// "15.6 GB".
std::string size_text(double bytes) {
  constexpr std::array<const char*, 5> kUnits = {
      " GB", " TB", " PB", " EB", " ZB"};
  std::size_t unit = 0;
  double size = bytes / 1e9;
  for (; size >= 1000.0 && unit + 1 < kUnits.size(); ++unit) size /= 1000.0;
  return nn::concat(std::round(10.0 * size) / 10.0, kUnits[unit]);
}

}  // namespace

std::string size_options(const Options& options) {
  return options.model == "mlp" ? "--hidden " + to_text(options.hidden)
                                : nn::concat("--channels ",
                                             to_text(options.channels),
                                             " --kernel ",
                                             options.kernel,
                                             " --padding ",
                                             options.padding);
}

void check_memory(const Options& options,
                  const nn::Shape& input,
                  nn::Index classes,
                  nn::Index images) {
  const Numbers numbers = options.model == "mlp"
                              ? count_mlp(input, classes, options)
                              : count_cnn(input, classes, options);
  const auto batch = static_cast<double>(std::min(options.batch_size, images));
  const double copies = options.momentum > 0.0 ? 3 : 2;
  const double bytes =
      sizeof(float) * (copies * numbers.weights + batch * numbers.outputs);
  const double memory = nn::usable_memory_bytes();
  nn::check_argument(bytes <= memory,
                     size_options(options),
                     " --batch-size ",
                     options.batch_size,
                     ": expected a network that can be trained in this "
                     "machine's ",
                     size_text(memory),
                     " of memory, got one that takes more than ",
                     size_text(bytes));
}

template <typename Scalar>
nn::Sequential<Scalar> build_mlp(const nn::Shape& input,
                                 const std::vector<nn::Index>& hidden,
                                 nn::Index classes,
                                 std::uint64_t seed) {
  nn::Sequential<Scalar> network(input, seed);
  for (const nn::Index units : hidden) {
    network.template add<nn::Linear>(units).template add<nn::ReLU>();
  }
  network.template add<nn::Linear>(classes).template add<nn::Softmax>();
  return network;
}

template <typename Scalar>
nn::Sequential<Scalar> build_cnn(const nn::Shape& input,
                                 const std::vector<nn::Index>& channels,
                                 nn::Index kernel,
                                 nn::Index padding,
                                 nn::Index classes,
                                 std::uint64_t seed) {
  constexpr nn::Index kStride = 1;
  nn::Sequential<Scalar> network(input, seed);
  for (const nn::Index count : channels) {
    network.template add<nn::Conv2d>(count, kernel, kStride, padding)
        .template add<nn::ReLU>()
        .template add<nn::MaxPool2d>(kWindow);
  }
  network.template add<nn::Linear>(classes).template add<nn::Softmax>();
  return network;
}

template <typename Scalar>
nn::Sequential<Scalar> build_network(const Options& options,
                                     const nn::Shape& input,
                                     nn::Index classes) {
  const bool is_mlp = options.model == "mlp";
  try {
    return is_mlp
               ? build_mlp<Scalar>(input, options.hidden, classes, options.seed)
               : build_cnn<Scalar>(input,
                                   options.channels,
                                   options.kernel,
                                   options.padding,
                                   classes,
                                   options.seed);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(nn::concat(size_options(options),
                                           " does not fit images of ",
                                           input,
                                           ": ",
                                           error.what()));
  }
}

template nn::Sequential<float> build_mlp<float>(const nn::Shape&,
                                                const std::vector<nn::Index>&,
                                                nn::Index,
                                                std::uint64_t);
template nn::Sequential<double> build_mlp<double>(const nn::Shape&,
                                                  const std::vector<nn::Index>&,
                                                  nn::Index,
                                                  std::uint64_t);
template nn::Sequential<float> build_cnn<float>(const nn::Shape&,
                                                const std::vector<nn::Index>&,
                                                nn::Index,
                                                nn::Index,
                                                nn::Index,
                                                std::uint64_t);
template nn::Sequential<double> build_cnn<double>(const nn::Shape&,
                                                  const std::vector<nn::Index>&,
                                                  nn::Index,
                                                  nn::Index,
                                                  nn::Index,
                                                  std::uint64_t);
template nn::Sequential<float> build_network<float>(const Options&,
                                                    const nn::Shape&,
                                                    nn::Index);
template nn::Sequential<double> build_network<double>(const Options&,
                                                      const nn::Shape&,
                                                      nn::Index);

}  // namespace apps
