#ifndef NN_APPS_COMMON_CSV_H_
#define NN_APPS_COMMON_CSV_H_

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "nn/check.h"

namespace apps {

/// Builds the text of a CSV file. Numbers get the fewest digits that read back
/// as the same value, whatever the locale.
class CsvText {
 public:
  explicit CsvText(const char* header) : text_(header) { text_ += '\n'; }

  template <typename Number, typename... Rest>
  void row(const Number& first, const Rest&... rest) {
    add(first);
    ((text_ += ',', add(rest)), ...);
    text_ += '\n';
  }

  void add(const std::string& word) { text_ += word; }
  /// Two hexadecimal digits a byte.
  void add(const std::vector<std::uint8_t>& bytes);
  template <typename Number>
  void add(const Number& number) {
    char digits[32];
    const std::to_chars_result end =
        std::to_chars(digits, digits + sizeof digits, number);
    text_.append(digits, end.ptr);
  }
  void add_separator(char separator) { text_ += separator; }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Reads a CSV file row by row, and in a row field by field. Whatever is wrong
/// throws std::runtime_error with the file, the line and what was expected.
class CsvReader {
 public:
  /// Of numbers, whole ones apart: what a loss, a time or a rate can be. Twice
  /// its square is still finite, so that charts can calculate with it.
  static constexpr double kMostNumber = 1e100;
  /// Of the images, steps or epochs that are counted.
  static constexpr long kMostCount = 1'000'000'000;

  /// `name` stands for the file in messages, `text` is what it holds.
  CsvReader(std::string name, std::string text, std::string_view header);
  // The fields refer to the text, the columns to the header.
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  /// Goes to the next row. False at the end of the file.
  bool next_row();

  /// The next field, a whole number in low .. high.
  template <typename Integer>
  Integer whole(Integer low, Integer high) {
    Integer value{};
    if (!parse(field(), value) || value < low || value > high) {
      if (low == high) {
        fail_field(nn::concat("expected ", low));
      } else {
        fail_field(
            nn::concat("expected a whole number from ", low, " to ", high));
      }
    }
    ++next_field_;
    return value;
  }

  /// The next field, a finite number in low .. high.
  double number(double low, double high);
  double not_negative() { return number(0.0, kMostNumber); }
  double share() { return number(0.0, 1.0); }

  /// The next field as a printable name, which is to be `wanted` unless that
  /// is empty.
  std::string word(std::string_view wanted);

  /// The next field, `count` bytes of two hexadecimal digits each.
  std::vector<std::uint8_t> bytes(std::size_t count);

  /// The rows that were read so far.
  std::size_t rows() const { return rows_; }
  void expect_rows(std::optional<long> wanted, const char* reason) const;

 private:
  template <typename Number>
  static bool parse(std::string_view text, Number& value) {
    const char* end = text.data() + text.size();
    const std::from_chars_result result =
        std::from_chars(text.data(), end, value);
    return result.ec == std::errc() && result.ptr == end;
  }

  bool next_line(std::string_view& line);
  std::string_view field() const { return fields_[next_field_]; }

  [[noreturn]] void fail(const std::string& wanted,
                         std::string_view found) const;
  [[noreturn]] void fail_field(const std::string& wanted) const;

  std::string name_;
  std::string text_;
  std::string header_;
  std::size_t position_ = 0;
  long line_ = 0;
  std::size_t rows_ = 0;
  std::size_t next_field_ = 0;
  std::vector<std::string_view> columns_;
  std::vector<std::string_view> fields_;
};

}  // namespace apps

#endif  // NN_APPS_COMMON_CSV_H_
