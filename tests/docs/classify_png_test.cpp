// docs/examples/classify_png: its image scaling by hand, and the program as a
// user runs it.

#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "digit_image.h"
#include "nn/nn.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn::Index;

GrayImage filled(int width, int height, std::uint8_t level) {
  GrayImage image;
  image.width = width;
  image.height = height;
  image.pixels.assign(static_cast<std::size_t>(width * height), level);
  return image;
}

// Every pixel of a 28 x 28 image as a square of `factor` x `factor` pixels,
// with `channels` numbers each: gray, colors, or colors and alpha.
void write_png(const std::string& path,
               const std::uint8_t* image,
               int factor,
               int channels,
               bool inverted) {
  const int side = 28 * factor;
  std::vector<std::uint8_t> pixels;
  for (int row = 0; row < side; ++row) {
    for (int col = 0; col < side; ++col) {
      const std::uint8_t level = image[row / factor * 28 + col / factor];
      for (int c = 0; c < channels; ++c) {
        const bool alpha = c == 3;
        pixels.push_back(static_cast<std::uint8_t>(alpha      ? 255
                                                   : inverted ? 255 - level
                                                              : level));
      }
    }
  }
  REQUIRE(
      stbi_write_png(
          path.c_str(), side, side, channels, pixels.data(), side * channels) !=
      0);
}

}  // namespace

TEST_CASE("a picture of MNIST's size keeps its pixels", "[docs][png]") {
  GrayImage image = filled(28, 28, 0);
  for (std::size_t i = 0; i < 28 * 20; ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(i % 100);
  }
  const nn::Matrix<float> x = to_mnist(image);
  REQUIRE(x.rows() == 784);
  REQUIRE(x.cols() == 1);
  for (Index i = 0; i < 784; ++i) {
    const float level = image.pixels[static_cast<std::size_t>(i)];
    CHECK(x(i, 0) == Catch::Approx(level / 255.0F));
  }
}

TEST_CASE("a bright picture is inverted", "[docs][png]") {
  GrayImage image = filled(28, 28, 255);
  image.pixels[28 * 14 + 14] = 51;
  const nn::Matrix<float> x = to_mnist(image);
  CHECK(x(28 * 14 + 14, 0) == Catch::Approx(0.8));
  CHECK(x.sum() == Catch::Approx(0.8));
}

TEST_CASE("pixels are means over the area that they cover", "[docs][png]") {
  // 42 pixels on 28: each covers one and a half. Column 20 is bright, and lies
  // in column 13 (19.5 .. 21) with its whole width.
  GrayImage image = filled(42, 42, 0);
  for (std::size_t row = 10; row < 32; ++row) image.pixels[row * 42 + 20] = 255;
  const nn::Matrix<float> x = to_mnist(image);
  CHECK(x(28 * 14 + 13, 0) == Catch::Approx(1.0 / 1.5));
  CHECK(x(28 * 14 + 12, 0) == 0.0F);
  CHECK(x(28 * 14 + 14, 0) == 0.0F);
  CHECK(x.sum() == Catch::Approx(22.0 / (1.5 * 1.5)));
}

TEST_CASE("a picture that is not square is padded, not stretched",
          "[docs][png]") {
  GrayImage image = filled(28, 14, 0);
  image.pixels[0] = 1;  // The border stays dark.
  image.pixels[28 * 7 + 5] = 255;
  const nn::Matrix<float> x = to_mnist(image);
  CHECK(x(28 * (7 + 7) + 5, 0) == Catch::Approx(1.0));
  const nn::Matrix<float> small = to_mnist(filled(1, 1, 200));
  CHECK((small.array() - (1.0F - 200.0F / 255.0F)).abs().maxCoeff() < 1e-6F);
}

TEST_CASE("no picture and no PNG are told apart by name", "[docs][png]") {
  CHECK_THROWS_AS(to_mnist(GrayImage()), std::invalid_argument);
  CHECK_THROWS_AS(read_png("/nowhere/picture.png"), std::runtime_error);
}

TEST_CASE("classify_png answers what the network predicts", "[docs][png]") {
  const nn_test::TemporaryDirectory folder;
  nn_test::write_tiny_mnist(folder.path());
  const nn::ImageSet training =
      nn::load_mnist(folder.path(), nn::Split::kTraining);
  const nn::ImageSet test = nn::load_mnist(folder.path(), nn::Split::kTest);

  nn::Sequential<float> net(nn::Shape{1, 28, 28}, /*seed=*/1);
  net.add<nn::Linear>(32).add<nn::ReLU>().add<nn::Linear>(10);
  net.add<nn::Softmax>();
  std::vector<Index> all(static_cast<std::size_t>(training.size()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Index>(i);
  nn::Matrix<float> x(784, training.size());
  nn::Labels labels(training.size());
  nn::gather<float>(training,
                    all.data(),
                    training.size(),
                    nn::Normalization(),
                    x,
                    Eigen::Map<nn::Labels>(labels.data(), labels.size()));
  nn::SgdOptions options;
  options.momentum = 0.9;
  nn::Sgd<float> sgd(net.parameters(), options);
  const nn::SoftmaxCrossEntropy<float> loss;
  nn::Workspace<float> workspace;
  nn::Matrix<float> dlogits(10, training.size());
  for (int step = 0; step < 60; ++step) {
    loss.evaluate(net.forward(x, workspace), labels, dlogits);
    net.backward(dlogits, workspace);
    sgd.step();
  }
  const std::string model = folder.file("model.safetensors");
  nn::save_model(model, net);

  const std::string picture = folder.file("picture.png");
  int right = 0;
  for (Index i = 0; i < 10; ++i) {
    // The same picture in several forms: as it is; large, in colors, dark on
    // bright; with an alpha channel.
    const bool bright = i % 2 == 1;
    write_png(picture,
              test.image(i),
              bright ? 3 : 1,
              i % 3 == 0 ? 1 : (i % 3 == 1 ? 3 : 4),
              bright);
    const nn_test::Outcome outcome =
        nn_test::execute(NN_CLASSIFY_PNG, {model, picture});
    INFO(outcome.errors);
    REQUIRE(outcome.exit_code == 0);

    nn::Labels label(1);
    nn::Matrix<float> sample(784, 1);
    nn::gather<float>(test,
                      &i,
                      1,
                      nn::Normalization(),
                      sample,
                      Eigen::Map<nn::Labels>(label.data(), 1));
    Index predicted = 0;
    net.predict(sample).col(0).maxCoeff(&predicted);
    CHECK(outcome.output.substr(0, outcome.output.find(' ')) ==
          std::to_string(predicted));
    if (predicted == label(0)) ++right;
  }
  CHECK(right >= 9);
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
