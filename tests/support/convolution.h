#ifndef NN_TESTS_SUPPORT_CONVOLUTION_H_
#define NN_TESTS_SUPPORT_CONVOLUTION_H_

#include "kernels/conv2d.h"
#include "nn/random.h"

namespace nn_test {

/// A convolution with what follows it.
struct ConvCase {
  nn::kernels::ConvGeometry geometry;
  nn::kernels::PoolGeometry pool;
  bool has_pool = false;
  bool relu = false;
  nn::Index batch = 1;

  nn::kernels::ConvEpilogue epilogue() const {
    return {relu, has_pool ? &pool : nullptr};
  }
  nn::Index out_features() const {
    return has_pool ? pool.out_features() : geometry.out_features();
  }
  void set_out_channels(nn::Index channels) {
    geometry.out_channels = pool.channels = channels;
  }
};

/// A whole number from low to high, both included.
nn::Index draw(nn::Rng& rng, nn::Index low, nn::Index high);

/// Sizes of all kinds: kernels, strides, paddings (one more than a kernel can
/// use happens too), dilations of 1 to 3 and up to `most_groups` groups, with
/// or without ReLU and pool.
ConvCase random_convolution(nn::Rng& rng, nn::Index most_groups);

/// Runs one case through kernel and reference, in guarded memory and with
/// scratch memory full of NaNs, and returns the largest relative difference.
template <typename T>
double difference_from_reference(const ConvCase& c, nn::Rng& rng);

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_CONVOLUTION_H_
