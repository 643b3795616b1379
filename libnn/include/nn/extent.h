#ifndef NN_EXTENT_H_
#define NN_EXTENT_H_

#include <iosfwd>
#include <string>

#include "nn/types.h"

namespace nn {

/// The extent of a kernel, window, stride or padding in both directions. A
/// single number means the same in both.
struct Extent {
  /// The same in both directions.
  Extent(Index both) : height(both), width(both) {}  // NOLINT: implicit
  /// Height before width, as everywhere.
  Extent(Index height_in, Index width_in)
      : height(height_in), width(width_in) {}

  Index height;  ///< in pixels
  Index width;   ///< in pixels

  /// "5x5".
  std::string to_string() const;
  /// Writes to_string().
  friend std::ostream& operator<<(std::ostream& out, const Extent& extent);

  /// Whether both directions agree.
  friend bool operator==(const Extent& a, const Extent& b) {
    return a.height == b.height && a.width == b.width;
  }
  /// Whether one direction differs.
  friend bool operator!=(const Extent& a, const Extent& b) { return !(a == b); }
};

}  // namespace nn

#endif  // NN_EXTENT_H_
