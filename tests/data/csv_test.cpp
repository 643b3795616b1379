// One table in all dialects that people write, each read as it is or refused
// with its line and column; and what a text may do beside that.

#include "nn/data/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "data/csv_pieces.h"
#include "nn/check.h"
#include "nn/random.h"
#include "nn/training/samples.h"
#include "support/allocations.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/hostile_locale.h"
#include "support/pipe.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::CsvHeader;
using nn::CsvMissing;
using nn::CsvOptions;
using nn::Index;
using nn::MemoryFile;
using nn::Table;
using nn_test::message_of;
using nn_test::Pipe;
using Names = std::vector<std::string>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

const std::string kRows = "1.5,-2,0\n3,4,1\n5,6,0\n7,8,1\n";
const std::string kHead = "a,b,class\n" + kRows;

std::string with(std::string text,
                 const std::string& from,
                 const std::string& to) {
  std::size_t at = 0;
  while ((at = text.find(from, at)) != std::string::npos) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

/// The class in the last column.
CsvOptions labelled() {
  CsvOptions options;
  options.label = -1;
  return options;
}

CsvOptions changed(CsvOptions options,
                   const std::function<void(CsvOptions&)>& change) {
  change(options);
  return options;
}

CsvOptions no_header() {
  return changed(labelled(), [](auto& o) { o.header = CsvHeader::kNone; });
}

CsvOptions decimal_comma() {
  return changed(labelled(), [](auto& o) { o.decimal = ','; });
}

Table<float> load(const std::string& text,
                  const CsvOptions& options = labelled()) {
  return nn::load_csv<float>(MemoryFile{text, "data.csv"}, options);
}

std::string refusal(const std::string& text,
                    const CsvOptions& options = labelled()) {
  return message_of<std::runtime_error>([&] { load(text, options); });
}

template <typename Values>
std::vector<typename Values::Scalar> list(const Values& values) {
  return {values.data(), values.data() + values.size()};
}

struct Dialect {
  const char* name;
  std::string text;
  CsvOptions options = labelled();
  Names classes = {"0", "1"};
};

const Names kWords = {"no", "yes"};

/// The table with words as classes.
std::string words(std::string text) {
  return with(with(std::move(text), ",0\n", ",no\n"), ",1\n", ",yes\n");
}

std::vector<Dialect> dialects() {
  const auto set = [](const std::function<void(CsvOptions&)>& change) {
    return changed(labelled(), change);
  };
  const std::string semicolons = with(kHead, ",", ";");
  return {
      {"with a header", kHead},
      {"without a header", kRows, no_header()},
      {"semicolons", semicolons},
      {"tabs", with(kHead, ",", "\t")},
      {"bars", with(kHead, ",", "|")},
      {"tabs that are named", with(kHead, ",", "\t"), set([](auto& o) {
         o.separator = '\t';
       })},
      {"colons", with(kHead, ",", ":"), set([](auto& o) {
         o.separator = ':';
       })},
      {"blanks", with(kHead, ",", " "), set([](auto& o) {
         o.separator = ' ';
       })},
      {"aligned by blanks and tabs",
       "   " + with(with(kHead, ",", "  \t "), "\n", "  \n\t"),
       set([](auto& o) { o.separator = ' '; })},
      {"a separator in front, as Excel writes it", "sep=;\r\n" + semicolons},
      {"CRLF", with(kHead, "\n", "\r\n")},
      {"CR", with(kHead, "\n", "\r")},
      {"lines that end in turn in LF, CRLF and CR",
       with(with(kHead, "class\n", "class\r\n"), ",0\n", ",0\r")},
      {"no end of the last line", kHead.substr(0, kHead.size() - 1)},
      {"CRLF, no end of the last line",
       with(kHead.substr(0, kHead.size() - 1), "\n", "\r\n")},
      {"byte order mark", "\xEF\xBB\xBF" + kHead},
      {"byte order mark without a header", "\xEF\xBB\xBF" + kRows, no_header()},
      {"byte order mark before a quote",
       "\xEF\xBB\xBF" + with(kHead, "a,b", "\"a\",b")},
      {"blank lines", "\n" + with(kHead, "\n", "\n\n  \n\t\r\n")},
      {"comments",
       "# made by hand\n#\n" + with(kHead, "5,6", " # 9,9,9\n5,6") + "#end",
       set([](auto& o) { o.comment = '#'; })},
      {"a quote in a comment", "% it's 5\" long\n" + kHead, set([](auto& o) {
         o.comment = '%';
       })},
      {"blanks around", " " + with(with(kHead, ",", "  , "), "\n", " \n\t ")},
      {"all quoted",
       "\"" + with(with(with(kRows, ",", "\",\""), "\n", "\"\n\"") + "\n",
                   "\n\"\n",
                   "\n"),
       no_header()},
      {"quotes with blanks around", with(kHead, "5,6", " \"5\" , \"6\" ")},
      {"apostrophes as quotes",
       with(kHead, "a,b", "'a''s, in \"mm\"',b"),
       set([](auto& o) { o.quote = '\''; })},
      {"no quotes", with(kHead, "a,b", "5\" disk,\"b"), set([](auto& o) {
         o.quote = '\0';
       })},
      {"separators in quotes", with(kHead, "a,b", "\"a;\t,\"\"mm\"\"\",b")},
      {"line ends in quotes", with(kHead, "a,b", "\"a\nin\r\nmm\r\",b")},
      {"decimal commas", with(semicolons, ".", ","), decimal_comma()},
      {"decimal commas in quotes",
       with(kHead, "1.5", "\"1,5\""),
       decimal_comma()},
      {"leading plus", with(kHead, ",4,", ",+4,")},
      {"exponents", with(kHead, "1.5,", "15E-1,")},
      {"points at the ends",
       with(with(with(kHead, ",4,", ",4.,"), "1.5", "001.50"),
            "5,6",
            "5,.6e+1")},
      {"more digits than a number has",
       with(kHead, "5,6", "5.00000000000000000000000000000000000000001,6")},
      {"words as classes", words(kHead), labelled(), kWords},
      {"words as classes, no header", words(kRows), no_header(), kWords},
      {"words in the first column",
       "kind,a,b\nno,1.5,-2\nyes,3,4\nno,5,6\nyes,7,8\n",
       set([](auto& o) { o.label = "kind"; }),
       kWords},
      {"quoted words with all in them",
       with(with(words(kHead), "no", "\"a, \"\"b\"\"\nc\""), "yes", "\" z\""),
       labelled(),
       {" z", "a, \"b\"\nc"}},
      {"the class where one says",
       "a,sort,b\n1.5,0,-2\n3,1,4\n5,0,6\n7,1,8\n",
       set([](auto& o) { o.label = "sort"; })},
      {"classes from 1",
       with(with(kHead, ",1\n", ",2\n"), ",0\n", ",1\n"),
       labelled(),
       {"1", "2"}},
      {"negative classes",
       with(kHead, ",0\n", ",-1\n"),
       labelled(),
       {"-1", "1"}},
      {"whole numbers in several spellings",
       with(with(kHead, "2,0\n", "2,-0.0\n"), ",1\n", ",1e0\n")},
      {"codes, which are no numbers",
       with(with(kHead, "2,0\n", "2,00\n"), "6,0\n", "6,00\n"),
       labelled(),
       {"00", "1"}},
      {"a plus, which numbers do not need",
       with(with(kHead, ",0\n", ",+1\n"), ",1\n", ",-1\n"),
       labelled(),
       {"+1", "-1"}},
      {"the largest whole numbers",
       with(with(kHead, ",0\n", ",-9007199254740991\n"),
            ",1\n",
            ",9007199254740991\n"),
       labelled(),
       {"-9007199254740991", "9007199254740991"}},
      {"codes that are larger than numbers",
       with(with(kHead, ",0\n", ",0123456789012345678\n"),
            ",1\n",
            ",9007199254740992\n"),
       labelled(),
       {"0123456789012345678", "9007199254740992"}},
      {"bars as quotes", with(kHead, "a,b", "|a|,|b|"), set([](auto& o) {
         o.quote = '|';
       })},
      {"semicolons as comments",
       ";1,2,3\n" + with(kHead, "5,6", "  ;;\n5,6"),
       set([](auto& o) { o.comment = ';'; })},
      {"comments longer than a row may be",
       "#" + std::string(300, ',') + "\r\n" +
           with(kHead, "5,6", "#" + std::string(300, 'x') + "\r5,6") + "#" +
           std::string(300, '"'),
       set([](auto& o) {
         o.comment = '#';
         o.limits.max_row_bytes = 20;
       })},
      {"more blanks than a row has room for",
       with(kHead, "\n", "\n" + std::string(300, ' ')),
       set([](auto& o) { o.limits.max_row_bytes = 20; })},
      {"classes in numerical order",
       with(with(kHead, ",1\n", ",10\n"), ",0\n", ",9\n"),
       labelled(),
       {"9", "10"}},
      {"numbers and words as classes",
       with(kHead, ",1\n", ",A\n"),
       labelled(),
       {"0", "A"}},
      {"UTF-8",
       with(with(words(kHead), "no", "\xC3\xA9"), "yes", "\xE2\x82\xAC"),
       labelled(),
       {"\xC3\xA9", "\xE2\x82\xAC"}},
      {"columns that are left out",
       "id,a,note,b,class,\n1,1.5,\"x,\ny\",-2,0,\n2,3,,4,1,\n"
       "x,5,NaN,6,0,\n4,7,\xFF,8,1,\n",
       set([](auto& o) {
         o.label = "class";
         o.leave_out = {0, "note", -1};
       })},
      {"numbers as names", with(kHead, "a,b", "1990,1991"), set([](auto& o) {
         o.header = CsvHeader::kAnyNames;
       })},
      {"missing values that are filled",
       with(with(kHead, "3,4", "-999,4"), "7,8", "7,NA"),
       set([](auto& o) {
         o.missing = CsvMissing::kConstant;
         o.constant = 3;
         o.missing_words = {"-999"};
         o.label = -1;
         o.leave_out = {1};
       })},
      {"a very long line",
       with(kHead, "a,b", "a,\"" + std::string(1 << 20, 'b') + "\"")},
  };
}

struct Refusal {
  const char* name;
  std::string text;
  const char* reason;
  CsvOptions options = labelled();
};

std::vector<Refusal> refusals() {
  const auto at = [](const std::string& to) {
    return with(kHead, "5,6,0", to);
  };
  const auto set = [](const std::function<void(CsvOptions&)>& change) {
    return changed(labelled(), change);
  };
  return {
      {"empty file", "", "data.csv: expected a table, found an empty file"},
      {"blank file", "\n\n \r\n", "data.csv: expected a table, found no row"},
      {"byte order mark alone", "\xEF\xBB\xBF", "found no row"},
      {"header alone",
       "\na,b,class\n",
       "line 2: expected a row behind the names of the columns, found the end"},
      {"one column", "a\n1\n2\n", "line 1: expected a column of features"},
      {"blanks between", with(kHead, ",", " "), "line 1: expected a column of"},
      {"short row",
       at("5,6"),
       "line 4: expected 3 fields as in line 1, found 2"},
      {"long row",
       at("5,6,0,0"),
       "line 4: expected 3 fields as in line 1, found 4"},
      {"short last row without an end",
       kHead + "9,9",
       "line 6: expected 3 fields as in line 1, found 2"},
      {"a row that is shifted",
       at("x,5,6,0"),
       "line 4: expected 3 fields as in line 1, found 4"},
      {"two rows in a line",
       with(kHead, "0\n7", "0,7"),
       "line 4: expected 3 fields as in line 1, found 6"},
      {"a row in two lines",
       at("5,\n6,0"),
       "line 4: expected 3 fields as in line 1, found 2"},
      {"separator at the ends of rows alone",
       "a,b,class\n" + with(kRows, "\n", ",\n"),
       "line 2: expected 3 fields as in line 1, found 4"},
      {"another separator in the rows",
       "a,b,class\n" + with(kRows, ",", ";"),
       "line 2: expected 3 fields as in line 1, found 1"},
      {"missing value",
       at("5,,0"),
       "line 4, column 2 (b): a value is missing: \"\""},
      {"missing value in quotes",
       at("5,\"\",0"),
       "line 4, column 2 (b): a value"},
      {"missing class",
       at("5,6,"),
       "line 4, column 3 (class): the class is missing: \"\""},
      {"missing class where values are filled",
       at("5,6,NA"),
       "line 4, column 3 (class): the class is missing: \"NA\"",
       set([](auto& o) { o.missing = CsvMissing::kMean; })},
      {"missing target where values are filled",
       at("5,6,?"),
       "line 4, column 3 (class): a value is missing: \"?\"",
       changed({},
               [](auto& o) {
                 o.targets = {"class"};
                 o.missing = CsvMissing::kConstant;
               })},
      {"NA", at("NA,6,0"), "line 4, column 1 (a): a value is missing: \"NA\""},
      {"NaN",
       at("nan,6,0"),
       "line 4, column 1 (a): a value is missing: \"nan\""},
      {"no number in a column that is filled",
       "a,b,class\n,1,0\n?,2,1\n",
       "data.csv, column 1 (a): expected a value to fill the column with the "
       "mean of, found none",
       set([](auto& o) { o.missing = CsvMissing::kMean; })},
      {"infinite",
       at("-inf,6,0"),
       "line 4, column 1 (a): expected a finite number, found \"-inf\""},
      {"too large",
       at("1e400,6,0"),
       "line 4, column 1 (a): expected a number in the range of float, found "
       "\"1e400\""},
      {"too large for float",
       at("5,-1e39,0"),
       "column 2 (b): expected a number in"},
      {"too large, though finite numbers are not asked for",
       at("5,1e39,0"),
       "column 2 (b): expected a number in the range",
       set([](auto& o) { o.allow_non_finite = true; })},
      {"hexadecimal",
       at("0x1F,6,0"),
       "line 4, column 1 (a): expected a number"},
      {"thousands", at("\"1,234\",6,0"), "found \"1,234\"; for numbers that"},
      {"thousands and decimal comma",
       with(with(with(kHead, ",", ";"), "1.5", "1"), "3;4", "1.234,5;4"),
       "line 3, column 1 (a): expected a number, found \"1.234,5\"",
       decimal_comma()},
      {"points where commas are expected",
       with(kHead, ",", ";"),
       "line 2, column 1 (a): expected a number, found \"1.5\"; for numbers "
       "that",
       decimal_comma()},
      {"commas where points are expected",
       with(with(kHead, ",", ";"), ".", ","),
       "line 2, column 1 (a): expected a number, found \"1,5\"; for numbers "
       "that "
       "are written so see CsvOptions::decimal"},
      {"a word",
       at("5,six,0"),
       "line 4, column 2 (b): expected a number, found"},
      {"a unit",
       at("5,6 mm,0"),
       "column 2 (b): expected a number, found \"6 mm\""},
      {"two signs", at("+-5,6,0"), "expected a number, found \"+-5\""},
      {"half an exponent", at("5e,6,0"), "expected a number, found \"5e\""},
      {"a number and a NUL",
       at(std::string("5\0,6,0", 6)),
       "line 4, column 1 (a): expected a number, found \"5?\""},
      {"without a header that is expected",
       kRows,
       "line 1, column 1 (1.5): expected the name of a column, found \"1.5\"; "
       "if"},
      {"without a header, the first row damaged",
       "x1.5,-2,no\n" + words(kRows),
       "line 1, column 2 (-2): expected the name of a column"},
      {"without a header, the first row's values missing",
       "NA,?,no\n" + words(kRows),
       "line 1, column 1 (NA): expected the name of a column"},
      {"a header that is not expected",
       kHead,
       "line 1, column 1: expected a number, found \"a\"",
       no_header()},
      {"a column without a name",
       with(kHead, "a,b", ",b"),
       "line 1, column 1 (): expected the name of a column, found none; leave"},
      {"a name twice",
       with(kHead, "a,b", "b,b"),
       "line 1: two columns are called"},
      {"a column twice that is asked for",
       with(kHead, "a,b", "b,b"),
       "line 1: two columns are called \"b\"",
       changed({},
               [](auto& o) {
                 o.header = CsvHeader::kAnyNames;
                 o.targets = {"b"};
               })},
      {"a column that is not there",
       kHead,
       "line 1: expected a column called \"kind\", found \"a\", \"b\", "
       "\"class\"",
       set([](auto& o) { o.label = "kind"; })},
      {"a column of another case",
       kHead,
       "line 1: expected a column called \"Class\"",
       set([](auto& o) { o.label = "Class"; })},
      {"a number that no column has",
       kHead,
       "line 1: expected a column of number 3, counted from 0, or from -1 at "
       "the "
       "right; found 3 columns",
       set([](auto& o) { o.leave_out = {3}; })},
      {"a number that no column has from the right",
       kHead,
       "expected a column of number -4",
       set([](auto& o) { o.leave_out = {-4}; })},
      {"a column that is learned and left out",
       kHead,
       "line 1, column 3 (class): expected the column once among label, "
       "targets",
       set([](auto& o) { o.leave_out = {"class"}; })},
      {"fractions as classes",
       with(kHead, "6,0\n", "6,0.5\n"),
       "line 4, column 3 (class): expected a class, a word or a whole number, "
       "found \"0.5\"; numbers that are learned are CsvOptions::targets"},
      {"a whole number that is too large for a class",
       with(kHead, "6,0\n", "6,12345678901234567\n"),
       "line 4, column 3 (class): expected a class, a word or a whole number "
       "between -2^53 and 2^53 (9007199254740992), found "
       "\"12345678901234567\""},
      {"neighbours that are one number",
       with(kHead, "6,0\n", "6,9007199254740993\n"),
       "found \"9007199254740993\""},
      {"fractions written as codes",
       with(kHead, "6,0\n", "6,007.5\n"),
       "a word or a whole number, found \"007.5\""},
      {"an empty class where that is no missing word",
       at("5,6,"),
       "line 4, column 3 (class): the class is missing: \"\"",
       set([](auto& o) { o.missing_words = {"-999"}; })},
      {"comments between numbers that are not separated",
       "1;2\n;5\n3;4",
       "line 1, column 1: expected a number, found \"1;2\"",
       changed({},
               [](auto& o) {
                 o.header = CsvHeader::kNone;
                 o.comment = ';';
                 o.missing = CsvMissing::kConstant;
               })},
      {"the comment named as separator",
       "sep=;\n1;2\n;5\n",
       "line 1: expected another separator than the comment of CsvOptions, "
       "found \"sep=;\"",
       set([](auto& o) { o.comment = ';'; })},
      {"the quote named as separator",
       "sep=|\n|a|,|b|\n",
       "line 1: expected another separator than the quote of CsvOptions",
       set([](auto& o) { o.quote = '|'; })},
      {"commas of nobody knows what",
       "\n1,5\n2,5\n",
       "line 2: commas that may separate fields or be those of numbers",
       changed({},
               [](auto& o) {
                 o.header = CsvHeader::kNone;
                 o.decimal = ',';
               })},
      {"a line of tabs that may be a row",
       "\n\t\t\n1\t2\t3\n",
       "line 2: a line of tabs, which between tabs may be a row",
       changed({},
               [](auto& o) {
                 o.header = CsvHeader::kNone;
                 o.missing = CsvMissing::kMean;
               })},
      {"a blank line at the end that may be a row",
       "a\n1\n\n",
       "line 3, column 1 (a): a blank line, which in a table of one column",
       changed({}, [](auto& o) { o.missing = CsvMissing::kMean; })},
      {"too many classes",
       "a,class\n1,x\n2,y\n3,x\n4,z\n",
       "line 5, column 2 (class): more classes than the 2 of CsvLimits::max_c",
       set([](auto& o) { o.limits.max_classes = 2; })},
      {"too many columns",
       kHead,
       "line 1: more columns than the 2 of CsvLimits::max_columns",
       set([](auto& o) { o.limits.max_columns = 2; })},
      {"too long a row",
       with(kHead, "5,6", "5,000000000000000000006"),
       "line 4: a row of more than the 20 bytes of CsvLimits::max_row_bytes",
       set([](auto& o) { o.limits.max_row_bytes = 20; })},
      {"UTF-16",
       std::string("\xFF\xFE"
                   "1\0,\0",
                   6),
       "line 1: found UTF-16; save"},
      {"UTF-16, other order",
       std::string("\xFE\xFF\0"
                   "1\0,",
                   6),
       "line 1: found UTF-16"},
      {"UTF-16 without a mark",
       std::string("1\0,\0", 4),
       "line 1: found UTF-16"},
      {"UTF-16 without a mark, other order",
       std::string("\0"
                   "1\0,",
                   4),
       "line 1: found UTF-16"},
      {"Latin-1 in a class",
       at("5,6,\xE9"),
       "line 4, column 3 (class): expected UTF-8, found another encoding"},
      {"Latin-1 in a name",
       with(kHead, "b,", "\xE9,"),
       "line 1, column 2 (\xE9): expected UTF-8"},
      {"escape sequences",
       at("5,6,\x1B[2J"),
       "line 4, column 3 (class): expected text, found a control character of "
       "code 27 in \"?[2J\""},
      {"an open quote",
       at("\"5,6,0"),
       "line 4: a quote is opened and not closed"},
      {"an open quote in the last field",
       kHead + "9,9,\"",
       "line 6: a quote is opened and not closed"},
      {"text behind a quote",
       at("\"5\"5,6,0"),
       "line 4: text behind the quoted field \"5\""},
      {"a quote that is not doubled",
       at("5,6,\"a\"b\""),
       "line 4: text behind the quoted field \"a\""},
      {"a quote inside",
       at("5\"5,6,0"),
       "line 4: a quote inside of a field, behind \"5\""},
      {"no blank behind a quote",
       with(with(kHead, ",", " "), "5 6", "\"5\"6"),
       "line 4: text behind the quoted field",
       set([](auto& o) { o.separator = ' '; })},
      {"a comment where none is expected",
       at("#5,6,0"),
       "line 4, column 1 (a): expected a number, found \"#5\""},
      {"a blank line that may be a row",
       "a\n1\n\n3\n",
       "line 3, column 1 (a): a blank line, which in a table of one column",
       {}},
      {"line counted over quotes",
       "\"a\nb\",c,class\n\n1,2,0\n3,x,1\n",
       "line 5, column 2 (c): expected a number, found \"x\""},
      {"line counted over CR",
       with(kHead, "\n", "\r\r") + "3,x,1\r",
       "line 11, column 2 (b): expected"},
      {"a line within a row",
       with(kHead, "a,b", "a,\"b\"") + "\"9\n\",x,0\n",
       "line 6, column 1 (a): expected a number, found \"9?\""},
      {"a zip archive, as spreadsheets are",
       "PK\x03\x04xl/worksheets",
       "data.csv: expected a table, found a zip archive"},
      {"a page of a server",
       "<!DOCTYPE html>\n<html>",
       "data.csv: expected a table, found an HTML page"},
      {"a NUL as separator in front",
       std::string("sep=\0\n", 6) + kHead,
       "line 1, column 1 (sep=?): expected text, found a control character"},
      {"zeros", std::string(100, '\0'), "found a file that begins with zeros"},
  };
}

/// Rows of random numbers, words and line ends, quoted or not.
std::string random_table(nn::Rng& rng, Index rows) {
  const char* const ends[] = {"\n", "\r\n", "\r"};
  const std::string end = ends[rng.index(3)];
  const auto blanks = [&rng] {
    return std::string(static_cast<std::size_t>(rng.index(5) / 4), ' ');
  };
  const auto field = [&](const std::string& text) {
    return blanks() + (rng.index(4) == 0 ? "\"" + text + "\"" : text) +
           blanks();
  };
  std::string text = "a,\"b\"\"" + end + "\",note,class" + end;
  for (Index row = 0; row < rows; ++row) {
    for (int i = 0; i < 2; ++i) {
      text += field(nn::concat(static_cast<double>(rng.index(2000)) / 8 - 99)) +
              ',';
    }
    text +=
        "\"" + end + "\"\"," + end + "\"," + field("c" + nn::concat(row % 3));
    if (rng.index(5) == 0) text += end + blanks();
    text += end;
  }
  return text;
}

/// Writes random tables in the dialect of some options, and says what is to be
/// read of them.
class TableWriter {
 public:
  TableWriter(std::uint64_t seed, const CsvOptions& options)
      : rng_(seed), options_(options), separator_(options.separator) {
    const std::string candidates = ",;\t|";
    while (separator_ == '\0' || separator_ == options_.quote ||
           separator_ == options_.comment) {
      separator_ = candidates[static_cast<std::size_t>(rng_.index(4))];
    }
    options_.missing_words = {"NA", "-999"};
    // Between blanks it cannot be seen.
    if (separator_ != ' ' || options_.quote != '\0') {
      options_.missing_words.emplace_back();
    }
    options_.constant = -7.5;
    draw_columns();
    write();
    fill();
  }

  const CsvOptions& options() const { return options_; }
  const std::string& text() const { return text_; }
  const Table<float>& table() const { return table_; }

 private:
  bool chance(Index one_in) { return rng_.index(one_in) == 0; }
  template <typename Values>
  auto one_of(const Values& values) {
    return values[static_cast<std::size_t>(
        rng_.index(static_cast<Index>(values.size())))];
  }
  bool is_guessed() const { return options_.separator == '\0'; }

  void draw_columns() {
    kinds_.assign(static_cast<std::size_t>(2 + rng_.index(4)), 'x');
    const auto last = static_cast<Index>(kinds_.size()) - 1;
    // One stays a feature.
    const Index feature = rng_.index(last + 1);
    const auto other = [&] {
      return (feature + 1 + rng_.index(last)) % (last + 1);
    };
    const auto column = [&](Index i) {
      return nn::CsvColumn(chance(2) ? i : i - last - 1);
    };
    const Index learned = other();
    const Index left_out = other();
    switch (rng_.index(3)) {
      case 0:
        kinds_[static_cast<std::size_t>(learned)] = 'l';
        options_.label = column(learned);
        break;
      case 1:
        kinds_[static_cast<std::size_t>(learned)] = 't';
        options_.targets = {column(learned)};
        break;
      default:
        break;
    }
    char& kind = kinds_[static_cast<std::size_t>(left_out)];
    if (kind == 'x' && chance(2)) {
      kind = '-';
      options_.leave_out = {column(left_out)};
    }
    class_kind_ = rng_.index(3);
  }

  void write() {
    if (chance(4)) text_ += "\xEF\xBB\xBF";
    end_ = one_of(Names{"\n", "\r\n", "\r"});
    // Without a quote nothing tells these commas from those of numbers.
    const bool is_doubtful = options_.decimal == ',' && separator_ == ',' &&
                             options_.header == CsvHeader::kNone;
    if (is_guessed() && (is_doubtful || chance(4))) {
      text_ += std::string("sep=") + separator_ + end_;
    }
    write_what_is_no_row();
    if (options_.header != CsvHeader::kNone) {
      Names names;
      for (std::size_t i = 0; i < kinds_.size(); ++i) {
        names.push_back(options_.header == CsvHeader::kAnyNames && chance(4)
                            ? "1990"
                            : nn::concat(word(), i));
      }
      write_row(names);
      add_names(names);
    } else {
      Names names;
      for (std::size_t i = 0; i < kinds_.size(); ++i) {
        names.push_back(nn::concat("column ", i + 1));
      }
      add_names(names);
    }
    const Index rows = 1 + rng_.index(6);
    for (Index row = 0; row < rows; ++row) {
      write_what_is_no_row();
      Names fields;
      for (const char kind : kinds_) fields.push_back(field_of(kind, row == 0));
      write_row(fields);
    }
    write_what_is_no_row();
    if (chance(4)) text_.resize(text_.size() - end_.size());
    const auto count = static_cast<Index>(table_.features.size());
    table_.x = Eigen::Map<nn::Matrix<float>>(x_.data(), count, rows);
    if (!options_.targets.empty()) {
      table_.target = Eigen::Map<nn::Matrix<float>>(target_.data(), 1, rows);
    }
    if (options_.label) add_classes(rows);
  }

  void add_names(const Names& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (kinds_[i] == 'x') table_.features.push_back(names[i]);
      if (kinds_[i] == 't') table_.targets.push_back(names[i]);
    }
  }

  void write_what_is_no_row() {
    while (chance(4)) {
      text_ += one_of(Names{"", "  "});
      if (options_.comment != '\0' && chance(2)) {
        text_ +=
            options_.comment + one_of(Names{"", " 1,2;3|4", "\"x", "'\t|;"});
      }
      text_ += end_;
    }
  }

  void write_row(const Names& fields) {
    const Names gaps = {" ", "  ", " \t"};
    text_ += chance(4) ? "  " : "";
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i > 0 && separator_ == ' ') text_ += one_of(gaps);
      if (i > 0 && separator_ != ' ') text_ += separator_;
      if (chance(6)) text_ += ' ';
      write_field(fields[i], i == 0);
      if (chance(6)) text_ += ' ';
    }
    text_ += end_;
  }

  void write_field(const std::string& field, bool is_first) {
    std::string special = "\n\r";
    special += separator_;
    if (options_.quote != '\0') special += options_.quote;
    // What is seen in the first row.
    if (is_guessed()) special += options_.quote != '\0' ? ";\t|" : "";
    if (separator_ == ' ') special += '\t';
    const bool is_plain =
        field.find_first_of(special) == field.npos &&
        (field.empty() ? separator_ != ' '
                       : field.front() != ' ' && field.back() != ' ' &&
                             field.front() != '\t' && field.back() != '\t') &&
        !(is_first && !field.empty() && field[0] == options_.comment);
    if (options_.quote == '\0' || (is_plain && !chance(4))) {
      REQUIRE(is_plain);
      text_ += field;
      return;
    }
    text_ += options_.quote;
    for (const char c : field) {
      if (c == options_.quote) text_ += c;
      text_ += c;
    }
    text_ += options_.quote;
  }

  std::string word() {
    Names words = {"w", "x_y"};
    if (options_.quote != '\0') {
      for (const char* text : {"a\nb",
                               " blank ",
                               "a;b",
                               "a,b",
                               "|a|",
                               "a\tb",
                               "#a",
                               "\"",
                               "'q'"}) {
        words.emplace_back(text);
      }
    }
    return one_of(words);
  }

  std::string field_of(char kind, bool is_in_first_row) {
    if (kind == '-') return word();
    if (kind == 'l') return class_of(is_in_first_row);
    const bool is_whole =
        options_.decimal == ',' && separator_ == ',' && options_.quote == '\0';
    const double value = static_cast<double>(rng_.index(2000)) / 8 - 99;
    const auto number =
        static_cast<float>(is_whole ? std::floor(value) : value);
    const bool is_missing = kind == 'x' && !is_in_first_row &&
                            options_.missing != CsvMissing::kRefuse &&
                            chance(4);
    (kind == 'x' ? x_ : target_).push_back(is_missing ? kNan : number);
    if (is_missing) return one_of(options_.missing_words);
    return with((number >= 0 && chance(8) ? "+" : "") + nn::concat(number) +
                    (chance(8) ? "e0" : ""),
                ".",
                std::string(1, options_.decimal));
  }

  std::string class_of(bool is_in_first_row) {
    const Index value = rng_.index(13) - 2;
    std::string name = nn::concat(value);
    std::string spelled = name;
    if (class_kind_ == 0) {
      spelled = name = word();
    } else if (class_kind_ == 1) {
      spelled = name = is_in_first_row ? "007" : one_of(Names{"7", "007", "8"});
    } else if (chance(3)) {
      spelled += "e0";
    }
    class_names_.push_back(name);
    return spelled;
  }

  void add_classes(Index rows) {
    Names& names = table_.classes;
    names = class_names_;
    std::sort(names.begin(), names.end(), [&](const auto& a, const auto& b) {
      return class_kind_ == 2 ? std::stoi(a) < std::stoi(b) : a < b;
    });
    names.erase(std::unique(names.begin(), names.end()), names.end());
    table_.labels.resize(rows);
    for (Index row = 0; row < rows; ++row) {
      const auto found = std::find(names.begin(),
                                   names.end(),
                                   class_names_[static_cast<std::size_t>(row)]);
      table_.labels[row] = static_cast<int>(found - names.begin());
    }
  }

  void fill() {
    if (options_.missing == CsvMissing::kRefuse) return;
    for (Index i = 0; i < table_.x.rows(); ++i) {
      double sum = 0.0;
      double count = 0.0;
      for (const float value : table_.x.row(i)) {
        if (std::isnan(value)) continue;
        sum += double{value};
        ++count;
      }
      const auto value = static_cast<float>(
          options_.missing == CsvMissing::kMean ? sum / count
                                                : options_.constant);
      table_.fill.push_back(value);
      for (float& x : table_.x.row(i)) {
        if (std::isnan(x)) x = value;
      }
    }
  }

  nn::Rng rng_;
  CsvOptions options_;
  char separator_;
  std::string end_;
  std::vector<char> kinds_;  // feature x, label l, target t, left out -
  Index class_kind_ = 0;     // words, codes, whole numbers
  std::string text_;
  Table<float> table_;
  std::vector<float> x_;
  std::vector<float> target_;
  Names class_names_;
};

void check_same(const Table<float>& read, const Table<float>& expected) {
  REQUIRE(read.features == expected.features);
  REQUIRE(read.targets == expected.targets);
  REQUIRE(read.classes == expected.classes);
  REQUIRE(read.size() == expected.size());
  REQUIRE(list(read.x) == list(expected.x));
  REQUIRE(list(read.target) == list(expected.target));
  REQUIRE(list(read.labels) == list(expected.labels));
  REQUIRE(read.fill == expected.fill);
}

/// In every dialect that is none of two at once.
template <typename Function>
void for_each_dialect(const Function& function) {
  CsvOptions o;
  const auto differ = [](char a, char b) { return a == '\0' || a != b; };
  for (const char separator : {'\0', ',', ';', '\t', '|', ' ', ':'}) {
    for (const char quote : {'\0', '"', '\'', '|', ';'}) {
      for (const char comment : {'\0', '#', ';', '|', '%'}) {
        if (!differ(separator, quote) || !differ(separator, comment) ||
            !differ(quote, comment)) {
          continue;
        }
        o.separator = separator;
        o.quote = quote;
        o.comment = comment;
        for (const char decimal : {'.', ','}) {
          o.decimal = decimal;
          for (const CsvHeader header :
               {CsvHeader::kNames, CsvHeader::kAnyNames, CsvHeader::kNone}) {
            o.header = header;
            for (const CsvMissing missing : {CsvMissing::kRefuse,
                                             CsvMissing::kMean,
                                             CsvMissing::kConstant}) {
              o.missing = missing;
              function(o);
            }
          }
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("one table is read in all its dialects", "[csv]") {
  const std::vector<Dialect> all = dialects();
  CHECK(all.size() >= 40);
  for (const Dialect& dialect : all) {
    INFO(dialect.name);
    Table<float> table;
    CHECK_NOTHROW(table = load(dialect.text, dialect.options));
    const bool one_column = dialect.options.leave_out.size() == 1;
    CHECK(list(table.x) ==
          (one_column ? std::vector<float>{1.5F, 3, 5, 7}
                      : std::vector<float>{1.5F, -2, 3, 4, 5, 6, 7, 8}));
    CHECK(table.x.cols() == 4);
    CHECK(list(table.labels) ==
          std::vector<int>{dialect.classes[0] == " z" ? 1 : 0,
                           dialect.classes[0] == " z" ? 0 : 1,
                           dialect.classes[0] == " z" ? 1 : 0,
                           dialect.classes[0] == " z" ? 0 : 1});
    CHECK(table.classes == dialect.classes);
    CHECK(table.target.size() == 0);
  }
}

TEST_CASE("what is no table is refused with line, column and reason",
          "[csv][errors]") {
  for (const Refusal& refusal : refusals()) {
    INFO(refusal.name);
    CHECK_THAT(::refusal(refusal.text, refusal.options),
               ContainsSubstring(refusal.reason) &&
                   Catch::Matchers::StartsWith("data.csv"));
  }
}

TEST_CASE("options that contradict each other are refused", "[csv][errors]") {
  const auto complaint = [](const std::function<void(CsvOptions&)>& change) {
    return message_of<std::invalid_argument>(
        [&] { load(kHead, changed(labelled(), change)); });
  };
  CHECK_THAT(complaint([](auto& o) { o.targets = {"a"}; }),
             ContainsSubstring("a label or targets, got both"));
  CHECK_THAT(complaint([](auto& o) { o.separator = '"'; }),
             ContainsSubstring("a quote other than the separator"));
  CHECK_THAT(complaint([](auto& o) { o.comment = '"'; }),
             ContainsSubstring("a comment other than the quote"));
  for (const char c : {'1', 'e', '-', '\n', '\r', '\x80', '\x01'}) {
    CHECK_THAT(complaint([c](auto& o) { o.separator = c; }),
               ContainsSubstring("as separator, got code"));
  }
  CHECK_THAT(complaint([](auto& o) { o.decimal = ';'; }),
             ContainsSubstring("'.' or ',' as decimal, got code 59"));
  CHECK_THAT(complaint([](auto& o) {
               o.allow_non_finite = true;
               o.missing = CsvMissing::kMean;
             }),
             ContainsSubstring("got allow_non_finite"));
  CHECK_THAT(complaint([](auto& o) { o.limits.max_expansion = 0; }),
             ContainsSubstring("max_expansion of at least 1"));
  CHECK_THAT(complaint([](auto& o) { o.limits.max_row_bytes = 0; }),
             ContainsSubstring("max_row_bytes of at least 1"));
  CHECK_THAT(complaint([](auto& o) { o.limits.max_columns = -1; }),
             ContainsSubstring("max_columns of at least 1, got -1"));
  CHECK_THAT(complaint([](auto& o) { o.limits.max_classes = -1; }),
             ContainsSubstring("max_classes of at least 1, got -1"));
  CHECK_THAT(complaint([](auto& o) { o.comment = '?'; }),
             ContainsSubstring("missing_words that do not begin with the "
                               "comment, since rows that do are passed over, "
                               "got \"?\""));
  const auto constant = [&](double value, bool allow = false) {
    return complaint([value, allow](auto& o) {
      o.missing = CsvMissing::kConstant;
      o.constant = value;
      o.allow_non_finite = allow;
    });
  };
  CHECK_THAT(constant(kNan),
             ContainsSubstring("a finite constant where "
                               "allow_non_finite is not set, "
                               "got nan"));
  CHECK_THAT(constant(-kInfinity), ContainsSubstring("got -inf"));
  CHECK_THAT(constant(1e300),
             ContainsSubstring("a constant in the range of float, got 1e+300"));
  CHECK_THAT(constant(1e300, true), ContainsSubstring("in the range of float"));
  CHECK_THAT(complaint([](auto& o) {
               o.header = CsvHeader::kNone;
               o.label = "class";
             }),
             ContainsSubstring("columns by number"));
}

TEST_CASE("what fills missing values is finite, or an option says otherwise",
          "[csv]") {
  const MemoryFile file{"a,b,class\n,1,0\n"};
  CsvOptions options = labelled();
  options.missing = CsvMissing::kConstant;
  options.constant = 1e300;
  CHECK(nn::load_csv<double>(file, options).x(0, 0) == 1e300);
  options.constant = kNan;
  options.allow_non_finite = true;
  const Table<float> table = nn::load_csv<float>(file, options);
  CHECK(std::isnan(table.x(0, 0)));
  CHECK(std::isnan(nn::load_csv(file, options, table).x(0, 0)));
  // Where none is filled, nobody looks at it.
  options.allow_non_finite = false;
  options.missing = CsvMissing::kRefuse;
  CHECK(load(kHead, options).size() == 4);
}

template <typename T>
constexpr bool kIsColumn = std::is_constructible_v<nn::CsvColumn, T>&&
    std::is_assignable_v<std::optional<nn::CsvColumn>&, T>;
static_assert(kIsColumn<int> && kIsColumn<short> && kIsColumn<long long>);
static_assert(kIsColumn<unsigned> && kIsColumn<std::size_t>);
static_assert(kIsColumn<Index> && kIsColumn<std::uint8_t>);
static_assert(kIsColumn<const char*> && kIsColumn<std::string>);
static_assert(!kIsColumn<bool> && !kIsColumn<char> && !kIsColumn<wchar_t>);
static_assert(!kIsColumn<char16_t> && !kIsColumn<double>);
static_assert(!kIsColumn<std::nullptr_t>);

TEST_CASE("columns have numbers of any integer type", "[csv]") {
  CsvOptions options;
  options.label = std::size_t{2};
  CHECK(load(kHead, options).features == Names{"a", "b"});
  options.label = static_cast<short>(-1);
  options.leave_out = {0, 1U};
  options.leave_out.pop_back();
  CHECK(load(kHead, options).features == Names{"b"});
  CHECK(message_of<std::invalid_argument>(
            [] { nn::CsvColumn column(std::string::npos); }) ==
        "[CsvColumn] expected a number of at most 9223372036854775807, got "
        "18446744073709551615");
}

TEST_CASE("columns are called by name or by number, from both ends", "[csv]") {
  CsvOptions options;
  options.targets = {-1, "a"};
  options.leave_out = {1};
  const Table<float> table =
      load("a,b,c,d\n1,x,3,4\n5,y,7,8\n9,,11,12\n", options);
  CHECK(table.features == Names{"c"});
  CHECK(list(table.x) == std::vector<float>{3, 7, 11});
  CHECK(table.targets == Names{"d", "a"});
  CHECK(table.target.rows() == 2);
  CHECK(list(table.target) == std::vector<float>{4, 1, 8, 5, 12, 9});
  CHECK(table.labels.size() == 0);
  CHECK(table.classes.empty());
  CHECK(table.size() == 3);

  options.header = CsvHeader::kNone;
  options.targets = {0};
  const Table<float> unnamed = load("1,x,3\n", options);
  CHECK(unnamed.features == Names{"column 3"});
  CHECK(unnamed.targets == Names{"column 1"});
}

TEST_CASE("a table of features alone may have one column", "[csv]") {
  const Table<float> table = load("\na\n1\n\"2\"\n\n\n", {});
  CHECK(table.features == Names{"a"});
  CHECK(list(table.x) == std::vector<float>{1, 2});
  CHECK(table.labels.size() == 0);
  CHECK(table.target.size() == 0);
}

TEST_CASE("a table is samples without another copy", "[csv]") {
  const Table<float> table = load(kHead);
  const nn::Samples<float> samples(table.x, table.labels);
  CHECK(samples.size() == 4);
  CHECK(samples.features() == 2);
  CHECK(samples.label(1) == 1);
  CsvOptions options;
  options.targets = {"class"};
  const Table<float> numbers = load(kHead, options);
  const nn::Samples<float> targets(numbers.x, numbers.target);
  CHECK(targets.target_features() == 1);
  CHECK(targets.target(3)(0, 0) == 1.0F);
}

TEST_CASE("missing values are filled with the mean of their column", "[csv]") {
  CsvOptions options = labelled();
  options.missing = CsvMissing::kMean;
  const std::string text = "a,b,class\n1,,x\nNA,5,y\n3,?,x\n8,\"\",y\n";
  const Table<float> table = load(text, options);
  CHECK(list(table.x) == std::vector<float>{1, 5, 4, 5, 3, 5, 8, 5});
  CHECK(table.fill == std::vector<float>{4, 5});

  // Those of the first table fill the second.
  const Table<float> test = nn::load_csv(
      MemoryFile{"a,b,class\n,nan,y\n100,200,y\n"}, options, table);
  CHECK(list(test.x) == std::vector<float>{4, 5, 100, 200});
  CHECK(list(test.labels) == std::vector<int>{1, 1});
  CHECK(test.fill == table.fill);

  options.missing = CsvMissing::kConstant;
  options.constant = -1;
  const Table<float> constant = load(text, options);
  CHECK(list(constant.x) == std::vector<float>{1, -1, -1, 5, 3, -1, 8, -1});
  CHECK(constant.fill == std::vector<float>{-1, -1});

  options.missing = CsvMissing::kRefuse;
  CHECK(load(kHead, options).fill.empty());
}

TEST_CASE("numbers that are not finite are read where an option says so",
          "[csv]") {
  CsvOptions options = labelled();
  options.allow_non_finite = true;
  const Table<float> table =
      load("a,b,class\ninf,-inf,0\nnan,+Infinity,1\n", options);
  CHECK(table.x(0, 0) == kInfinity);
  CHECK(table.x(1, 0) == -kInfinity);
  CHECK(std::isnan(table.x(0, 1)));
  CHECK(table.x(1, 1) == kInfinity);
  CHECK_THAT(refusal("a,b,class\nNA,1,0\n", options),
             ContainsSubstring("line 2, column 1 (a): a value is missing"));
  options.missing = CsvMissing::kConstant;
  CHECK(load("a,b,class\nnan,inf,0\n", options).x(0, 0) == 0.0F);
}

TEST_CASE("numbers are rounded once, to the nearest of the scalar", "[csv]") {
  CsvOptions options;
  options.header = CsvHeader::kNone;
  // Halfway between two floats, and a little more: by way of a double it would
  // be rounded down.
  const std::string text =
      "1.00000005960464484,1e-46,-1e-400,3.4028235e38,0.000000e999,"
      "1e-99999999999999999999,1" +
      std::string(400, '0') + "e-400\n";
  const MemoryFile file{text};
  const auto floats = nn::load_csv<float>(file, options);
  CHECK(floats.x(0, 0) == 1.00000005960464484F);
  CHECK(floats.x(1, 0) == 0.0F);
  CHECK(floats.x(2, 0) == 0.0F);
  CHECK(floats.x(3, 0) == std::numeric_limits<float>::max());
  CHECK(floats.x(4, 0) == 0.0F);
  CHECK(floats.x(5, 0) == 0.0F);
  CHECK(floats.x(6, 0) == 1.0F);
  const auto doubles = nn::load_csv<double>(file, options);
  CHECK(doubles.x(0, 0) == 1.00000005960464484);
  CHECK(doubles.x(1, 0) == 1e-46);
  CHECK(doubles.x(2, 0) == 0.0);
  CHECK(doubles.x(6, 0) == 1.0);
  for (const char* large :
       {"1e39", "-1e99999999999999999999", "3.5e+38", "100e37"}) {
    CHECK_THAT(refusal(std::string(large) + "\n", options),
               ContainsSubstring("in the range of float"));
  }
  CHECK_THAT(refusal("0." + std::string(50, '0') + "1e200\n", options),
             ContainsSubstring("in the range of float"));
}

TEST_CASE("labels do not depend on the order of the rows", "[csv]") {
  const Table<float> table = load("a,class\n1,b\n2,a\n3,C\n4,b\n");
  CHECK(table.classes == Names{"C", "a", "b"});
  CHECK(list(table.labels) == std::vector<int>{2, 1, 0, 2});
  const Table<float> reversed = load("a,class\n4,b\n3,C\n2,a\n1,b\n");
  CHECK(reversed.classes == table.classes);
  CHECK(list(reversed.labels) == std::vector<int>{2, 0, 1, 2});
  const Table<float> numbers = load("a,class\n1,10\n2,-3\n3,9\n4,9.0\n");
  CHECK(numbers.classes == Names{"-3", "9", "10"});
  CHECK(list(numbers.labels) == std::vector<int>{2, 0, 1, 1});
}

TEST_CASE("a second table is read with the classes of the first", "[csv]") {
  const Table<float> training = load("a,b,class\n1,2,b\n3,4,a\n5,6,c\n");
  const auto like = [&training](const std::string& text,
                                const CsvOptions& options = labelled()) {
    return nn::load_csv(MemoryFile{text, "test.csv"}, options, training);
  };
  const Table<float> test = like("a,b,class\n7,8,c\n9,10,b\n");
  CHECK(list(test.labels) == std::vector<int>{2, 1});
  CHECK(test.classes == training.classes);
  // Without the column of the classes, as a table that is to be predicted.
  CHECK(list(like("a,b\n7,8\n", {}).x) == std::vector<float>{7, 8});

  const auto refused = [&](const std::string& text) {
    return message_of<std::runtime_error>([&] { like(text); });
  };
  CHECK(
      refused("a,b,class\n7,8,c\n9,10,d\n") ==
      "test.csv, line 3, column 3 (class): expected one of 3 classes, such as "
      "\"a\", found \"d\"");
  CHECK_THAT(refused("b,a,class\n7,8,c\n"),
             ContainsSubstring("line 1: expected the features of the other "
                               "table, and \"a\" as number 1 of them, found "
                               "\"b\""));
  CHECK_THAT(refused("a,class\n7,c\n"),
             ContainsSubstring("\"b\" as number 2 of them, found no more"));
  CHECK_THAT(refused("a,b,c,class\n7,8,9,c\n"),
             ContainsSubstring("no more as number 3 of them, found \"c\""));

  // Whole numbers are the same in every spelling.
  const Table<float> numbers = load("a,class\n1,3\n2,10\n");
  const Table<float> again =
      nn::load_csv(MemoryFile{"a,class\n1,10.0\n2,3e0\n"}, labelled(), numbers);
  CHECK(list(again.labels) == std::vector<int>{1, 0});
  // Codes are not.
  const auto coded = [](const Table<float>& first, const std::string& text) {
    return message_of<std::runtime_error>(
        [&] { nn::load_csv(MemoryFile{text}, labelled(), first); });
  };
  CHECK_THAT(coded(numbers, "a,class\n1,03\n"),
             ContainsSubstring("expected one of 2 classes, such as \"3\", "
                               "found \"03\""));
  const Table<float> codes = load("a,class\n1,007\n2,7\n");
  CHECK(codes.classes == Names{"007", "7"});
  CHECK(
      list(nn::load_csv(MemoryFile{"a,class\n1,7\n2,007\n"}, labelled(), codes)
               .labels) == std::vector<int>{1, 0});
  CHECK_THAT(coded(codes, "a,class\n1,7.0\n"),
             ContainsSubstring("found \"7.0\""));

  Table<float> nothing;
  nothing.features = {"a", "b"};
  CHECK_THROWS_WITH(
      nn::load_csv(MemoryFile{"a,b,class\n7,8,c\n"}, labelled(), nothing),
      ContainsSubstring("expected classes in the other table"));
  CsvOptions means;
  means.missing = CsvMissing::kMean;
  CHECK_THROWS_WITH(
      like("a,b\n7,8\n", means),
      ContainsSubstring("a number for each of 2 features, got 0"));
  nothing.classes = {"c", "d", "c"};
  CHECK_THROWS_WITH(
      nn::load_csv(MemoryFile{"a,b,class\n7,8,c\n"}, labelled(), nothing),
      ContainsSubstring("each class once in the other table, got two \"c\""));
}

TEST_CASE("a second table is filled with what filled the first", "[csv]") {
  const std::string text = "a,b\n7,\n";
  Table<float> first;
  first.features = {"a", "b"};
  CsvOptions options;
  const auto complaint = [&] {
    return message_of<std::invalid_argument>(
        [&] { nn::load_csv(MemoryFile{text}, options, first); });
  };
  options.missing = CsvMissing::kMean;
  for (const float value : {float{kNan}, float{kInfinity}}) {
    first.fill = {1, value};
    CHECK_THAT(complaint(),
               ContainsSubstring("a finite number that the other table was "
                                 "filled with, got " +
                                 nn::concat(value) + " for \"b\""));
  }
  first.fill = {1, 2, 3};
  CHECK_THAT(complaint(), ContainsSubstring("each of 2 features, got 3"));
  first.fill = {1, 2};
  CHECK(nn::load_csv(MemoryFile{text}, options, first).x(1, 0) == 2.0F);

  options.missing = CsvMissing::kConstant;
  options.constant = 1;
  CHECK_THAT(complaint(),
             ContainsSubstring("the constant that the other table was filled "
                               "with, 2 for \"b\", got 1"));
  first.fill = {1, 1};
  CHECK(nn::load_csv(MemoryFile{text}, options, first).x(1, 0) == 1.0F);
  // The first has refused them, so that nothing says what the second may do.
  first.fill.clear();
  const Table<float> filled = nn::load_csv(MemoryFile{text}, options, first);
  CHECK(filled.x(1, 0) == 1.0F);
  CHECK(filled.fill == std::vector<float>{1, 1});
}

TEST_CASE("a table does not depend on the pieces in which it is read",
          "[csv]") {
  std::vector<Dialect> all = dialects();
  all.pop_back();  // A megabyte, in pieces of a byte.
  for (const Dialect& dialect : all) {
    INFO(dialect.name);
    const Table<float> whole = load(dialect.text, dialect.options);
    for (std::size_t piece = 1; piece <= dialect.text.size() + 1; ++piece) {
      INFO(piece);
      const Table<float> table = nn::internal::load_csv_in_pieces<float>(
          {dialect.text, "data.csv"}, dialect.options, piece);
      REQUIRE(table.x == whole.x);
      REQUIRE(table.labels == whole.labels);
      REQUIRE(table.classes == whole.classes);
      REQUIRE(table.features == whole.features);
    }
  }
  for (const Refusal& refusal : refusals()) {
    INFO(refusal.name);
    if (refusal.options.limits.max_row_bytes < 100) continue;
    const std::string whole = ::refusal(refusal.text, refusal.options);
    for (std::size_t piece = 1; piece <= refusal.text.size() + 1; ++piece) {
      REQUIRE(message_of<std::runtime_error>([&] {
                nn::internal::load_csv_in_pieces<float>(
                    {refusal.text, "data.csv"}, refusal.options, piece);
              }) == whole);
    }
  }
}

TEST_CASE("random tables are read in pieces of any size", "[csv]") {
  nn::Rng rng(5);
  CsvOptions options = labelled();
  options.leave_out = {"note"};
  for (int round = 0; round < 20; ++round) {
    const std::string text = random_table(rng, 1 + rng.index(40));
    const Table<float> whole = load(text, options);
    for (std::size_t piece = 1; piece < 200; ++piece) {
      const Table<float> table = nn::internal::load_csv_in_pieces<float>(
          {text, "data.csv"}, options, piece);
      REQUIRE(table.x == whole.x);
      REQUIRE(table.labels == whole.labels);
      REQUIRE(table.features == whole.features);
    }
  }
}

TEST_CASE("a random table is read as it was written, in every dialect",
          "[csv]") {
  std::uint64_t seed = 0;
  for_each_dialect([&seed](const CsvOptions& dialect) {
    ++seed;
    const TableWriter written(seed, dialect);
    INFO("seed " << seed << ":\n" << written.text());
    const MemoryFile file{written.text(), "data.csv"};
    const CsvOptions& options = written.options();
    const auto table = nn::load_csv<float>(file, options);
    check_same(table, written.table());
    const std::size_t piece = 1 + seed % 50;
    check_same(nn::internal::load_csv_in_pieces<float>(file, options, piece),
               table);
    check_same(nn::load_csv(file, options, table), table);
  });
  CHECK(seed > 1000);
}

TEST_CASE("a table of a file is that of memory, packed or not", "[csv]") {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("data.csv");
  // Several of the reader's pieces.
  nn::Rng rng(7);
  const std::string text = random_table(rng, 30000);
  CsvOptions options = labelled();
  options.leave_out = {"note"};
  const Table<float> expected = load(text, options);
  CHECK(expected.size() == 30000);
  nn::write_file_atomically(path, text);
  CHECK(nn::load_csv<float>(path, options).x == expected.x);
  CHECK_THROWS_WITH(nn::load_csv<float>(folder.file("none.csv"), options),
                    folder.file("none.csv") + ": no such file");
  if (!nn_test::can_gzip()) return;
  const std::string packed = nn_test::gzip(text);
  nn::write_file_atomically(path, packed);
  const Table<float> unpacked = nn::load_csv<float>(path, options);
  CHECK(unpacked.x == expected.x);
  CHECK(unpacked.labels == expected.labels);
  CHECK_THAT(refusal(packed.substr(0, packed.size() - 9), options),
             ContainsSubstring("data.csv: gzip: "));
  CHECK_THAT(refusal(nn_test::gzip(""), {}),
             ContainsSubstring("found an empty file"));
}

TEST_CASE("a compressed table may unpack to a limit that can be raised",
          "[csv][errors]") {
  if (!nn_test::can_gzip()) return;
  std::string text = "a,b\n";
  while (text.size() < (std::size_t{20} << 20)) text += "0,0\n";
  const std::string packed = nn_test::gzip(text);
  CHECK_THAT(refusal(packed, {}),
             ContainsSubstring("expected a table of at most 64 times the"));
  CsvOptions options;
  options.limits.max_expansion = 2000;
  CHECK(load(packed, options).size() ==
        static_cast<Index>((text.size() - 4) / 4));
}

TEST_CASE("the limit of what is unpacked is met exactly", "[csv][errors]") {
  if (!nn_test::can_gzip()) return;
  std::string text = "\xEF\xBB\xBF";
  text += "sep=,\na,b\n";
  while (text.size() < (std::size_t{17} << 20)) text += "0,0\n";
  text.resize(text.size() / 64 * 64, '\n');
  const auto packed = [&text](std::size_t size) {
    std::string bytes = nn_test::gzip(text);
    REQUIRE(bytes.size() <= size);
    bytes.resize(size);  // Zeros behind the end count for nothing.
    return bytes;
  };
  CHECK(load(packed(text.size() / 64), {}).x.rows() == 2);
  text += '\n';
  CHECK_THAT(refusal(packed(text.size() / 64), {}),
             ContainsSubstring("at most 64 times the " +
                               nn::concat(text.size() / 64) + " bytes"));
  // However small a file is, 16 MiB may come of it.
  text = "a,b\n";
  while (text.size() < (std::size_t{1} << 24)) text += "0,0\n";
  const auto least = packed(nn_test::gzip(text).size());
  CHECK(load(least, {}).x.rows() == 2);
}

TEST_CASE("a table comes out of a pipe", "[csv]") {
  const auto read = [](const std::string& bytes) {
    Pipe pipe(bytes);
    pipe.end();
    return nn::load_csv<float>(pipe.path(), labelled());
  };
  CHECK(read(kHead).x == load(kHead).x);
  CHECK_THROWS_WITH(read(""), ContainsSubstring("found an empty file"));
  CHECK_THROWS_WITH(read("x"), ContainsSubstring("expected a column of"));
  if (nn_test::can_gzip()) CHECK(read(nn_test::gzip(kHead)).x == load(kHead).x);

  // One that goes on, of which nobody waits for the end.
  CsvOptions options;
  options.limits.max_row_bytes = 1000;
  const Pipe endless(std::string(2000, 'a'));
  CHECK_THROWS_WITH(nn::load_csv<float>(endless.path(), options),
                    ContainsSubstring("line 1: a row of more than the 1000"));
  const nn_test::TemporaryDirectory folder;
  CHECK_THROWS_WITH(nn::load_csv<float>(folder.path()),
                    folder.path() + ": not a regular file");
}

TEST_CASE("a compressed pipe unpacks to a limit", "[csv][errors]") {
  if (!nn_test::can_gzip()) return;
  const std::string packed =
      nn_test::gzip("a\n" + std::string(std::size_t{1} << 24, '\n'));
  const auto read = [&packed](std::uint64_t max_expansion) {
    CsvOptions options;
    options.limits.max_expansion = max_expansion;
    Pipe pipe(packed);
    pipe.end();
    nn::load_csv<float>(pipe.path(), options);
  };
  CHECK_THROWS_WITH(read(64), ContainsSubstring("at most 64 times the"));
  CHECK_THROWS_WITH(read(100000), ContainsSubstring("found the end"));
}

TEST_CASE("a file that claims nothing costs nothing", "[csv][errors]") {
  // Names alone, many of them; one name; one row without an end.
  const auto bytes_of = [](const std::string& text) {
    const std::size_t before = nn_test::allocated_bytes();
    CHECK_THAT(refusal(text, {}), ContainsSubstring("data.csv"));
    return nn_test::allocated_bytes() - before;
  };
  CHECK(bytes_of("a,a\n") < 1000000);
  CHECK(bytes_of(std::string(1000000, 'a')) < 20000000);
  CHECK(bytes_of("\"" + std::string(1000000, '\n')) < 20000000);
  CHECK(bytes_of(std::string(1000000, ',')) < 100000000);
}

TEST_CASE("a table is the same under every locale", "[csv][locale]") {
  const nn_test::HostileLocale hostile;
  const Table<float> table = load("a,b,class\n1234.5,-2e3,1000\n1,2,20000\n");
  CHECK(list(table.x) == std::vector<float>{1234.5F, -2000, 1, 2});
  CHECK(table.classes == Names{"1000", "20000"});
  CHECK(list(load("a;b;class\n1234,5;1;0\n", decimal_comma()).x) ==
        std::vector<float>{1234.5F, 1});
  CHECK_THAT(refusal("a,b,class\n1,5;2,0\n"),
             ContainsSubstring("line 2, column 2 (b): expected a number"));
  std::string long_table = "a,b,class\n";
  for (int i = 0; i < 1233; ++i) long_table += "1,2,0\n";
  CHECK_THAT(refusal(long_table + "1,x,0\n"), ContainsSubstring("line 1235,"));
}

TEST_CASE("a cut or damaged table is read or refused, and never left short",
          "[csv]") {
  // A table of which a piece is gone has as many rows as lines, or an error.
  int read = 0;
  for (std::size_t size = 0; size <= kHead.size(); ++size) {
    for (const char damage : {'\0', '"', '\n', '#', ',', '\xFF', ' ', '\r'}) {
      std::string text = kHead.substr(0, size);
      if (size > 0 && damage != ' ') text[size - 1] = damage;
      std::size_t lines = 0;
      std::string line;
      for (const char c : text + "\n") {
        if (c != '\n' && c != '\r') {
          line += c;
        } else {
          if (!line.empty()) ++lines;
          line.clear();
        }
      }
      try {
        const Table<float> table = load(text);
        ++read;
        INFO(text);
        CHECK(static_cast<std::size_t>(table.size()) + 1 == lines);
      } catch (const std::runtime_error& error) {
        CHECK_THAT(error.what(), Catch::Matchers::StartsWith("data.csv"));
      }
    }
  }
  CHECK(read > 10);
}
