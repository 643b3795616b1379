#include "nn/data/image_folder.h"

#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/files/file.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/pictures.h"
#include "support/temporary_directory.h"
#include "support/threads.h"

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using nn::Extent;
using nn::ImageFolder;
using nn::ImageFolderOptions;
using nn::PictureFit;
using nn::Shape;
using nn_test::message_of;
using nn_test::Png;
using nn_test::png_bytes;
using Error = std::runtime_error;
using Names = std::vector<std::string>;

std::string gray_png(int height, int width, char level) {
  Png png;
  png.height = height;
  png.width = width;
  png.samples = std::string(static_cast<std::size_t>(height * width), level);
  return png_bytes(png);
}

/// A folder of classes that a test fills.
class Tree {
 public:
  std::string path() const { return directory_.path(); }
  std::string file(const std::string& name) const {
    return directory_.file(name);
  }
  void write(const std::string& name, const std::string& bytes) const {
    fs::create_directories(fs::path(file(name)).parent_path());
    nn::write_file_atomically(file(name), bytes);
  }
  void folder(const std::string& name) const {
    fs::create_directories(file(name));
  }
  ImageFolder load(const ImageFolderOptions& options = {}) const {
    return nn::load_image_folder(path(), options);
  }
  std::string complaint(const ImageFolderOptions& options = {}) const {
    return message_of<Error>([&] { load(options); });
  }

 private:
  nn_test::TemporaryDirectory directory_;
};

/// Two classes with two and one picture, and what is hidden.
void write_animals(const Tree& tree) {
  tree.write("dog/2.png", gray_png(2, 2, 'd'));
  tree.write("cat/b.png", gray_png(2, 2, 'b'));
  tree.write("cat/a.jpg", gray_png(2, 2, 'a'));  // told by its content
  tree.write("cat/.hidden", "no picture");
  tree.write(".git/config", "no picture");
  tree.write(".DS_Store", "no picture");
}

std::string text(const nn::ImageSet& set) {
  return std::string(set.images.begin(), set.images.end());
}

}  // namespace

TEST_CASE("a folder for each class becomes images with labels and names",
          "[image_folder]") {
  if (!nn_test::can_png()) return;
  const Tree tree;
  write_animals(tree);
  const ImageFolder folder = tree.load();
  CHECK(folder.images.shape == Shape{1, 2, 2});
  CHECK(folder.images.class_names == Names{"cat", "dog"});
  CHECK(folder.images.labels == std::vector<int>{0, 0, 1});
  CHECK(text(folder.images) == "aaaabbbbdddd");
  CHECK(folder.paths == Names{tree.file("cat/a.jpg"),
                              tree.file("cat/b.png"),
                              tree.file("dog/2.png")});
  CHECK(folder.skipped.empty());
}

TEST_CASE("classes have the labels of the names that are given",
          "[image_folder]") {
  if (!nn_test::can_png()) return;
  const Tree tree;
  write_animals(tree);
  ImageFolderOptions options;
  options.class_names = {"dog", "cat"};
  const ImageFolder folder = tree.load(options);
  CHECK(folder.images.class_names == Names{"dog", "cat"});
  CHECK(text(folder.images) == "ddddaaaabbbb");
  CHECK(folder.images.labels == std::vector<int>{0, 1, 1});

  options.class_names = {"dog"};
  CHECK(tree.complaint(options) ==
        tree.file("cat") +
            ": expected the folders of ImageFolderOptions::class_names, found "
            "another");
  options.skip_unreadable = true;
  CHECK(text(tree.load(options).images) == "dddd");
  CHECK(tree.load(options).skipped.size() == 1);
  options.class_names = {"dog", "cow", "cat"};
  CHECK_THAT(
      tree.complaint(options),
      ContainsSubstring(tree.file("cow") + ": the folder cannot be read: "));
  options.class_names = {"dog", "cat", "dog"};
  CHECK_THAT(
      message_of<std::invalid_argument>([&] { tree.load(options); }),
      ContainsSubstring(
          "[load_image_folder] expected each class once, got dog twice"));
}

TEST_CASE("there may be more than 256 classes and many pictures",
          "[image_folder][parallel]") {
  if (!nn_test::can_png()) return;
  const Tree tree;
  for (int c = 0; c < 300; ++c) {
    tree.write(std::to_string(1000 + c) + "/a.png",
               gray_png(1, 2, static_cast<char>(c)));
  }
  for (const int threads : {1, 3}) {
    const nn_test::ScopedThreads scope(threads);
    const ImageFolder folder = tree.load();
    REQUIRE(folder.images.size() == 300);
    for (int c = 0; c < 300; ++c) {
      const auto i = static_cast<std::size_t>(c);
      REQUIRE(folder.images.labels[i] == c);
      REQUIRE(folder.images.images[2 * i] == c % 256);
      REQUIRE(folder.images.class_names[i] == std::to_string(1000 + c));
    }
  }
}

TEST_CASE("pictures of several sizes become one or are refused",
          "[image_folder]") {
  if (!nn_test::can_png()) return;
  const Tree tree;
  write_animals(tree);
  tree.write("dog/3.png", gray_png(4, 6, 'x'));
  CHECK_THAT(tree.complaint(),
             ContainsSubstring(tree.file("dog/3.png") +
                               ": expected a picture of 1x2x2, as " +
                               tree.file("cat/a.jpg") + " is, found 1x4x6; "));
  ImageFolderOptions options;
  options.picture.fit = PictureFit::kStretch;
  CHECK(text(tree.load(options).images) == "aaaabbbbddddxxxx");
  options.picture.size = Extent(1, 3);
  const ImageFolder resized = tree.load(options);
  CHECK(resized.images.shape == Shape{1, 1, 3});
  CHECK(text(resized.images) == "aaabbbdddxxx");
  options.picture.fit = PictureFit::kRefuse;
  CHECK_THAT(tree.complaint(options),
             ContainsSubstring(tree.file("cat/a.jpg") +
                               ": expected a picture of 1x3 pixels"));
  options.skip_unreadable = true;
  options.picture.size = Extent(4, 6);
  const ImageFolder rest = tree.load(options);
  CHECK(text(rest.images) == std::string(24, 'x'));
  CHECK(rest.images.labels == std::vector<int>{1});
  // Three pictures, and with them a class.
  CHECK(rest.skipped.size() == 4);

  Png color;
  color.color_type = 2;
  color.height = 2;
  color.width = 2;
  color.samples = std::string(12, 'c');
  tree.write("dog/3.png", png_bytes(color));
  CHECK_THAT(tree.complaint(),
             ContainsSubstring("found 3x2x2; PictureOptions::color"));
  options = {};
  options.picture.color = nn::PictureColor::kRgb;
  CHECK(tree.load(options).images.shape == Shape{3, 2, 2});
}

TEST_CASE("what is no picture is an error, or is left out and told of",
          "[image_folder][errors]") {
  if (!nn_test::can_png()) return;
  ImageFolderOptions lenient;
  lenient.skip_unreadable = true;
  const auto check = [&](const Tree& tree, const std::string& message) {
    CHECK_THAT(tree.complaint(), ContainsSubstring(message));
    const ImageFolder folder = tree.load(lenient);
    CHECK(text(folder.images) == "aaaabbbbdddd");
    REQUIRE(folder.skipped.size() == 1);
    CHECK_THAT(folder.skipped[0], ContainsSubstring(message));
    CHECK(folder.paths.size() == 3);
  };
  SECTION("another kind of file") {
    const Tree tree;
    write_animals(tree);
    tree.write("cat/notes.txt", "hello");
    check(tree,
          tree.file("cat/notes.txt") +
              ": expected a PNG or JPEG picture, found a text");
  }
  SECTION("a damaged picture, which is the first one") {
    const Tree tree;
    write_animals(tree);
    tree.write("cat/0.png", gray_png(9, 9, 'x').substr(0, 40));
    check(tree, tree.file("cat/0.png") + ": the PNG cannot be decoded");
  }
  SECTION("a folder in a class") {
    const Tree tree;
    write_animals(tree);
    tree.folder("dog/more");
    check(tree, tree.file("dog/more") + ": expected a picture, found a folder");
  }
  SECTION("a pipe, which would keep the reader waiting") {
    const Tree tree;
    write_animals(tree);
    REQUIRE(::mkfifo(tree.file("dog/pipe").c_str(), 0600) == 0);
    check(tree,
          tree.file("dog/pipe") + ": expected a picture, found no plain file");
  }
  SECTION("a link to nothing") {
    const Tree tree;
    write_animals(tree);
    fs::create_symlink(tree.file("nothing"), tree.file("dog/link.png"));
    check(tree, tree.file("dog/link.png") + ": expected a picture");
  }
  SECTION("a file beside the classes") {
    const Tree tree;
    write_animals(tree);
    tree.write("README", "hello");
    check(tree,
          tree.file("README") +
              ": expected a folder for each class, found a file");
  }
  SECTION("a class without pictures keeps its label") {
    const Tree tree;
    write_animals(tree);
    tree.folder("bird");
    check(tree,
          tree.file("bird") + ": expected pictures of this class, found none");
    CHECK(tree.load(lenient).images.class_names == Names{"bird", "cat", "dog"});
    CHECK(tree.load(lenient).images.labels == std::vector<int>{1, 1, 2});
  }
}

TEST_CASE("a class is told of whose pictures cannot be read",
          "[image_folder][png][errors]") {
  if (!nn_test::can_png()) return;
  const Tree tree;
  write_animals(tree);
  tree.write("bird/1.png", "hello");
  tree.write("cow/1.png", gray_png(3, 3, 'x'));
  tree.write("cow/2.png", "hello");
  ImageFolderOptions options;
  options.picture.size = Extent(2, 2);
  options.skip_unreadable = true;
  const ImageFolder folder = tree.load(options);
  CHECK(folder.images.class_names == Names{"bird", "cat", "cow", "dog"});
  CHECK(folder.images.labels == std::vector<int>{1, 1, 3});
  REQUIRE(folder.skipped.size() == 5);
  CHECK_THAT(folder.skipped[0], ContainsSubstring(tree.file("bird/1.png")));
  CHECK_THAT(folder.skipped[1], ContainsSubstring(tree.file("cow/1.png")));
  CHECK_THAT(folder.skipped[2], ContainsSubstring(tree.file("cow/2.png")));
  const std::string none =
      ": expected pictures of this class that can be read, found none";
  CHECK(folder.skipped[3] == tree.file("bird") + none);
  CHECK(folder.skipped[4] == tree.file("cow") + none);
}

TEST_CASE("others do not get the size of a first picture that is too long",
          "[image_folder][png][errors]") {
  if (!nn_test::can_png()) return;
  const Tree tree;
  write_animals(tree);
  tree.write("cat/1.png", gray_png(1, 65536, 'x'));
  ImageFolderOptions options;
  options.picture.fit = PictureFit::kStretch;
  CHECK_THAT(tree.complaint(options),
             ContainsSubstring(tree.file("cat/1.png") +
                               ": expected a first picture of at most 65535 "
                               "pixels in each direction, as others get its "
                               "size, found 1x1x65536; PictureOptions::size"));
  options.skip_unreadable = true;
  CHECK(text(tree.load(options).images) == "aaaabbbbdddd");
  options.skip_unreadable = false;
  options.picture.size = Extent(1, 1);
  CHECK(text(tree.load(options).images) == "xabd");
}

TEST_CASE("a folder without any picture is an error in any case",
          "[image_folder][errors]") {
  const Tree tree;
  ImageFolderOptions lenient;
  lenient.skip_unreadable = true;
  for (const bool skip : {false, true}) {
    lenient.skip_unreadable = skip;
    CHECK(tree.complaint(lenient) ==
          tree.path() +
              ": expected PNG or JPEG pictures in a folder for each class, "
              "found none");
  }
  tree.write("cat/a.png", "hello");
  CHECK_THAT(tree.complaint(lenient),
             ContainsSubstring("found none; " + tree.file("cat/a.png")));
  CHECK_THAT(
      message_of<Error>([] { nn::load_image_folder("/no/such/folder"); }),
      ContainsSubstring("/no/such/folder: the folder cannot be read: "));
}

TEST_CASE("links to folders and pictures are followed", "[image_folder]") {
  if (!nn_test::can_png()) return;
  const Tree elsewhere;
  write_animals(elsewhere);
  const Tree tree;
  tree.folder("first");
  fs::create_symlink(elsewhere.file("cat/a.jpg"), tree.file("first/a"));
  fs::create_directory_symlink(elsewhere.file("dog"), tree.file("second"));
  const ImageFolder folder = tree.load();
  CHECK(text(folder.images) == "aaaadddd");
  CHECK(folder.images.class_names == Names{"first", "second"});
}
