#ifndef NN_DATA_CSV_H_
#define NN_DATA_CSV_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/types.h"

namespace nn {

/// A table of samples: numbers, and of each sample a class or numbers that are
/// to be learned. It owns its memory; nn::Samples looks at it:
///
///   const nn::Samples<float> samples(table.x, table.labels);
template <typename Scalar>
struct Table {
  Matrix<Scalar> x;                   ///< features x rows
  Labels labels;                      ///< a row each; none without classes
  Matrix<Scalar> target;              ///< targets x rows; none without targets
  std::vector<std::string> features;  ///< names of the rows of `x`
  std::vector<std::string> targets;   ///< names of the rows of `target`
  std::vector<std::string> classes;   ///< names of the classes, by label
  /// What stands for a missing value of each feature; none where they are
  /// refused.
  std::vector<Scalar> fill;

  /// The number of samples.
  Index size() const { return x.cols(); }
};

/// A column of a table, by its name in the first row or by its number.
class CsvColumn {
 public:
  ///@{
  /// The column of this name, of which there is one.
  CsvColumn(std::string name)  // NOLINT: implicit
      : name_(std::move(name)), has_name_(true) {}
  CsvColumn(const char* name)  // NOLINT: implicit
      : name_(name), has_name_(true) {}
  ///@}
  /// Nothing is no name.
  CsvColumn(std::nullptr_t) = delete;
  /// Counted from 0 at the left, or from -1, the last, at the right. (Messages
  /// count columns as people do, from 1.) Takes integers of any size, but no
  /// truth and no character. Throws std::invalid_argument for a number that
  /// nn::Index does not hold.
  template <
      typename Integer,
      typename = std::enable_if_t<
          std::is_integral_v<Integer> && !std::is_same_v<Integer, bool> &&
          !std::is_same_v<Integer, char> && !std::is_same_v<Integer, wchar_t> &&
          !std::is_same_v<Integer, char16_t> &&
          !std::is_same_v<Integer, char32_t>>>
  CsvColumn(Integer number)  // NOLINT: implicit
      : number_(static_cast<Index>(number)) {
    if constexpr (std::is_unsigned_v<Integer> &&
                  sizeof(Integer) >= sizeof(Index)) {
      check_argument(number_ >= 0,
                     "[CsvColumn] expected a number of at most ",
                     std::numeric_limits<Index>::max(),
                     ", got ",
                     number);
    }
  }

  /// Null where the column has a number.
  const std::string* name() const { return has_name_ ? &name_ : nullptr; }
  /// 0 where the column has a name.
  Index number() const { return number_; }

 private:
  std::string name_;
  bool has_name_ = false;
  Index number_ = 0;
};

/// What the first row of a table is.
enum class CsvHeader {
  /// The names of the columns. One that is a number or stands for a missing
  /// value is refused, since the row may well be a sample, and so is a column
  /// without a name that is not left out.
  kNames,
  /// The names of the columns, whatever they are.
  kAnyNames,
  /// A sample. Columns are then called "column 1", "column 2" and so on.
  kNone,
};

/// What becomes of a feature that a row does not have. A class or a target that
/// is missing is always an error.
enum class CsvMissing {
  kRefuse,    ///< an error with its line and column
  kMean,      ///< the mean of those that the column has
  kConstant,  ///< CsvOptions::constant
};

/// What reading takes before it takes the file for something else. Memory and
/// time are bounded by the text that was really read anyway.
struct CsvLimits {
  /// The longest row, with its end and the line breaks in its quotes; at least
  /// 1. A quote that is never closed makes one row of all that follows.
  std::uint64_t max_row_bytes = std::uint64_t{1} << 24;
  /// The most columns; at least 1.
  Index max_columns = Index{1} << 17;
  /// The most classes; at least 1. A column of numbers, or of a name for each
  /// row, has more.
  Index max_classes = Index{1} << 16;
  /// How many times its own size a compressed file may unpack to, if that is
  /// more than 16 MiB; at least 1. Of a pipe, this is the size of what was read
  /// so far. Tables of numbers reach 10, of zeros 1000.
  std::uint64_t max_expansion = 64;
};

/// The dialect of a table, and what its columns are.
struct CsvOptions {
  /// Whether the first row names the columns.
  CsvHeader header = CsvHeader::kNames;
  /// What stands between fields: a comma, a semicolon, a tab, or another
  /// character that is no part of a number. A blank, ' ', stands for any number
  /// of blanks and tabs. With 0 it is the first of tab, semicolon, bar and
  /// comma that the first row holds outside of quotes, and that is neither
  /// `quote` nor `comment`; a line "sep=;" in front of it, as Excel writes,
  /// names it, too. Where commas may as well be those of numbers, it is to be
  /// named.
  char separator = '\0';
  /// What a field stands in that may hold separators, line breaks, and itself
  /// doubled. 0 if nothing does.
  char quote = '"';
  /// Lines that begin with it, or with blanks and it, are passed over, however
  /// long. 0 if none is. No word of `missing_words` begins with it.
  char comment = '\0';
  /// What a number's fraction begins with: '.' or ','. Between commas, numbers
  /// with a comma stand in quotes.
  char decimal = '.';
  /// The column of the classes: words, or whole numbers below 2^53.
  std::optional<CsvColumn> label;
  /// The columns of the numbers that are to be learned, in this order.
  std::vector<CsvColumn> targets;
  /// Columns that are not read. All that are named nowhere are features.
  std::vector<CsvColumn> leave_out;
  /// What becomes of features that a row does not have.
  CsvMissing missing = CsvMissing::kRefuse;
  /// What stands for them with CsvMissing::kConstant: a number in the range of
  /// the table's scalar, and one that is not finite where `allow_non_finite`
  /// says so.
  double constant = 0.0;
  /// The fields that stand for a missing value, letter by letter. One may be a
  /// number, "-999".
  std::vector<std::string> missing_words = {
      "", "?", "NA", "N/A", "NaN", "nan", "NULL", "null"};
  /// Whether "nan", "inf" and "-inf" are numbers. Where missing values are
  /// filled, a word of `missing_words` is one of these all the same.
  bool allow_non_finite = false;
  /// What is too much.
  CsvLimits limits;
};

/// Reads a table of comma-separated values (RFC 4180, and what is written in
/// its name): plain or gzip-compressed, with or without a byte order mark, its
/// lines ended by LF, CRLF or CR. Blanks around fields are no part of them, nor
/// are blank lines rows; a line break in quotes is read as LF. Numbers are read
/// the same under every locale, and rounded once, to the nearest `Scalar`. The
/// path may be that of a pipe or a device, "/dev/stdin".
///
///   nn::CsvOptions options;
///   options.label = "class";
///   const auto table = nn::load_csv<float>("data.csv", options);
///
/// Labels count the classes in numerical order where all are whole numbers ("1"
/// and "1.0" are one class then), and in the order of their bytes where not.
/// One that is written with a leading zero or plus, "007", makes words of all:
/// of codes, unlike of numbers, no two spellings are the same. Labels do not
/// depend on the order of the rows.
///
/// Every row is read or refused; none is left out, shortened or filled up.
/// Throws std::runtime_error with the path, the line, the column where there is
/// one, what was expected and what was found: a row of more or fewer fields
/// than the first, a quote inside of a field or behind which text comes or that
/// is not closed, text in a column of numbers, numbers that are not finite or
/// too large for `Scalar`, missing values, a class of which the name is no
/// UTF-8 or holds control characters, lines of which nobody knows whether they
/// are rows, no rows, UTF-16, files of other kinds, and what `limits` says.
/// Throws std::invalid_argument for options that contradict each other.
///
/// The text is read in pieces: beside the table it takes little memory, and the
/// whole less than twice the table.
template <typename Scalar>
Table<Scalar> load_csv(const std::string& path, const CsvOptions& options = {});

/// The same for a table that is to agree with an earlier one, as test data with
/// that which a network has learned: labels stand for `like.classes`, and
/// missing values that are not refused are filled with `like.fill`. With
/// CsvMissing::kConstant, that is the constant, or nothing where `like` has
/// refused them. Of `like`, only these and the names of the features are looked
/// at.
/// Throws std::runtime_error also where the features are not called as those of
/// `like`, in the same order, and for a class that is none of its classes; and
/// std::invalid_argument for a `like` that has no classes where they are read,
/// one of them twice, or another `fill` than the options say: none or another
/// constant, or a number that is not finite.
template <typename Scalar>
Table<Scalar> load_csv(const std::string& path,
                       const CsvOptions& options,
                       const Table<Scalar>& like);

///@{
/// The same from memory.
template <typename Scalar>
Table<Scalar> load_csv(const MemoryFile& file, const CsvOptions& options = {});
template <typename Scalar>
Table<Scalar> load_csv(const MemoryFile& file,
                       const CsvOptions& options,
                       const Table<Scalar>& like);
///@}

}  // namespace nn

#endif  // NN_DATA_CSV_H_
