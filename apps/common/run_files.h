#ifndef NN_APPS_COMMON_RUN_FILES_H_
#define NN_APPS_COMMON_RUN_FILES_H_

#include <string>
#include <vector>

namespace apps {

/// Which files make up a run, and whether they belong together.

constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kSummaryFile = "summary.json";
/// A training that is not done, beside the run files: none of them itself, and
/// gone when the run is whole.
constexpr const char* kCheckpointFile = "checkpoint.safetensors";
/// The digests of all other files, as sha256sum writes and checks them.
constexpr const char* kManifestFile = "run.sha256";
/// The folder inside a run folder from which a run is being moved to its place,
/// where folders cannot be exchanged.
constexpr const char* kPublishingFolder = ".publishing";

/// The names of all files that a run may have.
const std::vector<std::string>& run_file_names();

/// Those, and a checkpoint's: all that the programs leave in a run folder.
const std::vector<std::string>& run_folder_names();

/// Whether a folder of this name holds what a program is still writing, or was
/// writing when it was killed.
bool is_partial_folder(const std::string& name);

/// Where the file `name` of the run in `directory` is. While a run is moved to
/// its place, and after a kill in that moment, a part of it stands in
/// kPublishingFolder: with that, the run is whole all the time.
std::string run_file(const std::string& directory, const std::string& name);

/// The names that the text of a manifest lists. Lines of another form and names
/// that are none of run_file_names() are left out.
std::vector<std::string> names_in_manifest(const std::string& manifest);

/// The manifest's text; empty if there is none. Two that are equal stand for
/// the same run: a reader that finds the same one before and after has read one
/// run, and no other was published meanwhile.
std::string read_manifest(const std::string& directory);

/// Lists the run files in `directory` in its manifest. Throws
/// std::runtime_error with path and reason.
void write_manifest(const std::string& directory);

/// Compares the run's files with its manifest: a line for each that is missing
/// or has other bytes, as in a mix of two runs. A run without a manifest has
/// nothing to compare.
std::vector<std::string> check_manifest(const std::string& directory);

}  // namespace apps

#endif  // NN_APPS_COMMON_RUN_FILES_H_
