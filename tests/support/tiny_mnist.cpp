#include "support/tiny_mnist.h"

#include <stdexcept>

#include "nn/files/file.h"
#include "nn/random.h"

#ifdef NN_HAVE_ZLIB
#include <zlib.h>
#endif

namespace nn_test {
namespace {

constexpr nn::Index kSide = 28;
constexpr nn::Index kClasses = 10;

char to_char(nn::Index byte) {
  return static_cast<char>(static_cast<unsigned char>(byte));
}

void append_big_endian(nn::Index value, std::string& bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += to_char((value >> shift) & 0xff);
  }
}

/// Patches stand in two rows of five.
std::string draw_image(nn::Index label, nn::Rng& rng) {
  const nn::Index top = 3 + 12 * (label / 5) + rng.index(3);
  const nn::Index left = 1 + 5 * (label % 5) + rng.index(3);
  std::string pixels;
  for (nn::Index h = 0; h < kSide; ++h) {
    for (nn::Index w = 0; w < kSide; ++w) {
      const bool inside = top <= h && h < top + 9 && left <= w && w < left + 4;
      pixels += to_char(inside ? 180 + rng.index(76) : rng.index(40));
    }
  }
  return pixels;
}

void write_split(const std::string& directory,
                 const std::string& stem,
                 nn::Index count,
                 const TinyMnist& options,
                 nn::Rng rng) {
  std::string images;
  std::string labels;
  for (nn::Index i = 0; i < count; ++i) {
    const nn::Index label = i % kClasses;
    images += draw_image(label, rng);
    labels += to_char(label);
  }
  const auto write = [&](const std::string& what, const std::string& bytes) {
    const std::string dimensions = what == "images" ? "idx3" : "idx1";
    const std::string path = directory + "/" + stem + "-" + what +
                             (options.dotted_names ? "." : "-") + dimensions +
                             "-ubyte";
    if (options.gzip) {
      nn::write_file_atomically(path + ".gz", gzip(bytes));
    } else {
      nn::write_file_atomically(path, bytes);
    }
  };
  write("images", idx_bytes({count, kSide, kSide}, images));
  write("labels", idx_bytes({count}, labels));
}

}  // namespace

std::string idx_bytes(const std::vector<nn::Index>& dims,
                      const std::string& content) {
  std::string bytes;
  append_big_endian(0x800 + static_cast<nn::Index>(dims.size()), bytes);
  for (const nn::Index size : dims) append_big_endian(size, bytes);
  return bytes + content;
}

#ifdef NN_HAVE_ZLIB
bool can_gzip() {
  return true;
}

std::string gzip(const std::string& bytes) {
  constexpr int kGzip = 16 + MAX_WBITS;
  constexpr int kMemoryLevel = 8;  // zlib's default
  z_stream stream{};
  if (deflateInit2(&stream,
                   Z_DEFAULT_COMPRESSION,
                   Z_DEFLATED,
                   kGzip,
                   kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib: cannot start to compress");
  }
  std::string result(deflateBound(&stream, static_cast<uLong>(bytes.size())),
                     '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  const int status = deflate(&stream, Z_FINISH);
  result.resize(static_cast<std::size_t>(stream.total_out));
  deflateEnd(&stream);
  if (status != Z_STREAM_END) {
    throw std::runtime_error("zlib: cannot compress");
  }
  return result;
}
#else
bool can_gzip() {
  return false;
}

std::string gzip(const std::string&) {
  throw std::runtime_error("built without zlib");
}
#endif

void write_tiny_mnist(const std::string& directory, const TinyMnist& options) {
  const nn::Rng rng(options.seed);
  write_split(directory, "train", options.training, options, rng.fork(0));
  write_split(directory, "t10k", options.test, options, rng.fork(1));
}

}  // namespace nn_test
