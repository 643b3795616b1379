// The library's reader of JSON beside nlohmann's: what the first takes, the
// second takes too, with the same meaning. The first byte says what the text is
// to be.

#include "files/json.h"

#include <map>
#include <nlohmann/json.hpp>

#include "fuzz.h"

namespace {

using nn::internal::JsonReader;
using nn_fuzz::require;

/// A list of lists of ... of numbers, as bodies of layers nest.
void read_nested(JsonReader& reader, int depth) {
  constexpr int kMaxDepth = 32;
  if (depth > kMaxDepth) throw std::runtime_error("nested too deep");
  reader.read_object([&](const std::string& key) {
    if (key == "n") {
      reader.read_number();
    } else {
      reader.read_array([&] { read_nested(reader, depth + 1); });
    }
  });
}

template <typename Value, typename Function>
void compare(const std::string& text, Value value, const Function& read) {
  JsonReader reader(text, "input");
  if (!nn_fuzz::accepts([&] {
        value = read(reader);
        reader.expect_end();
      })) {
    return;
  }
  nlohmann::json other = nlohmann::json::parse(text, nullptr, false);
  require(!other.is_discarded(), "nlohmann reads what the library reads");
  require(other.get<Value>() == value, "both read the same value");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 's':
      compare(text, std::string(), [](JsonReader& reader) {
        const std::string value = reader.read_string();
        const std::string again = nn::internal::json_string(value);
        require(JsonReader(again, "").read_string() == value,
                "a text comes back as it was written");
        return value;
      });
      break;
    case 'n':
      compare(text, 0.0, [](JsonReader& reader) {
        const double value = reader.read_number();
        const std::string again = nn::internal::json_number(value);
        require(JsonReader(again, "").read_number() == value,
                "a number comes back as it was written");
        return value;
      });
      break;
    case 'i':
      compare(text, std::vector<std::uint64_t>(), [](JsonReader& reader) {
        return reader.read_integers();
      });
      break;
    case 'm':
      compare(
          text, std::map<std::string, std::string>(), [](JsonReader& reader) {
            std::map<std::string, std::string> value;
            reader.read_object([&](const std::string& key) {
              value[key] = reader.read_string();
            });
            return value;
          });
      break;
    default:
      compare(text, nlohmann::json(), [&text](JsonReader& reader) {
        read_nested(reader, 0);
        return nlohmann::json::parse(text, nullptr, false);
      });
  }
  return 0;
}
