#include "kernels/pooling.h"

#include "kernels/reference.h"

namespace nn::kernels {
#define NN_I(T)                                                         \
  template <>                                                           \
  void max_pool_image<T>(                                               \
      const PoolGeometry& g, const T* x, T* y, std::uint8_t* a, bool) { \
    max_pool_reference(g, x, y, a);                                     \
  }                                                                     \
  template <>                                                           \
  void max_pool_backward_image<T>(const PoolGeometry& g,                \
                                  const T* dy,                          \
                                  const std::uint8_t* a,                \
                                  const T* r,                           \
                                  T* dx,                                \
                                  bool) {                               \
    max_pool_backward_reference(g, dy, a, r, dx);                       \
  }
NN_I(float)
NN_I(double)
}  // namespace nn::kernels
