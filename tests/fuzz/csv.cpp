// A table as the programs write it: whole numbers, shares, a name and bytes.

#include "common/csv.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  nn_fuzz::accepts([&] {
    apps::CsvReader csv("input", text, "index,share,seconds,name,gray");
    while (csv.next_row()) {
      const int row = static_cast<int>(csv.rows());
      csv.whole(row, row);
      const double share = csv.share();
      nn_fuzz::require(share >= 0 && share <= 1, "a share is from 0 to 1");
      nn_fuzz::require(csv.not_negative() >= 0, "no time is negative");
      nn_fuzz::require(!csv.word("").empty(), "a name is not empty");
      nn_fuzz::require(csv.bytes(2).size() == 2, "bytes are as many as wanted");
    }
    nn_fuzz::require(csv.rows() < size, "every row takes a byte");
  });
  return 0;
}
