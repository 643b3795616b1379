#include "nn/shape.h"

#include "nn/check.h"
#include "nn/extent.h"
#include "support/catch.h"

TEST_CASE("a shape counts its features", "[shape]") {
  CHECK(nn::Shape{3, 4, 5}.features() == 60);
  CHECK(nn::Shape{7}.features() == 7);
  CHECK(nn::Shape{}.features() == 0);
}

TEST_CASE("a shape is flat if it has one row and one column", "[shape]") {
  CHECK(nn::Shape{7}.is_flat());
  CHECK_FALSE(nn::Shape{7, 2, 1}.is_flat());
  CHECK_FALSE(nn::Shape{7, 1, 2}.is_flat());
}

TEST_CASE("a shape prints as channels x height x width, a flat one as a number",
          "[shape]") {
  CHECK(nn::Shape{16, 28, 27}.to_string() == "16x28x27");
  CHECK(nn::Shape{1, 1, 3}.to_string() == "1x1x3");
  CHECK(nn::Shape{128}.to_string() == "128");
}

TEST_CASE("shapes are equal if all three sizes are", "[shape]") {
  CHECK(nn::Shape{1, 2, 3} == nn::Shape{1, 2, 3});
  CHECK(nn::Shape{1, 2, 3} != nn::Shape{2, 2, 3});
  CHECK(nn::Shape{1, 2, 3} != nn::Shape{1, 1, 3});
  CHECK(nn::Shape{1, 2, 3} != nn::Shape{1, 2, 1});
  // As many features, yet another shape.
  CHECK(nn::Shape{6} != nn::Shape{1, 2, 3});
}

TEST_CASE("an extent of one number is the same in both directions", "[shape]") {
  const nn::Extent square = 5;
  CHECK(square.height == 5);
  CHECK(square.width == 5);
  const nn::Extent other(2, 3);
  CHECK(other.height == 2);
  CHECK(other.width == 3);
  CHECK(other.to_string() == "2x3");
}

TEST_CASE("shapes and extents go into a message as they print", "[shape]") {
  CHECK(nn::concat("from ", nn::Shape{16, 28, 27}, " to ", nn::Shape{10}) ==
        "from 16x28x27 to 10");
  CHECK(nn::concat(nn::Extent(2, 3)) == "2x3");
}
