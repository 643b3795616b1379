#ifndef NN_SRC_NETWORK_LAYER_AS_H_
#define NN_SRC_NETWORK_LAYER_AS_H_

#include <type_traits>

#include "nn/network/layer.h"

namespace nn::internal {

/// The layer as a Kind, or null if it is none. Never reads type information,
/// which a user's layer need not have (-fno-rtti).
template <template <typename> class Kind, typename Scalar>
Kind<Scalar>* layer_as(Layer<Scalar>* layer) {
  // Else a user's layer that derives from it would be taken for it.
  static_assert(std::is_final_v<Kind<Scalar>>);
  return layer->library_kind() == Kind<Scalar>::kLibraryKind
             ? static_cast<Kind<Scalar>*>(layer)
             : nullptr;
}

}  // namespace nn::internal

#endif  // NN_SRC_NETWORK_LAYER_AS_H_
