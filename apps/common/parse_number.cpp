#include "common/parse_number.h"

#include <charconv>
#include <cmath>
#include <system_error>

namespace apps {
namespace {

/// The same under every locale.
template <typename Number>
bool parse(const std::string& text, Number& value) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  // People write it, and from_chars() does not take it.
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') ++begin;
  const std::from_chars_result result = std::from_chars(begin, end, value);
  return result.ec == std::errc() && result.ptr == end;
}

}  // namespace

bool parse_finite(const std::string& text, double& value) {
  return parse(text, value) && std::isfinite(value);
}

bool parse_whole(const std::string& text, nn::Index& value) {
  return parse(text, value);
}

}  // namespace apps
