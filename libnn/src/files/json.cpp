#include "files/json.h"

#include <limits>
#include <locale>
#include <sstream>
#include <string_view>
#include <utility>

#include "utf8.h"

namespace nn::internal {
namespace {

void append_utf8(std::uint32_t code, std::string& text) {
  const auto append = [&text](std::uint32_t byte) {
    text += static_cast<char>(static_cast<unsigned char>(byte));
  };
  if (code < 0x80) {
    append(code);
  } else if (code < 0x800) {
    append(0xc0 | (code >> 6));
    append(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    append(0xe0 | (code >> 12));
    append(0x80 | ((code >> 6) & 0x3f));
    append(0x80 | (code & 0x3f));
  } else {
    append(0xf0 | (code >> 18));
    append(0x80 | ((code >> 12) & 0x3f));
    append(0x80 | ((code >> 6) & 0x3f));
    append(0x80 | (code & 0x3f));
  }
}

/// Reads a whole text as a number, whatever the program's locale. False if it
/// does not fit into a double.
bool parse_number(const std::string& text, double& value) {
  std::istringstream in(text);
  in.exceptions(std::ios_base::badbit);
  in.imbue(std::locale::classic());
  return static_cast<bool>(in >> value) && in.eof();
}

}  // namespace

std::string json_string(const std::string& text) {
  static const char* const kHex = "0123456789abcdef";
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20) {
      result += "\\u00";
      result += kHex[byte >> 4];
      result += kHex[byte & 0xf];
    } else {
      result += c;
    }
  }
  return result + "\"";
}

std::string json_number(double value) {
  std::string text;
  for (int digits = 15; digits <= std::numeric_limits<double>::max_digits10;
       ++digits) {
    std::ostringstream out;
    out.exceptions(std::ios_base::badbit);  // or a lack of memory ends it
    out.imbue(std::locale::classic());
    out.precision(digits);
    out << value;
    text = out.str();
    double again = 0;
    if (parse_number(text, again) && again == value) break;
  }
  return text;
}

JsonReader::JsonReader(const std::string& text, std::string where)
    : text_(text), where_(std::move(where)) {}

void JsonReader::expect(char c) {
  if (!accept(c)) fail(concat("'", c, "'"));
}

bool JsonReader::accept(char c) {
  skip_space();
  if (i_ == text_.size() || text_[i_] != c) return false;
  ++i_;
  return true;
}

std::vector<std::uint64_t> JsonReader::read_integers() {
  std::vector<std::uint64_t> values;
  read_array([&] { values.push_back(read_integer()); });
  return values;
}

std::uint64_t JsonReader::read_integer() {
  constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();
  skip_space();
  if (!at_digit()) fail("a non-negative integer");
  const bool leading_zero = text_[i_] == '0';
  std::uint64_t value = 0;
  int digits = 0;
  for (; at_digit(); ++i_, ++digits) {
    const auto digit = static_cast<std::uint64_t>(text_[i_] - '0');
    if (value > (kLargest - digit) / 10) fail("an integer below 2^64");
    value = 10 * value + digit;
  }
  if (leading_zero && digits > 1) fail("an integer without leading zeros");
  return value;
}

double JsonReader::read_number() {
  skip_space();
  const std::size_t begin = i_;
  if (i_ < text_.size() && text_[i_] == '-') ++i_;
  if (!at_digit()) fail("a number");
  const bool leading_zero = text_[i_] == '0';
  ++i_;
  if (leading_zero && at_digit()) fail("a number without leading zeros");
  skip_digits();
  if (i_ < text_.size() && text_[i_] == '.') {
    ++i_;
    if (!at_digit()) fail("a digit");
    skip_digits();
  }
  if (i_ < text_.size() && (text_[i_] == 'e' || text_[i_] == 'E')) {
    ++i_;
    if (i_ < text_.size() && (text_[i_] == '+' || text_[i_] == '-')) ++i_;
    if (!at_digit()) fail("a digit");
    skip_digits();
  }
  double value = 0;
  if (!parse_number(text_.substr(begin, i_ - begin), value)) {
    i_ = begin;
    fail("a number in the range of a double");
  }
  return value;
}

std::string JsonReader::read_string() {
  expect('"');
  std::string value;
  for (;;) {
    if (i_ == text_.size()) fail("a closing '\"'");
    const char c = text_[i_];
    if (c == '"') {
      ++i_;
      return value;
    }
    if (c == '\\') {
      ++i_;
      read_escape(value);
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      fail("an escape in place of a control character");
    }
    const std::size_t length = utf8_length(text_, i_);
    if (length == 0) fail("UTF-8");
    value.append(text_, i_, length);
    i_ += length;
  }
}

void JsonReader::expect_end() {
  while (i_ < text_.size() && text_[i_] == ' ') ++i_;
  if (i_ != text_.size()) fail("nothing but spaces behind the object");
}

void JsonReader::fail(const std::string& expected) const {
  const std::string found =
      i_ >= text_.size() ? std::string("its end")
      : text_[i_] > ' ' && text_[i_] <= '~'
          ? concat("'", text_[i_], "'")
          : concat("byte ",
                   static_cast<int>(static_cast<unsigned char>(text_[i_])));
  throw_defect("expected ",
               expected,
               " at byte ",
               i_,
               " of ",
               where_,
               ", found ",
               found);
}

void JsonReader::skip_space() {
  while (i_ < text_.size() && (text_[i_] == ' ' || text_[i_] == '\t' ||
                               text_[i_] == '\n' || text_[i_] == '\r')) {
    ++i_;
  }
}

bool JsonReader::at_digit() const {
  return i_ < text_.size() && text_[i_] >= '0' && text_[i_] <= '9';
}

void JsonReader::skip_digits() {
  while (at_digit()) ++i_;
}

std::uint32_t JsonReader::read_hex4() {
  std::uint32_t code = 0;
  for (int k = 0; k < 4; ++k, ++i_) {
    const char c = i_ < text_.size() ? text_[i_] : '\0';
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint32_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint32_t>(c - 'A') + 10;
    } else {
      fail("a hexadecimal digit");
    }
    code = code * 16 + digit;
  }
  return code;
}

void JsonReader::read_escape(std::string& value) {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const std::size_t place =
      i_ < text_.size() ? kEscapes.find(text_[i_]) : std::string::npos;
  if (place != std::string::npos) {
    value += kMeanings[place];
    ++i_;
    return;
  }
  if (i_ == text_.size() || text_[i_] != 'u') fail("a JSON escape");
  ++i_;
  std::uint32_t code = read_hex4();
  if (code >= 0xd800 && code < 0xdc00) {
    if (text_.compare(i_, 2, "\\u") != 0) fail("a second surrogate");
    i_ += 2;
    const std::uint32_t low = read_hex4();
    if (low < 0xdc00 || low > 0xdfff) fail("a second surrogate before this");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xdc00 && code <= 0xdfff) {
    fail("a first surrogate before this");
  }
  append_utf8(code, value);
}

}  // namespace nn::internal
