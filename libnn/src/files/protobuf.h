#ifndef NN_SRC_FILES_PROTOBUF_H_
#define NN_SRC_FILES_PROTOBUF_H_

#include <cstdint>
#include <cstring>
#include <string>

namespace nn::internal {

/// A message in the wire format of Protocol Buffers
/// (protobuf.dev/programming-guides/encoding), written field by field: a
/// varint of the field's number and the kind of value, then the value.
class ProtobufMessage {
 public:
  void add_integer(int field, std::int64_t value) {
    add_tag(field, kVarint);
    add_varint(static_cast<std::uint64_t>(value));
  }

  void add_float(int field, float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    add_tag(field, kFourBytes);
    for (int i = 0; i < 4; ++i, bits >>= 8) add_byte(bits & 0xff);
  }

  /// Text, bytes, or the content of another message.
  void add_bytes(int field, const std::string& value) {
    add_tag(field, kLength);
    add_varint(value.size());
    bytes_ += value;
  }
  void add_message(int field, const ProtobufMessage& value) {
    add_bytes(field, value.bytes_);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  enum Kind : std::uint64_t { kVarint = 0, kLength = 2, kFourBytes = 5 };

  void add_tag(int field, Kind kind) {
    add_varint(static_cast<std::uint64_t>(field) << 3 | kind);
  }
  // Seven bits a byte, the lowest first; the eighth says that more follow.
  void add_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) add_byte((value & 0x7f) | 0x80);
    add_byte(value);
  }
  void add_byte(std::uint64_t value) {
    bytes_ += static_cast<char>(static_cast<unsigned char>(value));
  }

  std::string bytes_;
};

}  // namespace nn::internal

#endif  // NN_SRC_FILES_PROTOBUF_H_
