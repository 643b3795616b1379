#ifndef NN_SHAPE_H_
#define NN_SHAPE_H_

#include <iosfwd>
#include <string>

#include "nn/types.h"

namespace nn {

/// The shape of one sample: channels x height x width. A flat vector of n
/// features is n x 1 x 1.
struct Shape {
  Index channels = 0;  ///< or features, if flat
  Index height = 1;    ///< rows
  Index width = 1;     ///< columns

  /// Numbers in a sample.
  Index features() const { return channels * height * width; }
  /// Whether it is a plain vector.
  bool is_flat() const { return height == 1 && width == 1; }

  /// "16x28x28", or "128" for a flat shape.
  std::string to_string() const;
  /// Writes to_string().
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape);

  /// Whether all three sizes agree.
  friend bool operator==(const Shape& a, const Shape& b) {
    return a.channels == b.channels && a.height == b.height &&
           a.width == b.width;
  }
  /// Whether a size differs.
  friend bool operator!=(const Shape& a, const Shape& b) { return !(a == b); }
};

/// Throws std::invalid_argument, with `who` in front, unless all sizes are
/// positive and their product is at most 2^40: no memory holds a sample that is
/// larger, and what is computed from its features stays in an Index.
void check_shape(const char* who, const Shape& shape);

}  // namespace nn

#endif  // NN_SHAPE_H_
