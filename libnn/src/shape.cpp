#include "nn/shape.h"

#include "nn/check.h"
#include "nn/extent.h"

namespace nn {

std::string Shape::to_string() const {
  return is_flat() ? concat(channels)
                   : concat(channels, "x", height, "x", width);
}

std::string Extent::to_string() const {
  return concat(height, "x", width);
}

}  // namespace nn
