#ifndef NN_APPS_COMMON_PARTIAL_FOLDER_H_
#define NN_APPS_COMMON_PARTIAL_FOLDER_H_

#include <filesystem>
#include <memory>
#include <string>

namespace apps {

/// An open folder, closed at the end of the scope. Closing gives up its lock.
class OpenFolder {
 public:
  /// Throws std::system_error if it cannot be opened.
  explicit OpenFolder(const std::filesystem::path& path);
  ~OpenFolder();
  OpenFolder(const OpenFolder&) = delete;
  OpenFolder& operator=(const OpenFolder&) = delete;

  int fd() const { return fd_; }
  /// Whether `path` still names this folder.
  bool is_at(const std::filesystem::path& path) const;
  /// Takes the folder's lock, which ends with the process. Without waiting:
  /// false if another process has it, or if the file system has no locks.
  bool try_lock();
  /// Waits for it. Does nothing if the file system has no locks.
  void lock();
  /// Makes its entries survive a power cut. Throws std::system_error.
  void sync() const;

 private:
  std::filesystem::path path_;  ///< for messages
  int fd_;
};

/// A folder under a name of its own, in which files are written before they
/// appear where they belong. Its lock tells that the process lives: what a
/// killed one left behind is not locked.
class PartialFolder {
 public:
  /// Makes `parent`/<prefix><six characters>, and removes what killed processes
  /// left there under such names. Throws std::system_error.
  PartialFolder(const std::filesystem::path& parent, const std::string& prefix);
  /// Removes it with the run files in it.
  ~PartialFolder();
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The characters that no other has.
  std::string suffix() const;
  OpenFolder& folder() { return *folder_; }

 private:
  std::filesystem::path path_;
  std::string prefix_;
  std::unique_ptr<OpenFolder> folder_;
};

/// Removes the partial folders of killed processes in `parent`.
void remove_left_overs(const std::filesystem::path& parent,
                       const std::string& prefix);

}  // namespace apps

#endif  // NN_APPS_COMMON_PARTIAL_FOLDER_H_
