#include "data/csv_scanner.h"

#include <algorithm>
#include <cstring>

#include "files/defect.h"
#include "files/file_kind.h"
#include "nn/check.h"

namespace nn::internal {

CsvScanner::CsvScanner(ByteStream& stream,
                       const CsvOptions& options,
                       std::size_t piece_bytes)
    : stream_(stream),
      limits_(options.limits),
      separator_(options.separator),
      quote_(options.quote),
      comment_(options.comment),
      may_hold_decimals_(options.decimal == ',' &&
                         options.header == CsvHeader::kNone) {
  std::uint64_t bytes =
      std::min<std::uint64_t>(piece_bytes, limits_.max_row_bytes);
  // One more than there is, so that the end is seen at once.
  if (const auto all = stream.size_bytes()) bytes = std::min(bytes, *all + 1);
  window_.resize(static_cast<std::size_t>(bytes));
  at_ = end_ = row_ = window_.data();
  take_head();
  if (separator_ == '\0') take_separator_line();
  set_stops();
}

std::string CsvScanner::place(Index line) const {
  return concat(stream_.path(), ", line ", line);
}

bool CsvScanner::begin_row() {
  blank_line_ = 0;
  for (;;) {
    // Leading blanks count for nothing, however many. A tab may be a separator.
    if (separator_ != '\0') skip_blanks();
    row_ = at_;
    row_line_ = line_;
    skip_blanks();
    bool whole = false;
    if (at_ == end_) {
      if (ended_) return false;
    } else if (is_line_end(*at_)) {
      const bool has_tab = std::find(row_, at_, '\t') != at_;
      whole = take_line_end();
      if (whole) blank_line_ = row_line_;
      if (whole && has_tab && separator_ == '\0') tab_line_ = row_line_;
    } else if (*at_ == comment_ && comment_ != '\0') {
      if (!skip_comment()) return false;
      while (!take_line_end()) refill();
      whole = true;
    } else {
      rewind();
      return true;
    }
    if (!whole) refill();
  }
}

/// Goes to the end of the line, none of which stays in the window. False if the
/// text ends there.
bool CsvScanner::skip_comment() {
  for (;;) {
    at_ = std::find_if(at_, end_, is_line_end);
    row_ = at_;
    if (at_ != end_) return true;
    if (ended_) return false;
    refill();
  }
}

bool CsvScanner::find_separator() {
  if (separator_ != '\0') return true;
  bool inside = false;
  bool has_quotes = false;
  std::array<bool, 256> seen{};
  const char* c = row_;
  for (; c != end_ && (inside || !is_line_end(*c)); ++c) {
    if (*c == quote_ && quote_ != '\0') {
      inside = !inside;
      has_quotes = true;
    }
    if (!inside) seen[static_cast<unsigned char>(*c)] = true;
  }
  if (c == end_ && !ended_) return false;
  // A comma comes last, since numbers may hold one.
  separator_ = ',';
  for (const char candidate : {'|', ';', '\t'}) {
    if (seen[static_cast<unsigned char>(candidate)] && !is_special(candidate)) {
      separator_ = candidate;
    }
  }
  if (separator_ == ',' && seen[','] && may_hold_decimals_ && !has_quotes) {
    throw_defect(place(row_line_),
                 ": commas that may separate fields or be those of numbers; "
                 "name the separator (CsvOptions::separator)");
  }
  if (separator_ == '\t' && tab_line_ > 0) {
    throw_defect(place(tab_line_),
                 ": a line of tabs, which between tabs may be a row whose "
                 "values are missing; remove it or name the separator "
                 "(CsvOptions::separator)");
  }
  set_stops();
  return true;
}

bool CsvScanner::take_field(std::string_view& text) {
  skip_blanks();
  if (at_ != end_ && *at_ == quote_ && quote_ != '\0') {
    return take_quoted(text);
  }
  const char* const begin = at_;
  while (at_ != end_ && !stops_at(*at_)) ++at_;
  if (at_ == end_ && !ended_) return false;
  if (at_ != end_ && *at_ == quote_ && quote_ != '\0') {
    throw_defect(place(line_),
                 ": a quote inside of a field, behind ",
                 quoted({begin, static_cast<std::size_t>(at_ - begin)}),
                 "; a field with quotes stands in quotes, and those in it "
                 "are doubled");
  }
  const char* last = at_;
  while (last != begin && is_blank(last[-1])) --last;
  text = {begin, static_cast<std::size_t>(last - begin)};
  return separator_ != ' ' || skip_blanks_to_more();
}

void CsvScanner::refill() {
  rewind();
  const auto kept = static_cast<std::size_t>(end_ - row_);
  if (kept == window_.size()) {
    if (kept >= limits_.max_row_bytes) {
      throw_defect(place(row_line_),
                   ": a row of more than the ",
                   limits_.max_row_bytes,
                   " bytes of CsvLimits::max_row_bytes, such as a quote "
                   "makes that is not closed");
    }
    std::vector<char> larger(static_cast<std::size_t>(
        std::min<std::uint64_t>(2 * kept, limits_.max_row_bytes)));
    std::memcpy(larger.data(), row_, kept);
    window_.swap(larger);
  } else {
    std::memmove(window_.data(), row_, kept);
  }
  const std::size_t room = window_.size() - kept;
  const std::size_t got = read(window_.data() + kept, room);
  ended_ = got < room;
  at_ = row_ = window_.data();
  end_ = at_ + kept + got;
  read_bytes_ += got;
  const std::uint64_t file_bytes = stream_.file_bytes();
  if (!stream_.size_bytes() && read_bytes_ > kMinUnpackedBytes &&
      (read_bytes_ - 1) / limits_.max_expansion >= file_bytes) {
    throw_defect(stream_.path(),
                 ": expected a table of at most ",
                 limits_.max_expansion,
                 " times the ",
                 file_bytes,
                 " bytes of the compressed file, found more; if that is "
                 "right, unpack the file first (gunzip) or raise "
                 "CsvLimits::max_expansion");
  }
}

// The first bytes say whether this is a table at all.
void CsvScanner::take_head() {
  head_.resize(kFileKindBytes);
  head_.resize(stream_.read(reinterpret_cast<std::uint8_t*>(head_.data()),
                            head_.size()));
  const std::string_view mark = std::string_view(head_).substr(0, 2);
  if (mark == "\xff\xfe" || mark == "\xfe\xff" ||
      (mark.size() == 2 && (mark[0] == '\0') != (mark[1] == '\0'))) {
    throw_defect(place(1), ": found UTF-16; save the file as UTF-8");
  }
  const std::string kind = file_kind(head_);
  bool is_text = kind.empty();
  // What begins so may be a table all the same.
  for (const char* text : {"a text", "a JSON", "an XML", "a file of white"}) {
    is_text = is_text || kind.rfind(text, 0) == 0;
  }
  if (!is_text) {
    throw_defect(stream_.path(), ": expected a table, found ", kind);
  }
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (head_.compare(0, kMark.size(), kMark) == 0) drop_head(kMark.size());
}

// Excel writes "sep=;" in front of a table, and hides it when it reads one.
void CsvScanner::take_separator_line() {
  constexpr std::size_t kLength = 5;
  constexpr std::string_view kSeparators = ",;\t|";
  if (head_.size() <= kLength || head_.compare(0, 4, "sep=") != 0 ||
      kSeparators.find(head_[4]) == kSeparators.npos ||
      !is_line_end(head_[kLength])) {
    return;
  }
  const char named = head_[4];
  for (const auto& [taken, what] :
       {std::pair(quote_, "quote"), std::pair(comment_, "comment")}) {
    if (named == taken) {
      throw_defect(place(line_),
                   ": expected another separator than the ",
                   what,
                   " of CsvOptions, found ",
                   quoted(std::string_view(head_).substr(0, kLength)));
    }
  }
  separator_ = named;
  drop_head(head_.compare(kLength, 2, "\r\n") == 0 ? 7 : 6);
  ++line_;
}

/// Passes over what is no part of the rows.
void CsvScanner::drop_head(std::size_t count) {
  head_.erase(0, count);
  read_bytes_ += count;
}

std::size_t CsvScanner::read(char* to, std::size_t count) {
  const std::size_t first = head_.copy(to, count);
  head_.erase(0, first);
  const std::size_t more =
      stream_.read(reinterpret_cast<std::uint8_t*>(to + first), count - first);
  return first + more;
}

void CsvScanner::set_stops() {
  stops_.fill(false);
  for (const char c : {'\n', '\r', quote_, separator_}) {
    if (c != '\0') stops_[static_cast<unsigned char>(c)] = true;
  }
  if (separator_ == ' ') stops_['\t'] = true;
}

bool CsvScanner::take_line_end() {
  if (*at_ == '\r') {
    if (at_ + 1 == end_ && !ended_) return false;
    if (at_ + 1 != end_ && at_[1] == '\n') ++at_;
  }
  ++at_;
  ++line_;
  return true;
}

bool CsvScanner::take_quoted(std::string_view& text) {
  const Index first_line = line_;
  unquoted_.clear();
  const char* begin = ++at_;
  // Up to here, and on behind it.
  const auto append = [&](std::string_view more) {
    unquoted_.append(begin, at_);
    unquoted_ += more;
  };
  for (;;) {
    while (at_ != end_ && *at_ != quote_ && !is_line_end(*at_)) ++at_;
    if (at_ == end_) {
      if (!ended_) return false;
      throw_defect(place(first_line), ": a quote is opened and not closed");
    }
    if (is_line_end(*at_)) {
      append("\n");
      if (!take_line_end()) return false;
      begin = at_;
      continue;
    }
    if (at_ + 1 == end_ && !ended_) return false;
    if (at_ + 1 == end_ || at_[1] != quote_) break;
    ++at_;
    append("");
    begin = ++at_;
  }
  text = {begin, static_cast<std::size_t>(at_ - begin)};
  if (!unquoted_.empty()) {
    append("");
    text = unquoted_;
  }
  ++at_;
  const bool is_apart = at_ != end_ && is_blank(*at_);
  if (!skip_blanks_to_more()) return false;
  if (at_ == end_ || is_line_end(*at_) || *at_ == separator_ ||
      (separator_ == ' ' && is_apart)) {
    return true;
  }
  throw_defect(place(line_),
               ": text behind the quoted field ",
               quoted(text),
               "; quotes in a field are doubled");
}

}  // namespace nn::internal
