#ifndef NN_DATA_IMAGE_FOLDER_H_
#define NN_DATA_IMAGE_FOLDER_H_

#include <string>
#include <vector>

#include "nn/data/image_set.h"
#include "nn/data/picture.h"

namespace nn {

/// How a folder of pictures is read.
struct ImageFolderOptions {
  /// How each picture is. All are of one shape in the end: without a size they
  /// have that of the first one.
  PictureOptions picture;
  /// The folders that are classes, in the order of their labels. Without names
  /// they are all that there are, sorted byte by byte. A set that is to have
  /// the labels of another one takes its ImageSet::class_names.
  std::vector<std::string> class_names;
  /// Whether what cannot be read is left out and told of
  /// (ImageFolder::skipped) instead of ending the reading. A class of which
  /// nothing is left keeps its label, and is told of after all others.
  bool skip_unreadable = false;
};

/// The pictures of a folder.
struct ImageFolder {
  ImageSet images;                   ///< with the names of the classes
  std::vector<std::string> paths;    ///< of each image
  std::vector<std::string> skipped;  ///< what was left out, and why
};

/// Reads the PNG and JPEG pictures of a folder that has a folder for each
/// class:
///
///   flowers/daisy/1.jpg   flowers/daisy/2.png   flowers/tulip/1.jpg
///
/// Images are in the order of their classes, and in each in that of their
/// names, byte by byte. Names that begin with a dot are ignored. On up to
/// num_threads() threads.
///
/// Throws std::runtime_error with path and reason where a file cannot be read
/// as load_picture() says, has another shape than the first one, is no folder
/// beside those of the classes, or is a folder in one of them; where a class
/// has no picture; and always where there is no picture at all or a folder in
/// ImageFolderOptions::class_names is missing. Throws std::invalid_argument as
/// load_picture() does, and if a class is named twice.
ImageFolder load_image_folder(const std::string& path,
                              const ImageFolderOptions& options = {});

}  // namespace nn

#endif  // NN_DATA_IMAGE_FOLDER_H_
