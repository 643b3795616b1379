#include "common/sha256.h"

#include <string>

#include "nn/files/file.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

TEST_CASE("sha256 gives the digests of FIPS 180-4's examples",
          "[apps][sha256]") {
  CHECK(apps::sha256("") ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(apps::sha256("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(apps::sha256(
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(apps::sha256(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("sha256 pads messages of every length around a block differently",
          "[apps][sha256]") {
  std::string previous;
  for (std::size_t length = 54; length <= 66; ++length) {
    const std::string digest = apps::sha256(std::string(length, '\0'));
    CHECK(digest.size() == 64);
    CHECK(digest != previous);
    previous = digest;
  }
  // Computed with coreutils: head -c 55 (or 64) /dev/zero | sha256sum.
  CHECK(apps::sha256(std::string(55, '\0')) ==
        "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7");
  CHECK(apps::sha256(std::string(64, '\0')) ==
        "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
}

TEST_CASE("sha256 of a file is that of its bytes", "[apps][sha256]") {
  const nn_test::TemporaryDirectory folder;
  // Around the pieces in which a file is read.
  for (const std::size_t size :
       {0, 1, 63, 64, 262143, 262144, 262145, 600000}) {
    std::string bytes(size, 'x');
    for (std::size_t i = 0; i < size; ++i)
      bytes[i] = static_cast<char>(i % 251);
    nn::write_file_atomically(folder.file("file"), bytes);
    CHECK(apps::sha256_of_file(folder.file("file")) == apps::sha256(bytes));
  }
  CHECK_THROWS_AS(apps::sha256_of_file(folder.file("none")),
                  std::runtime_error);
  CHECK_THROWS_AS(apps::sha256_of_file(folder.path()), std::runtime_error);
}
