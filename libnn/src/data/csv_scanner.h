#ifndef NN_SRC_DATA_CSV_SCANNER_H_
#define NN_SRC_DATA_CSV_SCANNER_H_

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "data/byte_stream.h"
#include "nn/data/csv.h"

namespace nn::internal {

/// Goes through the text of a table, field by field, in a window that holds a
/// row as a whole. Where the window ends before a row does, functions return
/// false; refill() then goes back to the begin of the row with more of it.
///
///   while (scanner.begin_row()) {
///     while (!read_row(scanner)) scanner.refill();
///   }
///
/// Functions throw std::runtime_error with path, line and reason for what is no
/// table, whatever stands in its fields.
class CsvScanner {
 public:
  /// Looks at the begin of the text. The window has so many bytes, or as many
  /// more as the longest row needs.
  CsvScanner(ByteStream& stream,
             const CsvOptions& options,
             std::size_t piece_bytes);

  /// The line of what comes next, from 1 on.
  Index line() const { return line_; }
  /// Where the row begins.
  Index row_line() const { return row_line_; }
  /// The last blank line between this row and the one before; 0 if there is
  /// none.
  Index blank_line() const { return blank_line_; }

  /// "data.csv, line 3"
  std::string place(Index line) const;

  /// Goes to the next row. False if there is none.
  bool begin_row();
  /// Back to the begin of the row.
  void rewind() {
    at_ = row_;
    line_ = row_line_;
  }
  /// Reads on, and goes back to the begin of the row.
  void refill();

  /// Finds what separates the fields of the row, if nobody has said it. Of the
  /// characters that may, those of quotes and comments do not.
  bool find_separator();
  /// Takes a field: what stands in it, which lasts until the next one.
  bool take_field(std::string_view& text);
  /// Takes a field that is a finite number and nothing else. What is not is
  /// left for take_field().
  template <typename Scalar>
  bool take_number(Scalar& value) {
    skip_blanks();
    const std::from_chars_result result = std::from_chars(at_, end_, value);
    if (result.ec != std::errc() || result.ptr == end_ ||
        !ends_number(*result.ptr) || !std::isfinite(value)) {
      return false;
    }
    const char* const begin = std::exchange(at_, result.ptr);
    if (separator_ != ' ' || skip_blanks_to_more()) return true;
    at_ = begin;
    return false;
  }
  /// Behind a field: whether another one comes.
  bool take_separator() {
    if (at_ == end_ || is_line_end(*at_)) return false;
    if (separator_ != ' ') ++at_;
    return true;
  }
  /// Behind the last field.
  bool end_row() { return at_ == end_ || take_line_end(); }

 private:
  static bool is_line_end(char c) { return c == '\n' || c == '\r'; }
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  bool stops_at(char c) const { return stops_[static_cast<unsigned char>(c)]; }
  bool ends_number(char c) const {
    return c == separator_ || is_line_end(c) ||
           (separator_ == ' ' && c == '\t');
  }

  void take_head();
  void take_separator_line();
  void drop_head(std::size_t count);
  bool is_special(char c) const {
    return c != '\0' && (c == quote_ || c == comment_);
  }
  bool skip_comment();
  void set_stops();
  std::size_t read(char* to, std::size_t count);
  void skip_blanks() {
    while (at_ != end_ &&
           (*at_ == ' ' || (*at_ == '\t' && separator_ != '\t'))) {
      ++at_;
    }
  }
  bool skip_blanks_to_more() {
    skip_blanks();
    return at_ != end_ || ended_;
  }
  bool take_line_end();
  bool take_quoted(std::string_view& text);

  ByteStream& stream_;
  CsvLimits limits_;
  char separator_;
  char quote_;
  char comment_;
  bool may_hold_decimals_;  // what is unquoted in the first row, as "1,5"
  std::array<bool, 256> stops_{};

  std::string head_;  // what was looked at and not yet read
  std::vector<char> window_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;     // of what was read
  const char* row_ = nullptr;     // where it begins
  bool ended_ = false;            // nothing comes behind the window
  std::uint64_t read_bytes_ = 0;  // with what was passed over
  Index line_ = 1;
  Index row_line_ = 1;
  Index blank_line_ = 0;
  Index tab_line_ = 0;  // of blanks and tabs, before the separator is known
  std::string unquoted_;
};

}  // namespace nn::internal

#endif  // NN_SRC_DATA_CSV_SCANNER_H_
