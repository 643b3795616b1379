#include "common/augmentation_option.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "common/options.h"
#include "common/parse_number.h"
#include "nn/check.h"

namespace apps {

nn::AugmentationOptions parse_augmentation(const std::string& text) {
  const auto fail = [&text](const std::string& what) {
    throw UsageError(
        nn::concat("--augment: expected ", what, ", got '", text, "'"));
  };
  nn::AugmentationOptions result;
  std::vector<std::string> seen;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string entry = text.substr(start, end - start);
    const std::size_t equals = std::min(entry.find('='), entry.size());
    const std::string key = entry.substr(0, equals);
    const std::string value =
        equals < entry.size() ? entry.substr(equals + 1) : "";
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      fail(key + " once");
    }
    seen.push_back(key);
    if (key == "shift") {
      if (!parse_whole(value, result.shift)) {
        fail("a whole number of pixels for shift");
      }
    } else if (key == "rotate" || key == "elastic" || key == "sigma") {
      double& number = key == "rotate"    ? result.rotation
                       : key == "elastic" ? result.elastic
                                          : result.elastic_sigma;
      if (!parse_finite(value, number)) fail("a finite number for " + key);
    } else {
      fail("shift=N, rotate=X, elastic=X and sigma=X, separated by commas");
    }
    start = end + 1;
  }
  const bool has_sigma =
      std::find(seen.begin(), seen.end(), "sigma") != seen.end();
  if (has_sigma && !(result.elastic > 0.0)) {
    fail("sigma together with elastic above 0");
  }
  try {
    nn::Augmentation(result, 0);
  } catch (const std::invalid_argument& error) {
    throw UsageError(nn::concat("--augment ", text, ": ", error.what()));
  }
  return result;
}

std::string to_text(const nn::AugmentationOptions& augmentation) {
  std::string text;
  const auto add = [&text](const char* key, const nlohmann::json& value) {
    // JSON numbers have as many digits as it takes to read the same back.
    text += (text.empty() ? "" : ",") + nn::concat(key, '=', value.dump());
  };
  if (augmentation.shift > 0) add("shift", augmentation.shift);
  if (augmentation.rotation > 0.0) add("rotate", augmentation.rotation);
  if (augmentation.elastic > 0.0) {
    add("elastic", augmentation.elastic);
    add("sigma", augmentation.elastic_sigma);
  }
  return text;
}

}  // namespace apps
