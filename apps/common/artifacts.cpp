#include "common/artifacts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>
#include <utility>

#ifdef __linux__
#include <sys/xattr.h>
#endif

#include "common/figures.h"
#include "common/input_file.h"
#include "common/run_files.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/files/model.h"

namespace apps {
namespace {

namespace fs = std::filesystem;

// Inside a folder; beside one its name stands in front.
constexpr const char* kPartialPrefix = ".partial-";

std::string prefix_beside(const fs::path& folder) {
  return "." + folder.filename().string() + kPartialPrefix;
}

/// Tries that files can be made in a folder.
void try_to_write(const fs::path& folder) {
  try {
    const PartialFolder trial(folder, kPartialPrefix);
  } catch (const std::system_error& error) {
    throw std::runtime_error(
        nn::concat(folder.string(),
                   ": expected a folder that can be written, found: ",
                   error.code().message()));
  }
}

/// Makes a folder's entries survive a power cut, if it may be opened.
void sync(const fs::path& path) {
  std::unique_ptr<OpenFolder> folder;
  try {
    folder = std::make_unique<OpenFolder>(path);
  } catch (const std::system_error&) {
    return;
  }
  folder->sync();
}

bool is_of_run_folder(const std::string& name) {
  const std::vector<std::string>& names = run_folder_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether a folder holds what the programs leave in one, and nothing else.
bool holds_run_files_only(const fs::path& folder) {
  try {
    const std::vector<std::string> names = nn::names_in_folder(folder.string());
    return std::all_of(names.begin(), names.end(), [&](const auto& name) {
      std::error_code ignored;
      return fs::is_regular_file(fs::symlink_status(folder / name, ignored)) &&
             is_of_run_folder(name);
    });
  } catch (const std::runtime_error&) {
    return false;
  }
}

/// Whether the folder has what a new one in its place would not have: another
/// owner, or an access list.
bool is_special(const fs::path& folder, const fs::path& new_one) {
  struct stat status {};
  struct stat other {};
  if (::lstat(folder.c_str(), &status) != 0 ||
      ::lstat(new_one.c_str(), &other) != 0 || status.st_uid != other.st_uid ||
      status.st_gid != other.st_gid || status.st_dev != other.st_dev) {
    return true;
  }
#ifdef __linux__
  char list[1024];
  const ssize_t size = ::listxattr(folder.c_str(), list, sizeof list);
  if (size < 0) return errno != ENOTSUP;
  const std::string names(list, static_cast<std::size_t>(size));
  return names.find("system.") != names.npos ||
         names.find("user.") != names.npos;
#else
  return false;
#endif
}

/// Moves an entry, or if that is not possible a file's content.
void move_file(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return;
  nn::write_file_atomically(to.string(), nn::read_file(from.string()));
  fs::remove(from, error);
}

void rename_into(const fs::path& from, const fs::path& folder) {
  const fs::path to = folder / from.filename();
  std::error_code error;
  fs::rename(from, to, error);
  if (error) {
    throw std::runtime_error(
        nn::concat(to.string(), ": cannot be replaced: ", error.message()));
  }
}

/// Moves a run to its place, of which all files stand in kPublishingFolder or
/// are there already. The manifest goes last: without it, all is done.
void move_published(const fs::path& target) {
  const fs::path from = target / kPublishingFolder;
  std::error_code error;
  if (fs::exists(from / kManifestFile, error)) {
    const std::vector<std::string> names =
        names_in_manifest(nn::read_file((from / kManifestFile).string()));
    for (const std::string& name : run_file_names()) {
      if (name == kManifestFile) continue;
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        fs::remove(target / name, error);
      } else if (fs::exists(from / name, error)) {
        rename_into(from / name, target);
      }
    }
    sync(target);
    rename_into(from / kManifestFile, target);
  }
  fs::remove(from, error);
}

/// Ends what another process began, after it if it lives.
void complete_publishing(const fs::path& target) {
  const fs::path from = target / kPublishingFolder;
  try {
    OpenFolder folder(from);
    folder.lock();
    if (folder.is_at(from)) move_published(target);
  } catch (const std::system_error&) {
    // There is none: the usual case.
  }
}

/// Moves what is not a run's file from a folder that is being removed.
void rescue_others(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (const std::string& name : names_or_none(from.string())) {
    if (!fs::exists(fs::symlink_status(to / name, error))) {
      fs::rename(from / name, to / name, error);
    }
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
  make_folders(option);
  try {
    try_to_write(directory_);
    complete_publishing(target_);
  } catch (const std::runtime_error& reason) {
    throw std::runtime_error(nn::concat(option, ' ', reason.what()));
  }
  remove_left_overs(target_.parent_path(), prefix_beside(target_));
}

RunFolder::~RunFolder() {
  partial_.reset();
  // fs::remove() refuses a folder that is not empty, as it should here.
  std::error_code ignored;
  for (auto path = created_.rbegin(); path != created_.rend(); ++path) {
    fs::remove(*path, ignored);
  }
}

void RunFolder::make_folders(const std::string& option) {
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
  target_ = fs::canonical(directory_, error);
  if (error) {
    throw std::runtime_error(
        nn::concat(option, ' ', directory_, ": ", error.message()));
  }
}

/// Whether a new folder may take the place of the old one: it holds a run and
/// nothing else, and no shell or mount keeps it.
bool RunFolder::can_be_exchanged() const {
  std::error_code error;
  const fs::path working_directory = fs::current_path(error);
  const fs::path inside = working_directory.lexically_relative(target_);
  const bool is_used = error || inside.empty() || *inside.begin() != "..";
  return target_.has_filename() && !is_used && holds_run_files_only(target_);
}

void RunFolder::open_partial() {
  is_beside_ = false;
  if (can_be_exchanged()) {
    try {
      partial_ = std::make_unique<PartialFolder>(target_.parent_path(),
                                                 prefix_beside(target_));
      is_beside_ = !is_special(target_, partial_->path());
    } catch (const std::system_error&) {
      // The folder may be written and the one around it not.
    }
  }
  if (is_beside_) return;
  try {
    partial_ = std::make_unique<PartialFolder>(target_, kPartialPrefix);
  } catch (const std::system_error& error) {
    throw std::runtime_error(
        nn::concat(directory_,
                   ": expected a folder that can be written, found: ",
                   error.code().message()));
  }
}

void RunFolder::save_weights(nn::Sequential<float>& network) {
  // Hours may have passed: what was there then may have been removed.
  make_folders("the run folder");
  open_partial();
  nn::save_model((partial_->path() / kModelFile).string(), network);
}

std::vector<std::string> RunFolder::publish(Run& run,
                                            nn::Sequential<float>& network,
                                            bool goes_on) {
  if (!partial_) save_weights(network);
  const std::string staging = partial_->path().string();
  std::vector<std::string> warnings;
  try {
    write_run_tables(staging, run);
    const std::vector<MissingFigure> missing =
        write_figures(staging, run, network);
    if (!missing.empty()) {
      nlohmann::json& list = run.summary["missing_figures"];
      for (const MissingFigure& figure : missing) {
        list.push_back({{"name", figure.file}, {"reason", figure.reason}});
        warnings.push_back(nn::concat(
            figure.file, " is missing from the run: ", figure.reason));
      }
      write_summary(staging, run);
    }
    write_manifest(staging);
    if (goes_on) stage_checkpoint();
    partial_->folder().sync();
    if (!is_beside_ || !exchange()) move_in();
    if (!goes_on) {
      std::error_code ignored;
      fs::remove(target_ / kCheckpointFile, ignored);
    }
  } catch (const std::runtime_error& error) {
    // The user knows of the folder, not of the one beside it.
    std::string message = error.what();
    const std::size_t at = message.find(staging);
    if (at != message.npos) message.replace(at, staging.size(), directory_);
    throw std::runtime_error(message);
  }
  partial_.reset();
  return warnings;
}

std::string RunFolder::checkpoint() const {
  return directory_ + "/" + kCheckpointFile;
}

/// A folder that takes the place of another brings the checkpoint along.
void RunFolder::stage_checkpoint() const {
  const fs::path from = target_ / kCheckpointFile;
  std::error_code error;
  if (!is_beside_ || !fs::exists(from, error)) return;
  const fs::path to = partial_->path() / kCheckpointFile;
  fs::create_hard_link(from, to, error);
  if (error) {
    nn::write_file_atomically(to.string(), nn::read_file(from.string()));
  }
}

/// Puts partial_ in the place of the folder, in one step, and removes what then
/// stands beside. False if the system or the file system cannot do that.
bool RunFolder::exchange() {
#ifdef RENAME_EXCHANGE
  struct stat status {};
  if (!can_be_exchanged() || ::stat(target_.c_str(), &status) != 0 ||
      ::fchmod(partial_->folder().fd(), status.st_mode & 07777) != 0 ||
      ::renameat2(AT_FDCWD,
                  partial_->path().c_str(),
                  AT_FDCWD,
                  target_.c_str(),
                  RENAME_EXCHANGE) != 0) {
    return false;
  }
  const fs::path old = partial_->path();
  std::error_code error;
  for (const std::string& name : run_folder_names()) {
    fs::remove(old / name, error);
  }
  rescue_others(old, target_);
  fs::remove(old, error);
  sync(target_.parent_path());
  return true;
#else
  return false;
#endif
}

/// Moves the files of partial_ to their places. From the first step on the new
/// run is whole for those who read with run_file(): the next process moves what
/// this one does not.
void RunFolder::move_in() {
  if (is_beside_) {
    auto inside = std::make_unique<PartialFolder>(target_, kPartialPrefix);
    const auto move = [&](const std::string& name) {
      if (fs::exists(partial_->path() / name)) {
        move_file(partial_->path() / name, inside->path() / name);
      }
    };
    for (const std::string& name : run_file_names()) {
      if (name != kModelFile) move(name);
    }
    // Last, so that keep_weights() finds it if another cannot be moved.
    move(kModelFile);
    partial_ = std::move(inside);
    is_beside_ = false;
    partial_->folder().sync();
  }
  const fs::path publishing = target_ / kPublishingFolder;
  constexpr int kMostOthers = 1000;
  std::error_code error;
  for (int i = 0; i < kMostOthers; ++i) {
    complete_publishing(target_);
    fs::rename(partial_->path(), publishing, error);
    if (!error) break;
  }
  if (error) {
    throw std::runtime_error(nn::concat(
        publishing.string(), ": cannot be written: ", error.message()));
  }
  sync(target_);
  move_published(target_);
}

std::string RunFolder::keep_weights() {
  if (!partial_) return "";
  // The run is in its place, or the next process puts it there.
  if (!partial_->folder().is_at(partial_->path())) return directory_;
  const std::string name = is_beside_ ? target_.filename().string() + "." : "";
  const fs::path path =
      partial_->path().parent_path() /
      nn::concat(name, "unpublished-", partial_->suffix(), ".safetensors");
  std::error_code error;
  fs::rename(partial_->path() / kModelFile, path, error);
  return error ? "" : path.string();
}

void check_file_can_be_written(const std::string& option,
                               const std::string& path) {
  std::error_code error;
  // Through a link, the file that it names is written.
  const fs::path file = fs::weakly_canonical(path, error);
  const fs::path folder =
      error ? fs::absolute(path).parent_path() : file.parent_path();
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) {
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
  // A device is written itself, and nothing beside it.
  if (fs::exists(status) && !fs::is_regular_file(status)) return;
  try {
    try_to_write(folder);
  } catch (const std::runtime_error& reason) {
    throw std::runtime_error(
        nn::concat(option, ' ', path, ": ", reason.what()));
  }
}

}  // namespace apps
