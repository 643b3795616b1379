#include "nn/data/npy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "files/byte_source.h"
#include "files/defect.h"
#include "files/dims.h"
#include "files/file_kind.h"
#include "files/half.h"
#include "files/little_endian.h"
#include "nn/check.h"

// The format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
// A magic of 6 bytes, the version in 2, the header's length in 2 (version 1.0)
// or 4, little-endian, then the header, a dictionary as Python writes it, and
// the numbers to the end of the file.

namespace nn {
namespace {

using internal::ByteSource;
using internal::quoted;
using internal::value_at;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kVersionEnd = 8;
/// NumPy has no array of more dimensions.
constexpr std::size_t kMaxDims = 64;
/// Where the numbers of a written file begin is a multiple of it, so that they
/// can be mapped into memory.
constexpr std::size_t kAlignment = 64;
/// Numbers that are converted at a time.
constexpr Index kPieceElements = Index{1} << 17;

/// What is wrong with a file, before the path is put in front.
struct Defect : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename... Parts>
[[noreturn]] void refuse(const Parts&... parts) {
  throw Defect(concat(parts...));
}

/// The type of the numbers in a file.
struct Type {
  char kind = 'f';  ///< of NumPy's: f, i, u, or b for booleans
  std::size_t bytes = 4;
  bool big_endian = false;

  bool is_float() const { return kind == 'f'; }
  std::string to_string() const {
    return concat(bytes == 1 ? '|' : big_endian ? '>' : '<', kind, bytes);
  }
};

struct Header {
  Type type;
  bool fortran_order = false;
  std::vector<Index> dims;
  std::uint64_t begin = 0;  ///< of the numbers, in the file
};

/// What NumPy's letter for a type means that is not read.
const char* meaning_of_type(char kind) {
  switch (kind) {
    case 'O':
      return "objects of Python, which are pickled; unpickling runs whatever "
             "the file says, and is not done";
    case 'S':
    case 'a':
    case 'U':
      return "texts";
    case 'V':
      return "raw bytes or records";
    case 'M':
    case 'm':
      return "dates or times";
    case 'c':
      return "complex numbers";
    case 'f':
      return "floats of another size than 2, 4 and 8 bytes";
    case 'i':
    case 'u':
      return "integers of another size than 1, 2, 4 and 8 bytes";
    default:
      return "no type that is known";
  }
}

[[noreturn]] void throw_type(const std::string& type, const char* meaning) {
  refuse("expected numbers or booleans, such as '<f4', found the type ",
         quoted(type),
         ": ",
         meaning);
}

Type parse_type(const std::string& text) {
  Type type;
  const std::string order = text.substr(0, 1);
  const bool has_order = order == "<" || order == ">" || order == "|";
  const std::string name = text.substr(has_order ? 1 : 0);
  if (name.empty()) throw_type(text, "no type that is known");
  type.kind = name[0];
  type.big_endian = order == ">";
  const std::string size = name.substr(1);
  const bool known_size = size.size() == 1 && size[0] >= '1' && size[0] <= '8';
  type.bytes = known_size ? static_cast<std::size_t>(size[0] - '0') : 0;
  const std::size_t n = type.bytes;
  const bool known = (type.kind == 'f' && (n == 2 || n == 4 || n == 8)) ||
                     ((type.kind == 'i' || type.kind == 'u') &&
                      (n == 1 || n == 2 || n == 4 || n == 8)) ||
                     (type.kind == 'b' && n == 1);
  if (!known) throw_type(text, meaning_of_type(type.kind));
  if (n > 1 && order != "<" && order != ">") {
    throw_type(text, "its byte order, < or >, is missing");
  }
  return type;
}

/// Reads the dictionary of a header:
/// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  /// `begin` is the place of the text in its file.
  HeaderParser(std::string_view text, std::size_t begin)
      : text_(text), begin_(begin) {}

  Header parse() {
    Header header;
    std::optional<Type> type;
    std::optional<bool> fortran_order;
    std::optional<std::vector<Index>> dims;
    expect('{');
    while (!take('}')) {
      const std::size_t place = at_;
      const std::string key = string();
      expect(':');
      if (key == "descr" && !type) {
        skip_spaces();
        if (peek() == '[' || peek() == '(' || peek() == '{') {
          refuse(
              "expected an array of numbers, found one of records (a "
              "structured type): save its fields one by one");
        }
        type = parse_type(string());
      } else if (key == "fortran_order" && !fortran_order) {
        fortran_order = boolean();
      } else if (key == "shape" && !dims) {
        dims = sizes();
      } else {
        at_ = place;
        fail("'descr', 'fortran_order' and 'shape' once each");
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ < text_.size()) fail("nothing but spaces behind the dictionary");
    if (!type || !fortran_order || !dims) {
      refuse(
          "expected 'descr', 'fortran_order' and 'shape' in the "
          "header, found ",
          quoted(text_));
    }
    header.type = *type;
    header.fortran_order = *fortran_order;
    header.dims = std::move(*dims);
    return header;
  }

 private:
  /// Zero at the end, and no header holds one.
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  [[noreturn]] void fail(const std::string& expected) {
    refuse("header, byte ",
           begin_ + at_,
           ": expected ",
           expected,
           ", found ",
           at_ < text_.size() ? quoted(text_.substr(at_, 20))
                              : "the end of the header");
  }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' ||
           peek() == '\r') {
      ++at_;
    }
  }
  bool take(char c) {
    skip_spaces();
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(concat("'", c, "'"));
  }
  /// Without escapes: none of the words that are known has one.
  std::string string() {
    skip_spaces();
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("a text in quotes");
    const std::size_t begin = at_ + 1;
    const std::size_t end = text_.find(quote, begin);
    if (end == std::string_view::npos) fail("a text that ends");
    at_ = end + 1;
    return std::string(text_.substr(begin, end - begin));
  }
  bool boolean() {
    skip_spaces();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("True or False");
  }
  Index size() {
    skip_spaces();
    const std::size_t begin = at_;
    Index value = 0;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      const Index digit = peek() - '0';
      if (value > (std::numeric_limits<Index>::max() - digit) / 10) {
        at_ = begin;
        fail("sizes below 2^63");
      }
      value = 10 * value + digit;
    }
    if (at_ == begin) fail("a size");
    if (peek() == 'L') ++at_;  // as Python 2 writes large numbers
    return value;
  }
  std::vector<Index> sizes() {
    std::vector<Index> result;
    expect('(');
    while (!take(')')) {
      if (result.size() == kMaxDims) fail("at most 64 sizes");
      result.push_back(size());
      // A tuple of one has a comma: in Python, (3) is a number.
      if (!take(',')) {
        if (result.size() == 1) fail("',' behind a single size");
        expect(')');
        break;
      }
    }
    return result;
  }

  std::string_view text_;
  std::size_t begin_;
  std::size_t at_ = 0;
};

/// `count` bytes from `begin` on, all of which are to be there.
std::string take_bytes(ByteSource& source,
                       std::uint64_t begin,
                       std::uint64_t count,
                       const char* what) {
  const std::uint64_t size = source.size_bytes(begin + count);
  if (size < begin + count) {
    refuse("expected ",
           begin + count,
           " bytes up to the end of the ",
           what,
           ", found ",
           size);
  }
  return source.read(begin, count);
}

Header read_header(ByteSource& source) {
  const std::uint64_t size = source.size_bytes(internal::kFileKindBytes);
  const std::string head =
      source.read(0, std::min<std::uint64_t>(size, internal::kFileKindBytes));
  if (head.substr(0, kMagic.size()) != kMagic) {
    const std::string kind = internal::file_kind(head);
    refuse("expected an array of NumPy (.npy), found ",
           kind.empty() ? "an unknown format" : kind);
  }
  const std::string version =
      take_bytes(source, kMagic.size(), kVersionEnd - kMagic.size(), "version");
  const int major = static_cast<unsigned char>(version[0]);
  const int minor = static_cast<unsigned char>(version[1]);
  if (major < 1 || major > 3 || minor != 0) {
    refuse("expected version 1.0, 2.0 or 3.0 of the format, found ",
           major,
           '.',
           minor);
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  std::string length =
      take_bytes(source, kVersionEnd, length_bytes, "header's length");
  length.resize(sizeof(std::uint32_t), '\0');
  const std::uint64_t header_bytes = value_at<std::uint32_t>(length, 0);
  const std::size_t begin = kVersionEnd + length_bytes;
  const std::string text = take_bytes(source, begin, header_bytes, "header");
  Header header = HeaderParser(text, begin).parse();
  header.begin = begin + header_bytes;
  return header;
}

/// Checks that the file holds the numbers and nothing else; returns how many.
std::size_t check_size(ByteSource& source, const Header& header) {
  std::uint64_t bits = 0;
  std::uint64_t end = 0;
  const bool fits = internal::array_bits(
      header.dims, 8 * std::uint64_t{header.type.bytes}, bits);
  if (fits) end = header.begin + bits / 8;
  // One more is asked for, to see that there is none.
  const std::uint64_t size = source.size_bytes(fits ? end + 1 : 1);
  if (!fits || size != end) {
    refuse("expected ",
           fits ? concat(bits / 8) : "more than 2^60",
           " bytes for ",
           internal::to_string(header.dims),
           " numbers of type ",
           header.type.to_string(),
           " behind the header's ",
           header.begin,
           ", found ",
           source.is_stream() && size > end
               ? "more"
               : concat(size < header.begin ? 0 : size - header.begin));
  }
  return static_cast<std::size_t>(bits / 8 / header.type.bytes);
}

void reverse_elements(std::string& bytes, std::size_t element_bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += element_bytes) {
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(i);
    std::reverse(begin, begin + static_cast<std::ptrdiff_t>(element_bytes));
  }
}

template <typename Stored, typename Wide>
void widen_from(const std::string& bytes, std::vector<Wide>& wide) {
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const auto stored = value_at<Stored>(bytes, static_cast<Index>(i));
    if constexpr (std::is_same_v<Stored, internal::Float16>) {
      wide[i] = Wide{static_cast<float>(stored)};
    } else {
      wide[i] = Wide{stored};
    }
  }
}

/// Little-endian numbers in the widest type of their kind, which holds each of
/// them: double, std::int64_t or std::uint64_t.
template <typename Wide>
void widen(const std::string& bytes, std::size_t size, std::vector<Wide>& to) {
  if constexpr (std::is_floating_point_v<Wide>) {
    if (size == 2) return widen_from<internal::Float16>(bytes, to);
    if (size == 4) return widen_from<float>(bytes, to);
    return widen_from<double>(bytes, to);
  } else {
    constexpr bool kSigned = std::is_signed_v<Wide>;
    using Byte = std::conditional_t<kSigned, std::int8_t, std::uint8_t>;
    using Word = std::conditional_t<kSigned, std::int16_t, std::uint16_t>;
    using Double = std::conditional_t<kSigned, std::int32_t, std::uint32_t>;
    if (size == 1) return widen_from<Byte>(bytes, to);
    if (size == 2) return widen_from<Word>(bytes, to);
    if (size == 4) return widen_from<Double>(bytes, to);
    return widen_from<Wide>(bytes, to);
  }
}

/// Whether `Scalar` holds the number, up to rounding. That a float is no
/// integer is known before numbers are read.
template <typename Scalar, typename Wide>
bool holds(Wide value) {
  using Limits = std::numeric_limits<Scalar>;
  if constexpr (std::is_floating_point_v<Wide>) {
    // Not finite ones stay what they are.
    return !std::isfinite(value) ||
           std::abs(value) <= static_cast<double>(Limits::max());
  } else if constexpr (std::is_floating_point_v<Scalar>) {
    return true;
  } else if constexpr (std::is_signed_v<Wide>) {
    const auto least = static_cast<std::int64_t>(Limits::min());
    return value >= least &&
           (value < 0 || static_cast<std::uint64_t>(value) <=
                             static_cast<std::uint64_t>(Limits::max()));
  } else {
    return value <= static_cast<std::uint64_t>(Limits::max());
  }
}

/// The places in C order of the numbers of an array as they follow each other
/// in the file.
class Places {
 public:
  explicit Places(const Header& header)
      : dims_(header.dims), fortran_order_(header.fortran_order) {
    steps_.resize(dims_.size());
    index_.resize(dims_.size());
    Index step = 1;
    for (std::size_t d = dims_.size(); d-- > 0;) {
      steps_[d] = step;
      step *= dims_[d];
    }
  }

  Index next() {
    const Index place = place_;
    if (!fortran_order_) {
      ++place_;
      return place;
    }
    // The first index runs fastest.
    for (std::size_t d = 0; d < dims_.size(); ++d) {
      place_ += steps_[d];
      if (++index_[d] < dims_[d]) break;
      place_ -= steps_[d] * dims_[d];
      index_[d] = 0;
    }
    return place;
  }

  /// The indices of a place, as Python would write them.
  std::string to_string(Index place) const {
    std::vector<Index> at;
    for (const Index step : steps_) {
      at.push_back(place / step);
      place %= step;
    }
    return internal::to_string(at);
  }

 private:
  std::vector<Index> dims_;
  bool fortran_order_;
  std::vector<Index> steps_;  ///< between places, of each index
  std::vector<Index> index_;
  Index place_ = 0;
};

template <typename Scalar>
std::string name_of_type() {
  if (std::is_floating_point_v<Scalar>)
    return sizeof(Scalar) == 4 ? "float" : "double";
  return concat(std::is_signed_v<Scalar> ? "integers" : "unsigned integers",
                " of ",
                8 * sizeof(Scalar),
                " bits");
}

template <typename Wide, typename Scalar>
void read_values(ByteSource& source,
                 const Header& header,
                 std::vector<Scalar>& values) {
  const std::size_t size = header.type.bytes;
  const auto count = static_cast<Index>(values.size());
  Places places(header);
  std::vector<Wide> wide;
  for (Index done = 0; done < count; done += kPieceElements) {
    const Index piece = std::min(kPieceElements, count - done);
    std::string bytes =
        source.read(header.begin + static_cast<std::uint64_t>(done) * size,
                    static_cast<std::uint64_t>(piece) * size);
    if (header.type.big_endian) reverse_elements(bytes, size);
    // Not through a wider type: that may change the bits of a NaN.
    if (std::is_floating_point_v<Scalar> && header.type.is_float() &&
        size == sizeof(Scalar)) {
      for (Index i = 0; i < piece; ++i) {
        values[static_cast<std::size_t>(places.next())] =
            value_at<Scalar>(bytes, i);
      }
      continue;
    }
    wide.resize(static_cast<std::size_t>(piece));
    widen(bytes, size, wide);
    for (const Wide value : wide) {
      const Index place = places.next();
      const bool is_boolean = header.type.kind == 'b';
      if (!holds<Scalar>(value) || (is_boolean && value > Wide{1})) {
        refuse("at ",
               places.to_string(place),
               ": expected ",
               is_boolean
                   ? "0 or 1, as booleans are"
                   : "a number in the range of " + name_of_type<Scalar>(),
               ", found ",
               value);
      }
      values[static_cast<std::size_t>(place)] = static_cast<Scalar>(value);
    }
  }
}

template <typename Scalar>
NpyArray<Scalar> load(ByteSource source) {
  try {
    Header header = read_header(source);
    if (std::is_integral_v<Scalar> && header.type.is_float()) {
      refuse("expected integers or booleans, found floats of type ",
             header.type.to_string());
    }
    std::vector<Scalar> values(check_size(source, header));
    if (header.type.is_float()) {
      if constexpr (std::is_floating_point_v<Scalar>) {
        read_values<double>(source, header, values);
      }
    } else if (header.type.kind == 'i') {
      read_values<std::int64_t>(source, header, values);
    } else {
      read_values<std::uint64_t>(source, header, values);
    }
    return {std::move(header.dims), std::move(values)};
  } catch (const Defect& defect) {
    throw std::runtime_error(concat(source.name(), ": ", defect.what()));
  }
}

template <typename Scalar>
std::string type_of() {
  Type type;
  type.bytes = sizeof(Scalar);
  type.kind = std::is_floating_point_v<Scalar> ? 'f'
              : std::is_signed_v<Scalar>       ? 'i'
                                               : 'u';
  return type.to_string();
}

/// "(3, 4)", "(3,)", "()": as Python writes a tuple.
std::string tuple(const std::vector<Index>& dims) {
  std::string text = "(";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(dims[i]);
  }
  return text + (dims.size() == 1 ? ",)" : ")");
}

template <typename Scalar>
void save(const std::string& path,
          const std::vector<Index>& dims,
          const Scalar* values,
          Index count) {
  std::string header = concat("{'descr': '",
                              type_of<Scalar>(),
                              "', 'fortran_order': False, 'shape': ",
                              tuple(dims),
                              ", }");
  const std::size_t begin = kVersionEnd + 2;
  while ((begin + header.size() + 1) % kAlignment != 0) header += ' ';
  header += '\n';
  const auto header_bytes = static_cast<std::uint16_t>(header.size());
  std::string content(kMagic);
  content += '\1';
  content += '\0';
  content += internal::to_bytes(&header_bytes, 1);
  content += header;
  content += internal::to_bytes(values, count);
  write_file_atomically(path, content);
}

template <typename Scalar>
void save_matrix(const std::string& path, const ConstView<Scalar>& matrix) {
  save(path, {matrix.cols(), matrix.rows()}, matrix.data(), matrix.size());
}

}  // namespace

Index internal::npy_features(const std::vector<Index>& dims,
                             std::size_t values) {
  const bool negative =
      std::any_of(dims.begin(), dims.end(), [](Index n) { return n < 0; });
  // As for a file's bytes: what 64 bits count in bits, Index does in numbers.
  constexpr std::uint64_t kBits = 8;
  std::uint64_t bits = 0;
  check_argument(!negative && dims.size() <= kMaxDims &&
                     internal::array_bits(dims, kBits, bits) &&
                     bits == kBits * values,
                 "[NpyArray] expected values for an array of the sizes ",
                 internal::to_string(dims),
                 ", at most 64 of them, got ",
                 values);
  Index features = 1;
  for (std::size_t d = 1; d < dims.size(); ++d) features *= dims[d];
  return features;
}

void internal::check_npy_labels(const std::vector<Index>& dims,
                                std::size_t values) {
  const Index features = npy_features(dims, values);
  check_argument((dims.size() == 1 || dims.size() == 2) && features == 1,
                 "[NpyArray] expected labels in an array of the sizes [n] or "
                 "[n, 1], got ",
                 internal::to_string(dims));
}

template <typename Scalar>
NpyArray<Scalar> load_npy(const std::string& path) {
  return load<Scalar>(ByteSource(path));
}

template <typename Scalar>
NpyArray<Scalar> load_npy(const MemoryFile& file) {
  return load<Scalar>(ByteSource(file));
}

template <typename Scalar>
void save_npy(const std::string& path, const NpyArray<Scalar>& array) {
  internal::npy_features(array.dims, array.values.size());
  save(path,
       array.dims,
       array.values.data(),
       static_cast<Index>(array.values.size()));
}

void save_npy(const std::string& path, ConstView<float> matrix) {
  save_matrix(path, matrix);
}

void save_npy(const std::string& path, ConstView<double> matrix) {
  save_matrix(path, matrix);
}

void save_npy(const std::string& path, ConstLabels labels) {
  save(path, {labels.size()}, labels.data(), labels.size());
}

#define NN_INSTANTIATE(Scalar)                                 \
  template NpyArray<Scalar> load_npy(const std::string& path); \
  template NpyArray<Scalar> load_npy(const MemoryFile& file);  \
  template void save_npy(const std::string& path,              \
                         const NpyArray<Scalar>& array);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
NN_INSTANTIATE(std::int8_t)
NN_INSTANTIATE(std::int16_t)
NN_INSTANTIATE(std::int32_t)
NN_INSTANTIATE(std::int64_t)
NN_INSTANTIATE(std::uint8_t)
NN_INSTANTIATE(std::uint16_t)
NN_INSTANTIATE(std::uint32_t)
NN_INSTANTIATE(std::uint64_t)
#undef NN_INSTANTIATE

}  // namespace nn
