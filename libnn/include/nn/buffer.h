#ifndef NN_BUFFER_H_
#define NN_BUFFER_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "nn/types.h"

namespace nn {

/// Raw memory, aligned for any vector instruction, that grows and never
/// shrinks. Growing loses the contents.
class Buffer {
 public:
  /// Holds no memory.
  Buffer() = default;
  ///@{
  /// Takes the memory over; the other one then holds none.
  Buffer(Buffer&& other) noexcept
      : data_(std::move(other.data_)),
        size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    data_ = std::move(other.data_);
    size_bytes_ = std::exchange(other.size_bytes_, 0);
    return *this;
  }
  ///@}

  /// Of data(), in bytes: a cache line, and a register of AVX-512.
  static constexpr std::size_t kAlignment = 64;

  /// Makes room for at least `size_bytes`. Returns true if it allocated.
  bool reserve(std::size_t size_bytes);

  ///@{
  /// The memory; null before the first reserve().
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  ///@}
  /// What there is room for.
  std::size_t size_bytes() const { return size_bytes_; }

  /// The memory as an array of T, which must be trivial.
  template <typename T>
  T* as() {
    return reinterpret_cast<T*>(data_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_bytes_ = 0;
};

/// `size_bytes` rounded up to a multiple of Buffer::kAlignment, so that blocks
/// cut one after the other from a Buffer all start aligned.
constexpr std::size_t aligned_size(std::size_t size_bytes) {
  return (size_bytes + Buffer::kAlignment - 1) / Buffer::kAlignment *
         Buffer::kAlignment;
}

/// The bytes of `count` elements of `element_bytes` each for every one of
/// `batch` samples. Throws std::length_error if a size is negative or the
/// product is above 2^48, which no memory holds; sums of what it returns, and
/// aligned_size() of it, stay far from what a std::size_t holds.
std::size_t array_bytes(Index count, Index batch, std::size_t element_bytes);

}  // namespace nn

#endif  // NN_BUFFER_H_
