// Gives inputs to the fuzzers' targets without libFuzzer, and so with any
// compiler: those of the corpus, what becomes of each when it is cut off or one
// of its bytes is another, and for some seconds what becomes of them at random.
//
//   nn_fuzz_replay [--as-they-are] [--seconds N [--seed S]] TARGET
//     FILE-OR-FOLDER...

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <random>
#include <vector>

#include "fuzz.h"
#include "nn/files/file.h"
#include "nn/random.h"

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

/// Changes an input at random; `other` lends parts of itself.
void change(std::string& input, const std::string& other, nn::Rng& rng) {
  const auto below = [&rng](std::size_t count) {
    return count == 0 ? 0
                      : static_cast<std::size_t>(
                            rng.index(static_cast<nn::Index>(count)));
  };
  const auto any_byte = [&] { return static_cast<char>(below(256)); };
  const std::size_t at = below(input.size() + 1);
  const std::size_t length = below(1 + below(1 + input.size() - at));
  switch (below(6)) {
    case 0:
      if (at < input.size()) input[at] = any_byte();
      break;
    case 1:
      if (at < input.size()) {
        input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
      }
      break;
    case 2:
      input.insert(at, 1 + below(4), any_byte());
      break;
    case 3:
      input.erase(at, length);
      break;
    case 4:
      input.insert(at, input.substr(below(input.size() + 1), length));
      break;
    default:
      input.replace(at, length, other, below(other.size() + 1), below(64));
  }
}

/// Returns how many inputs were given.
std::size_t give_random(Target target,
                        const std::vector<std::string>& inputs,
                        double seconds,
                        std::uint64_t seed) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t kLongest = 8192;
  // For whoever sees it fail.
  std::cerr << "seed " << seed << std::endl;
  nn::Rng rng(seed);
  const auto any = [&]() -> const std::string& {
    return inputs[static_cast<std::size_t>(
        rng.index(static_cast<nn::Index>(inputs.size())))];
  };
  const Clock::time_point end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(seconds));
  std::size_t given = 0;
  for (; Clock::now() < end; ++given) {
    std::string input = any();
    for (nn::Index changes = 1 + rng.index(6); changes > 0; --changes) {
      change(input, any(), rng);
    }
    give(target, input.substr(0, kLongest));
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

struct Arguments {
  bool vary = true;
  double seconds = 0.0;
  std::uint64_t seed = std::random_device()();
  std::vector<std::string> words;  // the target and the places of its corpus
};

Arguments parse(int argc, char** argv) {
  Arguments result;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--as-they-are") {
      result.vary = false;
    } else if (word == "--seconds" && has_value) {
      result.seconds = std::stod(argv[++i]);
    } else if (word == "--seed" && has_value) {
      result.seed = std::stoull(argv[++i]);
    } else {
      result.words.push_back(word);
    }
  }
  return result;
}

int replay(const Arguments& arguments) {
  const std::vector<std::string>& words = arguments.words;
  const Target target = words.empty() ? nullptr : find_target(words[0]);
  if (target == nullptr || words.size() < 2) {
    std::cerr << "Usage: nn_fuzz_replay [--as-they-are] [--seconds N "
                 "[--seed S]] TARGET FILE-OR-FOLDER...\n";
    return 2;
  }
  std::vector<std::string> inputs;
  std::size_t given = 0;
  for (std::size_t i = 1; i < words.size(); ++i) {
    for (const std::string& file : files_in(words[i])) {
      inputs.push_back(nn::read_file(file));
      give(target, inputs.back());
      given +=
          1 + (arguments.vary ? give_variations(target, inputs.back()) : 0);
    }
  }
  std::cout << words[0] << ": " << inputs.size() << " files, " << given
            << " inputs\n";
  if (inputs.empty()) return 1;
  if (arguments.seconds > 0.0) {
    std::cout << give_random(target, inputs, arguments.seconds, arguments.seed)
              << " random inputs\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return replay(parse(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "nn_fuzz_replay: error: " << error.what() << '\n';
    return 1;
  }
}
