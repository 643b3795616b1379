// A compressed IDX file. Checksums keep a fuzzer from changing what is
// compressed, so half of the inputs are that content, and what is read is
// packed here: in members of stored blocks, with zeros or other bytes behind.

#include <zlib.h>

#include <algorithm>

#include "fuzz.h"
#include "nn/data/idx.h"

namespace {

using nn_fuzz::Numbers;

void append_little_endian(std::string& bytes, unsigned long value, int count) {
  for (int i = 0; i < count; ++i) {
    bytes += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

void append_member(std::string& file, const Bytef* data, std::size_t size) {
  file.append("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  file += '\1';  // the last block, stored
  append_little_endian(file, size, 2);
  append_little_endian(file, ~size, 2);
  file.append(reinterpret_cast<const char*>(data), size);
  append_little_endian(file, crc32(0, data, static_cast<uInt>(size)), 4);
  append_little_endian(file, size, 4);
}

void read_packed(Numbers numbers) {
  std::string file;
  const std::size_t cut = numbers.byte();
  const std::size_t zeros = numbers.byte();
  const std::uint8_t behind = numbers.byte();
  const std::uint8_t* const content = numbers.rest();
  const std::size_t size = numbers.rest_size();
  const std::size_t first = std::min(cut, size);
  append_member(file, content, first);
  if (cut > 0) append_member(file, content + first, size - first);
  file.append(zeros, '\0');
  if (behind != 0) file += static_cast<char>(behind);

  // What is compressed twice is refused, and what is compressed here may be.
  const bool twice = size >= 2 && content[0] == 0x1f && content[1] == 0x8b;
  const bool whole = cut > 0 || first == size;
  nn::IdxArray plain;
  const bool plain_is_good =
      !twice && behind == 0 && whole && nn_fuzz::accepts([&] {
        plain = nn::read_idx(nn_fuzz::file(content, size));
      });
  nn::IdxArray unpacked;
  const bool good =
      nn_fuzz::accepts([&] { unpacked = nn::read_idx(nn::MemoryFile{file}); });
  if (!whole) return;
  nn_fuzz::require(good == plain_is_good,
                   "a file is read packed just where it is read plain");
  nn_fuzz::require(plain.dims == unpacked.dims && plain.bytes == unpacked.bytes,
                   "packed and plain give the same array");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] == 'p') {
    read_packed(Numbers(data + 1, size - 1));
  } else {
    nn_fuzz::accepts([&] { nn::read_idx(nn_fuzz::file(data, size)); });
  }
  return 0;
}
