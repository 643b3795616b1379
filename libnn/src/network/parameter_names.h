#ifndef NN_SRC_NETWORK_PARAMETER_NAMES_H_
#define NN_SRC_NETWORK_PARAMETER_NAMES_H_

#include <map>
#include <set>
#include <string>

#include "nn/check.h"
#include "nn/network/layer.h"
#include "utf8.h"

namespace nn::internal {

/// By parameter and buffer of a layer their names behind `prefix`. Those of a
/// container's inner layer 2 are "body.2.weight", as PyTorch has them for a
/// member `body`: no container names what it holds.
template <typename Scalar>
std::map<const Parameter<Scalar>*, std::string> parameter_names(
    const Layer<Scalar>& layer, const std::string& prefix) {
  std::map<const Parameter<Scalar>*, std::string> names;
  Index place = 0;
  for (const Layer<Scalar>* inner : layer.inner_layers()) {
    names.merge(parameter_names(*inner, concat(prefix, "body.", place++, ".")));
  }
  for (const auto& all : {layer.parameters(), layer.buffers()}) {
    for (const Parameter<Scalar>* parameter : all) {
      names.emplace(parameter, prefix + parameter->name);
    }
  }
  return names;
}

/// Throws std::invalid_argument unless a file can hold all parameters and
/// buffers of the layer, each under a name of its own.
template <typename Scalar>
void check_parameter_names(const Layer<Scalar>& layer) {
  const auto names = parameter_names(layer, "");
  std::set<std::string> seen;
  for (const auto& all : {layer.parameters(), layer.buffers()}) {
    for (const Parameter<Scalar>* parameter : all) {
      const std::string& name = names.at(parameter);
      check_argument(!parameter->name.empty() && is_utf8(name),
                     "[",
                     layer.name(),
                     "] expected parameters with names in UTF-8, got \"",
                     name,
                     "\"");
      check_argument(seen.insert(name).second,
                     "[",
                     layer.name(),
                     "] expected a name of its own for each parameter, got \"",
                     name,
                     "\" twice");
    }
  }
}

}  // namespace nn::internal

#endif  // NN_SRC_NETWORK_PARAMETER_NAMES_H_
