#include "common/parse_json.h"

#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "common/printable.h"
#include "nn/check.h"

namespace apps {
namespace {

using nlohmann::json;

json with_printable_texts(json value) {
  if (value.is_string()) return printable(value.get_ref<std::string&>());
  if (value.is_array()) {
    for (json& item : value) item = with_printable_texts(std::move(item));
    return value;
  }
  if (!value.is_object()) return value;
  json out = json::object();
  for (auto& [key, item] : value.items()) {
    out[printable(key)] = with_printable_texts(std::move(item));
  }
  return out;
}

}  // namespace

json parse_json(const std::string& text) {
  // The parser keeps what is open in a list; it asks here before it builds.
  std::vector<std::set<std::string>> keys;
  int depth = 0;
  const auto look = [&](int, json::parse_event_t event, json& value) {
    switch (event) {
      case json::parse_event_t::object_start:
        keys.emplace_back();
        [[fallthrough]];
      case json::parse_event_t::array_start:
        if (++depth > kMostJsonDepth) {
          throw std::runtime_error(nn::concat(
              "expected values at most ", kMostJsonDepth, " deep, found more"));
        }
        break;
      case json::parse_event_t::object_end:
        keys.pop_back();
        [[fallthrough]];
      case json::parse_event_t::array_end:
        --depth;
        break;
      case json::parse_event_t::key: {
        const auto& key = value.get_ref<const std::string&>();
        if (!keys.back().insert(key).second) {
          throw std::runtime_error(nn::concat("expected every key once, found ",
                                              "'",
                                              printable(key, kMostName),
                                              "' twice"));
        }
        break;
      }
      case json::parse_event_t::value:
        break;
    }
    return true;
  };
  try {
    return with_printable_texts(json::parse(text, look));
  } catch (const json::exception& error) {
    throw std::runtime_error(printable(error.what()));
  }
}

}  // namespace apps
