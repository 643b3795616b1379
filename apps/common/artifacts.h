#ifndef NN_APPS_COMMON_ARTIFACTS_H_
#define NN_APPS_COMMON_ARTIFACTS_H_

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/partial_folder.h"
#include "common/run.h"
#include "nn/network/sequential.h"

namespace apps {

/// The folder of one run (docs/artifacts.md). What stands in it stays until
/// publish(), which replaces it as a whole.
class RunFolder {
 public:
  /// Makes the folder if it is not there, and tries that it can be written, so
  /// that a run fails at its start and not after its last epoch. Completes or
  /// removes what a killed process left behind.
  /// Throws std::runtime_error with `option`, path and reason.
  explicit RunFolder(std::string directory,
                     const std::string& option = "--out");
  /// Removes what was not published, and folders that the constructor made and
  /// publish() did not fill.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// Where the training is saved while it lasts.
  std::string checkpoint() const;

  /// Writes the trained network, out of sight: the first thing to do once it is
  /// trained. Throws std::runtime_error with path and reason.
  void save_weights(nn::Sequential<float>& network);

  /// Writes the rest of the run, after the weights the tables and then the
  /// figures, and puts the run in the place of the one before: a reader finds
  /// either, whole. Returns why figures are missing that cannot be drawn, and
  /// lists them in the run's summary.
  /// A checkpoint that stands in the folder stays there if the run is to go on,
  /// and is removed with it done.
  /// Throws std::runtime_error with path and reason.
  std::vector<std::string> publish(Run& run,
                                   nn::Sequential<float>& network,
                                   bool goes_on = false);

  /// For a run that could not be published: moves its weights to where they
  /// stay, and returns that path. Empty if they were not saved.
  std::string keep_weights();

 private:
  void make_folders(const std::string& option);
  bool can_be_exchanged() const;
  void open_partial();
  void stage_checkpoint() const;
  bool exchange();
  void move_in();

  std::string directory_;
  std::vector<std::string> created_;  ///< innermost last
  std::filesystem::path target_;      ///< directory_ without symbolic links
  std::unique_ptr<PartialFolder> partial_;
  bool is_beside_ = false;  ///< partial_, to target_; otherwise in it
};

/// What there is at `path`, for messages: "a folder", "a file" or "nothing".
std::string kind_of_file(const std::string& path);

/// Tries that a file can be put at `path`, leaving nothing there.
/// Throws std::runtime_error with `option`, path and reason.
void check_file_can_be_written(const std::string& option,
                               const std::string& path);

}  // namespace apps

#endif  // NN_APPS_COMMON_ARTIFACTS_H_
