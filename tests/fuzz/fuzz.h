#ifndef NN_TESTS_FUZZ_FUZZ_H_
#define NN_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

#include "nn/files/file.h"

/// What libFuzzer calls with every input. A target defines it; where the
/// targets share one program (replay.cpp), each under a name of its own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace nn_fuzz {

/// Ends the program, which is what makes a fuzzer keep an input, unless
/// `holds`.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "not so: " << what << std::endl;
  std::abort();
}

/// The input as a file that a reader takes.
inline nn::MemoryFile file(const std::uint8_t* data, std::size_t size) {
  return {{reinterpret_cast<const char*>(data), size}, "input"};
}

/// Calls read(), which may refuse its input in the one way that readers have.
/// Returns whether it took it.
template <typename Function>
bool accepts(const Function& read) {
  try {
    read();
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

/// Takes numbers off the front of an input; zeros once it is used up.
class Numbers {
 public:
  Numbers(const std::uint8_t* data, std::size_t size)
      : data_(data), size_(size) {}

  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  /// From `low` to `high`, of at most two bytes.
  long in(long low, long high) {
    const long span = high - low + 1;
    const long value = span > 256 ? 256L * byte() + byte() : long{byte()};
    return low + value % span;
  }
  bool flag() { return (byte() & 1) != 0; }

  const std::uint8_t* rest() const { return data_; }
  std::size_t rest_size() const { return size_; }
  std::string rest_text() const {
    return std::string(reinterpret_cast<const char*>(data_), size_);
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace nn_fuzz

#endif  // NN_TESTS_FUZZ_FUZZ_H_
