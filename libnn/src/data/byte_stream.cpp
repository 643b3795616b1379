#include "data/byte_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "files/defect.h"
#include "files/file_descriptor.h"

#ifdef NN_HAVE_ZLIB
#include <zlib.h>
#endif

namespace nn::internal {
namespace {

namespace fs = std::filesystem;

template <typename... Parts>
[[noreturn]] void throw_unreadable(const std::string& path,
                                   const Parts&... parts) {
  throw_defect(path, ": ", parts...);
}

struct Block {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

/// The bytes of a file, or of memory, as they are, block by block.
class RawBytes {
 public:
  RawBytes(std::string path, ByteSources sources) : path_(std::move(path)) {
    std::error_code error;
    // Before opening, which for a pipe means to wait.
    const fs::file_status status = fs::status(path_, error);
    if (!fs::exists(status)) throw_unreadable(path_, "no such file");
    is_regular_ = fs::is_regular_file(status);
    if (fs::is_directory(status) ||
        (!is_regular_ && sources == ByteSources::kFiles)) {
      throw_unreadable(path_, "not a regular file");
    }
    if (is_regular_) size_bytes_ = fs::file_size(path_, error);
    if (error) {
      throw_unreadable(path_, "cannot be opened: ", error.message());
    }
    file_ = FileDescriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.is_open()) throw_errno(path_, "cannot be opened", errno);
    buffer_.resize(kBlockBytes);
  }
  explicit RawBytes(const MemoryFile& file)
      : path_(file.name),
        size_bytes_(file.bytes.size()),
        block_{reinterpret_cast<const std::uint8_t*>(file.bytes.data()),
               file.bytes.size()} {}

  const std::string& path() const { return path_; }
  bool has_known_size() const { return is_regular_; }
  /// As far as it is known.
  std::uint64_t size_bytes() const { return size_bytes_; }

  /// What is left of a block, or the next one; empty only at the end.
  Block peek() {
    if (block_.size == 0 && file_.is_open() && !at_end_) read_block();
    return block_;
  }
  void skip(std::size_t count) {
    block_.data += count;
    block_.size -= count;
  }

 private:
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 16;

  /// Of a pipe what is there already: it may be refused for its begin, while
  /// its writer still writes. That it is compressed, two bytes say.
  void read_block() {
    constexpr std::size_t kMinBytes = 2;
    std::size_t done = 0;
    while (done < kMinBytes && !at_end_) {
      const ssize_t got =
          ::read(file_.get(), buffer_.data() + done, buffer_.size() - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno(path_, "cannot be read", errno);
      // A terminal goes on behind its end.
      at_end_ = got == 0;
      done += static_cast<std::size_t>(got);
    }
    block_ = {buffer_.data(), done};
    if (!is_regular_) size_bytes_ += done;
  }

  std::string path_;
  bool is_regular_ = true;  // as memory is
  std::uint64_t size_bytes_ = 0;
  FileDescriptor file_;
  bool at_end_ = false;
  std::vector<std::uint8_t> buffer_;
  Block block_;
};

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(RawBytes raw) : raw_(std::move(raw)) {}

  const std::string& path() const override { return raw_.path(); }
  std::uint64_t file_bytes() const override { return raw_.size_bytes(); }
  std::optional<std::uint64_t> size_bytes() const override {
    if (!raw_.has_known_size()) return std::nullopt;
    return raw_.size_bytes();
  }
  std::size_t read(std::uint8_t* bytes, std::size_t count) override {
    std::size_t done = 0;
    while (done < count) {
      const Block block = raw_.peek();
      if (block.size == 0) break;
      const std::size_t part = std::min(block.size, count - done);
      std::memcpy(bytes + done, block.data, part);
      raw_.skip(part);
      done += part;
    }
    return done;
  }

 private:
  RawBytes raw_;
};

#ifdef NN_HAVE_ZLIB
/// Unpacks gzip piece by piece. zlib compares each member's checksum and length
/// when it reaches its end, so whoever reads to the end has them verified.
class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(RawBytes raw) : raw_(std::move(raw)) {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) {
      throw_unreadable(raw_.path(), "gzip: cannot start to decompress");
    }
  }
  ~GzipStream() override { inflateEnd(&stream_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  const std::string& path() const override { return raw_.path(); }
  std::uint64_t file_bytes() const override { return raw_.size_bytes(); }
  std::optional<std::uint64_t> size_bytes() const override {
    return std::nullopt;
  }
  std::size_t read(std::uint8_t* bytes, std::size_t count) override {
    std::size_t done = 0;
    while (done < count && !at_end_) {
      if (in_gap_ && !start_member()) break;
      const Block block = raw_.peek();
      if (block.size == 0) {
        throw_unreadable(raw_.path(),
                         "gzip: the compressed data ends too early, after ",
                         total_ + done,
                         " unpacked bytes");
      }
      const auto in = static_cast<uInt>(std::min(block.size, kMaxStepBytes));
      const auto room =
          static_cast<uInt>(std::min(count - done, kMaxStepBytes));
      // zlib does not write there; its type has no const.
      stream_.next_in = const_cast<Bytef*>(block.data);
      stream_.avail_in = in;
      stream_.next_out = bytes + done;
      stream_.avail_out = room;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      raw_.skip(in - stream_.avail_in);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        in_gap_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        throw_unreadable(raw_.path(),
                         "gzip: the compressed data is damaged: ",
                         stream_.msg != nullptr ? stream_.msg : zError(status));
      }
    }
    total_ += done;
    return done;
  }

 private:
  static constexpr int kGzipOnly = 16 + MAX_WBITS;
  static constexpr std::size_t kMaxStepBytes = std::size_t{1} << 30;
  static constexpr std::uint8_t kFirstOfMagic = 0x1f;

  /// Behind a member comes the end of the file or another member. As gzip does,
  /// this takes zeros for the end: tapes and some servers fill up blocks.
  bool start_member() {
    at_end_ = true;
    Block block = raw_.peek();
    if (block.size > 0 && block.data[0] == kFirstOfMagic) {
      inflateReset(&stream_);
      in_gap_ = false;
      at_end_ = false;
      return true;
    }
    for (; block.size > 0; block = raw_.peek()) {
      const auto* const end = block.data + block.size;
      const auto* const other = std::find_if(
          block.data, end, [](std::uint8_t byte) { return byte != 0; });
      if (other != end) {
        throw_unreadable(
            raw_.path(),
            "gzip: expected the end, zeros or another member behind "
            "the compressed data, found a byte ",
            static_cast<int>(*other));
      }
      raw_.skip(block.size);
    }
    return false;
  }

  RawBytes raw_;
  z_stream stream_{};
  std::uint64_t total_ = 0;
  bool in_gap_ = false;
  bool at_end_ = false;
};
#endif

std::unique_ptr<ByteStream> open(RawBytes raw, const char* expected) {
  const Block start = raw.peek();
  if (start.size == 0) {
    throw_unreadable(
        raw.path(), "expected ", expected, ", found an empty file");
  }
  if (start.size >= 2 && start.data[0] == 0x1f && start.data[1] == 0x8b) {
#ifdef NN_HAVE_ZLIB
    return std::make_unique<GzipStream>(std::move(raw));
#else
    throw_unreadable(raw.path(),
                     "the file is gzip-compressed, and this libnn was built "
                     "without zlib; unpack the file first (gunzip)");
#endif
  }
  return std::make_unique<PlainStream>(std::move(raw));
}

}  // namespace

std::unique_ptr<ByteStream> open_byte_stream(const std::string& path,
                                             const char* expected,
                                             ByteSources sources) {
  return open(RawBytes(path, sources), expected);
}

std::unique_ptr<ByteStream> open_byte_stream(const MemoryFile& file,
                                             const char* expected) {
  return open(RawBytes(file), expected);
}

}  // namespace nn::internal
