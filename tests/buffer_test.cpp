#include "nn/buffer.h"

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "support/allocations.h"
#include "support/catch.h"

using nn::Buffer;

TEST_CASE("a buffer that was moved from holds nothing and can be used again",
          "[buffer]") {
  Buffer buffer;
  buffer.reserve(100);
  Buffer taken(std::move(buffer));
  CHECK(taken.size_bytes() == 100);
  CHECK(buffer.size_bytes() == 0);
  CHECK(buffer.reserve(50));
  CHECK(buffer.data() != nullptr);
  taken = std::move(buffer);
  CHECK(taken.size_bytes() == 50);
  CHECK(buffer.reserve(1));
  CHECK(buffer.data() != nullptr);
}

TEST_CASE("sizes that leave what memory holds are refused",
          "[buffer][errors]") {
  using nn::array_bytes;
  using nn::Index;
  CHECK(array_bytes(3, 5, 8) == 120);
  CHECK(array_bytes(0, Index{1} << 62, 8) == 0);
  CHECK(array_bytes(Index{1} << 62, 0, 8) == 0);
  CHECK(array_bytes(Index{1} << 40, 64, 4) == std::size_t{1} << 48);
  CHECK_THROWS_AS(array_bytes(Index{1} << 40, 65, 4), std::length_error);
  CHECK_THROWS_AS(array_bytes(-1, 1, 4), std::length_error);
  CHECK_THROWS_AS(array_bytes(Index{1} << 62, Index{1} << 62, 8),
                  std::length_error);
}

TEST_CASE("an empty buffer holds nothing and takes no memory", "[buffer]") {
  const std::size_t before = nn_test::allocation_count();
  Buffer buffer;
  const bool grown = buffer.reserve(0);
  const std::size_t after = nn_test::allocation_count();
  CHECK_FALSE(grown);
  CHECK(after == before);
  CHECK(buffer.size_bytes() == 0);
  CHECK(buffer.data() == nullptr);
}

TEST_CASE("a buffer grows to the largest size asked for and never shrinks",
          "[buffer]") {
  Buffer buffer;
  CHECK(buffer.reserve(1000));
  CHECK(buffer.size_bytes() >= 1000);
  const std::byte* first = buffer.data();

  const std::size_t before = nn_test::allocation_count();
  const bool grown = buffer.reserve(10) || buffer.reserve(1000);
  const std::size_t after = nn_test::allocation_count();
  CHECK_FALSE(grown);
  CHECK(after == before);
  CHECK(buffer.data() == first);

  CHECK(buffer.reserve(5000));
  CHECK(buffer.size_bytes() >= 5000);
  // Every byte is there to be written.
  std::memset(buffer.data(), 1, 5000);
}

TEST_CASE("a buffer is aligned for any vector instruction", "[buffer]") {
  for (const std::size_t size : {1u, 63u, 64u, 65u, 1000u, 100000u}) {
    Buffer buffer;
    buffer.reserve(size);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) %
              Buffer::kAlignment ==
          0);
  }
}

TEST_CASE("a moved buffer keeps its memory", "[buffer]") {
  Buffer from;
  from.reserve(8);
  from.as<double>()[0] = 1.5;
  const std::byte* memory = from.data();
  Buffer to = std::move(from);
  CHECK(to.data() == memory);
  CHECK(to.as<double>()[0] == 1.5);
}

TEST_CASE("aligned_size rounds up to the alignment", "[buffer]") {
  CHECK(nn::aligned_size(0) == 0);
  CHECK(nn::aligned_size(1) == Buffer::kAlignment);
  CHECK(nn::aligned_size(Buffer::kAlignment) == Buffer::kAlignment);
  CHECK(nn::aligned_size(Buffer::kAlignment + 1) == 2 * Buffer::kAlignment);
}
