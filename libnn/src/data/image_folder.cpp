#include "nn/data/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "data/pixels.h"
#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/parallel.h"

namespace nn {
namespace {

namespace fs = std::filesystem;

/// Pictures that are in memory beside the set, while threads decode them.
constexpr std::size_t kBlockPictures = 64;

/// What is not hidden in a folder, sorted.
std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names = names_in_folder(path);
  names.erase(std::remove_if(names.begin(),
                             names.end(),
                             [](const auto& name) { return name[0] == '.'; }),
              names.end());
  return names;
}

std::string join(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

class Reader {
 public:
  explicit Reader(const ImageFolderOptions& options)
      : options_(options), picture_options_(options.picture) {
    result_.images.class_names = options.class_names;
    std::vector<std::string> names = options.class_names;
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    check_argument(twice == names.end(),
                   "[load_image_folder] expected each class once, got ",
                   twice == names.end() ? "" : *twice,
                   " twice");
  }

  ImageFolder read(const std::string& path) {
    find_classes(path);
    const std::vector<std::string>& classes = result_.images.class_names;
    for (std::size_t label = 0; label < classes.size(); ++label) {
      find_pictures(join(path, classes[label]), static_cast<int>(label));
    }
    load();
    find_empty_classes(path);
    if (result_.paths.empty()) {
      throw std::runtime_error(concat(
          path,
          ": expected PNG or JPEG pictures in a folder for each class, found "
          "none",
          result_.skipped.empty() ? "" : "; " + result_.skipped.front()));
    }
    return std::move(result_);
  }

 private:
  struct Found {
    std::string path;
    int label = 0;
  };

  void skip(const std::string& message) {
    if (!options_.skip_unreadable) throw std::runtime_error(message);
    result_.skipped.push_back(message);
  }

  void find_classes(const std::string& path) {
    std::vector<std::string>& classes = result_.images.class_names;
    const bool named = !classes.empty();
    for (const std::string& name : names_in(path)) {
      const std::string place = join(path, name);
      std::error_code error;
      const bool is_folder = fs::is_directory(place, error);
      const bool is_class =
          !named ||
          std::find(classes.begin(), classes.end(), name) != classes.end();
      if (!is_folder) {
        skip(place + ": expected a folder for each class, found a file");
      } else if (!is_class) {
        skip(place +
             ": expected the folders of ImageFolderOptions::class_names, found "
             "another");
      } else if (!named) {
        classes.push_back(name);
      }
    }
  }

  void find_pictures(const std::string& folder, int label) {
    const std::size_t before = found_.size();
    for (const std::string& name : names_in(folder)) {
      const std::string place = join(folder, name);
      std::error_code error;
      // A pipe would keep whoever opens it waiting.
      if (!fs::is_regular_file(place, error)) {
        skip(place + ": expected a picture, found " +
             (fs::is_directory(place, error) ? "a folder" : "no plain file"));
        continue;
      }
      found_.push_back({place, label});
    }
    if (found_.size() == before) {
      skip(folder + ": expected pictures of this class, found none");
    }
  }

  /// What is left of a class, once its unreadable pictures are left out.
  void find_empty_classes(const std::string& path) {
    const std::vector<std::string>& classes = result_.images.class_names;
    std::vector<std::size_t> found(classes.size());
    std::vector<std::size_t> loaded(classes.size());
    for (const Found& picture : found_) {
      ++found[static_cast<std::size_t>(picture.label)];
    }
    for (const int label : result_.images.labels) {
      ++loaded[static_cast<std::size_t>(label)];
    }
    for (std::size_t label = 0; label < classes.size(); ++label) {
      if (found[label] > 0 && loaded[label] == 0) {
        skip(join(path, classes[label]) +
             ": expected pictures of this class that can be read, found none");
      }
    }
  }

  void load() {
    // The first one says what the others are to be.
    std::size_t next = 0;
    while (result_.paths.empty() && next < found_.size()) {
      load_block(next, 1);
      ++next;
    }
    const Shape& shape = result_.images.shape;
    if (picture_options_.fit != PictureFit::kRefuse) {
      picture_options_.size = Extent(shape.height, shape.width);
    }
    while (next < found_.size()) {
      const std::size_t count = std::min(kBlockPictures, found_.size() - next);
      load_block(next, count);
      next += count;
    }
  }

  void load_block(std::size_t first, std::size_t count) {
    std::vector<Picture> pictures(count);
    std::vector<std::string> complaints(count);
    parallel_for(static_cast<Index>(count), [&](Index task, int) {
      const auto i = static_cast<std::size_t>(task);
      try {
        pictures[i] = load_picture(found_[first + i].path, picture_options_);
      } catch (const std::runtime_error& error) {
        complaints[i] = error.what();
      }
    });
    for (std::size_t i = 0; i < count; ++i) {
      if (complaints[i].empty()) {
        add(found_[first + i], pictures[i]);
      } else {
        skip(complaints[i]);
      }
    }
  }

  void add(const Found& found, const Picture& picture) {
    ImageSet& images = result_.images;
    if (result_.paths.empty()) {
      if (picture_options_.fit != PictureFit::kRefuse &&
          std::max(picture.shape.height, picture.shape.width) >
              internal::kMaxResized) {
        return skip(concat(found.path,
                           ": expected a first picture of at most ",
                           internal::kMaxResized,
                           " pixels in each direction, as others get its size, "
                           "found ",
                           picture.shape,
                           "; PictureOptions::size may say another"));
      }
      images.shape = picture.shape;
    } else if (picture.shape != images.shape) {
      return skip(concat(found.path,
                         ": expected a picture of ",
                         images.shape,
                         ", as ",
                         result_.paths.front(),
                         " is, found ",
                         picture.shape,
                         "; PictureOptions::color, size and fit bring pictures "
                         "into one form"));
    }
    images.images.insert(
        images.images.end(), picture.pixels.begin(), picture.pixels.end());
    images.labels.push_back(found.label);
    result_.paths.push_back(found.path);
  }

  const ImageFolderOptions& options_;
  PictureOptions picture_options_;
  std::vector<Found> found_;
  ImageFolder result_;
};

}  // namespace

ImageFolder load_image_folder(const std::string& path,
                              const ImageFolderOptions& options) {
  return Reader(options).read(path);
}

}  // namespace nn
