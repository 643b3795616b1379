#include "docs/documents.h"

#include <algorithm>
#include <string>
#include <vector>

#include "support/catch.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn_test::parse_document;
using Strings = std::vector<std::string>;

// What is said of a document README.md with one block.
Strings said_of(const std::string& marker,
                const std::string& language,
                const std::string& block) {
  return nn_test::untested_blocks(parse_document(
      "README.md", marker + "\n```" + language + "\n" + block + "```\n"));
}

}  // namespace

TEST_CASE("no link between the documents is broken", "[docs]") {
  const auto documents = nn_test::all_documents();
  CHECK(documents.size() >= 10);
  for (const nn_test::Document& document : documents) {
    CHECK(nn_test::broken_links(document) == Strings());
  }
}

TEST_CASE("every block of code in the documents is tested", "[docs]") {
  std::size_t blocks = 0;
  for (const nn_test::Document& document : nn_test::all_documents()) {
    // A derivation quotes single lines of a source, each beside its formula.
    if (document.path.find("docs/math/") == 0) continue;
    blocks += document.blocks.size();
    CHECK(nn_test::untested_blocks(document) == Strings());
  }
  CHECK(blocks >= 8);
}

TEST_CASE("every layer, loss and optimizer names its derivation", "[docs]") {
  const std::string include = "libnn/include/nn/";
  Strings headers = {include + "network/residual.h"};
  for (const char* folder : {"layers", "losses", "optimizers"}) {
    for (const std::string& path : nn_test::files_under(include + folder)) {
      // These two compute nothing: they are what the others have in common.
      if (path == include + "losses/loss.h") continue;
      if (path == include + "optimizers/optimizer.h") continue;
      headers.push_back(path);
    }
  }
  CHECK(headers.size() >= 25);
  for (const std::string& path : headers) {
    CAPTURE(path);
    CHECK_THAT(nn_test::text_of(path), ContainsSubstring("docs/math/"));
  }
}

TEST_CASE("the documents that the library's files name are there", "[docs]") {
  Strings named;
  for (const std::string& path : nn_test::files_under("libnn")) {
    for (const std::string& document :
         nn_test::documents_named_in(nn_test::text_of(path))) {
      CAPTURE(path);
      CHECK_NOTHROW(nn_test::text_of(document));
      named.push_back(document);
    }
  }
  for (const nn_test::Document& document : nn_test::all_documents()) {
    if (document.path.find("docs/math/") != 0) continue;
    CAPTURE(document.path);
    CHECK(std::count(named.begin(), named.end(), document.path) > 0);
  }
  CHECK(nn_test::documents_named_in(
            "// see docs/math/relu.md and\n// docs/nothing.md. docs/b.txt") ==
        Strings{"docs/math/relu.md", "docs/nothing.md"});
}

TEST_CASE("a link to what is not there is found", "[docs]") {
  const auto broken = [](const std::string& text) {
    return nn_test::broken_links(parse_document("docs/a.md", text));
  };
  CHECK(broken("[a](conventions.md), [b](../README.md#link-it) and\n"
               "[c](https://example.org/x.md#y)\n"
               "`[d](nothing.md)`\n```\n[e](nothing.md)\n```\n") == Strings());
  CHECK(broken("[a](nothing.md)") == Strings{"docs/a.md: nothing.md"});
  CHECK(broken("![a](images/nothing.png)") ==
        Strings{"docs/a.md: images/nothing.png"});
  CHECK(broken("[a](conventions.md#nothing)") ==
        Strings{"docs/a.md: conventions.md#nothing"});
  CHECK(broken("# One `two`: three\n[a](#one-two-three) [b](#four)") ==
        Strings{"docs/a.md: #four"});
}

TEST_CASE("a block of code that nothing tests is found", "[docs]") {
  CHECK(said_of("", "cpp", "int x;\n") ==
        Strings{"README.md:2: no comment before it says what tests it"});
  CHECK(said_of("", "", "a drawing\n") == Strings());
  CHECK(said_of("<!-- by hand -->", "cpp", "int x;\n") ==
        Strings{"README.md:2: no test is called 'by hand'"});
  CHECK(said_of("<!-- part of tests/nothing.cpp -->", "cpp", "int x;\n") ==
        Strings{"README.md:2: there is no file tests/nothing.cpp"});
  CHECK(said_of("<!-- part of libnn/version.h.in -->", "cpp", "x\n").size() ==
        1);

  const std::string path = "tests/docs/documents_test.cpp";
  const std::string part =
      "// What is said of a document README.md with one "
      "block.\nStrings said_of(const std::string& marker,\n";
  CHECK(said_of("<!-- part of " + path + " -->", "cpp", part) == Strings());
  CHECK(said_of("<!-- part of " + path + " -->",
                "cpp",
                "int x = 0;\nint y = 0;\n") ==
        Strings{"README.md:2: it is not part of " + path});
  CHECK(said_of("<!-- the file " + path + " -->", "cpp", part) ==
        Strings{"README.md:2: it is not the file " + path});
  CHECK(said_of("<!-- the file " + path + " -->",
                "cpp",
                nn_test::text_of(path)) == Strings());
  CHECK(said_of("<!-- extracted: nothing.sh -->", "sh", "true\n") ==
        Strings{"README.md:2: tests/install does not extract nothing.sh"});
}

TEST_CASE("a command that this project does not know is found", "[docs]") {
  const auto said = [](const std::string& command) {
    return said_of("<!-- checked -->", "sh", command + "\n");
  };
  CHECK(said("# nothing") == Strings());
  CHECK(said("NN_DATA_DIR=data tests/run.sh --release-only") == Strings());
  CHECK(said("cmake --preset release -DNN_BUILD_APPS=OFF") == Strings());
  CHECK(said("build/release/bin/mnist_cnn --epochs 3 \\\n  --channels 8,16") ==
        Strings());
  const auto complaint = [](const std::string& text) {
    return Strings{"README.md:2: " + text};
  };
  CHECK(said("tests/walk.sh") == complaint("there is no script tests/walk.sh"));
  CHECK(said("tests/run.sh --release") ==
        complaint("tests/run.sh knows no --release"));
  CHECK(said("build/release/bin/mnist_cnn --epoch 3") ==
        complaint("build/release/bin/mnist_cnn knows no --epoch"));
  CHECK(said("build/release/bin/mnist_rnn") ==
        complaint("there is no program build/release/bin/mnist_rnn"));
  CHECK(said("cmake --preset fast") == complaint("there is no preset fast"));
  CHECK(said("cmake -B build -DNN_FAST=ON") ==
        complaint("there is no option NN_FAST"));
  CHECK(said("cmake --build build --target cake") ==
        complaint("there is no target cake"));
  CHECK(said("bake a cake") == complaint("nobody checks the command bake"));
  CHECK(nn_test::untested_blocks(
            parse_document("a.md", "run\n\n    tests/run.sh\n")) ==
        Strings{"a.md: a command outside a sh block:     tests/run.sh"});
}
