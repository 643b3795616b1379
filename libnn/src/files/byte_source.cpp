#include "files/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace nn::internal {
namespace {

// The largest piece that is asked of the system at a time, and by which a
// stream's memory grows.
constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;

}  // namespace

ByteSource::ByteSource(const std::string& path)
    : name_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!file_.is_open()) throw_errno(path, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) {
    throw_errno(path, "cannot be read", errno);
  }
  if (S_ISDIR(status.st_mode)) throw_errno(path, "cannot be read", EISDIR);
  is_stream_ = !S_ISREG(status.st_mode);
  if (!is_stream_) size_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

ByteSource::ByteSource(const MemoryFile& file)
    : name_(file.name), memory_(file.bytes), size_bytes_(file.bytes.size()) {}

std::uint64_t ByteSource::size_bytes(std::uint64_t wanted) {
  if (!is_stream_) return size_bytes_;
  while (size_bytes_ < wanted) {
    const auto piece =
        static_cast<std::size_t>(std::min(wanted - size_bytes_, kPieceBytes));
    stream_.resize(static_cast<std::size_t>(size_bytes_) + piece);
    const ssize_t got = ::read(
        file_.get(), &stream_[static_cast<std::size_t>(size_bytes_)], piece);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw_errno(name_, "cannot be read", errno);
    }
    if (got == 0) break;
    size_bytes_ += static_cast<std::uint64_t>(got);
  }
  return std::min(size_bytes_, wanted);
}

std::string ByteSource::read(std::uint64_t begin, std::uint64_t count) {
  const auto size = static_cast<std::size_t>(count);
  if (!file_.is_open()) {
    return std::string(memory_.substr(static_cast<std::size_t>(begin), size));
  }
  if (is_stream_) return stream_.substr(static_cast<std::size_t>(begin), size);
  std::string bytes(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::pread(file_.get(),
                                &bytes[done],
                                static_cast<std::size_t>(std::min(
                                    std::uint64_t{size - done}, kPieceBytes)),
                                static_cast<off_t>(begin + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      throw_errno(name_, "cannot be read", errno);
    }
    if (got == 0) {
      throw std::runtime_error(
          concat(name_, ": became shorter while it was read"));
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace nn::internal
