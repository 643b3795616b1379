#include "common/run_files.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "common/sha256.h"
#include "nn/check.h"
#include "nn/files/file.h"

namespace apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 64;
constexpr std::string_view kBetween = "  ";
// A damaged manifest or file is not to keep a reader busy for minutes.
constexpr std::uintmax_t kMostManifestBytes = 1 << 16;
constexpr std::uintmax_t kMostFileBytes = std::uintmax_t{1} << 30;

struct Line {
  std::string digest;
  std::string name;
};

std::vector<Line> parse(const std::string& manifest) {
  const std::vector<std::string>& names = run_file_names();
  std::vector<Line> lines;
  std::size_t start = 0;
  for (std::size_t end = 0;
       (end = manifest.find('\n', start)) != std::string::npos;
       start = end + 1) {
    const std::string line = manifest.substr(start, end - start);
    if (line.size() <= kDigits + kBetween.size() ||
        line.compare(kDigits, kBetween.size(), kBetween) != 0) {
      continue;
    }
    const std::string name = line.substr(kDigits + kBetween.size());
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    lines.push_back({line.substr(0, kDigits), name});
  }
  return lines;
}

std::string compare(const std::string& path, const std::string& digest) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return path + ": missing, although the run wrote it";
  if (!fs::is_regular_file(status)) {
    return path + ": expected the file that the run wrote, found no file";
  }
  if (fs::file_size(path, error) > kMostFileBytes) {
    return path + ": not compared with the run's checksums: above 1 GiB";
  }
  if (sha256_of_file(path) == digest) return "";
  return nn::concat(path,
                    ": not what the run wrote (",
                    kManifestFile,
                    "): of another run, or changed since");
}

}  // namespace

const std::vector<std::string>& run_file_names() {
  static const std::vector<std::string> names = {"confusion.csv",
                                                 "confusion.png",
                                                 "feature_maps.png",
                                                 "filters.png",
                                                 "history.csv",
                                                 "images.csv",
                                                 "layers.csv",
                                                 "layers.png",
                                                 "loss.png",
                                                 "mistakes.png",
                                                 kModelFile,
                                                 "predictions.csv",
                                                 kManifestFile,
                                                 "steps.csv",
                                                 kSummaryFile,
                                                 "top3.csv",
                                                 "top3.png"};
  return names;
}

const std::vector<std::string>& run_folder_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = run_file_names();
    all.push_back(kCheckpointFile);
    return all;
  }();
  return names;
}

bool is_partial_folder(const std::string& name) {
  return name.front() == '.' && name.find(".partial-") != name.npos;
}

std::string run_file(const std::string& directory, const std::string& name) {
  const std::string moving =
      nn::concat(directory, '/', kPublishingFolder, '/', name);
  std::error_code ignored;
  return fs::exists(moving, ignored) ? moving : directory + "/" + name;
}

std::vector<std::string> names_in_manifest(const std::string& manifest) {
  std::vector<std::string> names;
  for (Line& line : parse(manifest)) names.push_back(std::move(line.name));
  return names;
}

std::string read_manifest(const std::string& directory) {
  const std::string path = run_file(directory, kManifestFile);
  std::error_code error;
  if (!fs::is_regular_file(path, error) ||
      fs::file_size(path, error) > kMostManifestBytes || error) {
    return "";
  }
  try {
    return nn::read_file(path);
  } catch (const std::runtime_error&) {
    return "";  // It was moved in this moment, or may not be read.
  }
}

void write_manifest(const std::string& directory) {
  std::string text;
  for (const std::string& name : run_file_names()) {
    const std::string path = directory + "/" + name;
    if (name == kManifestFile || !fs::exists(path)) continue;
    text += nn::concat(sha256_of_file(path), kBetween, name, '\n');
  }
  nn::write_file_atomically(directory + "/" + kManifestFile, text);
}

std::vector<std::string> check_manifest(const std::string& directory) {
  std::vector<std::string> problems;
  const std::string path = run_file(directory, kManifestFile);
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return problems;
  const std::vector<Line> lines = parse(read_manifest(directory));
  if (lines.empty()) {
    problems.push_back(path + ": expected the checksums of the run's files");
  }
  for (const Line& line : lines) {
    std::string problem;
    try {
      problem = compare(run_file(directory, line.name), line.digest);
    } catch (const std::runtime_error& error) {
      problem = error.what();
    }
    if (!problem.empty()) problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace apps
