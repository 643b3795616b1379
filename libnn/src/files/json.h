#ifndef NN_SRC_FILES_JSON_H_
#define NN_SRC_FILES_JSON_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "files/defect.h"

namespace nn::internal {

/// The text, which is UTF-8, as a JSON string with its quotes.
std::string json_string(const std::string& text);

/// A finite number as JSON, with the fewest digits that give it back.
std::string json_number(double value);

/// Reads JSON whose structure is known: the caller asks for what must come
/// next. Nothing recurses here, so that no nesting can exhaust the stack; a
/// caller that reads nested values bounds their depth itself.
///
/// Throws std::runtime_error that says what was expected and found, and where,
/// if something else comes.
class JsonReader {
 public:
  /// `where` names the text in messages: "the JSON header". The text must
  /// outlive the reader.
  JsonReader(const std::string& text, std::string where);

  void expect(char c);
  /// Whether `c` comes next, behind white space; it is then read.
  bool accept(char c);

  /// Calls read_value(key) for every member of an object, which has no key
  /// twice.
  template <typename Function>
  void read_object(const Function& read_value) {
    expect('{');
    if (accept('}')) return;
    std::set<std::string> keys;
    do {
      std::string key = read_string();
      if (!keys.insert(key).second) {
        throw_defect(where_, " has the name \"", key, "\" twice");
      }
      expect(':');
      read_value(key);
    } while (accept(','));
    expect('}');
  }

  /// Calls read_value() for every element of an array.
  template <typename Function>
  void read_array(const Function& read_value) {
    expect('[');
    if (accept(']')) return;
    do {
      read_value();
    } while (accept(','));
    expect(']');
  }

  /// An array of integers from 0 to 2^64 - 1, as read_integer() takes them.
  std::vector<std::uint64_t> read_integers();
  std::uint64_t read_integer();
  double read_number();
  std::string read_string();

  /// Nothing but spaces may follow.
  void expect_end();

 private:
  [[noreturn]] void fail(const std::string& expected) const;
  void skip_space();
  bool at_digit() const;
  void skip_digits();
  std::uint32_t read_hex4();
  void read_escape(std::string& value);

  const std::string& text_;
  std::string where_;
  std::size_t i_ = 0;
};

}  // namespace nn::internal

#endif  // NN_SRC_FILES_JSON_H_
