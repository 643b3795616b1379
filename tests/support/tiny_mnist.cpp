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

char to_char(nn::Index byte) {
  return static_cast<char>(static_cast<unsigned char>(byte));
}

void append_big_endian(nn::Index value, std::string& bytes) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += to_char((value >> shift) & 0xff);
  }
}

/// Patches stand in two rows of five, or closer in eight rows of eight.
std::string draw_image(nn::Index c, const TinyMnist& options, nn::Rng& rng) {
  const bool few = options.classes <= 10;
  const nn::Index top =
      few ? 3 + 12 * (c / 5) + rng.index(3) : 3 * (c / 8) + rng.index(2);
  const nn::Index left =
      few ? 1 + 5 * (c % 5) + rng.index(3) : 3 * (c % 8) + rng.index(2);
  const nn::Index height = few ? 9 : 4;
  std::string pixels(static_cast<std::size_t>(kSide * kSide), '\0');
  for (nn::Index h = 0; h < kSide; ++h) {
    for (nn::Index w = 0; w < kSide; ++w) {
      const bool inside =
          top <= h && h < top + height && left <= w && w < left + 4;
      const nn::Index at = options.transposed ? w * kSide + h : h * kSide + w;
      pixels[static_cast<std::size_t>(at)] =
          to_char(inside ? 180 + rng.index(76) : rng.index(40));
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
    const nn::Index c = i % options.classes;
    images += draw_image(c, options, rng);
    labels += to_char(options.first_label + c);
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
  write_split(
      directory, options.training_stem, options.training, options, rng.fork(0));
  write_split(directory, options.test_stem, options.test, options, rng.fork(1));
}

}  // namespace nn_test
