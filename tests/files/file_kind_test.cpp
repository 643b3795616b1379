#include "files/file_kind.h"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::internal::file_kind;
using namespace std::string_literals;

}  // namespace

TEST_CASE("files of other formats are known by their first bytes",
          "[file_kind]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "an empty file"},
      {"\x08\x08\x12\x05libnn"s, "an ONNX model"},
      {"\x08\x07\x3a\x20"s, "an ONNX model"},
      {"<!DOCTYPE html><html>", "an HTML page"},
      {"\n  <HTML lang=en>", "an HTML page"},
      {"<?xml version=\"1.0\"?>", "an XML file"},
      {"PK\x03\x04 archive/data.pkl"s, "torch.save()"},
      {"PK\x03\x04 weight.npy"s, "npz"},
      {"PK\x03\x04 config.json"s, "a Keras model"},
      {"PK\x03\x04 readme"s, "a zip archive"},
      {"\x80\x02}q"s, "a pickle of Python"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"},
      {"\x1f\x8b\x08\0"s, "a gzip file"},
      {"\x28\xb5\x2f\xfd"s, "a Zstandard file"},
      {"\x93NUMPY\x01\0"s, "an array of NumPy"},
      {"\x89HDF\r\n\x1a\n"s, "an HDF5 file"},
      {"GGUF\x03\0\0\0"s, "a GGUF model"},
      {"\0\0\x08\x03\0\0"s, "an IDX file of bytes"},
      {"\0\0\x0c\x01"s, "an IDX file of 32-bit integers"},
      {"{\"layers\": []}", "a JSON text"},
      {"[1, 2]", "a JSON text"},
      {"epoch,loss\n1,0.5\n", "a text that begins with \"epoch,loss?1,0.5?\""},
      {" \n\t", "white space"},
      {std::string(300, '\0'), "begins with zeros"},
      {std::string(257, '\1') + "ustar\0"s, "a tar archive"},
  };
  for (const auto& [head, kind] : cases) {
    INFO(head);
    CHECK_THAT(file_kind(head), ContainsSubstring(kind));
  }
}

TEST_CASE("a file of no known format has no kind", "[file_kind]") {
  CHECK(file_kind("\x91\x01\0\0\0\0\0\0{\"a\":"s).empty());
  CHECK(file_kind("\xfe\xfe\xfe").empty());
}
