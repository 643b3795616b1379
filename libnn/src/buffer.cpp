#include "nn/buffer.h"

#include <new>
#include <stdexcept>

#include "nn/check.h"

namespace nn {

bool Buffer::reserve(std::size_t size_bytes) {
  if (size_bytes <= size_bytes_) return false;
  // Freed first, so that growing never holds both blocks.
  data_.reset();
  size_bytes_ = 0;
  data_.reset(static_cast<std::byte*>(
      ::operator new (size_bytes, std::align_val_t{kAlignment})));
  size_bytes_ = size_bytes;
  return true;
}

void Buffer::Free::operator()(std::byte* p) const {
  ::operator delete (p, std::align_val_t{kAlignment});
}

std::size_t array_bytes(Index count, Index batch, std::size_t element_bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 48;
  const auto rows = static_cast<std::size_t>(count);
  const auto columns = static_cast<std::size_t>(batch);
  if (count < 0 || batch < 0 ||
      (count > 0 && batch > 0 && columns > kMost / element_bytes / rows)) {
    throw std::length_error(
        concat("expected an array of at most 2^48 bytes, "
               "got one of ",
               count,
               " x ",
               batch,
               " elements of ",
               element_bytes,
               " bytes"));
  }
  return rows * columns * element_bytes;
}

}  // namespace nn
