#include "nn/data/idx.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "nn/check.h"

#ifdef NN_HAVE_ZLIB
#include <zlib.h>
#endif

namespace nn {
namespace {

namespace fs = std::filesystem;

/// Above any data set of this kind (the largest, EMNIST, has 548 MB), and below
/// what a damaged header may ask for.
constexpr std::uint64_t kMaxContentBytes = std::uint64_t{1} << 31;

template <typename... Parts>
[[noreturn]] void throw_damaged(const std::string& path,
                                const Parts&... parts) {
  throw std::runtime_error(concat(path, ": ", parts...));
}

/// The bytes of a file in order, unpacked if need be.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills up to `count` bytes; fewer only at the end.
  virtual std::size_t read(std::uint8_t* bytes, std::size_t count) = 0;
  /// A bound on what there is to read, known before reading, and whether it is
  /// also the exact size.
  virtual std::uint64_t max_size_bytes() const = 0;
  virtual bool size_is_exact() const = 0;
};

class PlainSource final : public ByteSource {
 public:
  PlainSource(std::string path, std::ifstream file, std::uint64_t size_bytes)
      : path_(std::move(path)),
        file_(std::move(file)),
        size_bytes_(size_bytes) {}

  std::size_t read(std::uint8_t* bytes, std::size_t count) override {
    file_.read(reinterpret_cast<char*>(bytes),
               static_cast<std::streamsize>(count));
    if (file_.bad()) throw_damaged(path_, "cannot be read");
    return static_cast<std::size_t>(file_.gcount());
  }
  std::uint64_t max_size_bytes() const override { return size_bytes_; }
  bool size_is_exact() const override { return true; }

 private:
  std::string path_;
  std::ifstream file_;
  std::uint64_t size_bytes_;
};

#ifdef NN_HAVE_ZLIB
/// Unpacks gzip piece by piece. zlib compares each member's checksum and length
/// when it reaches its end, so whoever reads to the end has them verified.
class GzipSource final : public ByteSource {
 public:
  GzipSource(std::string path, std::ifstream file, std::uint64_t size_bytes)
      : path_(std::move(path)),
        file_(std::move(file)),
        compressed_bytes_(size_bytes) {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) {
      throw_damaged(path_, "gzip: cannot start to decompress");
    }
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(std::uint8_t* bytes, std::size_t count) override {
    std::size_t done = 0;
    while (done < count && !at_end_) {
      if (stream_.avail_in == 0) refill();
      if (in_gap_) {
        // Behind a member comes the end of the file or another member.
        if (stream_.avail_in == 0) {
          at_end_ = true;
          break;
        }
        if (inflateReset(&stream_) != Z_OK) fail(Z_STREAM_ERROR);
        in_gap_ = false;
      } else if (stream_.avail_in == 0) {
        throw_damaged(path_,
                      "gzip: the compressed data ends too early, after ",
                      total_ + done,
                      " unpacked bytes");
      }
      const std::size_t room = std::min(count - done, kMaxStepBytes);
      stream_.next_out = bytes + done;
      stream_.avail_out = static_cast<uInt>(room);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        in_gap_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        fail(status);
      }
    }
    total_ += done;
    return done;
  }

  std::uint64_t max_size_bytes() const override {
    constexpr std::uint64_t kMaxDeflateRatio = 1032;  // zlib's manual
    return compressed_bytes_ > kMaxContentBytes
               ? kMaxDeflateRatio * kMaxContentBytes
               : kMaxDeflateRatio * compressed_bytes_;
  }
  bool size_is_exact() const override { return false; }

 private:
  static constexpr int kGzipOnly = 16 + MAX_WBITS;
  static constexpr std::size_t kMaxStepBytes = std::size_t{1} << 30;

  void refill() {
    file_.read(reinterpret_cast<char*>(input_.data()),
               static_cast<std::streamsize>(input_.size()));
    if (file_.bad()) throw_damaged(path_, "cannot be read");
    stream_.next_in = input_.data();
    stream_.avail_in = static_cast<uInt>(file_.gcount());
  }

  [[noreturn]] void fail(int status) const {
    throw_damaged(path_,
                  "gzip: the compressed data is damaged: ",
                  stream_.msg != nullptr ? stream_.msg : zError(status));
  }

  std::string path_;
  std::ifstream file_;
  std::uint64_t compressed_bytes_;
  std::array<Bytef, std::size_t{1} << 16> input_;
  z_stream stream_{};
  std::uint64_t total_ = 0;
  bool in_gap_ = false;
  bool at_end_ = false;
};
#endif

std::unique_ptr<ByteSource> open_source(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw_damaged(path, "no such file");
  if (!fs::is_regular_file(status)) throw_damaged(path, "not a regular file");
  const std::uint64_t size_bytes = fs::file_size(path, error);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (error || !file) {
    throw_damaged(
        path,
        "cannot be opened: ",
        error ? error.message() : std::generic_category().message(errno));
  }
  if (size_bytes == 0) {
    throw_damaged(path, "expected an IDX file, found an empty file");
  }

  std::array<char, 2> start{};
  file.read(start.data(), start.size());
  const bool gzip = file.gcount() == 2 && start[0] == '\x1f' &&
                    start[1] == static_cast<char>(0x8b);
  file.clear();
  file.seekg(0);
  if (gzip) {
#ifdef NN_HAVE_ZLIB
    return std::make_unique<GzipSource>(path, std::move(file), size_bytes);
#else
    throw_damaged(path,
                  "the file is gzip-compressed, and this libnn was built "
                  "without zlib; unpack the file first (gunzip)");
#endif
  }
  return std::make_unique<PlainSource>(path, std::move(file), size_bytes);
}

std::uint32_t big_endian(const std::uint8_t* b) {
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) |
         (std::uint32_t{b[2]} << 8) | std::uint32_t{b[3]};
}

std::string hex(std::uint32_t value) {
  std::ostringstream out;
  out << "0x" << std::hex << std::setw(8) << std::setfill('0') << value;
  return out.str();
}

std::string join(const std::vector<Index>& dims) {
  std::ostringstream out;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    out << (i == 0 ? "" : " x ") << dims[i];
  }
  return out.str();
}

/// The file in `directory` under one of the names in use: the original site's
/// train-images-idx3-ubyte, and train-images.idx3-ubyte, which some archivers
/// make of it.
std::string find_file(const std::string& directory,
                      const std::string& stem,
                      const std::string& kind) {
  const std::array<std::string, 4> names = {stem + "-" + kind,
                                            stem + "." + kind,
                                            stem + "-" + kind + ".gz",
                                            stem + "." + kind + ".gz"};
  std::error_code error;
  for (const std::string& name : names) {
    const fs::path path = fs::path(directory) / name;
    // Some archives unpack into folders that carry the files' names.
    if (fs::exists(path, error) && !fs::is_directory(path, error)) {
      return path.string();
    }
  }
  if (!fs::is_directory(directory, error)) {
    throw_damaged(directory, "no such directory");
  }
  throw_damaged(directory,
                "none of the files ",
                names[0],
                ", ",
                names[1],
                ", ",
                names[2],
                ", ",
                names[3],
                " is here");
}

void check_dimensions(const std::string& path,
                      const IdxArray& array,
                      std::size_t expected,
                      const char* what) {
  if (array.dims.size() != expected) {
    throw_damaged(path,
                  "expected ",
                  what,
                  " (magic ",
                  hex(0x800u + static_cast<std::uint32_t>(expected)),
                  "), found magic ",
                  hex(0x800u + static_cast<std::uint32_t>(array.dims.size())),
                  " and sizes ",
                  join(array.dims));
  }
}

}  // namespace

IdxArray read_idx(const std::string& path) {
  const std::unique_ptr<ByteSource> source = open_source(path);

  std::array<std::uint8_t, 4> word{};
  std::size_t got = source->read(word.data(), word.size());
  if (got < word.size()) {
    throw_damaged(path,
                  "expected an IDX file's magic of 4 bytes, found ",
                  got,
                  got == 1 ? " byte" : " bytes");
  }
  const std::uint32_t magic = big_endian(word.data());
  const std::uint32_t dimensions = magic & 0xffu;
  if ((magic >> 8) != 0x08u || dimensions == 0) {
    throw_damaged(path,
                  "expected an IDX file of unsigned bytes (magic 0x0000080d "
                  "with d dimensions, d at least 1), found magic ",
                  hex(magic));
  }

  IdxArray array;
  std::uint64_t content_bytes = 1;
  bool too_large = false;
  for (std::uint32_t d = 0; d < dimensions; ++d) {
    got = source->read(word.data(), word.size());
    if (got < word.size()) {
      throw_damaged(path,
                    "expected ",
                    dimensions,
                    " sizes in the header, ",
                    "found the end of the file in size ",
                    d + 1);
    }
    const std::uint32_t size = big_endian(word.data());
    array.dims.push_back(static_cast<Index>(size));
    // Both factors are below 2^32 here, so the product cannot wrap.
    content_bytes *= size;
    if (content_bytes > kMaxContentBytes) {
      too_large = true;
      content_bytes = kMaxContentBytes;
    }
  }
  const bool empty =
      std::find(array.dims.begin(), array.dims.end(), 0) != array.dims.end();
  if (empty) {
    content_bytes = 0;
  } else if (too_large) {
    throw_damaged(path,
                  "the header says ",
                  join(array.dims),
                  ", which is more than the ",
                  kMaxContentBytes,
                  " bytes that libnn reads");
  }
  const std::uint64_t header_bytes = 4 * (std::uint64_t{dimensions} + 1);
  const auto throw_size = [&](const auto& found) {
    throw_damaged(path,
                  "expected ",
                  content_bytes,
                  " bytes for the header's ",
                  join(array.dims),
                  ", found ",
                  found);
  };
  // Before allocating: a damaged header may say anything.
  const std::uint64_t bound = source->max_size_bytes() - header_bytes;
  if (source->size_is_exact() && content_bytes != bound) throw_size(bound);
  if (content_bytes > bound) {
    throw_size("a compressed file too small to hold them");
  }

  array.bytes.resize(static_cast<std::size_t>(content_bytes));
  const std::size_t read = source->read(array.bytes.data(), array.bytes.size());
  if (read < array.bytes.size()) throw_size(read);
  // Reading on to the end also has a compressed file's checksum verified.
  if (source->read(word.data(), 1) != 0) throw_size("more");
  return array;
}

MnistFiles find_mnist(const std::string& directory, Split split) {
  const std::string stem = split == Split::kTraining ? "train" : "t10k";
  return {find_file(directory, stem + "-images", "idx3-ubyte"),
          find_file(directory, stem + "-labels", "idx1-ubyte")};
}

ImageSet load_mnist(const std::string& directory, Split split, int classes) {
  check_argument(classes >= 1 && classes <= 256,
                 "[load_mnist] expected 1 to 256 classes, got ",
                 classes);
  const auto [image_path, label_path] = find_mnist(directory, split);

  IdxArray labels = read_idx(label_path);
  check_dimensions(label_path, labels, 1, "labels, an array of 1 dimension");
  IdxArray images = read_idx(image_path);
  check_dimensions(image_path, images, 3, "images, an array of 3 dimensions");
  if (images.bytes.empty()) {
    throw_damaged(image_path,
                  "expected at least 1 image of at least 1 pixel, ",
                  "found ",
                  join(images.dims));
  }
  if (images.dims[0] != labels.dims[0]) {
    throw_damaged(image_path,
                  "expected one image for each of the ",
                  labels.dims[0],
                  " labels in ",
                  label_path,
                  ", found ",
                  images.dims[0]);
  }
  for (std::size_t i = 0; i < labels.bytes.size(); ++i) {
    if (labels.bytes[i] >= classes) {
      throw_damaged(label_path,
                    "expected labels below ",
                    classes,
                    ", found ",
                    static_cast<int>(labels.bytes[i]),
                    " at index ",
                    i);
    }
  }

  ImageSet set;
  set.shape = Shape{1, images.dims[1], images.dims[2]};
  set.images = std::move(images.bytes);
  set.labels = std::move(labels.bytes);
  return set;
}

}  // namespace nn
