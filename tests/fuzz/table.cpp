// Options of load_csv() in two bytes, the size of the pieces in one, and a
// table.

#include <algorithm>
#include <cmath>
#include <optional>

#include "data/csv_pieces.h"
#include "fuzz.h"
#include "nn/data/csv.h"

namespace {

nn::CsvOptions options_of(nn_fuzz::Numbers& numbers) {
  nn::CsvOptions options;
  const nn::CsvHeader headers[] = {
      nn::CsvHeader::kNames, nn::CsvHeader::kAnyNames, nn::CsvHeader::kNone};
  const int dialect = numbers.byte();
  options.header = headers[dialect % 3];
  options.separator = "\0\0, "[dialect / 3 % 4];
  options.comment = dialect / 12 % 2 == 0 ? '\0' : ";#|"[dialect / 96];
  options.decimal = dialect / 24 % 2 == 0 ? '.' : ',';
  const nn::CsvMissing missing[] = {nn::CsvMissing::kRefuse,
                                    nn::CsvMissing::kMean,
                                    nn::CsvMissing::kConstant};
  const int columns = numbers.byte();
  options.quote = dialect / 48 % 2 == 0 ? "'\"|;"[columns / 72] : '\0';
  if (options.quote == options.comment) options.comment = '\0';
  options.missing = missing[columns % 3];
  if (columns / 3 % 3 == 1) options.label = -1;
  if (columns / 3 % 3 == 2) options.targets = {-1};
  if (columns / 9 % 2 == 1) options.leave_out = {0};
  if (columns / 18 % 2 == 1) options.missing_words = {"", "-1"};
  if (columns / 36 % 2 == 1) options.limits.max_row_bytes = 64;
  return options;
}

void check(const nn::Table<float>& table, const nn::CsvOptions& options) {
  using nn_fuzz::require;
  const nn::Index rows = table.size();
  require(rows >= 1, "a table has a row");
  require(table.x.rows() == static_cast<nn::Index>(table.features.size()),
          "every feature has a name");
  require(table.x.allFinite(), "features are finite");
  require(table.target.allFinite(), "targets are finite");
  require(table.target.cols() == (options.targets.empty() ? 0 : rows),
          "every row has its targets");
  require(table.labels.size() == (options.label ? rows : 0),
          "every row has its label");
  for (const int label : table.labels) {
    require(
        label >= 0 && static_cast<std::size_t>(label) < table.classes.size(),
        "a label is that of a class");
  }
  for (std::size_t i = 0; i < table.classes.size(); ++i) {
    require(
        std::count(
            table.classes.begin(), table.classes.end(), table.classes[i]) == 1,
        "every class has a name of its own");
    require((table.labels.array() == static_cast<int>(i)).any(),
            "every class has a row");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nn_fuzz::Numbers numbers(data, size);
  const nn::CsvOptions options = options_of(numbers);
  const std::size_t piece = 1U + numbers.byte();
  const nn::MemoryFile file =
      nn_fuzz::file(numbers.rest(), numbers.rest_size());
  std::optional<nn::Table<float>> table;
  nn_fuzz::accepts([&] { table = nn::load_csv<float>(file, options); });
  std::optional<nn::Table<float>> other;
  nn_fuzz::accepts([&] {
    other = nn::internal::load_csv_in_pieces<float>(file, options, piece);
  });
  nn_fuzz::require(table.has_value() == other.has_value(),
                   "pieces are taken where the whole is");
  if (!table) return 0;
  check(*table, options);
  nn_fuzz::require(table->x == other->x && table->target == other->target &&
                       table->labels == other->labels &&
                       table->classes == other->classes &&
                       table->features == other->features,
                   "pieces make the same table");
  // Read again like itself, it is itself.
  const nn::Table<float> again = nn::load_csv(file, options, *table);
  nn_fuzz::require(again.x == table->x && again.labels == table->labels,
                   "a table is like itself");
  return 0;
}
