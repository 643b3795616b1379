#ifndef NN_APPS_COMMON_PARSE_JSON_H_
#define NN_APPS_COMMON_PARSE_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

namespace apps {

/// How deep values may stand inside each other. Whoever copies, compares or
/// prints a value calls itself once a level.
constexpr int kMostJsonDepth = 32;

/// Reads JSON from elsewhere. Its texts and keys are made printable(). Throws
/// std::runtime_error with what is wrong: no JSON, a number that no double
/// holds, a key twice in one object, values deeper than kMostJsonDepth.
nlohmann::json parse_json(const std::string& text);

}  // namespace apps

#endif  // NN_APPS_COMMON_PARSE_JSON_H_
