#include "csv_table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

namespace {

struct Row {
  long line = 0;  // where it begins
  std::vector<std::string> fields;
};

struct File {
  const std::string& name;
  char separator = ',';
  std::vector<Row> comments;
  std::vector<Row> rows;

  template <typename... Parts>
  [[noreturn]] void refuse(long line, const Parts&... reason) const {
    throw std::runtime_error(
        nn::concat(name, ", line ", line, ": ", reason...));
  }
};

std::string quoted(const std::string& text) {
  constexpr std::size_t kLongest = 40;
  if (text.size() <= kLongest) return "'" + text + "'";
  return "'" + text.substr(0, kLongest) + "...'";
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool is_missing(const std::string& field) {
  const std::string text = lower(field);
  for (const char* word : {"", "?", "na", "n/a", "nan", "null"}) {
    if (text == word) return true;
  }
  return false;
}

// How many bytes the character that begins at `i` has; 0 if it is no UTF-8.
std::size_t character_length(std::string_view text, std::size_t i) {
  const auto first = static_cast<unsigned char>(text[i]);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (i + length > text.size()) return 0;
  for (std::size_t k = 1; k < length; ++k) {
    if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// Takes the byte order mark away and refuses what is no text.
void check_text(const File& file, std::string_view& text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.substr(0, kMark.size()) == kMark) text.remove_prefix(kMark.size());
  const std::string_view start = text.substr(0, 2);
  if (start == "\xFF\xFE" || start == "\xFE\xFF") {
    file.refuse(1, "this is UTF-16; save the file as UTF-8");
  }
  long line = 1;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = character_length(text, i);
    if (length == 0) {
      file.refuse(line, "a character is no UTF-8; save the file as UTF-8");
    }
    if (c == '\n' || (c == '\r' && text.substr(i, 2) != "\r\n")) ++line;
    if ((c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') ||
        c == '\x7F') {
      file.refuse(line, "a control character, of code ", static_cast<int>(c));
    }
    i += length;
  }
}

// The first of these that stands in the first row outside of quotes. A comma
// comes late, since numbers may hold one.
char find_separator(std::string_view text) {
  bool inside = false;
  bool at_start = true;
  bool comment = false;
  std::string seen;
  for (const char c : text) {
    const bool ends = !inside && (c == '\n' || c == '\r');
    if (ends && !comment && !seen.empty()) break;
    if (ends) comment = false;
    if (at_start && c == '#') comment = true;
    if (c == '"' && !comment) inside = !inside;
    if (!inside && !ends && !comment && c != ' ') seen += c;
    at_start = ends;
  }
  for (const char separator : {'\t', ';', ',', '|'}) {
    if (seen.find(separator) != std::string::npos) return separator;
  }
  return ',';
}

class Splitter {
 public:
  Splitter(File& file, std::string_view text) : file_(file), text_(text) {}

  void split() {
    while (position_ < text_.size()) {
      const bool comment = text_[position_] == '#';
      Row row;
      row.line = line_;
      do {
        row.fields.push_back(comment ? plain_field() : field());
      } while (take(file_.separator));
      end_line();
      if (comment) {
        // Behind the first row it may as well be a row.
        if (!file_.rows.empty()) {
          file_.refuse(row.line, "a comment between rows, or a row?");
        }
        row.fields.front().erase(0, 1);
        file_.comments.push_back(std::move(row));
      } else if (row.fields.size() > 1 || !row.fields.front().empty()) {
        file_.rows.push_back(std::move(row));
      }
    }
  }

 private:
  bool at_end_of_line() const {
    return position_ == text_.size() || text_[position_] == '\n' ||
           text_[position_] == '\r';
  }
  bool take(char c) {
    if (position_ == text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  bool end_line() {
    const bool returned = take('\r');
    if (!take('\n') && !returned) return false;
    ++line_;
    return true;
  }
  void skip_spaces() {
    while (take(' ') || (file_.separator != '\t' && take('\t'))) {
    }
  }

  std::string plain_field() {
    skip_spaces();
    const std::size_t begin = position_;
    while (!at_end_of_line() && text_[position_] != file_.separator) {
      ++position_;
    }
    std::size_t end = position_;
    while (end > begin && (text_[end - 1] == ' ' || text_[end - 1] == '\t')) {
      --end;
    }
    return std::string(text_.substr(begin, end - begin));
  }

  std::string field() {
    skip_spaces();
    const long begin = line_;
    if (!take('"')) {
      std::string plain = plain_field();
      if (plain.find('"') != std::string::npos) {
        file_.refuse(begin, "a quote inside of the field ", quoted(plain));
      }
      return plain;
    }
    std::string result;
    for (;;) {
      if (position_ == text_.size()) {
        file_.refuse(begin, "a quote is opened and never closed");
      }
      if (take('"')) {
        if (!take('"')) break;
        result += '"';
      } else if (end_line()) {
        result += '\n';
      } else {
        result += text_[position_++];
      }
    }
    skip_spaces();
    if (!at_end_of_line() && text_[position_] != file_.separator) {
      file_.refuse(line_, "text behind the quoted field ", quoted(result));
    }
    return result;
  }

  File& file_;
  std::string_view text_;
  std::size_t position_ = 0;
  long line_ = 1;
};

enum class Number { kNone, kOutOfRange, kFinite };

// Takes the whole field as a number, with this sign before its fraction.
Number parse(std::string field, char decimal, double& value) {
  if (decimal != '.') {
    if (field.find('.') != std::string::npos) return Number::kNone;
    const std::size_t at = field.find(decimal);
    if (at != std::string::npos) field[at] = '.';
  }
  const char* begin = field.data();
  const char* end = begin + field.size();
  if (field.size() > 1 && *begin == '+' && begin[1] != '-') ++begin;
  const std::from_chars_result result = std::from_chars(begin, end, value);
  if (result.ptr != end || result.ec == std::errc::invalid_argument) {
    return Number::kNone;
  }
  if (result.ec != std::errc() || !std::isfinite(value) ||
      std::abs(value) > double{std::numeric_limits<float>::max()}) {
    return Number::kOutOfRange;
  }
  return Number::kFinite;
}

// Whether it is a number in any dialect, or stands for one.
bool is_like_number(const std::string& field) {
  double value = 0.0;
  return is_missing(field) || parse(field, '.', value) != Number::kNone ||
         parse(field, ',', value) != Number::kNone ||
         (!field.empty() && field[0] >= '0' && field[0] <= '9');
}

// What the numbers' fractions begin with, by all fields of the file.
char find_decimal(const File& file) {
  if (file.separator == ',') return '.';
  double value = 0.0;
  for (const Row& row : file.rows) {
    for (const std::string& field : row.fields) {
      if (field.find('.') != std::string::npos &&
          parse(field, '.', value) == Number::kFinite) {
        return '.';
      }
    }
  }
  return ',';
}

bool takes_header(File& file, Row& header) {
  const Row& first = file.rows.front();
  if (std::any_of(first.fields.begin(), first.fields.end(), is_like_number)) {
    return false;
  }
  header = first;
  file.rows.erase(file.rows.begin());
  std::vector<std::string> names = header.fields;
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    file.refuse(header.line, "two columns are called ", quoted(*twice));
  }
  return true;
}

void check_rows(const File& file) {
  const Row& first = file.rows.front();
  if (first.fields.size() < 2) {
    file.refuse(first.line,
                "expected columns separated by commas, semicolons, tabs or "
                "bars, found one: ",
                quoted(first.fields.front()));
  }
  for (const Row& row : file.rows) {
    if (row.fields.size() != first.fields.size()) {
      file.refuse(row.line,
                  "expected ",
                  first.fields.size(),
                  " fields as in line ",
                  first.line,
                  ", found ",
                  row.fields.size());
    }
  }
  for (const Row& row : file.comments) {
    if (row.fields.size() == first.fields.size() &&
        std::any_of(row.fields.begin(), row.fields.end(), is_like_number)) {
      file.refuse(row.line, "a comment, or a row?");
    }
  }
}

std::size_t find_class(const File& file,
                       const Row& header,
                       const std::string& wanted) {
  const std::vector<std::string>& names = header.fields;
  if (!wanted.empty()) {
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found == names.end()) {
      file.refuse(names.empty() ? file.rows.front().line : header.line,
                  "no column is called ",
                  quoted(wanted));
    }
    return static_cast<std::size_t>(found - names.begin());
  }
  const std::size_t count = file.rows.front().fields.size();
  std::vector<std::size_t> named;
  std::vector<std::size_t> worded;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = names.empty() ? "" : lower(names[i]);
    if (name == "class" || name == "label" || name == "target") {
      named.push_back(i);
    }
    if (std::none_of(file.rows.begin(), file.rows.end(), [i](const Row& row) {
          return is_like_number(row.fields[i]);
        })) {
      worded.push_back(i);
    }
  }
  if (named.size() == 1) return named.front();
  return worded.size() == 1 ? worded.front() : count - 1;
}

float read_number(const File& file,
                  const Row& row,
                  const std::string& name,
                  const std::string& field,
                  char decimal) {
  double value = 0.0;
  const Number number = parse(field, decimal, value);
  if (number == Number::kFinite) return static_cast<float>(value);
  file.refuse(row.line,
              name,
              is_missing(field)               ? ": a value is missing: "
              : number == Number::kOutOfRange ? ": not a number in the range "
                                                "of float: "
                                              : ": expected a number, found ",
              quoted(field));
}

// The classes' names, and each row's label.
void read_classes(const File& file, std::size_t column, CsvTable& table) {
  std::map<std::pair<double, std::string>, int> labels;
  std::vector<std::pair<double, std::string>> keys;
  double value = 0.0;
  const bool numbers =
      parse(file.rows.back().fields[column], '.', value) == Number::kFinite;
  for (const Row& row : file.rows) {
    const std::string& field = row.fields[column];
    if (is_missing(field)) file.refuse(row.line, "the class is missing");
    value = 0.0;
    const bool number = parse(field, '.', value) == Number::kFinite;
    if (number != numbers) {
      file.refuse(row.line,
                  "the class ",
                  quoted(field),
                  number ? " is a number" : " is no number",
                  ", that of line ",
                  file.rows.back().line,
                  number ? " is not" : " is one");
    }
    constexpr double kLargestExact = 9007199254740992;  // 2^53
    if (number &&
        (value != std::floor(value) || std::abs(value) > kLargestExact)) {
      file.refuse(row.line,
                  "expected a class, a word or a whole number, found ",
                  quoted(field));
    }
    keys.emplace_back(value + 0.0, number ? "" : field);
    labels[keys.back()] = 0;
  }
  const long first = file.rows.front().line;
  if (labels.size() < 2) {
    file.refuse(first,
                "all rows are of this class, ",
                quoted(file.rows.front().fields[column]));
  }
  if (2 * labels.size() > file.rows.size()) {
    file.refuse(first,
                "expected classes, found ",
                labels.size(),
                " different values in ",
                file.rows.size(),
                " rows");
  }
  for (auto& [key, label] : labels) {
    label = static_cast<int>(table.classes.size());
    table.classes.push_back(
        numbers ? std::to_string(static_cast<long long>(key.first))
                : key.second);
  }
  for (const auto& key : keys) table.labels.push_back(labels[key]);
}

}  // namespace

CsvTable parse_csv_table(const std::string& name,
                         std::string_view text,
                         const std::string& class_column) {
  File file{name, ',', {}, {}};
  check_text(file, text);
  file.separator = find_separator(text);
  Splitter(file, text).split();
  if (file.rows.empty()) file.refuse(1, "the file holds no row");

  check_rows(file);
  Row header;
  const bool named = takes_header(file, header);
  if (file.rows.empty()) {
    file.refuse(header.line, "no row comes behind the names of the columns");
  }
  const std::size_t column = find_class(file, header, class_column);

  CsvTable table;
  const std::size_t count = file.rows.front().fields.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i == column) continue;
    table.features.push_back(named ? header.fields[i]
                                   : nn::concat("column ", i + 1));
  }
  const char decimal = find_decimal(file);
  for (const Row& row : file.rows) {
    for (std::size_t i = 0; i < count; ++i) {
      if (i == column) continue;
      const std::string& feature = table.features[i - (i > column ? 1 : 0)];
      table.values.push_back(
          read_number(file, row, feature, row.fields[i], decimal));
    }
  }
  read_classes(file, column, table);
  return table;
}

CsvTable read_csv_table(const std::string& path,
                        const std::string& class_column) {
  return parse_csv_table(path, nn::read_file(path), class_column);
}
