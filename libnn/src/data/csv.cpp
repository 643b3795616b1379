#include "nn/data/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include "data/byte_stream.h"
#include "data/csv_pieces.h"
#include "data/csv_scanner.h"
#include "files/defect.h"
#include "nn/check.h"
#include "resize.h"
#include "utf8.h"

namespace nn {
namespace {

using internal::ByteStream;
using internal::CsvScanner;
using internal::quoted;
using internal::throw_defect;

constexpr const char* kExpected = "a table";
/// Large enough that rows which are begun twice cost nothing, small enough to
/// stay in cache.
constexpr std::size_t kPieceBytes = std::size_t{1} << 18;

/// What may be heard of a text out of the file.
void check_text(const std::string& where, const std::string& text) {
  if (!internal::is_utf8(text)) {
    throw_defect(where,
                 "expected UTF-8, found another encoding in ",
                 quoted(text),
                 "; save the file as UTF-8");
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7f) {
      throw_defect(where,
                   "expected text, found a control character of code ",
                   static_cast<int>(byte),
                   " in ",
                   quoted(text));
    }
  }
}

// Numbers.

enum class Number { kNone, kTooLarge, kNonFinite, kFinite };

/// Of a number that no Scalar is near to: whether it is too large, and not too
/// small. It has a point and no sign.
bool is_large(std::string_view text) {
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  const std::size_t point = std::min(text.substr(0, e).find('.'), e);
  const std::size_t first = text.substr(0, e).find_first_not_of("0.");
  if (first == text.npos) return false;
  // The power of ten of the first digit that is not 0.
  auto power = static_cast<std::int64_t>(point) -
               static_cast<std::int64_t>(first) - (first < point ? 1 : 0);
  if (e < text.size()) {
    std::string_view digits = text.substr(e + 1);
    if (digits[0] == '+') digits.remove_prefix(1);
    std::int64_t exponent = 0;
    const std::from_chars_result result =
        std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (result.ec != std::errc()) return digits[0] != '-';
    // Texts are shorter than this by far.
    constexpr std::int64_t kMost = std::int64_t{1} << 60;
    power += std::clamp(exponent, -kMost, kMost);
  }
  return power > 0;
}

/// Reads the whole text as a number. Under every locale the same.
template <typename Scalar>
Number parse_number(std::string_view text, char decimal, Scalar& value) {
  std::string with_point;
  if (decimal == ',') {
    if (text.find('.') != text.npos) return Number::kNone;
    const std::size_t comma = text.find(',');
    if (comma != text.npos) {
      with_point = text;
      with_point[comma] = '.';
      text = with_point;
    }
  }
  // People write it, and from_chars() does not take it.
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') {
    text.remove_prefix(1);
  }
  const char* const end = text.data() + text.size();
  const std::from_chars_result result =
      std::from_chars(text.data(), end, value);
  if (result.ptr != end || result.ec == std::errc::invalid_argument) {
    return Number::kNone;
  }
  if (result.ec == std::errc() && std::isfinite(value)) return Number::kFinite;
  const bool is_negative = text[0] == '-';
  if (is_negative) text.remove_prefix(1);
  const bool has_digits = text[0] == '.' || (text[0] >= '0' && text[0] <= '9');
  if (!has_digits) return Number::kNonFinite;
  if (is_large(text)) return Number::kTooLarge;
  value = is_negative ? -Scalar{0} : Scalar{0};
  return Number::kFinite;
}

bool is_number(std::string_view text, char decimal) {
  double value = 0.0;
  return parse_number(text, decimal, value) != Number::kNone;
}

/// Whether a text is a whole number that a double tells from its neighbours.
bool is_whole(std::string_view text, char decimal, std::int64_t& whole) {
  constexpr double kTooLarge = 9007199254740992.0;  // 2^53
  double value = 0.0;
  if (parse_number(text, decimal, value) != Number::kFinite ||
      std::abs(value) >= kTooLarge || value != std::floor(value)) {
    return false;
  }
  whole = static_cast<std::int64_t>(value);
  return true;
}

/// Whether a number is written as codes are, "007" or "+7", whose spelling says
/// more than their value.
bool is_code(std::string_view text) {
  if (!text.empty() && text[0] == '+') return true;
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

// The options.

template <typename Scalar>
void check_options(const CsvOptions& o) {
  const auto check_character = [](char c, const char* what) {
    check_argument(c > ' ' && c <= '~' && std::strchr("+-.,", c) == nullptr &&
                       !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
                       !(c >= 'A' && c <= 'Z'),
                   "[load_csv] expected a printable character that is no part "
                   "of a number or a word as ",
                   what,
                   ", got code ",
                   static_cast<int>(static_cast<unsigned char>(c)));
  };
  const bool is_common = std::strchr(",\t ", o.separator) != nullptr;
  if (o.separator != '\0' && !is_common) {
    check_character(o.separator, "separator");
  }
  if (o.quote != '\0') check_character(o.quote, "quote");
  if (o.comment != '\0') check_character(o.comment, "comment");
  check_argument(o.decimal == '.' || o.decimal == ',',
                 "[load_csv] expected '.' or ',' as decimal, got code ",
                 static_cast<int>(static_cast<unsigned char>(o.decimal)));
  const std::array<std::pair<char, const char*>, 3> characters = {
      {{o.separator, "separator"}, {o.quote, "quote"}, {o.comment, "comment"}}};
  for (std::size_t i = 0; i < characters.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      check_argument(characters[i].first == '\0' ||
                         characters[i].first != characters[k].first,
                     "[load_csv] expected a ",
                     characters[i].second,
                     " other than the ",
                     characters[k].second,
                     ", got one for both");
    }
  }
  for (const std::string& word : o.missing_words) {
    check_argument(o.comment == '\0' || word.empty() || word[0] != o.comment,
                   "[load_csv] expected missing_words that do not begin with "
                   "the comment, since rows that do are passed over, got ",
                   quoted(word));
  }
  check_argument(!o.label || o.targets.empty(),
                 "[load_csv] expected a label or targets, got both");
  check_argument(!o.allow_non_finite || o.missing != CsvMissing::kMean,
                 "[load_csv] expected finite numbers where missing values are "
                 "filled with means, got allow_non_finite");
  if (o.missing == CsvMissing::kConstant) {
    const bool is_finite = std::isfinite(o.constant);
    check_argument(is_finite || o.allow_non_finite,
                   "[load_csv] expected a finite constant where "
                   "allow_non_finite is not set, got ",
                   o.constant);
    check_argument(!is_finite || std::isfinite(static_cast<Scalar>(o.constant)),
                   "[load_csv] expected a constant in the range of float, got ",
                   o.constant);
  }
  check_argument(o.limits.max_columns >= 1,
                 "[load_csv] expected a max_columns of at least 1, got ",
                 o.limits.max_columns);
  check_argument(o.limits.max_classes >= 1,
                 "[load_csv] expected a max_classes of at least 1, got ",
                 o.limits.max_classes);
  check_argument(o.limits.max_expansion >= 1,
                 "[load_csv] expected a max_expansion of at least 1, got 0");
  check_argument(o.limits.max_row_bytes >= 1,
                 "[load_csv] expected a max_row_bytes of at least 1, got 0");
}

/// What can be said of the other table before anything is read.
template <typename Scalar>
void check_like(const CsvOptions& o, const Table<Scalar>& like) {
  check_argument(!o.label || !like.classes.empty(),
                 "[load_csv] expected classes in the other table, got none");
  const bool is_constant = o.missing == CsvMissing::kConstant;
  if (o.missing == CsvMissing::kRefuse) return;
  if (is_constant && like.fill.empty()) return;
  check_argument(like.fill.size() == like.features.size(),
                 "[load_csv] expected what the other table was filled with, a "
                 "number for each of ",
                 like.features.size(),
                 " features, got ",
                 like.fill.size());
  const auto constant = static_cast<Scalar>(o.constant);
  for (std::size_t i = 0; i < like.fill.size(); ++i) {
    const Scalar value = like.fill[i];
    check_argument(o.allow_non_finite || std::isfinite(value),
                   "[load_csv] expected a finite number that the other table "
                   "was filled with, got ",
                   value,
                   " for ",
                   quoted(like.features[i]));
    check_argument(!is_constant || value == constant ||
                       (std::isnan(value) && std::isnan(constant)),
                   "[load_csv] expected the constant that the other table was "
                   "filled with, ",
                   value,
                   " for ",
                   quoted(like.features[i]),
                   ", got ",
                   constant);
  }
}

// The table.

enum class Role { kFeature, kTarget, kLabel, kLeftOut };

struct Column {
  std::string name;
  Role role = Role::kFeature;
  Index place = 0;  // among the columns of its role
};

template <typename Scalar>
class TableReader {
 public:
  TableReader(ByteStream& stream,
              const CsvOptions& options,
              const Table<Scalar>* like,
              std::size_t piece_bytes)
      : options_(options),
        like_(like),
        path_(stream.path()),
        scanner_(stream, options, piece_bytes) {
    const auto& words = options.missing_words;
    has_plain_numbers_ =
        options.decimal == '.' &&
        std::none_of(words.begin(), words.end(), [](const auto& word) {
          double value = 0.0;
          return parse_number(word, '.', value) == Number::kFinite;
        });
  }

  Table<Scalar> read() {
    bool more = read_first_row();
    while (more) {
      refuse_doubtful_blank_line();
      if (rows_ == capacity_) resize(std::max(first_capacity(), 2 * rows_));
      while (!read_row()) scanner_.refill();
      ++rows_;
      more = scanner_.begin_row();
    }
    if (rows_ == 0) {
      throw_defect(scanner_.place(header_line_),
                   ": expected a row behind the names of the columns, found "
                   "the end of the file");
    }
    // One behind the last row is mostly none, unless values are missing.
    if (options_.missing != CsvMissing::kRefuse) refuse_doubtful_blank_line();
    resize(rows_);
    if (options_.label) finish_labels();
    if (table_.fill.empty() && options_.missing == CsvMissing::kMean) {
      fill_with_means();
    }
    return std::move(table_);
  }

 private:
  Index columns() const { return static_cast<Index>(columns_.size()); }

  /// "data.csv, line 3, column 2 (width): "
  std::string place(Index line, Index column) const {
    std::string text = scanner_.place(line) + column_place(column);
    return text + ": ";
  }
  std::string column_place(Index column) const {
    std::string text = concat(", column ", column + 1);
    if (options_.header == CsvHeader::kNone) return text;
    std::string name = quoted(columns_[static_cast<std::size_t>(column)].name);
    return concat(text, " (", name.substr(1, name.size() - 2), ")");
  }

  bool is_missing(std::string_view text) const {
    const auto& words = options_.missing_words;
    return std::find(words.begin(), words.end(), text) != words.end();
  }

  // What the columns are. Whether rows come.
  bool read_first_row() {
    if (!scanner_.begin_row()) {
      throw_defect(path_, ": expected a table, found no row");
    }
    while (!scanner_.find_separator()) scanner_.refill();
    while (!read_names()) scanner_.refill();
    header_line_ = scanner_.row_line();
    assign_roles();
    check_names();
    name_features();
    agree();
    if (options_.header != CsvHeader::kNone) return scanner_.begin_row();
    scanner_.rewind();
    return true;
  }

  bool read_names() {
    columns_.clear();
    std::string_view text;
    do {
      if (!scanner_.take_field(text)) return false;
      if (columns() == options_.limits.max_columns) {
        throw_defect(scanner_.place(scanner_.row_line()),
                     ": more columns than the ",
                     options_.limits.max_columns,
                     " of CsvLimits::max_columns");
      }
      columns_.emplace_back();
      columns_.back().name = text;
    } while (scanner_.take_separator());
    if (!scanner_.end_row()) return false;
    if (options_.header == CsvHeader::kNone) {
      for (Index i = 0; i < columns(); ++i) {
        columns_[static_cast<std::size_t>(i)].name = concat("column ", i + 1);
      }
    }
    return true;
  }

  std::size_t find(const CsvColumn& wanted) const {
    const std::string where = scanner_.place(header_line_) + ": ";
    const std::string* const name = wanted.name();
    if (name == nullptr) {
      const Index number =
          wanted.number() + (wanted.number() < 0 ? columns() : 0);
      if (number < 0 || number >= columns()) {
        throw_defect(where,
                     "expected a column of number ",
                     wanted.number(),
                     ", counted from 0, or from -1 at the right; found ",
                     columns(),
                     columns() == 1 ? " column" : " columns");
      }
      return static_cast<std::size_t>(number);
    }
    check_argument(options_.header != CsvHeader::kNone,
                   "[load_csv] expected columns by number where the first row "
                   "is a sample, got the name ",
                   quoted(*name));
    const auto is_wanted = [name](const Column& c) { return c.name == *name; };
    const auto found =
        std::find_if(columns_.begin(), columns_.end(), is_wanted);
    if (found == columns_.end()) {
      constexpr std::size_t kMost = 10;
      std::string names;
      for (std::size_t i = 0; i < columns_.size() && i < kMost; ++i) {
        names += (i == 0 ? "" : ", ") + quoted(columns_[i].name);
      }
      throw_defect(where,
                   "expected a column called ",
                   quoted(*name),
                   ", found ",
                   names,
                   columns_.size() > kMost ? ", ..." : "");
    }
    if (std::any_of(found + 1, columns_.end(), is_wanted)) {
      throw_defect(where, "two columns are called ", quoted(*name));
    }
    return static_cast<std::size_t>(found - columns_.begin());
  }

  void assign_roles() {
    const auto assign = [this](const CsvColumn& wanted, Role role) {
      const std::size_t found = find(wanted);
      Column& column = columns_[found];
      if (column.role != Role::kFeature) {
        throw_defect(place(header_line_, static_cast<Index>(found)),
                     "expected the column once among label, targets and "
                     "leave_out of CsvOptions, found it twice");
      }
      column.role = role;
    };
    for (const CsvColumn& c : options_.leave_out) assign(c, Role::kLeftOut);
    if (options_.label) assign(*options_.label, Role::kLabel);
    for (const CsvColumn& c : options_.targets) {
      assign(c, Role::kTarget);
      Column& column = columns_[find(c)];
      column.place = static_cast<Index>(table_.targets.size());
      table_.targets.push_back(column.name);
    }
  }

  void check_names() const {
    std::vector<std::string_view> names;
    for (Index i = 0; i < columns(); ++i) {
      const auto& [name, role, unused] = columns_[static_cast<std::size_t>(i)];
      const std::string where = place(header_line_, i);
      if (role != Role::kLeftOut) check_text(where, name);
      if (options_.header != CsvHeader::kNames) continue;
      if (name.empty() && role == Role::kLeftOut) continue;
      if (name.empty()) {
        throw_defect(where,
                     "expected the name of a column, found none; leave the "
                     "column out (CsvOptions::leave_out) or take it as it is "
                     "(CsvHeader::kAnyNames)");
      }
      if (is_missing(name) || is_number(name, '.') || is_number(name, ',')) {
        throw_defect(where,
                     "expected the name of a column, found ",
                     quoted(name),
                     "; if the first row is a sample, say so "
                     "(CsvHeader::kNone), and if it is a name, too "
                     "(CsvHeader::kAnyNames)");
      }
      names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) {
      throw_defect(scanner_.place(header_line_),
                   ": two columns are called ",
                   quoted(*twice));
    }
  }

  void name_features() {
    for (Column& column : columns_) {
      if (column.role != Role::kFeature) continue;
      column.place = static_cast<Index>(table_.features.size());
      table_.features.push_back(column.name);
    }
    if (table_.features.empty()) {
      throw_defect(scanner_.place(header_line_),
                   ": expected a column of features beside those that are "
                   "learned or left out, found ",
                   columns(),
                   columns() == 1 ? " column" : " columns",
                   " in all");
    }
  }

  /// With the table that this one is to be like.
  void agree() {
    const std::size_t count = table_.features.size();
    if (options_.missing == CsvMissing::kConstant) {
      table_.fill.assign(count, static_cast<Scalar>(options_.constant));
    }
    if (like_ == nullptr) return;
    for (std::size_t i = 0; i < std::max(count, like_->features.size()); ++i) {
      const auto name = [i](const std::vector<std::string>& names) {
        return i < names.size() ? quoted(names[i]) : std::string("no more");
      };
      if (i < count && i < like_->features.size() &&
          table_.features[i] == like_->features[i]) {
        continue;
      }
      throw_defect(scanner_.place(header_line_),
                   ": expected the features of the other table, and ",
                   name(like_->features),
                   " as number ",
                   i + 1,
                   " of them, found ",
                   name(table_.features));
    }
    if (options_.label) {
      table_.classes = like_->classes;
      like_has_numbers_ = true;
      for (std::size_t i = 0; i < table_.classes.size(); ++i) {
        std::int64_t whole = 0;
        const std::string& name = table_.classes[i];
        check_argument(labels_.emplace(name, static_cast<int>(i)).second,
                       "[load_csv] expected each class once in the other "
                       "table, got two ",
                       quoted(name));
        like_has_numbers_ = like_has_numbers_ && is_whole(name, '.', whole) &&
                            concat(whole) == name;
      }
    }
    if (options_.missing == CsvMissing::kMean) table_.fill = like_->fill;
  }

  // The rows.

  Index first_capacity() const {
    constexpr Index kValues = 1024;
    return std::max(kValues / columns(), Index{1});
  }

  /// For so many rows. The memory of large tables moves to where there is more
  /// of it, and what nobody has written to yet takes none: so tables may double
  /// and be cut at the end.
  void resize(Index rows) {
    const auto features = static_cast<Index>(table_.features.size());
    const auto targets = static_cast<Index>(table_.targets.size());
    internal::resize_keeping(table_.x, features, rows);
    if (targets > 0) internal::resize_keeping(table_.target, targets, rows);
    if (options_.label) internal::resize_keeping(table_.labels, rows, 1);
    capacity_ = rows;
  }

  /// In a table of one column a blank line may be a row whose value is missing.
  void refuse_doubtful_blank_line() const {
    if (columns() == 1 && scanner_.blank_line() > 0) {
      throw_defect(place(scanner_.blank_line(), 0),
                   "a blank line, which in a table of one column may be a "
                   "missing value; write it as \"\" or remove the line");
    }
  }

  /// Reads the row, or as much of it as there is.
  bool read_row() {
    scanner_.rewind();
    defect_.clear();
    Scalar* const x = table_.x.data() + rows_ * table_.x.rows();
    Scalar* const target = table_.target.data() + rows_ * table_.target.rows();
    Index i = 0;
    do {
      std::string_view text;
      const Column* const column =
          i < columns() ? &columns_[static_cast<std::size_t>(i)] : nullptr;
      if (column != nullptr && column->role <= Role::kTarget) {
        Scalar& value =
            (column->role == Role::kFeature ? x : target)[column->place];
        if (!has_plain_numbers_ || !scanner_.take_number(value)) {
          const Index line = scanner_.line();
          if (!scanner_.take_field(text)) return false;
          value = number(text, line, i);
        }
      } else {
        const Index line = scanner_.line();
        if (!scanner_.take_field(text)) return false;
        if (column != nullptr && column->role == Role::kLabel) {
          table_.labels[rows_] = label(text, line, i);
        }
      }
      ++i;
    } while (scanner_.take_separator());
    if (!scanner_.end_row()) return false;
    if (i != columns()) {
      throw_defect(scanner_.place(scanner_.row_line()),
                   ": expected ",
                   columns(),
                   columns() == 1 ? " field" : " fields",
                   " as in line ",
                   header_line_,
                   ", found ",
                   i);
    }
    if (!defect_.empty()) throw_defect(defect_);
    return true;
  }

  /// Remembers what is wrong with a field. That a row has too many or too few
  /// fields says more, and is known at its end.
  template <typename... Parts>
  void refuse(Index line, Index column, const Parts&... parts) {
    if (defect_.empty()) defect_ = place(line, column) + concat(parts...);
  }

  Scalar number(std::string_view text, Index line, Index i) {
    const Column& column = columns_[static_cast<std::size_t>(i)];
    Scalar value{0};
    const Number kind = parse_number(text, options_.decimal, value);
    const bool is_filled = options_.missing != CsvMissing::kRefuse;
    if (kind == Number::kNonFinite && options_.allow_non_finite &&
        !(is_filled && is_missing(text))) {
      return value;
    }
    if (is_missing(text)) {
      if (is_filled && column.role == Role::kFeature) {
        return table_.fill.empty()
                   ? std::numeric_limits<Scalar>::quiet_NaN()
                   : table_.fill[static_cast<std::size_t>(column.place)];
      }
      refuse(line, i, "a value is missing: ", quoted(text));
      return Scalar{0};
    }
    if (kind == Number::kFinite) return value;
    Scalar other{0};
    const bool is_other_decimal =
        kind == Number::kNone &&
        parse_number(text, options_.decimal == '.' ? ',' : '.', other) ==
            Number::kFinite;
    refuse(line,
           i,
           kind == Number::kNone        ? "expected a number, found "
           : kind == Number::kNonFinite ? "expected a finite number, found "
           : sizeof(Scalar) == sizeof(float)
               ? "expected a number in the range of float, found "
               : "expected a number in the range of double, found ",
           quoted(text),
           is_other_decimal ? "; for numbers that are written so see "
                              "CsvOptions::decimal"
                            : "");
    return Scalar{0};
  }

  int label(std::string_view text, Index line, Index i) {
    if (text == last_class_ && has_last_class_) return last_label_;
    if (text.empty() || is_missing(text)) {
      refuse(line, i, "the class is missing: ", quoted(text));
      return 0;
    }
    auto found = labels_.find(text);
    if (found == labels_.end() && like_ != nullptr) {
      std::int64_t whole = 0;
      if (like_has_numbers_ && !is_code(text) &&
          is_whole(text, options_.decimal, whole)) {
        found = labels_.find(concat(whole));
      }
      if (found == labels_.end()) {
        refuse(line,
               i,
               "expected one of ",
               table_.classes.size(),
               " classes, such as ",
               quoted(table_.classes.front()),
               ", found ",
               quoted(text));
        return 0;
      }
    }
    if (found == labels_.end()) {
      const auto count = static_cast<Index>(labels_.size());
      if (count == options_.limits.max_classes) {
        refuse(line,
               i,
               "more classes than the ",
               count,
               " of CsvLimits::max_classes; numbers that are learned are "
               "CsvOptions::targets");
        return 0;
      }
      const std::string name(text);
      check_text(place(line, i), name);
      found = labels_.emplace(name, static_cast<int>(count)).first;
      class_lines_.push_back(line);
    }
    has_last_class_ = true;
    last_class_ = text;
    last_label_ = found->second;
    return last_label_;
  }

  /// Labels in the order of the rows become those in the order of the classes.
  void finish_labels() {
    if (like_ != nullptr) return;
    // By number, or by bytes as the map has them.
    std::map<std::int64_t, int> numbers;
    bool are_numbers = true;
    bool are_codes = false;
    using Entry = std::pair<const std::string, int>;
    const Entry* fraction = nullptr;  // the first
    const Entry* large = nullptr;     // the first
    for (const Entry& entry : labels_) {
      const std::string& name = entry.first;
      double value = 0.0;
      const Number kind = parse_number(name, options_.decimal, value);
      if (kind == Number::kNone) {
        are_numbers = false;
        continue;
      }
      are_codes = are_codes || is_code(name);
      std::int64_t whole = 0;
      if (is_whole(name, options_.decimal, whole)) {
        numbers.emplace(whole, 0);
        continue;
      }
      const bool is_large =
          kind == Number::kTooLarge || value == std::floor(value);
      const Entry*& first =
          is_large && kind != Number::kNonFinite ? large : fraction;
      if (first == nullptr || entry.second < first->second) first = &entry;
    }
    const bool are_whole =
        are_numbers && !are_codes && fraction == nullptr && large == nullptr;
    const auto refuse_class = [this](const Entry& entry, const char* what) {
      throw_defect(place(class_lines_[static_cast<std::size_t>(entry.second)],
                         find_role(Role::kLabel, 0)),
                   "expected a class, a word or a whole number",
                   what,
                   ", found ",
                   quoted(entry.first),
                   "; numbers that are learned are CsvOptions::targets");
    };
    if (are_numbers && fraction != nullptr) refuse_class(*fraction, "");
    if (are_numbers && !are_codes && large != nullptr) {
      refuse_class(*large, " between -2^53 and 2^53 (9007199254740992)");
    }
    const auto add_class = [this](const std::string& name) {
      table_.classes.push_back(name);
      return static_cast<int>(table_.classes.size()) - 1;
    };
    if (are_whole) {
      for (auto& [whole, label] : numbers) label = add_class(concat(whole));
    }
    std::vector<int> label_of(labels_.size());
    for (const auto& [name, label] : labels_) {
      std::int64_t whole = 0;
      if (are_whole) is_whole(name, options_.decimal, whole);
      label_of[static_cast<std::size_t>(label)] =
          are_whole ? numbers.at(whole) : add_class(name);
    }
    for (Index row = 0; row < rows_; ++row) {
      int& label = table_.labels[row];
      label = label_of[static_cast<std::size_t>(label)];
    }
  }

  /// The column that is the `place`-th of this role.
  Index find_role(Role role, Index place) const {
    const auto found =
        std::find_if(columns_.begin(), columns_.end(), [&](const Column& c) {
          return c.role == role && c.place == place;
        });
    return found - columns_.begin();
  }

  void fill_with_means() {
    Matrix<Scalar>& x = table_.x;
    const auto count = static_cast<std::size_t>(x.rows());
    std::vector<double> sums(count, 0.0);
    std::vector<double> numbers(count, 0.0);
    for (Index row = 0; row < rows_; ++row) {
      for (std::size_t i = 0; i < count; ++i) {
        const Scalar value = x(static_cast<Index>(i), row);
        if (std::isnan(value)) continue;
        sums[i] += double{value};
        ++numbers[i];
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      const double mean = sums[i] / numbers[i];
      if (!std::isfinite(mean)) {
        const auto place = static_cast<Index>(i);
        throw_defect(path_,
                     column_place(find_role(Role::kFeature, place)),
                     numbers[i] == 0.0
                         ? ": expected a value to fill the column with the "
                           "mean of, found none; leave the column out"
                         : ": the mean of the column is not finite");
      }
      table_.fill.push_back(static_cast<Scalar>(mean));
    }
    for (Index row = 0; row < rows_; ++row) {
      for (std::size_t i = 0; i < count; ++i) {
        Scalar& value = x(static_cast<Index>(i), row);
        if (std::isnan(value)) value = table_.fill[i];
      }
    }
  }

  const CsvOptions& options_;
  const Table<Scalar>* like_;
  std::string path_;
  CsvScanner scanner_;
  bool has_plain_numbers_ = false;  // no word or comma changes what they mean

  std::vector<Column> columns_;
  Index header_line_ = 1;
  Index rows_ = 0;
  Index capacity_ = 0;
  Table<Scalar> table_;
  std::string defect_;  // of a field of the row

  std::map<std::string, int, std::less<>> labels_;
  std::vector<Index> class_lines_;  // where each was seen first
  bool like_has_numbers_ = false;   // and nothing else, as classes
  bool has_last_class_ = false;
  std::string last_class_;
  int last_label_ = 0;
};

std::unique_ptr<ByteStream> open(const std::string& path) {
  return internal::open_byte_stream(
      path, kExpected, internal::ByteSources::kAnything);
}
std::unique_ptr<ByteStream> open(const MemoryFile& file) {
  return internal::open_byte_stream(file, kExpected);
}

template <typename Scalar, typename File>
Table<Scalar> load(const File& file,
                   const CsvOptions& options,
                   const Table<Scalar>* like,
                   std::size_t piece_bytes = kPieceBytes) {
  check_options<Scalar>(options);
  if (like != nullptr) check_like(options, *like);
  const std::unique_ptr<ByteStream> stream = open(file);
  return TableReader<Scalar>(*stream, options, like, piece_bytes).read();
}

}  // namespace

template <typename Scalar>
Table<Scalar> internal::load_csv_in_pieces(const MemoryFile& file,
                                           const CsvOptions& options,
                                           std::size_t piece_bytes) {
  return load<Scalar>(file, options, nullptr, piece_bytes);
}

template <typename Scalar>
Table<Scalar> load_csv(const std::string& path, const CsvOptions& options) {
  return load<Scalar>(path, options, nullptr);
}

template <typename Scalar>
Table<Scalar> load_csv(const std::string& path,
                       const CsvOptions& options,
                       const Table<Scalar>& like) {
  return load(path, options, &like);
}

template <typename Scalar>
Table<Scalar> load_csv(const MemoryFile& file, const CsvOptions& options) {
  return load<Scalar>(file, options, nullptr);
}

template <typename Scalar>
Table<Scalar> load_csv(const MemoryFile& file,
                       const CsvOptions& options,
                       const Table<Scalar>& like) {
  return load(file, options, &like);
}

#define NN_INSTANTIATE(Scalar)                                            \
  template Table<Scalar> load_csv(const std::string&, const CsvOptions&); \
  template Table<Scalar> load_csv(                                        \
      const std::string&, const CsvOptions&, const Table<Scalar>&);       \
  template Table<Scalar> load_csv(const MemoryFile&, const CsvOptions&);  \
  template Table<Scalar> load_csv(                                        \
      const MemoryFile&, const CsvOptions&, const Table<Scalar>&);        \
  template Table<Scalar> internal::load_csv_in_pieces(                    \
      const MemoryFile&, const CsvOptions&, std::size_t);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn
