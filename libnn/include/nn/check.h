#ifndef NN_CHECK_H_
#define NN_CHECK_H_

#include <cmath>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>

namespace nn {
namespace internal {

/// A NaN's sign says nothing, and differs between processors.
template <typename Part>
const Part& without_sign_of_nan(const Part& part) {
  return part;
}
inline float without_sign_of_nan(const float& value) {
  return std::isnan(value) ? std::abs(value) : value;
}
inline double without_sign_of_nan(const double& value) {
  return std::isnan(value) ? std::abs(value) : value;
}

}  // namespace internal

/// The parts, streamed one after the other into a string; a NaN as "nan".
/// Numbers are those of the C locale whatever the program's locale is: they go
/// into files and are read back. Throws std::bad_alloc without memory, where a
/// stream would end the text.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.exceptions(std::ios_base::badbit);
  (out << ... << internal::without_sign_of_nan(parts));
  return out.str();
}

/// Throws std::invalid_argument unless `condition` holds. The message says who
/// complains, what was expected and what came:
///   check_argument(units >= 1, "[Linear] expected at least 1 unit, got ",
///                  units);
template <typename... Parts>
void check_argument(bool condition, const Parts&... parts) {
  // The message is built only where it is needed: checks stand on hot paths.
  if (!condition) throw std::invalid_argument(concat(parts...));
}

}  // namespace nn

#endif  // NN_CHECK_H_
