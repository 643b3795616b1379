#ifndef NN_APPS_COMMON_PARSE_NUMBER_H_
#define NN_APPS_COMMON_PARSE_NUMBER_H_

#include <string>

#include "nn/types.h"

namespace apps {

/// Reads a number that is the whole of `text`. False where it is not one, with
/// anything in `value`.
bool parse_finite(const std::string& text, double& value);
bool parse_whole(const std::string& text, nn::Index& value);

}  // namespace apps

#endif  // NN_APPS_COMMON_PARSE_NUMBER_H_
