#include "kernels/conv2d.h"

#include "kernels/reference.h"

namespace nn::kernels {
#define NN_I(T)                                                       \
  template <>                                                         \
  std::size_t conv2d_forward_scratch_bytes<T>(                        \
      const ConvGeometry&, const ConvEpilogue&, Index) {              \
    return 0;                                                         \
  }                                                                   \
  template <>                                                         \
  std::size_t conv2d_backward_scratch_bytes<T>(                       \
      const ConvGeometry&, const ConvEpilogue&, Index) {              \
    return 0;                                                         \
  }                                                                   \
  template <>                                                         \
  void conv2d_forward<T>(const ConvForwardArgs<T>& a, std::byte*) {   \
    conv2d_forward_reference(a);                                      \
  }                                                                   \
  template <>                                                         \
  void conv2d_backward<T>(const ConvBackwardArgs<T>& a, std::byte*) { \
    conv2d_backward_reference(a);                                     \
  }
NN_I(float)
NN_I(double)
}  // namespace nn::kernels
