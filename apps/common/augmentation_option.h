#ifndef NN_APPS_COMMON_AUGMENTATION_OPTION_H_
#define NN_APPS_COMMON_AUGMENTATION_OPTION_H_

#include <string>

#include "nn/data/augmentation.h"

namespace apps {

/// Reads what --augment takes: "shift=2,rotate=10,elastic=34,sigma=4", each key
/// at most once.
/// Throws UsageError with what was expected and what was found.
nn::AugmentationOptions parse_augmentation(const std::string& text);

/// The same the other way round. What is off is left out, so that no
/// augmentation is an empty text.
std::string to_text(const nn::AugmentationOptions& augmentation);

}  // namespace apps

#endif  // NN_APPS_COMMON_AUGMENTATION_OPTION_H_
