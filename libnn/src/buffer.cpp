#include "nn/buffer.h"

#include <new>

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

}  // namespace nn
