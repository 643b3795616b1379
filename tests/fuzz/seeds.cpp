// Writes the fuzzers' first inputs that hold bytes rather than text: a folder
// for each target.
//
//   nn_fuzz_seeds FOLDER

#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "files/json.h"
#include "networks_of_seeds.h"
#include "nn/data/npy.h"
#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/files/optimizer_file.h"
#include "nn/files/safetensors.h"
#include "nn/optimizers/adam.h"
#include "nn/random.h"
#include "support/pictures.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

namespace fs = std::filesystem;
using nn_test::gzip;
using nn_test::idx_bytes;

class Seeds {
 public:
  explicit Seeds(const std::string& folder) : folder_(folder) {}

  std::string path(const std::string& target, const std::string& name) const {
    fs::create_directories(folder_ / target);
    return (folder_ / target / name).string();
  }
  void write(const std::string& target,
             const std::string& name,
             const std::string& bytes) const {
    nn::write_file_atomically(path(target, name), bytes);
  }

 private:
  fs::path folder_;
};

void write_idx(const Seeds& seeds) {
  const auto write = [&seeds](const std::string& name,
                              const std::string& bytes) {
    seeds.write("idx", name, bytes);
    // The target packs it: a cut, zeros behind, another byte behind.
    const std::string how("p\5\3\0", 4);
    seeds.write("gzip", "packed-" + name, how + bytes);
    if (nn_test::can_gzip()) seeds.write("gzip", name, gzip(bytes));
  };
  write("labels", idx_bytes({6}, "\1\2\3\4\5\6"));
  write("images", idx_bytes({2, 3, 4}, "abcdefghijklmnopqrstuvwx"));
  write("empty", idx_bytes({0, 28, 28}, ""));
  write("zeros", idx_bytes({300}, std::string(300, '\0')));
  write("too-large", idx_bytes({0x7fffffff, 2, 2}, "abc"));
  write("integers", std::string("\0\0\x0c\1\0\0\0\1\0\0\0\1", 12));
  write("reversed", std::string("\1\x08\0\0\1\0\0\0\1", 9));
  write("lfs", "version https://git-lfs.github.com/spec/v1\n");
  write("page", "<!DOCTYPE html><html></html>\n");
}

/// A safetensors file as it is, and in the form that safetensors_input() takes
/// with `form`.
void write_safetensors_file(const Seeds& seeds,
                            const std::string& target,
                            const std::string& name,
                            char form,
                            const std::string& bytes) {
  seeds.write(target, name + "-raw", bytes);
  constexpr std::size_t kLengthBytes = 8;
  std::size_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | static_cast<unsigned char>(bytes[i]);
  }
  std::string header = bytes.substr(kLengthBytes, length);
  if (form == 'm') {
    const std::string description =
        nn::read_safetensors(nn::MemoryFile{bytes}).metadata.at("libnn.model");
    const std::string entries =
        header.substr(header.find(nn::internal::json_string(description)) +
                      nn::internal::json_string(description).size() + 1);
    header = description + '\n' + entries.substr(0, entries.rfind('}'));
  }
  seeds.write(
      target, name, form + header + '\n' + bytes.substr(kLengthBytes + length));
}

void write_networks(const Seeds& seeds) {
  const nn_test::TemporaryDirectory folder;
  const std::string file = folder.file("file");
  nn::Sequential<float> network = nn_fuzz::network_of_weights();
  nn::save_weights(file, network);
  const std::string weights = nn::read_file(file);
  write_safetensors_file(seeds, "weights", "weights", 'h', weights);
  write_safetensors_file(seeds, "safetensors", "weights", 'h', weights);
  nn::Adam<float> adam(network.parameters());
  nn::save_optimizer(file, adam);
  write_safetensors_file(seeds, "optimizer", "adam", 'h', nn::read_file(file));
  nn_fuzz::TrainingOfSeeds training;
  nn::write_safetensors(file, training.trainer.state());
  write_safetensors_file(seeds, "training", "begin", 'h', nn::read_file(file));
  nn::save_model(file, network);
  write_safetensors_file(seeds, "model", "residual", 'm', nn::read_file(file));
  nn::Sequential<float> other = nn_fuzz::network_of_model();
  nn::save_model(file, other);
  write_safetensors_file(
      seeds, "model", "convolution", 'm', nn::read_file(file));
}

void write_npy(const Seeds& seeds) {
  nn::save_npy<float>(seeds.path("npy", "whole-floats"),
                      {{2, 2}, {1, 2, 3, 4}});
  nn::save_npy<std::int16_t>(seeds.path("npy", "whole-integers"),
                             {{3}, {1, 2, 3}});
}

/// Chunks of a PNG as the target puts them together, each of up to 255 bytes.
std::string chunk(char letter, const std::string& data) {
  return letter + std::string(1, static_cast<char>(data.size())) + data;
}

std::string png_header(int height, int width, int bits, int color, int lace) {
  std::string header(13, '\0');
  header[3] = static_cast<char>(width);
  header[7] = static_cast<char>(height);
  header[8] = static_cast<char>(bits);
  header[9] = static_cast<char>(color);
  header[12] = static_cast<char>(lace);
  return chunk('H', header);
}

void write_pictures(const Seeds& seeds) {
  const auto write = [&seeds](const std::string& name,
                              const std::string& bytes) {
    seeds.write("picture", name, bytes);
  };
  // Options: turned, and resized to 5 x 3 in two ways.
  const std::string turned = "p\x40";
  const std::string stretched = "p\x4c";
  const std::string cropped = "p\x55";
  // A row has its filter in front.
  const std::string rows("\0abcd\1efgh\2ijkl", 15);
  write("chunks-gray",
        turned + png_header(3, 4, 8, 0, 0) +
            chunk('e', nn_test::exif_bytes(6)) + chunk('D', rows));
  write("chunks-beside",
        turned + png_header(3, 4, 8, 0, 0) +
            chunk('o', std::string("gAMA\0\1\x86\xa0", 8)) +
            chunk('o', std::string("tEXtname\0text", 13)) +
            chunk('o', std::string("zTXtname\0\0x", 11)) + chunk('o', "prVt") +
            chunk('D', rows) + chunk('e', nn_test::exif_bytes(3)) +
            chunk('e', nn_test::exif_bytes(8)));
  write("chunks-critical",
        turned + png_header(3, 4, 8, 0, 0) + chunk('o', "PrVt") +
            chunk('D', rows));
  write("chunks-palette",
        stretched + png_header(3, 8, 4, 3, 0) +
            chunk('P', std::string(48, 'p')) + chunk('t', "\x10\x80") +
            chunk('D', rows));
  write("chunks-alpha", cropped + png_header(3, 1, 8, 6, 0) + chunk('D', rows));
  write("chunks-color-key",
        turned + png_header(3, 4, 8, 0, 0) + chunk('t', std::string("\0a", 2)) +
            chunk('D', rows));
  write("chunks-interlaced",
        turned + png_header(2, 2, 16, 0, 1) +
            chunk('D', std::string("\0ab\0cd\0efgh", 11)));
  const std::string raw = "r\x40";
  write("neither", raw + "GIF89a");
  if (nn_test::can_png()) {
    nn_test::Png png;
    png.height = 2;
    png.width = 3;
    png.samples = "abcdef";
    write("png", raw + nn_test::png_bytes(png));
  }
  if (!nn_test::can_jpeg()) return;
  for (const int components : {1, 3, 4}) {
    for (const bool progressive : {false, true}) {
      nn_test::Jpeg jpeg;
      jpeg.height = 9;
      jpeg.width = 10;
      jpeg.components = components;
      jpeg.progressive = progressive;
      jpeg.sampling = components == 3 ? 2 : 1;
      jpeg.samples =
          std::string(static_cast<std::size_t>(90 * components), 'a');
      jpeg.samples[50] = 'z';
      jpeg.app1 = std::string("Exif\0\0", 6) + nn_test::exif_bytes(5);
      const std::string file = nn_test::jpeg_bytes(jpeg);
      write("jpeg-beside-" + std::to_string(components) +
                (progressive ? "-progressive" : ""),
            raw +
                nn_test::with_jpeg_segment(
                    file, 0xe1, "http://ns.adobe.com/xap/1.0/") +
                file);
      write("jpeg-" + std::to_string(components) +
                (progressive ? "-progressive" : ""),
            raw + file);
    }
  }
}

void write_decisions(const Seeds& seeds) {
  std::string bytes;
  nn::Rng rng(1);
  for (int i = 0; i < 60; ++i) bytes += static_cast<char>(rng.index(256));
  seeds.write("networks", "decisions", bytes);
}

void write_all(const std::string& folder) {
  const Seeds seeds(folder);
  write_decisions(seeds);
  write_idx(seeds);
  write_npy(seeds);
  write_pictures(seeds);
  write_networks(seeds);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2) {
      std::cerr << "Usage: nn_fuzz_seeds FOLDER\n";
      return 2;
    }
    write_all(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "nn_fuzz_seeds: error: " << error.what() << '\n';
    return 1;
  }
}
