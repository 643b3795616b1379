#include "common/models.h"

#include <stdexcept>
#include <string>

#include "common/run.h"
#include "nn/check.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"

namespace apps {
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
  constexpr nn::Index kWindow = 2;
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
                                     const nn::Shape& input) {
  const bool is_mlp = options.model == "mlp";
  try {
    return is_mlp ? build_mlp<Scalar>(
                        input, options.hidden, kClasses, options.seed)
                  : build_cnn<Scalar>(input,
                                      options.channels,
                                      options.kernel,
                                      options.padding,
                                      kClasses,
                                      options.seed);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(is_mlp ? nn::concat("--hidden ",
                                                    to_text(options.hidden),
                                                    " does not fit images of ",
                                                    input.to_string(),
                                                    ": ",
                                                    error.what())
                                       : nn::concat("--channels ",
                                                    to_text(options.channels),
                                                    " --kernel ",
                                                    options.kernel,
                                                    " --padding ",
                                                    options.padding,
                                                    " does not fit images of ",
                                                    input.to_string(),
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
                                                    const nn::Shape&);
template nn::Sequential<double> build_network<double>(const Options&,
                                                      const nn::Shape&);

}  // namespace apps
