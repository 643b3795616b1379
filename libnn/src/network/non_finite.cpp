#include "nn/network/non_finite.h"

#include <cstddef>
#include <vector>

#include "first_non_finite.h"
#include "network/parameter_names.h"
#include "nn/check.h"

namespace nn {

template <typename Scalar>
std::string origin_of_non_finite(const Sequential<Scalar>& network,
                                 ConstView<Scalar> x) {
  const std::vector<Matrix<Scalar>> outputs = network.activations(x);
  const Index place = internal::first_non_finite(x.data(), x.size());
  if (place >= 0) {
    return concat(
        "in feature ", place % x.rows(), " of sample ", place / x.rows());
  }
  const auto of_layer = [&network](Index i) {
    return concat("layer ", i, ", ", network.layer(i).describe());
  };
  for (Index i = 0; i < network.size(); ++i) {
    const auto names = internal::parameter_names(network.layer(i), "");
    for (const Parameter<Scalar>* parameter : network.layer(i).parameters()) {
      if (!parameter->value.allFinite()) {
        return concat("in the ", names.at(parameter), " of ", of_layer(i));
      }
    }
    if (!outputs[static_cast<std::size_t>(i)].allFinite()) {
      return concat("in the output of ", of_layer(i));
    }
  }
  return "in the loss itself";
}

template std::string origin_of_non_finite<float>(const Sequential<float>&,
                                                 ConstView<float>);
template std::string origin_of_non_finite<double>(const Sequential<double>&,
                                                  ConstView<double>);

}  // namespace nn
