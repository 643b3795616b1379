#ifndef NN_TESTS_SUPPORT_PROTOBUF_READER_H_
#define NN_TESTS_SUPPORT_PROTOBUF_READER_H_

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace nn_test {

/// A field of a Protocol Buffers message as it stands in the bytes.
struct ProtobufField {
  int number = 0;
  int wire_type = 0;
  std::uint64_t integer = 0;  ///< wire types 0 and 5 (the bits)
  std::string bytes;          ///< wire type 2

  float as_float() const {
    const auto bits = static_cast<std::uint32_t>(integer);
    float value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
};

/// The fields of a message, in their order. Written from the description of the
/// format (protobuf.dev/programming-guides/encoding) alone, apart from the
/// writer that it tests. Throws std::runtime_error if the bytes are no message.
inline std::vector<ProtobufField> read_protobuf(const std::string& bytes) {
  std::size_t place = 0;
  const auto next = [&]() -> std::uint64_t {
    if (place == bytes.size()) throw std::runtime_error("cut short");
    return static_cast<unsigned char>(bytes[place++]);
  };
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      if (shift > 63) throw std::runtime_error("a varint of over 64 bits");
      const std::uint64_t byte = next();
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  std::vector<ProtobufField> fields;
  while (place < bytes.size()) {
    ProtobufField field;
    const std::uint64_t tag = varint();
    field.number = static_cast<int>(tag / 8);
    field.wire_type = static_cast<int>(tag % 8);
    if (field.wire_type == 0) {
      field.integer = varint();
    } else if (field.wire_type == 2) {
      const std::uint64_t length = varint();
      if (length > bytes.size() - place) throw std::runtime_error("cut short");
      field.bytes = bytes.substr(place, static_cast<std::size_t>(length));
      place += static_cast<std::size_t>(length);
    } else if (field.wire_type == 5) {
      for (int i = 0; i < 4; ++i) field.integer |= next() << (8 * i);
    } else {
      throw std::runtime_error("a wire type that ONNX does not use");
    }
    fields.push_back(field);
  }
  return fields;
}

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_PROTOBUF_READER_H_
