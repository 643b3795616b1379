// docs/examples/classify_png: the program as a user runs it.

#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "digit_image.h"
#include "nn/nn.h"
#include "support/catch.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;

// What a pixel of a PNG file holds where there is so much ink, 0 .. 255.
using Colors = std::function<std::vector<int>(int ink)>;

// Every pixel of a 28 x 28 image as a square of `factor` x `factor` pixels.
void write_png(const std::string& path,
               const std::uint8_t* image,
               int factor,
               const Colors& colors) {
  const int side = 28 * factor;
  const int channels = static_cast<int>(colors(0).size());
  std::vector<std::uint8_t> pixels;
  for (int row = 0; row < side; ++row) {
    for (int col = 0; col < side; ++col) {
      const int ink = image[row / factor * 28 + col / factor];
      for (const int value : colors(ink)) {
        pixels.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  REQUIRE(
      stbi_write_png(
          path.c_str(), side, side, channels, pixels.data(), side * channels) !=
      0);
}

}  // namespace

TEST_CASE("classify_png answers what the network predicts", "[docs][png]") {
  const nn_test::TemporaryDirectory folder;
  nn_test::write_tiny_mnist(folder.path());
  const nn::ImageSet test = nn::load_mnist(folder.path(), nn::Split::kTest);

  nn::Sequential<float> net(nn::Shape{1, 28, 28}, /*seed=*/1);
  net.add<nn::Linear>(32).add<nn::ReLU>().add<nn::Linear>(10);
  net.add<nn::Softmax>();
  const std::string model = folder.file("model.safetensors");
  nn::save_model(model, net);

  // The same picture in several forms: gray; dark on bright; colors on a
  // bright paper; and what a drawing program leaves without a background, in
  // black and in white ink.
  const std::vector<Colors> forms = {
      [](int ink) { return std::vector<int>{ink}; },
      [](int ink) { return std::vector<int>{255 - ink}; },
      [](int ink) {
        return std::vector<int>{255 - ink, 255 - ink / 2, 255 - ink, 255};
      },
      [](int ink) {
        return std::vector<int>{0, ink};
      },
      [](int ink) {
        return std::vector<int>{255, ink};
      },
      [](int ink) {
        return std::vector<int>{255, 255, 255, ink};
      },
  };
  const std::string picture = folder.file("picture.png");
  for (std::size_t form = 0; form < forms.size(); ++form) {
    INFO("form " << form);
    const std::uint8_t* digit = test.image(static_cast<Index>(form));
    GrayImage plain;
    plain.width = plain.height = 28;
    plain.pixels.assign(digit, digit + 784);
    const nn::Matrix<float> expected = net.predict(to_mnist(plain));
    Index best = 0;
    const float probability = expected.col(0).maxCoeff(&best);

    for (const int factor : {1, 3}) {
      write_png(picture, digit, factor, forms[form]);
      const nn_test::Outcome outcome =
          nn_test::execute(NN_CLASSIFY_PNG, {model, picture});
      INFO(outcome.errors);
      REQUIRE(outcome.exit_code == 0);
      std::istringstream answer(outcome.output);
      Index digit_read = -1;
      char parenthesis = ' ';
      float percent = 0;
      answer >> digit_read >> parenthesis >> percent;
      REQUIRE(digit_read >= 0);
      REQUIRE(digit_read < 10);
      if (factor == 1) {
        CHECK(digit_read == best);
        CHECK(percent == Catch::Approx(100 * probability).margin(0.5));
      } else {
        // Its edges are sharper, so that levels differ a little.
        CHECK(expected(digit_read, 0) > probability - 0.05F);
        CHECK(percent == Catch::Approx(100 * probability).margin(5));
      }
    }
  }
}

TEST_CASE("classify_png says what is wrong", "[docs][png][errors]") {
  const nn_test::TemporaryDirectory folder;
  const auto run = [](const std::vector<std::string>& arguments) {
    return nn_test::execute(NN_CLASSIFY_PNG, arguments);
  };
  CHECK(run({}).exit_code == 2);
  CHECK_THAT(run({}).errors, ContainsSubstring("usage: classify_png"));

  nn::Sequential<float> net(nn::Shape{1, 9, 9}, /*seed=*/1);
  net.add<nn::Linear>(10).add<nn::Softmax>();
  const std::string model = folder.file("small.safetensors");
  nn::save_model(model, net);
  const std::string picture = folder.file("picture.png");
  nn::write_file_atomically(picture, "no picture");

  const nn_test::Outcome wrong_model = run({model, picture});
  CHECK(wrong_model.exit_code == 1);
  CHECK_THAT(wrong_model.errors, ContainsSubstring("got one for 1x9x9"));

  nn::Sequential<float> fitting(nn::Shape{784}, /*seed=*/1);
  fitting.add<nn::Linear>(10).add<nn::Softmax>();
  nn::save_model(model, fitting);
  const nn_test::Outcome wrong_picture = run({model, picture});
  CHECK(wrong_picture.exit_code == 1);
  CHECK_THAT(wrong_picture.errors, ContainsSubstring(picture));

  const nn_test::Outcome no_deviation = run({model, picture, "0.1", "0"});
  CHECK(no_deviation.exit_code == 1);
  CHECK_THAT(no_deviation.errors, ContainsSubstring("deviation above 0"));
}
