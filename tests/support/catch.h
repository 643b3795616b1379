#ifndef NN_TESTS_SUPPORT_CATCH_H_
#define NN_TESTS_SUPPORT_CATCH_H_

// Catch2, version 2 or 3, under the names of version 3. Tests include this and
// never a header of Catch2.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#include <string>

namespace Catch {
using Detail::Approx;

namespace Matchers {
inline StdString::ContainsMatcher ContainsSubstring(const std::string& text) {
  return Contains(text);
}
}  // namespace Matchers
}  // namespace Catch
#endif

#endif  // NN_TESTS_SUPPORT_CATCH_H_
