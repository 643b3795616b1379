// Gives inputs to the fuzzers' targets without libFuzzer, and so with any
// compiler: those of the corpus, and what becomes of each when it is cut off or
// one of its bytes is another.
//
//   nn_fuzz_replay [--as-they-are] TARGET FILE-OR-FOLDER...

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "fuzz.h"
#include "nn/files/file.h"

// NN_FUZZ_TARGETS is X(idx) X(gzip) ...
#define X(name) \
  extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
NN_FUZZ_TARGETS
#undef X

namespace {

namespace fs = std::filesystem;

using Target = int (*)(const std::uint8_t*, std::size_t);

Target find_target(const std::string& wanted) {
#define X(name) \
  if (wanted == #name) return fuzz_##name;
  NN_FUZZ_TARGETS
#undef X
  return nullptr;
}

/// In memory of just its size, so that a sanitizer sees a step outside.
void give(Target target, const std::string& input) {
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  target(bytes.data(), bytes.size());
}

std::size_t give_variations(Target target, const std::string& input) {
  // Long inputs are changed in so many places, evenly apart.
  constexpr std::size_t kMostPlaces = 500;
  const std::size_t step = input.size() / kMostPlaces + 1;
  std::size_t given = 0;
  for (std::size_t i = 0; i < input.size(); i += step) {
    give(target, input.substr(0, i));
    std::string changed = input;
    for (const int byte : {0x00, 0xff, input[i] ^ 0x01, input[i] ^ 0x80}) {
      changed[i] = static_cast<char>(byte);
      give(target, changed);
    }
    given += 5;
  }
  return given;
}

/// Of a folder that may be missing: not every target has both kinds of inputs.
std::vector<std::string> files_in(const std::string& place) {
  if (!fs::exists(place)) return {};
  if (!fs::is_directory(place)) return {place};
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(place)) {
    if (entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

int replay(std::vector<std::string> arguments) {
  bool vary = true;
  if (!arguments.empty() && arguments[0] == "--as-they-are") {
    vary = false;
    arguments.erase(arguments.begin());
  }
  const Target target = arguments.empty() ? nullptr : find_target(arguments[0]);
  if (target == nullptr || arguments.size() < 2) {
    std::cerr << "Usage: nn_fuzz_replay [--as-they-are] TARGET "
                 "FILE-OR-FOLDER...\n";
    return 2;
  }
  std::size_t files = 0;
  std::size_t given = 0;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    for (const std::string& file : files_in(arguments[i])) {
      const std::string input = nn::read_file(file);
      give(target, input);
      given += 1 + (vary ? give_variations(target, input) : 0);
      ++files;
    }
  }
  std::cout << arguments[0] << ": " << files << " files, " << given
            << " inputs\n";
  return files > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return replay(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::cerr << "nn_fuzz_replay: error: " << error.what() << '\n';
    return 1;
  }
}
