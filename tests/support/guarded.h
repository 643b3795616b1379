#ifndef NN_TESTS_SUPPORT_GUARDED_H_
#define NN_TESTS_SUPPORT_GUARDED_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "nn/random.h"
#include "nn/types.h"

namespace nn_test {

/// An array with guard bytes on both sides, for kernels that must write all of
/// it and nothing else. Starts at an address that is aligned for its type
/// alone, so that a kernel which expects more is found out.
template <typename T>
class Guarded {
 public:
  explicit Guarded(nn::Index size) : size_(size) {
    bytes_.assign(2 * kGuard + sizeof(T) * static_cast<std::size_t>(size),
                  kPattern);
    // Not a number anywhere: what a kernel fails to write shows.
    std::memset(bytes_.data() + kGuard,
                0xff,
                sizeof(T) * static_cast<std::size_t>(size));
  }

  T* data() { return reinterpret_cast<T*>(bytes_.data() + kGuard); }
  const T* data() const {
    return reinterpret_cast<const T*>(bytes_.data() + kGuard);
  }
  nn::Index size() const { return size_; }

  bool guards_are_whole() const {
    for (std::size_t i = 0; i < kGuard; ++i) {
      if (bytes_[i] != kPattern || bytes_[bytes_.size() - 1 - i] != kPattern) {
        return false;
      }
    }
    return true;
  }

  void fill(nn::Rng& rng) {
    for (nn::Index i = 0; i < size_; ++i) {
      data()[i] = static_cast<T>(rng.uniform(-1.0, 1.0));
    }
  }

 private:
  static constexpr std::size_t kGuard = 264;
  static constexpr std::uint8_t kPattern = 0xa5;
  nn::Index size_;
  std::vector<std::uint8_t> bytes_;
};

/// max |a - b| / max |scale|, huge if a is not a number anywhere. `scale` is b
/// itself, or where sums may cancel, the same sums over absolute values: it is
/// their size that rounding errors are proportional to.
template <typename T>
double relative_difference(const T* a,
                           const T* b,
                           nn::Index size,
                           const T* scale = nullptr) {
  double difference = 0.0;
  double largest = 0.0;
  for (nn::Index i = 0; i < size; ++i) {
    const double d =
        std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= 1e300)) return 1e300;
    difference = std::max(difference, d);
    largest = std::max(largest,
                       std::abs(static_cast<double>(scale ? scale[i] : b[i])));
  }
  return largest > 0.0 ? difference / largest : difference;
}

/// What sums of up to a few thousand products in T may differ by when they are
/// added in another order.
template <typename T>
constexpr double kRounding = sizeof(T) == 4 ? 1e-5 : 1e-13;

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_GUARDED_H_
