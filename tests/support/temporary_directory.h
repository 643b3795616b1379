#ifndef NN_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_
#define NN_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_

#include <string>
#include <vector>

namespace nn_test {

/// An empty folder of its own, removed with all that is in it at the end of the
/// scope. Its name is unique, so that tests may run in parallel.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  /// The path of `name` inside the folder.
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The names of what is in a folder, sorted.
std::vector<std::string> names_in(const std::string& directory);

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_TEMPORARY_DIRECTORY_H_
