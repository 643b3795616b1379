#ifndef NN_APPS_COMMON_DATASET_H_
#define NN_APPS_COMMON_DATASET_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/options.h"
#include "nn/data/image_set.h"

namespace apps {

/// The names that --dataset takes, beside the path of a folder: "mnist".
std::vector<std::string> dataset_names();

/// What figures call a data set: "EMNIST Letters". A name that is none of
/// dataset_names() stays as it is.
std::string title_of_dataset(const std::string& name);

struct Dataset {
  nn::ImageSet training;
  nn::ImageSet test;
  std::vector<std::string> class_names;  ///< one for each class, from 2 to 256
  nn::Normalization normalization;       ///< of the training images
  nlohmann::json files = nlohmann::json::array();  ///< name, size, checksum
};

/// Reads the one that `options` name, as much of it as they say. The classes
/// are those that the data set is known for; else those that its file of class
/// names lists; else as many as its labels reach. Throws std::runtime_error
/// with path and reason if a file is missing or damaged, if the sizes of
/// training and test images differ, or if there are fewer than 2 classes.
Dataset load_dataset(const Options& options);

}  // namespace apps

#endif  // NN_APPS_COMMON_DATASET_H_
