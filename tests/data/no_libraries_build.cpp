// A build without libpng and libjpeg: the decoders, compiled as there, say in
// words what is missing.

#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>

#include "data/pixels.h"

namespace {

bool says(const std::function<void()>& decode, const std::string& expected) {
  std::string message = "nothing";
  try {
    decode();
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  if (message == expected) return true;
  std::cerr << "expected: " << expected << "\ngot: " << message << '\n';
  return false;
}

}  // namespace

int main() {
  using nn::internal::decode_jpeg;
  using nn::internal::decode_png;
  const bool png = says([] { decode_png("", {}); },
                        "a PNG picture, but libnn was built without libpng");
  const bool jpeg = says([] { decode_jpeg("", nn::PictureColor::kAsItIs, {}); },
                         "a JPEG picture, but libnn was built without libjpeg");
  return png && jpeg ? 0 : 1;
}
