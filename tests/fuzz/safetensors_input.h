#ifndef NN_TESTS_FUZZ_SAFETENSORS_INPUT_H_
#define NN_TESTS_FUZZ_SAFETENSORS_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "files/json.h"
#include "utf8.h"

namespace nn_fuzz {

/// A safetensors file from an input. Its first byte says how:
///
///   h  a header's JSON, a line feed, the data
///   m  the JSON of a model, a line feed, the tensors of a header's JSON, a
///      line feed, the data
///
/// Lengths and escapes are then right, which a fuzzer would hardly keep. What
/// begins otherwise is the file as it is.
inline std::string safetensors_input(const std::uint8_t* data,
                                     std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (input.empty() || (input[0] != 'h' && input[0] != 'm')) return input;
  std::size_t begin = 1;
  const auto line = [&] {
    const std::size_t end = input.find('\n', begin);
    const std::string text = input.substr(begin, end - begin);
    begin = end == input.npos ? size : end + 1;
    return text;
  };
  std::string header = line();
  if (input[0] == 'm') {
    // The reader wants no bytes that JSON cannot hold.
    if (!nn::internal::is_utf8(header)) return input;
    header = "{\"__metadata__\":{\"libnn.model\":" +
             nn::internal::json_string(header) + "}" + line() + "}";
  }
  std::string file;
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t length = header.size();
    file += static_cast<char>(static_cast<unsigned char>(length >> (8 * i)));
  }
  return file + header + input.substr(begin);
}

}  // namespace nn_fuzz

#endif  // NN_TESTS_FUZZ_SAFETENSORS_INPUT_H_
