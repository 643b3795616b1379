#include "data/byte_stream.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "nn/random.h"
#include "support/catch.h"
#include "support/pipe.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

// What is wrong with files, packed ones above all, idx_test.cpp shows.

namespace {

using nn::internal::ByteStream;
using nn::internal::open_byte_stream;

/// All that comes, asked for in pieces of this size.
std::string read_all(ByteStream& stream, std::size_t piece) {
  std::string all;
  std::vector<std::uint8_t> bytes(piece);
  for (;;) {
    const std::size_t got = stream.read(bytes.data(), piece);
    all.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(got));
    if (got < piece) return all;
  }
}

std::string content() {
  std::string text;
  nn::Rng rng(1);
  while (text.size() < 200000) text += static_cast<char>(rng.index(7));
  return text;
}

}  // namespace

TEST_CASE("a stream gives the bytes of a file or of memory in order",
          "[byte_stream]") {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("file");
  const std::string bytes = content();
  nn::write_file_atomically(path, bytes);
  for (const std::size_t piece : {1, 1000, 65536, 1000000}) {
    const auto file = open_byte_stream(path, "a file");
    CHECK(file->path() == path);
    CHECK(file->file_bytes() == bytes.size());
    CHECK(file->size_bytes() == bytes.size());
    CHECK(read_all(*file, piece) == bytes);
    std::uint8_t more = 0;
    CHECK(file->read(&more, 1) == 0);
    const auto memory = open_byte_stream(nn::MemoryFile{bytes, "me"}, "a file");
    CHECK(memory->path() == "me");
    CHECK(memory->size_bytes() == bytes.size());
    CHECK(read_all(*memory, piece) == bytes);
  }
}

TEST_CASE("a stream unpacks what is compressed", "[byte_stream]") {
  if (!nn_test::can_gzip()) return;
  const std::string bytes = content();
  const std::string packed = nn_test::gzip(bytes) + nn_test::gzip("end");
  for (const std::size_t piece : {1, 1000, 65536, 1000000}) {
    const auto stream = open_byte_stream(nn::MemoryFile{packed}, "a file");
    CHECK(stream->file_bytes() == packed.size());
    CHECK_FALSE(stream->size_bytes().has_value());
    CHECK(read_all(*stream, piece) == bytes + "end");
  }
}

TEST_CASE("a pipe is a stream where its reader takes one", "[byte_stream]") {
  const std::string bytes = content().substr(0, 30000);
  // At first less than says what it is.
  nn_test::Pipe pipe(bytes.substr(0, 1));
  const std::string path = pipe.path();
  CHECK_THROWS_WITH(open_byte_stream(path, "a file"),
                    path + ": not a regular file");
  pipe.write(bytes.substr(1));
  pipe.end();
  const auto stream =
      open_byte_stream(path, "a file", nn::internal::ByteSources::kAnything);
  CHECK_FALSE(stream->size_bytes().has_value());
  CHECK(stream->file_bytes() <= bytes.size());
  CHECK(read_all(*stream, 1000) == bytes);
  CHECK(stream->file_bytes() == bytes.size());
}

TEST_CASE("a stream of an empty file says what was expected",
          "[byte_stream][errors]") {
  CHECK_THROWS_WITH(open_byte_stream(nn::MemoryFile{"", "me"}, "a table"),
                    "me: expected a table, found an empty file");
}
