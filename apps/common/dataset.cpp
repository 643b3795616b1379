#include "common/dataset.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <limits>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "common/artifacts.h"
#include "common/input_file.h"
#include "common/printable.h"
#include "common/run.h"
#include "common/sha256.h"
#include "nn/check.h"
#include "nn/data/idx.h"
#include "nn/files/file.h"

namespace apps {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

/// What tells a data set's files from those of others.
struct Source {
  std::string name;
  std::string title;
  std::string training_stem = "train";
  std::string test_stem = "t10k";
  Names class_names;    ///< where they are known
  std::string mapping;  ///< the file that has them, or empty
  int first_label = 0;
  bool transposed = false;
};

Names digits() {
  return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
}

Source emnist(const std::string& split, const std::string& title) {
  const std::string stem = "emnist-" + split;
  Source source;
  source.name = stem;
  source.title = "EMNIST " + title;
  source.training_stem = stem + "-train";
  source.test_stem = stem + "-test";
  source.mapping = stem + "-mapping.txt";
  source.first_label = split == "letters" ? 1 : 0;
  source.transposed = true;
  return source;
}

const std::vector<Source>& sources() {
  static const std::vector<Source> kSources = [] {
    std::vector<Source> list(4);
    list[0].name = "mnist";
    list[0].title = "MNIST";
    list[0].class_names = digits();
    list[1].name = "fashion-mnist";
    list[1].title = "Fashion-MNIST";
    list[1].class_names = {"T-shirt/top",
                           "Trouser",
                           "Pullover",
                           "Dress",
                           "Coat",
                           "Sandal",
                           "Shirt",
                           "Sneaker",
                           "Bag",
                           "Ankle boot"};
    list[2].name = "kmnist";
    list[2].title = "KMNIST";
    list[2].class_names = {
        "o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"};
    list[3].name = "qmnist";
    list[3].title = "QMNIST";
    list[3].training_stem = "qmnist-train";
    list[3].test_stem = "qmnist-test";
    list[3].class_names = digits();
    for (const auto& [split, title] : {std::pair("balanced", "Balanced"),
                                       std::pair("byclass", "ByClass"),
                                       std::pair("bymerge", "ByMerge"),
                                       std::pair("digits", "Digits"),
                                       std::pair("letters", "Letters"),
                                       std::pair("mnist", "MNIST")}) {
      list.push_back(emnist(split, title));
    }
    return list;
  }();
  return kSources;
}

const Source* find_source(const std::string& name) {
  const auto found = std::find_if(
      sources().begin(), sources().end(), [&name](const Source& source) {
        return source.name == name;
      });
  return found == sources().end() ? nullptr : &*found;
}

/// A folder of IDX files of one's own.
Source own_source(const Options& options) {
  Source source;
  source.name = options.dataset;
  std::error_code ignored;
  if (fs::exists(options.data + "/classes.txt", ignored)) {
    source.mapping = "classes.txt";
  }
  const Names names = names_or_none(options.data);
  const auto has = [&names](const std::string& start) {
    return std::any_of(names.begin(), names.end(), [&](const auto& name) {
      return name.rfind(start, 0) == 0;
    });
  };
  if (has("test-images") && !has("t10k-images")) source.test_stem = "test";
  return source;
}

constexpr std::size_t kMostNamesBytes = 1 << 16;
constexpr const char* kByteOrderMark = "\xef\xbb\xbf";

[[noreturn]] void throw_line(const std::string& path,
                             std::size_t line,
                             const std::string& expected,
                             const std::string& found) {
  throw std::runtime_error(nn::concat(
      path, ": line ", line, ": expected ", expected, ", found '", found, "'"));
}

/// The characters of a class, from the line of a mapping of EMNIST: its label
/// and their codes in ASCII.
std::string read_mapping_line(const std::string& path,
                              std::size_t number,
                              const std::string& line,
                              int label) {
  std::istringstream words(line);
  words.imbue(std::locale::classic());
  const auto number_of = [](const std::string& word) {
    int value = -1;
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    return error == std::errc() && stop == end ? value : -1;
  };
  std::string word;
  words >> word;
  if (number_of(word) != label) {
    throw_line(path, number, nn::concat("label ", label), line);
  }
  std::string name;
  while (words >> word) {
    const int code = number_of(word);
    if (code <= ' ' || code > '~') {
      throw_line(path, number, "codes of printable characters", line);
    }
    name += static_cast<char>(code);
  }
  if (name.empty()) {
    throw_line(path, number, "a label and codes of characters", line);
  }
  return name;
}

std::string trimmed(const std::string& line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  if (first == line.npos) return "";
  return line.substr(first, line.find_last_not_of(" \t\r") + 1 - first);
}

/// The names of the classes in a file: of a mapping of EMNIST, or a name a
/// line. Blank lines at the end are no names.
Names read_class_names(const std::string& path, const Source& source) {
  std::string bytes = read_input(path, kMostNamesBytes);
  if (bytes.rfind(kByteOrderMark, 0) == 0) {
    bytes.erase(0, std::strlen(kByteOrderMark));
  }
  std::istringstream text(bytes);
  Names names;
  std::size_t blank = 0;
  std::string line;
  for (std::size_t number = 1; std::getline(text, line); ++number) {
    line = trimmed(line);
    if (line.empty()) {
      if (blank == 0) blank = number;
      continue;
    }
    if (blank != 0) throw_line(path, blank, "the name of a class", "");
    if (printable(line, line.size()) != line) {
      throw_line(path, number, "a name in UTF-8", printable(line));
    }
    const int label = static_cast<int>(names.size()) + source.first_label;
    std::string name =
        source.transposed ? read_mapping_line(path, number, line, label) : line;
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      throw std::runtime_error(nn::concat(path,
                                          ": line ",
                                          number,
                                          ": expected another name for each "
                                          "class, found '",
                                          name,
                                          "' again"));
    }
    names.push_back(std::move(name));
  }
  if (names.size() < 2 || names.size() > kMostClasses) {
    throw std::runtime_error(nn::concat(path,
                                        ": expected the names of 2 to ",
                                        kMostClasses,
                                        " classes, found ",
                                        names.size()));
  }
  return names;
}

/// A number for each class, as many as the labels reach.
Names numbered(const Dataset& data, const std::string& directory) {
  int lowest = std::numeric_limits<int>::max();
  int highest = 0;
  for (const nn::ImageSet* set : {&data.training, &data.test}) {
    for (const int label : set->labels) {
      lowest = std::min(lowest, label);
      highest = std::max(highest, label);
    }
  }
  if (highest == 0) {
    throw std::runtime_error(nn::concat(
        directory, ": expected labels of at least 2 classes, found 0 alone"));
  }
  if (highest >= kMostClasses) {
    throw std::runtime_error(nn::concat(directory,
                                        ": expected labels of at most ",
                                        kMostClasses,
                                        " classes, found label ",
                                        highest));
  }
  if (lowest > 0) {
    throw std::runtime_error(nn::concat(
        directory,
        ": expected labels from 0, found them from ",
        lowest,
        "; if no image is of the first classes, name all in classes.txt"));
  }
  Names names;
  for (int c = 0; c <= highest; ++c) names.push_back(std::to_string(c));
  return names;
}

void add_checksum(const std::string& path, nlohmann::json& list) {
  const std::string bytes = nn::read_file(path);
  list.push_back({{"name", fs::path(path).filename().string()},
                  {"size_bytes", bytes.size()},
                  {"sha256", sha256(bytes)}});
}

}  // namespace

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const Source& source : sources()) names.push_back(source.name);
  return names;
}

std::string title_of_dataset(const std::string& name) {
  const Source* source = find_source(name);
  return source == nullptr ? name : source->title;
}

Dataset load_dataset(const Options& options) {
  std::error_code ignored;
  if (!fs::is_directory(options.data, ignored)) {
    throw std::runtime_error(nn::concat(
        "--data ",
        options.data,
        ": expected a folder with the IDX files of ",
        options.dataset,
        ", found ",
        kind_of_file(options.data),
        options.dataset == "mnist"
            ? " (cmake -P cmake/FetchMnist.cmake fills data/ in the folder "
              "that it is run in)"
        : options.dataset == "fashion-mnist"
            ? " (cmake -DDATASET=fashion-mnist -P cmake/FetchMnist.cmake fills "
              "data/ in the folder that it is run in)"
            : ""));
  }
  const Source* known = find_source(options.dataset);
  const Source source = known != nullptr ? *known : own_source(options);
  Dataset data;
  data.class_names = source.class_names;
  if (!source.mapping.empty()) {
    const std::string path = options.data + "/" + source.mapping;
    data.class_names = read_class_names(path, source);
    add_checksum(path, data.files);
  }
  nn::IdxSetOptions format;
  format.first_label = source.first_label;
  format.transposed = source.transposed;
  if (!data.class_names.empty()) {
    format.classes = static_cast<int>(data.class_names.size());
  }
  const auto load = [&](const std::string& stem) {
    const nn::MnistFiles files = nn::find_idx_set(options.data, stem);
    add_checksum(files.images, data.files);
    add_checksum(files.labels, data.files);
    return nn::load_idx_set(files, format);
  };
  try {
    data.training = load(source.training_stem);
    data.test = load(source.test_stem);
  } catch (const std::runtime_error& error) {
    if (known != nullptr) throw;
    throw std::runtime_error(nn::concat(
        error.what(),
        "; '",
        options.dataset,
        "' is none of the data sets that are known, so that its files are to "
        "be named as those of mnist"));
  }
  if (data.training.shape != data.test.shape) {
    throw std::runtime_error(
        nn::concat(options.data,
                   ": expected test images of the training images' size ",
                   data.training.shape,
                   ", found ",
                   data.test.shape));
  }
  if (data.class_names.empty()) {
    data.class_names = numbered(data, options.data);
  }
  if (options.train_limit > 0) {
    data.training = data.training.head(options.train_limit);
  }
  if (options.test_limit > 0) data.test = data.test.head(options.test_limit);
  data.normalization = nn::measure_normalization(data.training);
  return data;
}

}  // namespace apps
