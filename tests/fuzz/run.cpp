// A run folder. The input is its files one after the other, each behind a line
// "=== NAME".

#include "common/run.h"

#include <map>
#include <vector>

#include "fuzz.h"

namespace {

std::map<std::string, std::string> files_of(const std::string& input) {
  const std::string mark = "=== ";
  std::map<std::string, std::string> files;
  std::string name = "summary.json";
  for (std::size_t begin = 0; begin < input.size();) {
    std::size_t end = input.find('\n', begin);
    end = end == input.npos ? input.size() : end + 1;
    const std::string line = input.substr(begin, end - begin);
    if (line.compare(0, mark.size(), mark) == 0 && line.back() == '\n') {
      name = line.substr(mark.size(), line.size() - mark.size() - 1);
    } else {
      files[name] += line;
    }
    begin = end;
  }
  return files;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> problems;
  const apps::Run run =
      apps::read_run(apps::RunFiles("input", files_of(input)), problems);
  nn_fuzz::require(run.confusion.empty() || run.confusion.size() == 100,
                   "a confusion matrix is whole or not there");
  // Whoever shows a run copies and prints its summary.
  nn_fuzz::require(nlohmann::json(run.summary).dump().size() <= 8 * size + 64,
                   "a summary says no more than its file");
  return 0;
}
