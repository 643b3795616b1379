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

}  // namespace nn
