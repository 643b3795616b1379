#ifndef NN_APPS_COMMON_ARTIFACTS_H_
#define NN_APPS_COMMON_ARTIFACTS_H_

#include <string>
#include <vector>

#include "common/run.h"
#include "nn/sequential.h"

namespace apps {

/// The folder of one run. What stands in it stays until publish().
class RunFolder {
 public:
  /// Makes the folder if it is not there, and tries that it can be written, so
  /// that a run fails at its start and not after its last epoch.
  /// Throws std::runtime_error with `option`, path and reason.
  explicit RunFolder(std::string directory,
                     const std::string& option = "--out");
  /// Removes folders that the constructor made and publish() did not fill.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// Writes all artifacts (docs/artifacts.md) beside their places and renames
  /// them, file by file and summary.json last, once all are written.
  /// Throws std::runtime_error with path and reason.
  void publish(const Run& run, nn::Sequential<float>& network);

 private:
  std::string directory_;
  std::vector<std::string> created_;  ///< innermost last
};

/// What there is at `path`, for messages: "a folder", "a file" or "nothing".
std::string kind_of_file(const std::string& path);

/// Tries that a file can be put at `path`, leaving nothing there.
/// Throws std::runtime_error with `option`, path and reason.
void check_file_can_be_written(const std::string& option,
                               const std::string& path);

}  // namespace apps

#endif  // NN_APPS_COMMON_ARTIFACTS_H_
