#include "nn/shape.h"

#include <ostream>

#include "nn/check.h"
#include "nn/extent.h"

namespace nn {

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << shape.channels;
  if (!shape.is_flat()) out << "x" << shape.height << "x" << shape.width;
  return out;
}

std::string Shape::to_string() const {
  return concat(*this);
}

std::ostream& operator<<(std::ostream& out, const Extent& extent) {
  return out << extent.height << "x" << extent.width;
}

std::string Extent::to_string() const {
  return concat(*this);
}

void check_shape(const char* who, const Shape& shape) {
  const auto [channels, height, width] = shape;
  check_argument(channels >= 1 && height >= 1 && width >= 1,
                 "[",
                 who,
                 "] expected a shape with positive sizes, got ",
                 channels,
                 "x",
                 height,
                 "x",
                 width);
  constexpr Index kMost = Index{1} << 40;
  check_argument(channels <= kMost / height / width,
                 "[",
                 who,
                 "] expected a shape of at most ",
                 kMost,
                 " numbers, got ",
                 channels,
                 "x",
                 height,
                 "x",
                 width);
}

}  // namespace nn
