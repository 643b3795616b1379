#include "files/file_kind.h"

#include <algorithm>

#include "files/defect.h"

namespace nn::internal {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  const char* kind;
};

constexpr Magic kMagics[] = {
    {"version https://git-lfs"sv,
     "a pointer of Git LFS, which stands for the file until `git lfs pull` "
     "brings it"},
    {"\x1f\x8b"sv, "a gzip file, which must be unpacked first"},
    {"BZh"sv, "a bzip2 file, which must be unpacked first"},
    {"\xfd"
     "7zXZ\0"sv,
     "an xz file, which must be unpacked first"},
    {"\x28\xb5\x2f\xfd"sv, "a Zstandard file, which must be unpacked first"},
    {"\x93NUMPY"sv, "an array of NumPy"},
    {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file, as Keras writes it"},
    {"GGUF"sv, "a GGUF model"},
    {"\x89PNG\r\n\x1a\n"sv, "a PNG image"},
    {"\xff\xd8\xff"sv, "a JPEG image"},
    {"%PDF-"sv, "a PDF document"},
    {"\x7f"
     "ELF"sv,
     "a program"},
    {"\0\0\x08"sv, "an IDX file of bytes"},
    {"\0\0\x0b"sv, "an IDX file of 16-bit integers"},
    {"\0\0\x0c"sv, "an IDX file of 32-bit integers"},
    {"\0\0\x0d"sv, "an IDX file of floats"},
    {"\0\0\x0e"sv, "an IDX file of doubles"},
};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

/// Whether the text starts with lower-case `start`, whatever its own case.
bool starts_with_word(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(
             start.begin(), start.end(), text.begin(), [](char a, char b) {
               return a ==
                      (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
             });
}

/// Protocol buffers: the field ir_version, small, and then one of the fields
/// that a model has.
bool is_onnx(std::string_view head) {
  if (head.size() < 3 || head[0] != '\x08') return false;
  const char next = head[2];
  return head[1] > 0 && head[1] < 32 &&
         (next == '\x12' || next == '\x1a' || next == '\x22' ||
          next == '\x3a' || next == '\x42');
}

std::string zip_kind(std::string_view head) {
  if (contains(head, "data.pkl") || contains(head, ".data/")) {
    return "a file of torch.save(): load it in Python, and save its state_dict "
           "by safetensors.torch.save_file()";
  }
  if (contains(head, ".npy")) return "an archive of NumPy arrays (npz)";
  if (contains(head, "config.json") || contains(head, "metadata.json")) {
    return "a Keras model";
  }
  return "a zip archive";
}

bool is_printable(char c) {
  return (c >= ' ' && c <= '~') || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

std::string file_kind(std::string_view head) {
  head = head.substr(0, kFileKindBytes);
  if (head.empty()) return "an empty file";
  for (const Magic& magic : kMagics) {
    if (starts_with(head, magic.bytes)) return magic.kind;
  }
  if (starts_with(head, "PK\x03\x04"sv)) return zip_kind(head);
  if (head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5) {
    return "a pickle of Python, as old versions of torch.save() write it";
  }
  if (head.size() >= 262 && head.substr(257, 5) == "ustar") {
    return "a tar archive";
  }
  if (is_onnx(head)) return "an ONNX model";
  if (!std::all_of(head.begin(), head.end(), is_printable)) {
    const bool zero =
        std::all_of(head.begin(), head.end(), [](char c) { return c == '\0'; });
    return zero ? "a file that begins with zeros" : "";
  }
  const std::size_t text = head.find_first_not_of(" \t\r\n");
  if (text == std::string_view::npos) return "a file of white space";
  const std::string_view words = head.substr(text);
  if (starts_with_word(words, "<!doctype html") ||
      starts_with_word(words, "<html")) {
    return "an HTML page, as a server sends in place of a file";
  }
  if (words[0] == '<') return "an XML file";
  if (words[0] == '{' || words[0] == '[') return "a JSON text";
  return concat("a text that begins with ", quoted(words.substr(0, 40)));
}

}  // namespace nn::internal
