#include "common/partial_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>
#include <vector>

#include "common/input_file.h"
#include "common/run_files.h"

namespace apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSuffixLength = 6;

[[noreturn]] void throw_errno(const fs::path& path) {
  throw std::system_error(errno, std::generic_category(), path.string());
}

std::string random_suffix() {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  // Where there is no source of randomness the next name is free as well: a
  // name in use is passed over.
  static std::mt19937 generator(std::random_device{}() ^
                                static_cast<unsigned>(::getpid()));
  std::string suffix;
  while (suffix.size() < kSuffixLength) {
    suffix += kLetters[generator() % (sizeof kLetters - 1)];
  }
  return suffix;
}

/// Whether a partial folder has a file of this name: a run folder's, or one
/// beside it from which it was being written.
bool is_written_here(const std::string& name) {
  const std::vector<std::string>& names = run_folder_names();
  return std::any_of(names.begin(), names.end(), [&](const auto& run_name) {
    return name.find(run_name) != name.npos;
  });
}

/// Removes the folder unless there is something in it that no run wrote.
void remove(const OpenFolder& folder, const fs::path& path) {
  std::vector<std::string> names;
  const int fd = ::openat(folder.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
  if (entries == nullptr) {
    if (fd >= 0) ::close(fd);
    return;
  }
  while (const dirent* entry = ::readdir(entries)) {
    if (is_written_here(entry->d_name)) names.emplace_back(entry->d_name);
  }
  ::closedir(entries);
  for (const std::string& name : names) {
    ::unlinkat(folder.fd(), name.c_str(), 0);
  }
  if (folder.is_at(path)) ::rmdir(path.c_str());
}

}  // namespace

OpenFolder::OpenFolder(const fs::path& path)
    : path_(path),
      fd_(::open(path.c_str(),
                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
  if (fd_ < 0) throw_errno(path);
}

OpenFolder::~OpenFolder() {
  ::close(fd_);
}

bool OpenFolder::is_at(const fs::path& path) const {
  struct stat here {};
  struct stat there {};
  return ::fstat(fd_, &here) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

bool OpenFolder::try_lock() {
  return ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
}

void OpenFolder::lock() {
  while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

void OpenFolder::sync() const {
  // A file system that cannot do this for a folder says EINVAL.
  if (::fsync(fd_) != 0 && errno != EINVAL) throw_errno(path_);
}

PartialFolder::PartialFolder(const fs::path& parent, const std::string& prefix)
    : prefix_(prefix) {
  remove_left_overs(parent, prefix);
  for (;;) {
    path_ = parent / (prefix + random_suffix());
    if (::mkdir(path_.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      throw_errno(parent);
    }
    // Until it is locked, another process may take it for a left-over and
    // remove it: then another name is tried.
    try {
      folder_ = std::make_unique<OpenFolder>(path_);
    } catch (const std::system_error& error) {
      if (error.code() == std::errc::no_such_file_or_directory) continue;
      ::rmdir(path_.c_str());
      throw;
    }
    const bool locked = folder_->try_lock();
    if (!locked && errno == EWOULDBLOCK) continue;
    if (folder_->is_at(path_)) return;
  }
}

PartialFolder::~PartialFolder() {
  if (folder_->is_at(path_)) remove(*folder_, path_);
}

std::string PartialFolder::suffix() const {
  return path_.filename().string().substr(prefix_.size());
}

void remove_left_overs(const fs::path& parent, const std::string& prefix) {
  std::vector<fs::path> paths;
  for (const std::string& name : names_or_none(parent.string())) {
    if (name.size() == prefix.size() + kSuffixLength &&
        name.compare(0, prefix.size(), prefix) == 0) {
      paths.push_back(parent / name);
    }
  }
  for (const fs::path& path : paths) {
    try {
      OpenFolder folder(path);
      if (folder.try_lock()) remove(folder, path);
    } catch (const std::system_error&) {
      // It is gone, or it is no folder.
    }
  }
}

}  // namespace apps
