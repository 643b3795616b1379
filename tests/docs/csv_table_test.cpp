// docs/examples/train_csv: one table in all dialects that people write, each
// read as it is or refused with its line.

#include "csv_table.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "nn/nn.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;

struct Dialect {
  const char* name;
  std::string text;
  std::vector<std::string> classes = {"0", "1"};
  std::string class_column = {};
  std::vector<float> values = {1.5F, -2, 3, 4, 5, 6, 7, 8};
  std::vector<int> labels = {0, 1, 0, 1};
};

struct Refusal {
  const char* name;
  std::string text;
  long line;
  const char* reason;
};

const std::string kRows = "1.5,-2,0\n3,4,1\n5,6,0\n7,8,1\n";

std::string with(std::string text, const std::string& from, std::string to) {
  std::size_t at = 0;
  while ((at = text.find(from, at)) != std::string::npos) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

const std::vector<std::string> kWords = {"no", "yes"};

std::vector<Dialect> dialects() {
  const std::string head = "a,b,class\n" + kRows;
  return {
      {"with a header", head},
      {"without a header", kRows},
      {"semicolons", with(head, ",", ";")},
      {"tabs", with(head, ",", "\t")},
      {"bars", with(head, ",", "|")},
      {"CRLF", with(head, "\n", "\r\n")},
      {"CR", with(head, "\n", "\r")},
      {"no end of the last line", head.substr(0, head.size() - 1)},
      {"CRLF, no end of the last line",
       with(head, "\n", "\r\n").substr(0, head.size() + 3)},
      {"byte order mark", "\xEF\xBB\xBF" + head},
      {"byte order mark without a header", "\xEF\xBB\xBF" + kRows},
      {"blank lines", "\n" + with(head, "\n", "\n\n  \n")},
      {"comments in front", "# made by hand\n#\n" + head},
      {"spaces around", " " + with(with(head, ",", " , "), "\n", " \n ")},
      {"all quoted",
       "\"" + with(with(kRows, ",", "\",\""), "\n", "\"\n\"") + "\"\n",
       {},
       {},
       {},
       {}},
      {"header quoted", with(head, "a,b", "\"a\",\"b\"")},
      {"separators in quotes", with(head, "a,b", "\"a,\"\"mm\"\"\",b")},
      {"line ends in quotes", with(head, "a,b", "\"a\nin mm\",b")},
      {"decimal commas", with(with(head, ",", ";"), ".", ",")},
      {"decimal commas behind tabs", with(with(kRows, ",", "\t"), ".", ",")},
      {"leading plus", with(head, ",4,", ",+4,")},
      {"exponents", with(head, "1.5,", "15E-1,")},
      {"points at the ends", with(with(head, ",4,", ",4.,"), "1.5", "001.50")},
      {"words as classes",
       with(with(head, ",0\n", ",no\n"), ",1\n", ",yes\n"),
       kWords},
      {"words, no header",
       with(with(kRows, ",0\n", ",no\n"), ",1\n", ",yes\n"),
       kWords},
      {"words in the first column",
       "no,1.5,-2\nyes,3,4\nno,5,6\nyes,7,8\n",
       kWords},
      {"class first by its name", "Class,a,b\n0,1.5,-2\n1,3,4\n0,5,6\n1,7,8\n"},
      {"class where one says",
       "a,sort,b\n1.5,0,-2\n3,1,4\n5,0,6\n7,1,8\n",
       {"0", "1"},
       "sort"},
      {"classes from 1",
       with(with(head, ",1\n", ",2\n"), ",0\n", ",1\n"),
       {"1", "2"}},
      {"negative classes", with(head, ",0\n", ",-1\n"), {"-1", "1"}},
      {"classes as fractions of nothing",
       with(with(head, ",1\n", ",1.0\n"), ",0\n", ",0.0\n")},
      {"classes in numerical order",
       with(with(head, ",1\n", ",10\n"), ",0\n", ",9\n"),
       {"9", "10"}},
      {"UTF-8",
       with(with(head, ",0\n", ",\xC3\xA9\n"), ",1\n", ",\xE2\x82\xAC\n"),
       {"\xC3\xA9", "\xE2\x82\xAC"}},
      {"a very long line",
       with(head, "a,b", "a,\"" + std::string(1 << 20, 'b') + "\"")},
  };
}

std::vector<Refusal> refusals() {
  const std::string head = "a,b,class\n" + kRows;
  return {
      {"empty file", "", 1, "no row"},
      {"blank file", "\n\n \r\n", 1, "no row"},
      {"header alone", "a,b,class\n", 1, "no row"},
      {"one row", "1,2,0\n", 1, "all rows are of this class"},
      {"one class",
       with(head, ",1\n", ",0\n"),
       2,
       "all rows are of this class"},
      {"one column", "a\n1\n2\n", 1, "expected columns"},
      {"spaces between", with(kRows, ",", " "), 1, "expected columns"},
      {"short row", with(head, "5,6,0", "5,6"), 4, "expected 3 fields"},
      {"long row", with(head, "5,6,0", "5,6,0,0"), 4, "expected 3 fields"},
      {"separator at the ends", with(kRows, "\n", ",\n"), 1, "missing"},
      {"missing value",
       with(head, "5,6,0", "5,,0"),
       4,
       "b: a value is missing"},
      {"missing in the first row", with(kRows, "1.5,-2", ","), 1, "missing"},
      {"all of the first row missing", "NA,?,\n" + kRows, 1, "missing"},
      {"missing class", with(head, "5,6,0", "5,6,"), 4, "class is missing"},
      {"NA", with(head, "5,6,0", "NA,6,0"), 4, "a value is missing: 'NA'"},
      {"NaN", with(head, "5,6,0", "nan,6,0"), 4, "a value is missing: 'nan'"},
      {"infinite", with(head, "5,6,0", "-inf,6,0"), 4, "range"},
      {"too large", with(head, "5,6,0", "1e400,6,0"), 4, "range"},
      {"too large for float", with(head, "5,6,0", "1e39,6,0"), 4, "range"},
      {"too large in the first row", "1e400,2,0\n" + kRows, 1, "range"},
      {"hexadecimal", with(head, "5,6,0", "0x1F,6,0"), 4, "found '0x1F'"},
      {"hexadecimal in the first row", "0x1F,0x2,0\n" + kRows, 1, "'0x1F'"},
      {"thousands", with(head, "5,6,0", "\"1,234\",6,0"), 4, "'1,234'"},
      {"thousands and decimal comma",
       with(with(kRows, ",", ";"), "5;6", "1.234,5;6"),
       3,
       "'1.234,5'"},
      {"comma and point",
       with(with(kRows, ",", ";"), "5;6", "5,5;6"),
       3,
       "'5,5'"},
      {"a word", with(head, "5,6,0", "5,six,0"), 4, "b: expected a number"},
      {"a unit", with(head, "5,6,0", "5,6 mm,0"), 4, "found '6 mm'"},
      {"two words", "a,b,class\nx,1,no\ny,2,yes\nz,3,no\nu,4,yes\n", 2, "'x'"},
      {"fractional classes", with(head, ",0\n", ",0.5\n"), 2, "whole number"},
      {"no classes", "1,2,3\n4,5,6\n7,8,9\n", 1, "found 3 different values"},
      {"words and numbers as classes",
       with(head, "5,6,0", "5,6,x"),
       4,
       "is no number"},
      {"numbers as names", "1990,1991,class\n" + kRows, 1, "no number"},
      {"a name twice", with(head, "a,b", "a,a"), 1, "two columns"},
      {"a column without a name", with(head, "a,b", ",b"), 1, "missing"},
      {"UTF-16",
       std::string("\xFF\xFE"
                   "1\0,\0",
                   6),
       1,
       "UTF-16"},
      {"UTF-16, other order",
       std::string("\xFE\xFF\0"
                   "1\0,",
                   6),
       1,
       "UTF-16"},
      {"UTF-16 without a mark", std::string("1\0,\0", 4), 1, "control"},
      {"NUL", with(head, "5,6", std::string("5\0,6", 4)), 4, "of code 0"},
      {"Latin-1", with(head, "5,6,0", "5,6,\xE9"), 4, "no UTF-8"},
      {"escape sequences", with(head, "5,6,0", "5,6,\x1B[2J"), 4, "code 27"},
      {"open quote", with(head, "5,6,0", "\"5,6,0"), 4, "never closed"},
      {"text behind a quote", with(head, "5,6,0", "\"5\"5,6,0"), 4, "behind"},
      {"quote inside", with(head, "5,6,0", "5\"5,6,0"), 4, "quote inside"},
      {"comment between rows", with(head, "5,6,0", "#5,6,0"), 4, "comment"},
      {"comment that may be a row", "#1,2,0\n" + kRows, 1, "comment"},
      {"line counted over quotes",
       "\"a\nb\",c,class\n\n1,2,0\n3,x,1\n",
       5,
       "'x'"},
      {"line counted over CR", "1,2,0\r\r3,x,1\r", 3, "'x'"},
  };
}

}  // namespace

TEST_CASE("one table is read in all its dialects", "[docs][csv]") {
  for (Dialect dialect : dialects()) {
    INFO(dialect.name);
    if (dialect.classes.empty()) {  // The same as all others.
      const Dialect plain{"", ""};
      dialect.classes = plain.classes;
      dialect.values = plain.values;
      dialect.labels = plain.labels;
      dialect.text.resize(dialect.text.size() - 3);  // the quotes behind all
    }
    CsvTable table;
    CHECK_NOTHROW(table = parse_csv_table(
                      "data.csv", dialect.text, dialect.class_column));
    CHECK(table.values == dialect.values);
    CHECK(table.labels == dialect.labels);
    CHECK(table.classes == dialect.classes);
    CHECK(table.features.size() == 2);
  }
}

TEST_CASE("what is no table is refused with its line", "[docs][csv][errors]") {
  for (const Refusal& refusal : refusals()) {
    INFO(refusal.name);
    const std::string place = nn::concat("data.csv, line ", refusal.line, ": ");
    CHECK_THROWS_WITH(
        parse_csv_table("data.csv", refusal.text),
        ContainsSubstring(place) && ContainsSubstring(refusal.reason));
  }
  CHECK_THROWS_WITH(parse_csv_table("data.csv", "a,b,c\n" + kRows, "d"),
                    ContainsSubstring("line 1: no column is called 'd'"));
}

TEST_CASE("a table of a file has the names of its columns", "[docs][csv]") {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("data.csv");
  nn::write_file_atomically(path, "length,class,width\n" + kRows);
  const CsvTable table = read_csv_table(path, "width");
  CHECK(table.features == std::vector<std::string>{"length", "class"});
  CHECK_THROWS_AS(read_csv_table(folder.file("none.csv")), std::runtime_error);
}

TEST_CASE("a cut or damaged table is read or refused, and never left short",
          "[docs][csv]") {
  // A table of which a piece is gone has as many rows as lines, or an error.
  const std::string whole = "a,b,class\n" + kRows;
  int read = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    for (const char damage : {'\0', '"', '\n', '#', ',', '\xFF', ' '}) {
      std::string text = whole.substr(0, size);
      if (size > 0 && damage != ' ') text[size - 1] = damage;
      std::size_t lines = 0;
      std::string line;
      for (const char c : text + "\n") {
        if (c != '\n') {
          line += c;
        } else {
          if (!line.empty()) ++lines;
          line.clear();
        }
      }
      try {
        const CsvTable table = parse_csv_table("data.csv", text);
        ++read;
        const bool named = table.features.front() != "column 1" &&
                           table.features.back() != "column 2";
        INFO(text);
        // A quote may hold a line's end, and a comment a header.
        CHECK(table.labels.size() + (named ? 1 : 0) + (damage == '#' ? 1 : 0) >=
              lines);
      } catch (const std::runtime_error& error) {
        CHECK_THAT(error.what(), ContainsSubstring("data.csv, line "));
      }
    }
  }
  CHECK(read > 2);
}
