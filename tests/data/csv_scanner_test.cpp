#include "data/csv_scanner.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "data/byte_stream.h"
#include "support/catch.h"

// What a table may look like and may not, csv_test.cpp shows.

namespace {

using nn::CsvOptions;
using nn::Index;
using nn::internal::CsvScanner;

struct Row {
  Index line = 0;
  Index blank_line = 0;
  std::vector<std::string> fields;

  bool operator==(const Row& other) const {
    return line == other.line && blank_line == other.blank_line &&
           fields == other.fields;
  }
};

class Scan {
 public:
  Scan(const std::string& text, const CsvOptions& options, std::size_t piece)
      : stream_(nn::internal::open_byte_stream(nn::MemoryFile{text, "file"},
                                               "a table")),
        scanner_(*stream_, options, piece) {}

  CsvScanner& scanner() { return scanner_; }

  bool take_row(Row& row) {
    row.fields.clear();
    std::string_view text;
    do {
      if (!scanner_.take_field(text)) return false;
      row.fields.emplace_back(text);
    } while (scanner_.take_separator());
    return scanner_.end_row();
  }

  std::vector<Row> rows() {
    std::vector<Row> all;
    while (scanner_.begin_row()) {
      Row row;
      row.line = scanner_.row_line();
      row.blank_line = scanner_.blank_line();
      while (!scanner_.find_separator()) scanner_.refill();
      while (!take_row(row)) scanner_.refill();
      all.push_back(row);
    }
    return all;
  }

 private:
  std::unique_ptr<nn::internal::ByteStream> stream_;
  CsvScanner scanner_;
};

}  // namespace

TEST_CASE("a scanner gives rows and fields, whatever its window", "[csv]") {
  const std::string text =
      "\xef\xbb\xbf# none\r\n a;\"b\n;\r\n\"\"c\" ; \n\n \r;;\rx "
      "y;\"\";\"\"\"\"";
  CsvOptions options;
  options.comment = '#';
  const std::vector<Row> expected = {{2, 0, {"a", "b\n;\n\"c", ""}},
                                     {7, 6, {"", "", ""}},
                                     {8, 0, {"x y", "", "\""}}};
  for (std::size_t piece = 1; piece < 60; ++piece) {
    INFO(piece);
    CHECK(Scan(text, options, piece).rows() == expected);
  }
  options.separator = ' ';
  options.quote = '\0';
  options.comment = '\0';
  for (std::size_t piece = 1; piece < 60; ++piece) {
    CHECK(Scan(" \t1  \"a\t\"\n2", options, piece).rows() ==
          std::vector<Row>{{1, 0, {"1", "\"a", "\""}}, {2, 0, {"2"}}});
  }
}

TEST_CASE("a scanner keeps no comment in its window", "[csv]") {
  CsvOptions options;
  options.comment = ';';
  options.limits.max_row_bytes = 8;
  const std::string comment = " ;" + std::string(100, 'x');
  const std::string text = comment + "\r\n1|2\r\n" + comment + "\r" + comment +
                           "\n\n3|4\n" + comment;
  for (std::size_t piece = 1; piece < 120; ++piece) {
    INFO(piece);
    CHECK(Scan(text, options, piece).rows() ==
          std::vector<Row>{{2, 0, {"1", "2"}}, {6, 5, {"3", "4"}}});
  }
}

TEST_CASE("a scanner takes no quote and no comment for a separator", "[csv]") {
  CsvOptions options;
  options.comment = ';';
  options.quote = '|';
  CHECK(Scan("|a|,|b;|\n;x\n1,2", options, 5).rows() ==
        std::vector<Row>{{1, 0, {"a", "b;"}}, {3, 0, {"1", "2"}}});
}

TEST_CASE("a scanner takes a number only where it is the whole field",
          "[csv]") {
  Scan scan("1.5, 2 ,3x,nan,\"4\",5", {}, /*piece_bytes=*/100);
  CsvScanner& scanner = scan.scanner();
  REQUIRE(scanner.begin_row());
  scanner.refill();
  REQUIRE(scanner.find_separator());
  float value = 0.0F;
  std::string_view text;
  CHECK(scanner.take_number(value));
  CHECK(value == 1.5F);
  // The end of the text may not be the end of the number.
  for (const char* field : {"2", "3x", "nan", "4", "5"}) {
    CHECK(scanner.take_separator());
    CHECK_FALSE(scanner.take_number(value));
    CHECK(scanner.take_field(text));
    CHECK(text == field);
  }
  CHECK_FALSE(scanner.take_separator());
  CHECK(scanner.end_row());
  // Back to where the row began.
  scanner.rewind();
  CHECK(scanner.take_field(text));
  CHECK(text == "1.5");
}
