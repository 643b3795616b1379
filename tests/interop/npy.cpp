// The library's side of the test of .npy files: reads one and writes it again.
// npy_reader.py drives it.
//
//   nn_interop_npy TYPE IN OUT   reads IN into numbers of NumPy's type TYPE,
//                                "f4" or "u1", and saves them to OUT

#include "nn/data/npy.h"

#include <cstdint>
#include <exception>
#include <iostream>
#include <string>

namespace {

template <typename Scalar>
bool copy(const std::string& in, const std::string& out) {
  nn::save_npy(out, nn::load_npy<Scalar>(in));
  return true;
}

bool copy_as(const std::string& type,
             const std::string& in,
             const std::string& out) {
  if (type == "f4") return copy<float>(in, out);
  if (type == "f8") return copy<double>(in, out);
  if (type == "i1") return copy<std::int8_t>(in, out);
  if (type == "i2") return copy<std::int16_t>(in, out);
  if (type == "i4") return copy<std::int32_t>(in, out);
  if (type == "i8") return copy<std::int64_t>(in, out);
  if (type == "u1") return copy<std::uint8_t>(in, out);
  if (type == "u2") return copy<std::uint16_t>(in, out);
  if (type == "u4") return copy<std::uint32_t>(in, out);
  if (type == "u8") return copy<std::uint64_t>(in, out);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 4 && copy_as(argv[1], argv[2], argv[3])) return 0;
    std::cerr << "Usage: nn_interop_npy TYPE IN OUT\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "nn_interop_npy: error: " << error.what() << '\n';
    return 1;
  }
}
