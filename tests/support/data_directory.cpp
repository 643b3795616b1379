#include "support/data_directory.h"

#include <cstdlib>
#include <stdexcept>

namespace nn_test {
namespace {

std::string value() {
  const char* path = std::getenv("NN_DATA_DIR");
  return path == nullptr ? "" : path;
}

}  // namespace

bool has_data_directory() {
  return !value().empty();
}

std::string data_directory() {
  if (!has_data_directory()) {
    throw std::runtime_error(
        "this test needs a data set: set NN_DATA_DIR to its folder");
  }
  return value();
}

}  // namespace nn_test
