#include "common/sha256.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <stdexcept>

namespace apps {
namespace {

constexpr std::size_t kBlockBytes = 64;

// The first 32 bits of the fractional parts of the cube roots of the first 64
// primes (FIPS 180-4, 4.2.2).
constexpr std::array<std::uint32_t, 64> kRoundConstants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::uint32_t rotate_right(std::uint32_t x, int n) {
  return (x >> n) | (x << (32 - n));
}

class Sha256 {
 public:
  void add_block(const unsigned char* block) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 16; ++i) {
      w[i] = static_cast<std::uint32_t>(block[4 * i]) << 24 |
             static_cast<std::uint32_t>(block[4 * i + 1]) << 16 |
             static_cast<std::uint32_t>(block[4 * i + 2]) << 8 |
             static_cast<std::uint32_t>(block[4 * i + 3]);
    }
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t s0 = rotate_right(w[i - 15], 7) ^
                               rotate_right(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const std::uint32_t s1 = rotate_right(w[i - 2], 17) ^
                               rotate_right(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t s1 =
          rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
      const std::uint32_t choice = (e & f) ^ (~e & g);
      const std::uint32_t t1 = h + s1 + choice + kRoundConstants[i] + w[i];
      const std::uint32_t s0 =
          rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
      const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
      const std::uint32_t t2 = s0 + majority;
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> added = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += added[i];
  }

  /// Adds the last bytes of a message of `size` bytes, those behind its whole
  /// blocks.
  void end(std::string tail, std::uint64_t size) {
    // The message ends in a 1 bit, zeros, and its length in bits as 8
    // big-endian bytes at the end of a block.
    tail += '\x80';
    while (tail.size() % kBlockBytes != kBlockBytes - 8) tail += '\0';
    for (int shift = 56; shift >= 0; shift -= 8) {
      tail += static_cast<char>((size * 8 >> shift) & 0xff);
    }
    add_blocks(tail);
  }

  /// Adds the whole blocks of `bytes`. Returns how many bytes they are.
  std::size_t add_blocks(const std::string& bytes) {
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    const std::size_t whole = bytes.size() / kBlockBytes * kBlockBytes;
    for (std::size_t i = 0; i < whole; i += kBlockBytes) add_block(data + i);
    return whole;
  }

  std::string hex() const {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string text;
    for (const std::uint32_t word : state_) {
      for (int shift = 28; shift >= 0; shift -= 4) {
        text += kDigits[(word >> shift) & 15u];
      }
    }
    return text;
  }

 private:
  // The first 32 bits of the fractional parts of the square roots of the first
  // 8 primes (FIPS 180-4, 5.3.3).
  std::array<std::uint32_t, 8> state_ = {0x6a09e667,
                                         0xbb67ae85,
                                         0x3c6ef372,
                                         0xa54ff53a,
                                         0x510e527f,
                                         0x9b05688c,
                                         0x1f83d9ab,
                                         0x5be0cd19};
};

}  // namespace

std::string sha256(const std::string& bytes) {
  Sha256 digest;
  const std::size_t whole = digest.add_blocks(bytes);
  digest.end(bytes.substr(whole), bytes.size());
  return digest.hex();
}

std::string sha256_of_file(const std::string& path) {
  constexpr std::size_t kPieceBytes = kBlockBytes << 12;
  std::ifstream file(path, std::ios::binary);
  Sha256 digest;
  std::uint64_t size = 0;
  std::string piece(kPieceBytes, '\0');
  while (file.read(&piece[0], static_cast<std::streamsize>(kPieceBytes))) {
    size += digest.add_blocks(piece);
  }
  if (!file.eof()) {
    throw std::runtime_error(path + ": cannot be read");
  }
  piece.resize(static_cast<std::size_t>(file.gcount()));
  const std::size_t whole = digest.add_blocks(piece);
  digest.end(piece.substr(whole), size + piece.size());
  return digest.hex();
}

}  // namespace apps
