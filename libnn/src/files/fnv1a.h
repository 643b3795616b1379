#ifndef NN_SRC_FILES_FNV1A_H_
#define NN_SRC_FILES_FNV1A_H_

#include <cstdint>
#include <string_view>

namespace nn::internal {

/// A sum over bytes by which contents are told apart: FNV-1a of 64 bits
/// (Fowler, Noll and Vo). Of two contents that differ in one byte it is never
/// the same.
class Fnv1a {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) add_byte(static_cast<unsigned char>(c));
  }
  /// Eight bytes, the lowest first.
  void add_number(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) {
      add_byte(static_cast<unsigned char>(number >> (8 * i) & 0xffu));
    }
  }
  std::uint64_t sum() const { return sum_; }

 private:
  void add_byte(unsigned char byte) { sum_ = (sum_ ^ byte) * 0x100000001b3u; }

  std::uint64_t sum_ = 0xcbf29ce484222325u;
};

}  // namespace nn::internal

#endif  // NN_SRC_FILES_FNV1A_H_
