#include "nn/version.h"

#include <string>

#include "nn/check.h"
#include "support/catch.h"

TEST_CASE("headers and archive state the version of the CMake project",
          "[version]") {
  CHECK(std::string(nn::version()) == NN_PROJECT_VERSION);
  CHECK(std::string(NN_VERSION) == NN_PROJECT_VERSION);
  CHECK(nn::concat(
            NN_VERSION_MAJOR, '.', NN_VERSION_MINOR, '.', NN_VERSION_PATCH) ==
        NN_PROJECT_VERSION);
}
