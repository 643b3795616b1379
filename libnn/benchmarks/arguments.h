#ifndef NN_BENCHMARKS_ARGUMENTS_H_
#define NN_BENCHMARKS_ARGUMENTS_H_

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/check.h"

namespace nn::bench {

/// Wrong usage: the program prints the message and exits with 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A command line of "--name value" pairs. The library builds without the
/// programs' dependencies, and so do its benchmarks.
class Arguments {
 public:
  Arguments(int argc, const char* const* argv)
      : words_(argv + 1, argv + argc) {}

  /// The whole number of at least `least` after `name`, or `otherwise`.
  int take(const std::string& name, int otherwise, int least = 1) {
    const std::string text = take_text(name);
    return text.empty() ? otherwise : parse(name, text, least);
  }

  /// Numbers of at least 1 with commas between them.
  std::vector<int> take_list(const std::string& name,
                             const std::vector<int>& otherwise) {
    const std::string text = take_text(name);
    if (text.empty()) return otherwise;
    std::vector<int> values;
    std::size_t start = 0;
    while (start <= text.size()) {
      const std::size_t end = std::min(text.find(',', start), text.size());
      values.push_back(parse(name, text.substr(start, end - start), 1));
      start = end + 1;
    }
    return values;
  }

  /// Throws UsageError if there is anything that was not taken.
  void finish() const {
    if (!words_.empty()) {
      throw UsageError("unknown argument '" + words_.front() + "'");
    }
  }

 private:
  std::string take_text(const std::string& name) {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (words_[i] != name) continue;
      if (i + 1 == words_.size() || words_[i + 1].empty()) {
        throw UsageError(name + ": expected a value");
      }
      const std::string value = words_[i + 1];
      const auto at = words_.begin() + static_cast<std::ptrdiff_t>(i);
      words_.erase(at, at + 2);
      return value;
    }
    return {};
  }

  static int parse(const std::string& name,
                   const std::string& text,
                   int least) {
    char* end = nullptr;
    errno = 0;
    const long value = std::strtol(text.c_str(), &end, 10);
    if (text.empty() || errno != 0 || *end != '\0' || value < least ||
        value > std::numeric_limits<int>::max()) {
      throw UsageError(concat(name,
                              ": expected a whole number of at least ",
                              least,
                              ", got '",
                              text,
                              "'"));
    }
    return static_cast<int>(value);
  }

  std::vector<std::string> words_;
};

}  // namespace nn::bench

#endif  // NN_BENCHMARKS_ARGUMENTS_H_
