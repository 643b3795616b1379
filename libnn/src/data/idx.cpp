#include "nn/data/idx.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "data/byte_stream.h"
#include "nn/check.h"

namespace nn {
namespace {

namespace fs = std::filesystem;
using internal::ByteStream;
using internal::kMinUnpackedBytes;

constexpr const char* kExpected = "an IDX file";
/// Of the magic and of each size in a header.
constexpr std::size_t kSizeBytes = 4;
/// The first three bytes of the magic of an array of unsigned bytes.
constexpr std::uint32_t kBytesMagic = 0x08;
/// The same of 32-bit integers.
constexpr std::uint32_t kIntegersMagic = 0x0c;
constexpr std::size_t kIntegerBytes = 4;

template <typename... Parts>
[[noreturn]] void throw_damaged(const std::string& path,
                                const Parts&... parts) {
  throw std::runtime_error(concat(path, ": ", parts...));
}

std::uint32_t big_endian(const std::uint8_t* b) {
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) |
         (std::uint32_t{b[2]} << 8) | std::uint32_t{b[3]};
}

std::string hex(std::uint32_t value) {
  std::ostringstream out;
  out << "0x" << std::hex << std::setw(8) << std::setfill('0') << value;
  return out.str();
}

std::string join(const std::vector<Index>& dims) {
  std::ostringstream out;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    out << (i == 0 ? "" : " x ") << dims[i];
  }
  return out.str();
}

/// The file in `directory` under one of the names in use: the original site's
/// train-images-idx3-ubyte, and train-images.idx3-ubyte, which some archivers
/// make of it.
std::string find_file(const std::string& directory,
                      const std::string& stem,
                      const std::vector<std::string>& kinds) {
  std::vector<std::string> names;
  for (const std::string& kind : kinds) {
    for (const char* ending : {"", ".gz"}) {
      names.push_back(stem + "-" + kind + ending);
      names.push_back(stem + "." + kind + ending);
    }
  }
  std::error_code error;
  for (const std::string& name : names) {
    const fs::path path = fs::path(directory) / name;
    // Some archives unpack into folders that carry the files' names.
    if (fs::exists(path, error) && !fs::is_directory(path, error)) {
      return path.string();
    }
  }
  if (!fs::is_directory(directory, error)) {
    throw_damaged(directory, "no such directory");
  }
  // Those of the first kind; the others are rare.
  throw_damaged(directory,
                "none of the files ",
                names[0],
                ", ",
                names[1],
                ", ",
                names[2],
                ", ",
                names[3],
                " is here");
}

void check_dimensions(const std::string& path,
                      const IdxArray& array,
                      std::size_t expected,
                      const char* what,
                      std::uint32_t found_type = kBytesMagic) {
  if (array.dims.size() != expected) {
    const auto magic = [](std::uint32_t type, std::size_t dims) {
      return hex((type << 8) + static_cast<std::uint32_t>(dims));
    };
    throw_damaged(path,
                  "expected ",
                  what,
                  " (magic ",
                  magic(kBytesMagic, expected),
                  "), found magic ",
                  magic(found_type, array.dims.size()),
                  " and sizes ",
                  join(array.dims),
                  expected == 3 && array.dims.size() == 4
                      ? "; coloured images are read from folders of pictures"
                      : "");
  }
}

// What stands where an IDX file's magic should.

struct Signature {
  const char* bytes;
  std::size_t size;
  const char* meaning;
};

constexpr Signature kSignatures[] = {
    {"\x1f\x8b", 2, "a gzip file inside of a gzip file: unpack it (gunzip)"},
    {"PK\x03\x04", 4, "a ZIP archive: unpack it (unzip)"},
    {"BZh", 3, "a bzip2 file: unpack it (bunzip2)"},
    {"\xfd"
     "7zXZ",
     5,
     "an xz file: unpack it (unxz)"},
    {"\x28\xb5\x2f\xfd", 4, "a Zstandard file: unpack it (unzstd)"},
    {"7z\xbc\xaf", 4, "a 7-Zip archive: unpack it"},
    {"Rar!", 4, "a RAR archive: unpack it"},
    {"version https://git-lfs",
     23,
     "a Git LFS pointer, which stands for the file: fetch that (git lfs pull)"},
    {"\x93NUMPY", 6, "a NumPy array"},
    {"\x89HDF", 4, "an HDF5 file"},
    {"\x89PNG", 4, "a PNG image"},
    {"\xff\xd8\xff", 3, "a JPEG image"},
    {"PAR1", 4, "a Parquet file"},
    {"%PDF", 4, "a PDF document"},
};

struct ElementType {
  std::uint8_t code;
  const char* name;
};

constexpr ElementType kElementTypes[] = {
    {0x08, "unsigned bytes"},
    {0x09, "signed bytes"},
    {0x0b, "16-bit integers"},
    {0x0c, "32-bit integers"},
    {0x0d, "32-bit floating-point numbers"},
    {0x0e, "64-bit floating-point numbers"},
};

/// "32-bit integers" for the code in a magic, or null.
const char* element_type(std::uint8_t code) {
  for (const ElementType& type : kElementTypes) {
    if (type.code == code) return type.name;
  }
  return nullptr;
}

/// What a file is that begins so and is no IDX file of bytes; empty if it says
/// nothing to this library.
std::string what_begins_with(const std::string& start) {
  const auto byte = [&start](std::size_t i) {
    return static_cast<std::uint8_t>(start[i]);
  };
  for (const Signature& signature : kSignatures) {
    if (start.compare(0, signature.size, signature.bytes, signature.size) ==
        0) {
      return signature.meaning;
    }
  }
  constexpr std::size_t kTarMagic = 257;
  if (start.size() > kTarMagic && start.compare(kTarMagic, 5, "ustar") == 0) {
    return "a tar archive: unpack it (tar)";
  }
  if (byte(0) == 0 && byte(1) == 0) {
    if (const char* type = element_type(byte(2))) {
      if (byte(3) == 0) return "an IDX file without dimensions";
      return concat("an IDX file of ", type, ": convert it to bytes");
    }
  } else if (byte(2) == 0 && byte(3) == 0 && byte(0) != 0) {
    if (const char* type = element_type(byte(1))) {
      return concat("an IDX file of ",
                    type,
                    " in reversed byte order: an IDX file is big-endian");
    }
  }
  const auto visible = [](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  };
  const std::size_t mark = start.compare(0, 3, "\xef\xbb\xbf") == 0 ? 3 : 0;
  const std::size_t first = start.find_first_not_of(" \t\r\n", mark);
  if (first != start.npos && start[first] == '<') {
    return "an HTML or XML page, such as a server sends in place of a file";
  }
  if (std::all_of(start.begin() + static_cast<std::ptrdiff_t>(mark),
                  start.end(),
                  visible)) {
    return "text";
  }
  return "";
}

[[noreturn]] void throw_magic(const std::string& path,
                              const std::array<std::uint8_t, 4>& magic,
                              ByteStream& source) {
  std::array<std::uint8_t, 512> more{};
  std::size_t got = 0;
  try {
    got = source.read(more.data(), more.size());
  } catch (const std::runtime_error&) {
    // That the rest is damaged says less than how the file begins.
  }
  std::string start(magic.begin(), magic.end());
  start.append(more.begin(), more.begin() + static_cast<std::ptrdiff_t>(got));
  const std::string meaning = what_begins_with(start);
  throw_damaged(path,
                "expected an IDX file of unsigned bytes (magic 0x00000801 with "
                "1 dimension, 0x00000803 with 3), found magic ",
                hex(big_endian(magic.data())),
                meaning.empty() ? "" : ": this is ",
                meaning);
}

// The content.

void check_unpacked_size(const std::string& path,
                         std::uint64_t content_bytes,
                         std::uint64_t file_bytes,
                         const IdxLimits& limits) {
  const std::uint64_t allowed =
      file_bytes > limits.max_content_bytes / limits.max_expansion
          ? limits.max_content_bytes
          : std::max(limits.max_expansion * file_bytes, kMinUnpackedBytes);
  if (content_bytes > allowed) {
    throw_damaged(path,
                  "the header says ",
                  content_bytes,
                  " bytes, which is more than ",
                  limits.max_expansion,
                  " times the ",
                  file_bytes,
                  " bytes of the compressed file; if that is right, unpack the "
                  "file first (gunzip) or raise IdxLimits::max_expansion");
  }
}

/// Reads up to `content_bytes`. Memory grows with what is really there: at once
/// only to a small multiple of the file, since a header may say anything.
std::uint64_t read_growing(ByteStream& source,
                           std::uint64_t content_bytes,
                           std::uint64_t file_bytes,
                           std::vector<std::uint8_t>& bytes) {
  constexpr std::uint64_t kTrustedExpansion = 8;
  std::uint64_t room = kTrustedExpansion * file_bytes;
  for (std::uint64_t done = 0;; room *= 2) {
    room = std::min(room, content_bytes);
    bytes.resize(static_cast<std::size_t>(room));
    done +=
        source.read(bytes.data() + done, static_cast<std::size_t>(room - done));
    if (done < room || done == content_bytes) return done;
  }
}

/// Of unsigned bytes. With `integers` also of 32-bit integers, whose bytes then
/// are as the file has them, and it says which of both.
IdxArray parse(ByteStream& source,
               const IdxLimits& limits,
               bool* integers = nullptr) {
  check_argument(limits.max_expansion >= 1,
                 "[read_idx] expected a max_expansion of at least 1, got 0");
  const std::string& path = source.path();
  const std::uint64_t file_bytes = source.file_bytes();

  std::array<std::uint8_t, kSizeBytes> word{};
  std::size_t got = source.read(word.data(), word.size());
  if (got < word.size()) {
    throw_damaged(path,
                  "expected an IDX file's magic of 4 bytes, found ",
                  got,
                  got == 1 ? " byte" : " bytes");
  }
  const std::uint32_t dimensions = word[3];
  const std::uint32_t type = big_endian(word.data()) >> 8;
  const bool is_integers = integers != nullptr && type == kIntegersMagic;
  if ((type != kBytesMagic && !is_integers) || dimensions == 0) {
    throw_magic(path, word, source);
  }
  if (integers != nullptr) *integers = is_integers;

  IdxArray array;
  std::uint64_t content_bytes = is_integers ? kIntegerBytes : 1;
  bool too_large = false;
  for (std::uint32_t d = 0; d < dimensions; ++d) {
    got = source.read(word.data(), word.size());
    if (got < word.size()) {
      throw_damaged(path,
                    "expected ",
                    dimensions,
                    " sizes in the header, ",
                    "found the end of the file in size ",
                    d + 1);
    }
    const std::uint32_t size = big_endian(word.data());
    array.dims.push_back(static_cast<Index>(size));
    // Once it is too large, only a size of zero can make it small again.
    if (size == 0 || content_bytes == 0) {
      content_bytes = 0;
    } else if (content_bytes > limits.max_content_bytes / size) {
      too_large = true;
    } else {
      content_bytes *= size;
    }
  }
  if (too_large && content_bytes != 0) {
    throw_damaged(path,
                  "the header says ",
                  join(array.dims),
                  ", which is more than the ",
                  limits.max_content_bytes,
                  " bytes of IdxLimits::max_content_bytes");
  }
  const std::uint64_t header_bytes =
      kSizeBytes * (std::uint64_t{dimensions} + 1);
  const auto throw_size = [&](const auto& found) {
    throw_damaged(path,
                  "expected ",
                  content_bytes,
                  " bytes for the header's ",
                  join(array.dims),
                  ", found ",
                  found);
  };
  // Before allocating: a damaged header may say anything.
  if (const auto size_bytes = source.size_bytes()) {
    if (content_bytes != *size_bytes - header_bytes) {
      throw_size(*size_bytes - header_bytes);
    }
  } else {
    check_unpacked_size(path, content_bytes, file_bytes, limits);
  }
  const std::uint64_t read =
      read_growing(source, content_bytes, file_bytes, array.bytes);
  if (read < content_bytes) throw_size(read);
  // Reading on to the end also has a compressed file's checksum verified.
  if (source.read(word.data(), 1) != 0) throw_size("more");
  return array;
}

}  // namespace

IdxArray read_idx(const std::string& path, const IdxLimits& limits) {
  return parse(*internal::open_byte_stream(path, kExpected), limits);
}

IdxArray read_idx(const MemoryFile& file, const IdxLimits& limits) {
  return parse(*internal::open_byte_stream(file, kExpected), limits);
}

std::vector<std::int32_t> read_idx_labels(const std::string& path,
                                          const IdxLimits& limits) {
  bool integers = false;
  const IdxArray array =
      parse(*internal::open_byte_stream(path, kExpected), limits, &integers);
  if (!integers || array.dims.size() != 2) {
    check_dimensions(path,
                     array,
                     1,
                     "labels, an array of 1 dimension",
                     integers ? kIntegersMagic : kBytesMagic);
    if (!integers) return {array.bytes.begin(), array.bytes.end()};
  }
  const auto count = static_cast<std::size_t>(array.dims[0]);
  if (array.dims.size() == 2 && array.dims[1] == 0 && count > 0) {
    throw_damaged(path, "expected a label in each row, found ", count, " x 0");
  }
  std::vector<std::int32_t> labels(count);
  const std::size_t row =
      count == 0 ? 0 : array.bytes.size() / count;  // its first is the label
  for (std::size_t i = 0; i < count; ++i) {
    labels[i] =
        static_cast<std::int32_t>(big_endian(array.bytes.data() + i * row));
  }
  return labels;
}

IdxSetFiles find_idx_set(const std::string& directory,
                         const std::string& stem) {
  return {
      find_file(directory, stem + "-images", {"idx3-ubyte"}),
      find_file(
          directory, stem + "-labels", {"idx1-ubyte", "idx2-int", "idx1-int"})};
}

IdxSetFiles find_mnist(const std::string& directory, Split split) {
  return find_idx_set(directory, split == Split::kTraining ? "train" : "t10k");
}

namespace {

/// From files that hold an image column by column.
void transpose_images(const Shape& shape, std::vector<std::uint8_t>& images) {
  const auto area = static_cast<std::size_t>(shape.features());
  const auto height = static_cast<std::size_t>(shape.height);
  const auto width = static_cast<std::size_t>(shape.width);
  std::vector<std::uint8_t> columns(area);
  for (auto image = images.begin(); image != images.end();
       image += static_cast<std::ptrdiff_t>(area)) {
    std::copy_n(image, area, columns.begin());
    for (std::size_t i = 0; i < area; ++i) {
      image[static_cast<std::ptrdiff_t>(i)] =
          columns[i % width * height + i / width];
    }
  }
}

}  // namespace

ImageSet load_idx_set(const IdxSetFiles& files,
                      const IdxSetOptions& options,
                      const IdxLimits& limits) {
  const int first = options.first_label;
  const int classes = options.classes;
  check_argument(
      classes >= 1, "[load_idx_set] expected at least 1 class, got ", classes);
  const std::vector<std::int32_t> labels =
      read_idx_labels(files.labels, limits);
  IdxArray images = read_idx(files.images, limits);
  check_dimensions(files.images, images, 3, "images, an array of 3 dimensions");
  if (images.bytes.empty()) {
    throw_damaged(files.images,
                  "expected at least 1 image of at least 1 pixel, ",
                  "found ",
                  join(images.dims));
  }
  if (static_cast<std::size_t>(images.dims[0]) != labels.size()) {
    throw_damaged(files.images,
                  "expected one image for each of the ",
                  labels.size(),
                  " labels in ",
                  files.labels,
                  ", found ",
                  images.dims[0]);
  }
  ImageSet set;
  set.labels.reserve(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::int64_t c = std::int64_t{labels[i]} - first;
    if (c < 0 || c >= classes) {
      throw_damaged(
          files.labels,
          "expected labels ",
          first == 0
              ? concat("below ", classes)
              : concat(
                    "from ", first, " to ", std::int64_t{first} + classes - 1),
          ", found ",
          labels[i],
          " at index ",
          i);
    }
    set.labels.push_back(static_cast<int>(c));
  }
  set.shape = Shape{1, images.dims[1], images.dims[2]};
  set.images = std::move(images.bytes);
  if (options.transposed) {
    std::swap(set.shape.height, set.shape.width);
    transpose_images(set.shape, set.images);
  }
  return set;
}

ImageSet load_mnist(const std::string& directory,
                    Split split,
                    int classes,
                    const IdxLimits& limits) {
  IdxSetOptions options;
  options.classes = classes;
  return load_idx_set(find_mnist(directory, split), options, limits);
}

}  // namespace nn
