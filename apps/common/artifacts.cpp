#include "common/artifacts.h"

#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "common/figures.h"
#include "common/insight.h"
#include "nn/check.h"
#include "nn/model.h"

namespace apps {
namespace {

namespace fs = std::filesystem;

/// A folder inside another, removed at the end of the scope.
class StagingFolder {
 public:
  explicit StagingFolder(const std::string& directory)
      : path_(fs::path(directory) /
              nn::concat(".partial-", static_cast<long>(getpid()))) {
    std::error_code error;
    fs::remove_all(path_, error);
    fs::create_directory(path_, error);
    if (error) {
      throw std::runtime_error(
          nn::concat(directory,
                     ": expected a folder that can be written, found: ",
                     error.message()));
    }
  }
  ~StagingFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void rename_into(const fs::path& from, const fs::path& directory) {
  const fs::path to = directory / from.filename();
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    throw std::runtime_error(
        nn::concat(to.string(), ": cannot be replaced: ", error.message()));
  }
}

}  // namespace

std::string kind_of_file(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) return "a folder";
  return fs::exists(status) ? "a file" : "nothing";
}

RunFolder::RunFolder(std::string directory, const std::string& option)
    : directory_(std::move(directory)) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (fs::path path = fs::absolute(directory_).lexically_normal();
       !fs::exists(path, error) && path.has_relative_path();
       path = path.parent_path()) {
    // A normal path that ends in a slash has an empty last name.
    if (path.has_filename()) missing.push_back(path);
  }
  for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
    fs::create_directory(*path, error);
    if (error) {
      const std::string reason = error.message();
      for (auto made = created_.rbegin(); made != created_.rend(); ++made) {
        fs::remove(*made, error);
      }
      throw std::runtime_error(nn::concat(option,
                                          ' ',
                                          directory_,
                                          ": expected a folder that can be "
                                          "made and written: ",
                                          path->string(),
                                          ": ",
                                          reason));
    }
    created_.push_back(path->string());
  }
  if (!fs::is_directory(directory_, error)) {
    throw std::runtime_error(nn::concat(option,
                                        ' ',
                                        directory_,
                                        ": expected a folder, found ",
                                        kind_of_file(directory_)));
  }
  try {
    const StagingFolder trial(directory_);
  } catch (const std::runtime_error& reason) {
    throw std::runtime_error(nn::concat(option, ' ', reason.what()));
  }
}

RunFolder::~RunFolder() {
  // fs::remove() refuses a folder that is not empty, as it should here.
  std::error_code ignored;
  for (auto path = created_.rbegin(); path != created_.rend(); ++path) {
    fs::remove(*path, ignored);
  }
}

void RunFolder::publish(const Run& run, nn::Sequential<float>& network) {
  const StagingFolder staging(directory_);
  const std::string directory = staging.path().string();
  write_run_tables(directory, run);
  write_figures(directory, run, look_inside(network, run));
  nn::save_model((staging.path() / "model.safetensors").string(), network);

  std::vector<fs::path> files;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(staging.path())) {
    if (entry.path().filename() != "summary.json") {
      files.push_back(entry.path());
    }
  }
  for (const fs::path& file : files) rename_into(file, directory_);
  rename_into(staging.path() / "summary.json", directory_);
}

void check_file_can_be_written(const std::string& option,
                               const std::string& path) {
  std::error_code error;
  const fs::path folder = fs::absolute(path).parent_path();
  if (fs::is_directory(path, error)) {
    throw std::runtime_error(
        nn::concat(option, ' ', path, ": expected a file, found a folder"));
  }
  if (!fs::is_directory(folder, error)) {
    throw std::runtime_error(nn::concat(option,
                                        ' ',
                                        path,
                                        ": expected the folder ",
                                        folder.string(),
                                        " to be there, found ",
                                        kind_of_file(folder.string())));
  }
  try {
    const StagingFolder trial(folder.string());
  } catch (const std::runtime_error& reason) {
    throw std::runtime_error(
        nn::concat(option, ' ', path, ": ", reason.what()));
  }
}

}  // namespace apps
