#include "support/temporary_directory.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace nn_test {

TemporaryDirectory::TemporaryDirectory()
    : path_((std::filesystem::temp_directory_path() / "nn_test_XXXXXX")
                .string()) {
  if (mkdtemp(path_.data()) == nullptr) {
    throw std::runtime_error(path_ + ": cannot create a temporary folder");
  }
}

TemporaryDirectory::~TemporaryDirectory() {
  // A test may have taken the folder's write permission away.
  std::error_code error;
  std::filesystem::permissions(path_,
                               std::filesystem::perms::owner_all,
                               std::filesystem::perm_options::add,
                               error);
  std::filesystem::remove_all(path_, error);
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace nn_test
