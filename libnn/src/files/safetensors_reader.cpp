#include "files/safetensors_reader.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "files/defect.h"
#include "files/dims.h"
#include "files/file_kind.h"
#include "files/json.h"

namespace nn::internal {
namespace {

using Entry = SafetensorsReader::Entry;

// More than any program has; a message shows all of them.
constexpr std::size_t kMostDims = 64;

std::vector<Index> to_dims(const std::string& name,
                           const std::vector<std::uint64_t>& shape) {
  constexpr auto kMax =
      static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
  if (shape.size() > kMostDims) {
    throw_defect("tensor ",
                 quoted(name),
                 ": expected at most ",
                 kMostDims,
                 " dimensions, found ",
                 shape.size());
  }
  std::vector<Index> dims;
  for (const std::uint64_t size : shape) {
    if (size > kMax) {
      throw_defect("tensor ",
                   quoted(name),
                   " has a size of ",
                   size,
                   ", which is too large");
    }
    dims.push_back(static_cast<Index>(size));
  }
  return dims;
}

Entry read_entry(JsonReader& reader, const std::string& name) {
  Entry entry;
  entry.name = name;
  bool has_dtype = false;
  bool has_shape = false;
  bool has_offsets = false;
  reader.read_object([&](const std::string& key) {
    if (key == "dtype") {
      entry.dtype = reader.read_string();
      has_dtype = true;
    } else if (key == "shape") {
      entry.dims = to_dims(name, reader.read_integers());
      has_shape = true;
    } else if (key == "data_offsets") {
      const std::vector<std::uint64_t> offsets = reader.read_integers();
      if (offsets.size() != 2) {
        throw_defect("tensor ",
                     quoted(name),
                     ": expected 2 data_offsets, found ",
                     offsets.size());
      }
      entry.begin = offsets[0];
      entry.end = offsets[1];
      has_offsets = true;
    } else {
      throw_defect("tensor ",
                   quoted(name),
                   ": expected dtype, shape and data_offsets, found ",
                   quoted(key));
    }
  });
  if (!has_dtype || !has_shape || !has_offsets) {
    throw_defect("tensor ",
                 quoted(name),
                 " has no ",
                 !has_dtype   ? "dtype"
                 : !has_shape ? "shape"
                              : "data_offsets");
  }
  return entry;
}

/// Checks that an entry's type, shape and extent agree.
void check_entry(const Entry& entry) {
  const std::uint64_t bits = element_bits(entry.dtype);
  std::uint64_t expected = 0;
  if (!array_bits(entry.dims, std::max<std::uint64_t>(bits, 1), expected)) {
    throw_defect("tensor ",
                 quoted(entry.name),
                 " has the shape ",
                 to_string(entry.dims),
                 ", which is too large");
  }
  // How large the elements of an unknown type are nobody can tell.
  const bool fits = entry.end >= entry.begin &&
                    (bits == 0 || (expected % 8 == 0 &&
                                   entry.end - entry.begin == expected / 8));
  if (!fits) {
    throw_defect("tensor ",
                 quoted(entry.name),
                 ": expected ",
                 bits == 0 ? std::string("the")
                           : concat(expected / 8 + (expected % 8 > 0 ? 1 : 0)),
                 " bytes for ",
                 bits == 0 ? quoted(entry.dtype) : entry.dtype,
                 " ",
                 to_string(entry.dims),
                 ", found data_offsets ",
                 entry.begin,
                 " to ",
                 entry.end);
  }
}

}  // namespace

std::uint64_t element_bits(const std::string& dtype) {
  static constexpr struct {
    const char* dtype;
    std::uint64_t bits;
  } kTypes[] = {
      {"F32", 32},        {"F64", 64},        {"F16", 16},    {"BF16", 16},
      {"I64", 64},        {"I32", 32},        {"I16", 16},    {"I8", 8},
      {"U64", 64},        {"U32", 32},        {"U16", 16},    {"U8", 8},
      {"BOOL", 8},        {"C64", 64},        {"F8_E4M3", 8}, {"F8_E5M2", 8},
      {"F8_E8M0", 8},     {"F4", 4},          {"F6_E2M3", 6}, {"F6_E3M2", 6},
      {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
  };
  for (const auto& type : kTypes) {
    if (dtype == type.dtype) return type.bits;
  }
  return 0;
}

SafetensorsReader::SafetensorsReader(ByteSource source,
                                     const ReadLimits& limits)
    : source_(std::move(source)) {
  const std::string header = read_header(limits);
  try {
    parse_header(header);
    check_extents();
  } catch (const std::runtime_error& error) {
    throw_defect(name(), ": ", error.what());
  }
  sort_names();
}

SafetensorsReader::SafetensorsReader(const SafetensorsFile& content,
                                     const std::string& name)
    : source_(MemoryFile{{}, name}),
      content_(&content),
      metadata_(content.metadata) {
  for (std::size_t i = 0; i < content.tensors.size(); ++i) {
    const Tensor& tensor = content.tensors[i];
    // In place of an offset stands the number of the tensor.
    entries_.push_back({tensor.name, tensor.dtype, tensor.dims, i, i});
  }
  sort_names();
}

void SafetensorsReader::sort_names() {
  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
  std::sort(by_name_.begin(), by_name_.end(), [this](auto a, auto b) {
    return entries_[a].name < entries_[b].name;
  });
}

const Entry* SafetensorsReader::find(const std::string& name) const {
  const auto found = std::lower_bound(
      by_name_.begin(), by_name_.end(), name, [this](auto i, const auto& text) {
        return entries_[i].name < text;
      });
  if (found == by_name_.end() || entries_[*found].name != name) return nullptr;
  return &entries_[*found];
}

std::string SafetensorsReader::read(const Entry& entry) {
  if (content_ != nullptr) return content_->tensors[entry.begin].bytes;
  return source_.read(data_begin_ + entry.begin, entry.end - entry.begin);
}

std::string SafetensorsReader::read_header(const ReadLimits& limits) {
  const std::uint64_t first = source_.size_bytes(kFileKindBytes);
  const std::string head =
      source_.read(0, std::min<std::uint64_t>(first, kFileKindBytes));
  // A file of another kind has no length there.
  const auto refuse = [&](const std::string& otherwise) {
    const std::string kind = file_kind(head);
    throw_defect(name(),
                 ": ",
                 kind.empty()
                     ? otherwise
                     : concat("expected a safetensors file, found ", kind));
  };
  if (head.size() < kSafetensorsLengthBytes) {
    refuse(concat("expected a safetensors file, which has at least ",
                  kSafetensorsLengthBytes,
                  " bytes, found ",
                  head.size()));
  }
  std::uint64_t header_bytes = 0;
  for (std::size_t i = kSafetensorsLengthBytes; i-- > 0;) {
    header_bytes = (header_bytes << 8) | static_cast<unsigned char>(head[i]);
  }
  const std::uint64_t allowed = std::min(
      {header_bytes,
       limits.header_bytes,
       std::numeric_limits<std::uint64_t>::max() - kSafetensorsLengthBytes});
  const std::uint64_t behind =
      source_.size_bytes(kSafetensorsLengthBytes + allowed) -
      kSafetensorsLengthBytes;
  // For a damaged length it is more telling that the file is shorter.
  if (behind < allowed || (header_bytes > behind && !source_.is_stream())) {
    refuse(concat("expected a header of ",
                  header_bytes,
                  " bytes, as the first 8 bytes say, found ",
                  behind,
                  " bytes behind them"));
  }
  if (header_bytes > allowed) {
    refuse(concat("expected a header of at most ",
                  allowed,
                  " bytes (ReadLimits::header_bytes), found one of ",
                  header_bytes));
  }
  data_begin_ = kSafetensorsLengthBytes + header_bytes;
  const std::string header =
      source_.read(kSafetensorsLengthBytes, header_bytes);
  const std::size_t start = header.find_first_not_of(" \t\r\n");
  if (start == std::string::npos || header[start] != '{') {
    if (!file_kind(head).empty()) refuse("");
  }
  return header;
}

void SafetensorsReader::parse_header(const std::string& header) {
  JsonReader reader(header, "the JSON header");
  reader.read_object([&](const std::string& name) {
    if (name == kSafetensorsMetadata) {
      reader.read_object([&](const std::string& key) {
        metadata_[key] = reader.read_string();
      });
    } else {
      entries_.push_back(read_entry(reader, name));
      check_entry(entries_.back());
    }
  });
  reader.expect_end();
}

void SafetensorsReader::check_extents() {
  // In the order of the data, a gap or overlap shows between neighbours.
  std::stable_sort(
      entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        return std::make_pair(a.begin, a.end) < std::make_pair(b.begin, b.end);
      });
  std::uint64_t covered = 0;
  for (const Entry& entry : entries_) {
    if (entry.begin != covered) {
      throw_defect("tensor ",
                   quoted(entry.name),
                   ": expected its data at offset ",
                   covered,
                   ", where the one before it ends, found data_offsets ",
                   entry.begin,
                   " to ",
                   entry.end);
    }
    covered = entry.end;
  }
  // One byte more would show that the file goes on.
  constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t wanted =
      covered < kLargest - data_begin_ ? data_begin_ + covered + 1 : kLargest;
  const std::uint64_t data_bytes = source_.size_bytes(wanted) - data_begin_;
  for (const Entry& entry : entries_) {
    if (entry.end > data_bytes) {
      throw_defect("tensor ",
                   quoted(entry.name),
                   ": expected data up to ",
                   entry.end,
                   ", found only ",
                   data_bytes,
                   " bytes of data");
    }
  }
  if (covered != data_bytes) {
    throw_defect("expected ", covered, " bytes of data, found ", data_bytes);
  }
}

}  // namespace nn::internal
