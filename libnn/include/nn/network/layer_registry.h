#ifndef NN_NETWORK_LAYER_REGISTRY_H_
#define NN_NETWORK_LAYER_REGISTRY_H_

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "nn/extent.h"
#include "nn/network/layer.h"
#include "nn/shape.h"
#include "nn/types.h"

namespace nn {

/// The largest extent that a setting may have.
constexpr Index kLargestExtent = Index{1} << 31;

/// All that a layer is built from but its input shape and its weights: what a
/// model file says of it.
struct LayerSpec {
  std::string kind;             ///< Layer::name(): "Conv2d"
  Settings settings;            ///< Layer::settings()
  std::vector<LayerSpec> body;  ///< of Layer::inner_layers(), in their order
  /// The most elements that the Parameters of the layer may have together, so
  /// that a damaged size reserves no memory. load_model() allows what the file
  /// holds, whatever stands here.
  Index most_elements = std::numeric_limits<Index>::max();

  ///@{
  /// The setting `name`; as a whole number; as true (1) or false (0); as the
  /// two settings name_h and name_w, from 0 to kLargestExtent. Throws
  /// std::invalid_argument, naming the layer and the setting, if there is none
  /// or it is not of this kind.
  double number(const std::string& name) const;
  Index integer(const std::string& name) const;
  bool flag(const std::string& name) const;
  Extent extent(const std::string& name) const;
  ///@}
};

/// The spec from which make_layer() builds a layer like this one.
template <typename Scalar>
LayerSpec spec_of(const Layer<Scalar>& layer);

/// Builds a layer of one kind for an input shape. Throws std::invalid_argument
/// if it cannot be built.
template <typename Scalar>
using LayerMaker = std::function<std::unique_ptr<Layer<Scalar>>(
    const Shape& input_shape, const LayerSpec& spec)>;

/// Makes a layer of one's own known by its name(), so that make_layer() and
/// load_model() can build it:
///
///   nn::register_layer<float>(
///       "Swish", [](const nn::Shape& in, const nn::LayerSpec& spec) {
///         return std::make_unique<Swish<float>>(in, spec.number("slope"));
///       });
///
/// The maker need not bound what a damaged file asks for: a Parameter that the
/// file cannot hold is refused before its memory is reserved.
///
/// Once for each scalar that is wanted. Any thread may call it at any time.
/// Throws std::invalid_argument if the kind is empty or known already, or the
/// maker is empty.
template <typename Scalar>
void register_layer(const std::string& kind, LayerMaker<Scalar> maker);

/// The kinds that make_layer() knows, the library's and the registered ones, in
/// alphabetical order. Any thread may call it at any time.
template <typename Scalar>
std::vector<std::string> registered_layers();

/// Builds the layer that `spec` describes. initialize() or a file gives its
/// weights their values. Any thread may call it at any
/// time.
/// Throws std::invalid_argument if the kind is unknown, a setting is missing,
/// has a wrong value or is not one of the layer's, the layer cannot take the
/// shape, or its parameters have more than most_elements.
template <typename Scalar>
std::unique_ptr<Layer<Scalar>> make_layer(const Shape& input_shape,
                                          const LayerSpec& spec);

}  // namespace nn

#endif  // NN_NETWORK_LAYER_REGISTRY_H_
