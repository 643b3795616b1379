#include "common/parse_number.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

namespace apps {

bool parse_finite(const std::string& text, double& value) {
  if (text.empty()) return false;
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return *end == '\0' && std::isfinite(value);
}

bool parse_whole(const std::string& text, nn::Index& value) {
  if (text.empty()) return false;
  char* end = nullptr;
  errno = 0;
  const long long parsed = std::strtoll(text.c_str(), &end, 10);
  value = static_cast<nn::Index>(parsed);
  return errno == 0 && *end == '\0';
}

}  // namespace apps
