#include "common/csv.h"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "common/printable.h"

namespace apps {
namespace {

// The fields of a line. Of more than `most` the rest stays one field.
std::vector<std::string_view> split(std::string_view line,
                                    std::size_t most = std::string_view::npos) {
  std::vector<std::string_view> fields;
  std::size_t start = 0;
  for (;;) {
    const std::size_t end =
        fields.size() < most ? line.find(',', start) : line.npos;
    fields.push_back(line.substr(start, end - start));
    if (end == line.npos) return fields;
    start = end + 1;
  }
}

}  // namespace

void CsvText::add(const std::vector<std::uint8_t>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    text_ += kDigits[byte / 16];
    text_ += kDigits[byte % 16];
  }
}

CsvReader::CsvReader(std::string name,
                     std::string text,
                     std::string_view header)
    : name_(std::move(name)),
      text_(std::move(text)),
      header_(header),
      columns_(split(header_)) {
  std::string_view line;
  if (!next_line(line)) {
    throw std::runtime_error(nn::concat(
        name_, ": expected a header line '", header, "', found nothing"));
  }
  if (line != header) {
    // A column a class is more than a line of a message holds.
    constexpr std::size_t kMostShown = 100;
    fail(header.size() <= kMostShown
             ? nn::concat("expected the header '", header, "'")
             : nn::concat("expected a header of ",
                          columns_.size(),
                          " columns, '",
                          header.substr(0, kMostShown),
                          "...'"),
         line);
  }
}

bool CsvReader::next_row() {
  std::string_view line;
  if (!next_line(line)) return false;
  fields_ = split(line, columns_.size());
  next_field_ = 0;
  if (fields_.size() != columns_.size()) {
    fail(nn::concat("expected ", columns_.size(), " fields"), line);
  }
  ++rows_;
  return true;
}

double CsvReader::number(double low, double high) {
  double value = 0.0;
  if (!parse(field(), value) || !std::isfinite(value) || value < low ||
      value > high) {
    fail_field(nn::concat("expected a number from ", low, " to ", high));
  }
  ++next_field_;
  return value;
}

std::string CsvReader::word(std::string_view wanted) {
  const std::string found = printable(field(), kMostName);
  if (found.empty() || (!wanted.empty() && found != wanted)) {
    fail_field(wanted.empty() ? "expected a name"
                              : nn::concat("expected '", wanted, "'"));
  }
  ++next_field_;
  return found;
}

std::vector<std::uint8_t> CsvReader::bytes(std::size_t count) {
  const std::string_view text = field();
  bool whole = text.size() == 2 * count;
  std::vector<std::uint8_t> out(whole ? count : 0);
  for (std::size_t i = 0; whole && i < count; ++i) {
    const char* digits = text.data() + 2 * i;
    const auto result =
        std::from_chars(digits, digits + 2, out[i], /*base=*/16);
    whole = result.ec == std::errc() && result.ptr == digits + 2;
  }
  if (!whole) {
    fail_field(nn::concat(
        "expected ", count, " bytes of two hexadecimal digits each"));
  }
  ++next_field_;
  return out;
}

void CsvReader::expect_rows(std::optional<long> wanted,
                            const char* reason) const {
  if (wanted && static_cast<long>(rows_) != *wanted) {
    throw std::runtime_error(nn::concat(
        name_, ": expected ", *wanted, " rows, ", reason, ", found ", rows_));
  }
}

bool CsvReader::next_line(std::string_view& line) {
  if (position_ == text_.size()) return false;
  ++line_;
  const std::size_t end = text_.find('\n', position_);
  if (end == text_.npos) {
    // Every line is written with its end: here a tail is missing.
    fail("expected a line feed at the end of the line",
         std::string_view(text_).substr(position_));
  }
  line = std::string_view(text_).substr(position_, end - position_);
  position_ = end + 1;
  return true;
}

void CsvReader::fail(const std::string& wanted, std::string_view found) const {
  constexpr std::size_t kMaxQuoted = 80;
  throw std::runtime_error(nn::concat(name_,
                                      ":",
                                      line_,
                                      ": ",
                                      wanted,
                                      ", found '",
                                      printable(found, kMaxQuoted),
                                      "'"));
}

void CsvReader::fail_field(const std::string& wanted) const {
  fail(nn::concat("column ", columns_[next_field_], ": ", wanted), field());
}

}  // namespace apps
