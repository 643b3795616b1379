#include "nn/files/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <utility>

#include "files/file_descriptor.h"
#include "files/fnv1a.h"
#include "nn/check.h"

namespace nn {
namespace {

using internal::FileDescriptor;
using internal::throw_errno;

constexpr const char* kCannotWrite = "cannot be written";
constexpr const char* kCannotReadFolder = "the folder cannot be read";

/// In its scope a pipe whose reader has gone is an error of write(), and no
/// signal that ends the process.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    // One that waits already is not for us to take.
    active_ = sigismember(&pending, SIGPIPE) == 0 &&
              pthread_sigmask(SIG_BLOCK, &pipe_, &before_) == 0;
  }
  ~NoBrokenPipeSignal() {
    if (!active_) return;
    const int error = errno;
    const timespec no_time{};
    while (sigtimedwait(&pipe_, nullptr, &no_time) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }
  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool active_ = false;
};

void write_all(const std::string& path,
               int fd,
               const void* data,
               std::size_t size_bytes) {
  const char* bytes = static_cast<const char*>(data);
  while (size_bytes > 0) {
    const ssize_t written = ::write(fd, bytes, size_bytes);
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_errno(path, kCannotWrite, errno);
    }
    bytes += written;
    size_bytes -= static_cast<std::size_t>(written);
  }
}

/// To what is no file, or is one that must not be replaced.
void write_through(const std::string& path,
                   const void* data,
                   std::size_t size_bytes) {
  // Behind what a program has written to its output so far.
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file.is_open()) throw_errno(path, kCannotWrite, errno);
  const NoBrokenPipeSignal guard;
  write_all(path, file.get(), data, size_bytes);
  if (!file.close()) throw_errno(path, kCannotWrite, errno);
}

/// The folder of a path with the '/' behind it, or nothing.
std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

/// What the symbolic links at the end of a path lead to, whether it exists or
/// not. Empty for the links of a proc file system, as /dev/stdout is one: they
/// are open files, whatever path they show.
std::string behind_links(std::string path) {
  constexpr int kMostLinks = 40;  // as the kernel has it
  const std::string asked = path;
  for (int links = 0;; ++links) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) {
      return path;
    }
    if (links == kMostLinks) throw_errno(asked, kCannotWrite, ELOOP);
    const std::string folder = folder_of(path);
    struct statfs file_system {};
    if (::statfs(folder.empty() ? "." : folder.c_str(), &file_system) != 0) {
      throw_errno(asked, kCannotWrite, errno);
    }
    if (file_system.f_type == PROC_SUPER_MAGIC) return "";
    char target[PATH_MAX];
    const ssize_t length = ::readlink(path.c_str(), target, sizeof(target));
    if (length < 0) throw_errno(asked, kCannotWrite, errno);
    const std::string next(target, static_cast<std::size_t>(length));
    path = next.rfind('/', 0) == 0 ? next : folder + next;
  }
}

/// The file beside `path` into which the bytes go first. It is locked as long
/// as this process uses it, so that whoever gets the lock of such a file knows
/// that a killed process left it behind.
class PartialFile {
 public:
  // Delegates, so that the destructor removes the file if what follows throws.
  PartialFile(std::string path, std::string target, mode_t mode)
      : PartialFile(std::move(path), std::move(target)) {
    int slot = 0;
    while (slot < kMostSlots && !create(name_of(slot), mode)) ++slot;
    if (!file_.is_open()) throw_errno(path_, kCannotWrite, EEXIST);
    // Left-overs of several that wrote at one time.
    for (int gone = 0; gone < kMostGaps && ++slot < kMostSlots; ++gone) {
      if (remove_left_over(name_of(slot))) gone = 0;
    }
  }
  ~PartialFile() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  int fd() const { return file_.get(); }

  /// Brings the bytes to the disk and puts the file into its place.
  void publish() {
    if (::fsync(file_.get()) != 0 && !has_no_fsync(errno)) {
      throw_errno(path_, kCannotWrite, errno);
    }
    // Closing tells of failure on some file systems, but gives up the lock;
    // closing a second descriptor tells as much and does not.
    FileDescriptor second(::dup(file_.get()));
    if (!second.is_open() || !second.close()) {
      throw_errno(path_, kCannotWrite, errno);
    }
    if (std::rename(name_.c_str(), target_.c_str()) != 0) {
      throw_errno(path_, "cannot be replaced", errno);
    }
    name_.clear();

    const std::string folder = folder_of(target_);
    const FileDescriptor directory(::open(folder.empty() ? "." : folder.c_str(),
                                          O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A folder may allow files and still not be readable.
    if (directory.is_open() && ::fsync(directory.get()) != 0 &&
        !has_no_fsync(errno)) {
      throw_errno(path_,
                  "is written, but its folder may forget it in a power cut",
                  errno);
    }
  }

 private:
  PartialFile(std::string path, std::string target)
      : path_(std::move(path)), target_(std::move(target)) {}

  static constexpr int kMostSlots = 1000;
  static constexpr int kMostGaps = 8;

  static bool has_no_fsync(int error) {
    return error == EINVAL || error == ENOTSUP || error == EROFS;
  }

  std::string name_of(int slot) const {
    const std::string folder = folder_of(target_);
    std::string base = target_.substr(folder.size());
    const std::string ending =
        slot == 0 ? ".partial" : concat(".", slot, ".partial");
    // What is too long for a name is cut, and told apart by a sum of the whole.
    if (base.size() + ending.size() > NAME_MAX) {
      internal::Fnv1a sum;
      sum.add(base);
      std::size_t length = NAME_MAX - 40;
      while (length > 0 &&
             (static_cast<unsigned char>(base[length]) & 0xc0) == 0x80) {
        --length;  // not in the middle of a character
      }
      base = concat(base.substr(0, length), "-", sum.sum());
    }
    return folder + base + ending;
  }

  /// Whether the file of this name is ours now.
  bool create(std::string name, mode_t mode) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    for (;;) {
      FileDescriptor file(::open(name.c_str(), kFlags, mode));
      if (!file.is_open()) {
        if (errno == EINTR) continue;
        if (errno != EEXIST) {
          throw_errno(path_,
                      "cannot be written, since no file can be made beside it",
                      errno);
        }
        if (remove_left_over(name)) continue;
        return false;
      }
      // Between creating and locking another may have taken it for a left-over.
      const bool locked = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
      if (!locked && errno == EWOULDBLOCK) continue;
      if (!is_at(name, file.get())) continue;
      name_ = std::move(name);
      file_ = std::move(file);
      return true;
    }
  }

  static bool is_at(const std::string& name, int fd) {
    struct stat by_name {};
    struct stat by_fd {};
    return ::lstat(name.c_str(), &by_name) == 0 && ::fstat(fd, &by_fd) == 0 &&
           by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
  }

  /// Removes the file of this name if nobody works on it. Whether it did.
  static bool remove_left_over(const std::string& name) {
    const FileDescriptor file(
        ::open(name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    return file.is_open() && ::fstat(file.get(), &status) == 0 &&
           S_ISREG(status.st_mode) &&
           ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 &&
           is_at(name, file.get()) && ::unlink(name.c_str()) == 0;
  }

  std::string path_;    // as the caller knows it
  std::string target_;  // behind its links
  std::string name_;    // of the partial file
  FileDescriptor file_;
};

}  // namespace

void write_file_atomically(const std::string& path,
                           const void* data,
                           std::size_t size_bytes) {
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) throw_errno(path, kCannotWrite, errno);
  if (exists && S_ISDIR(status.st_mode)) {
    throw_errno(path, kCannotWrite, EISDIR);
  }
  if (exists && !S_ISREG(status.st_mode)) {
    return write_through(path, data, size_bytes);
  }
  // Not decided by comparing what two looks at the path find: somebody may put
  // a new file into its place between them.
  const std::string target = behind_links(path);
  if (target.empty()) return write_through(path, data, size_bytes);
  if (target.back() == '/') throw_errno(path, kCannotWrite, EISDIR);
  if (exists && ::faccessat(AT_FDCWD, target.c_str(), W_OK, AT_EACCESS) != 0) {
    throw_errno(path, kCannotWrite, errno);
  }

  // Nobody reads the new bytes who might not read the old ones.
  PartialFile partial(path, target, exists ? 0600 : 0666);
  write_all(path, partial.fd(), data, size_bytes);
  if (exists) {
    constexpr mode_t kSpecial = S_ISUID | S_ISGID;
    struct stat own {};
    const bool same_owner = ::fstat(partial.fd(), &own) == 0 &&
                            own.st_uid == status.st_uid &&
                            own.st_gid == status.st_gid;
    const bool keeps_owner =
        same_owner || ::fchown(partial.fd(), status.st_uid, status.st_gid) == 0;
    const mode_t mode =
        status.st_mode & 07777 & ~(keeps_owner ? mode_t{0} : kSpecial);
    if (::fchmod(partial.fd(), mode) != 0) {
      throw_errno(path, kCannotWrite, errno);
    }
  }
  partial.publish();
}

void write_file_atomically(const std::string& path, const std::string& text) {
  write_file_atomically(path, text.data(), text.size());
}

std::string read_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) throw_errno(path, "cannot be opened", errno);

  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw_errno(path, "cannot be read", errno);
  }
  // The size is a hint only: a pipe has none, and a file may grow meanwhile.
  std::string content;
  if (S_ISREG(status.st_mode) && status.st_size > 0) {
    content.resize(static_cast<std::size_t>(status.st_size));
  }
  constexpr std::size_t kChunkBytes = std::size_t{1} << 16;
  std::size_t size_bytes = 0;
  for (;;) {
    if (size_bytes == content.size()) content.resize(size_bytes + kChunkBytes);
    const ssize_t got =
        ::read(file.get(), &content[size_bytes], content.size() - size_bytes);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw_errno(path, "cannot be read", errno);
    }
    if (got == 0) break;
    size_bytes += static_cast<std::size_t>(got);
  }
  content.resize(size_bytes);
  return content;
}

// std::filesystem's iterators end the process where there is no memory.
std::vector<std::string> names_in_folder(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()),
                                                   &::closedir);
  if (folder == nullptr) throw_errno(path, kCannotReadFolder, errno);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  if (errno != 0) throw_errno(path, kCannotReadFolder, errno);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace nn
