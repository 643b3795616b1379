// docs/adding-a-layer.md shows whole files; they are the ones compiled here.

#include <fstream>
#include <sstream>
#include <string>

#include "docs/swish.h"
#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/matrices.h"

namespace {

std::string text_of(const std::string& path) {
  std::ifstream in(std::string(NN_SOURCE_DIR) + "/" + path);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The fenced block after the comment that names the file.
std::string block_for(const std::string& document, const std::string& path) {
  const std::string marker = "<!-- the file " + path + " -->\n```cpp\n";
  const std::size_t begin = document.find(marker);
  if (begin == std::string::npos) return "no block for " + path;
  const std::size_t code = begin + marker.size();
  const std::size_t end = document.find("\n```\n", code);
  if (end == std::string::npos) return "a block without an end for " + path;
  return document.substr(code, end + 1 - code);
}

}  // namespace

TEST_CASE("the layer in docs/adding-a-layer.md is the one that is tested",
          "[docs]") {
  const std::string document = text_of("docs/adding-a-layer.md");
  for (const char* path : {"tests/docs/swish.h",
                           "tests/docs/swish.cpp",
                           "tests/docs/swish_test.cpp"}) {
    CHECK(block_for(document, path) == text_of(path));
  }
}

TEST_CASE("the layer in docs/adding-a-layer.md keeps the layer contract",
          "[docs][contract]") {
  CHECK(nn_test::contract_violations(nn_test::contract_of<Swish>(
            nn_test::normal_matrix<double>, nn::Shape{3, 2, 5}, 1.5)) ==
        nn_test::kNoViolations);
}
