// A PNG or JPEG picture. Checksums and compression would keep a fuzzer from
// changing a PNG, so half of the inputs are its chunks, which are put together
// here.

#include "nn/data/picture.h"

#ifdef NN_HAVE_PNG
#include <zlib.h>
#endif

#include <algorithm>

#include "fuzz.h"

namespace {

using nn_fuzz::Numbers;

#ifdef NN_HAVE_PNG
void append_number(std::string& file, unsigned long value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    file += static_cast<char>(value >> shift & 0xff);
  }
}

void append_chunk(std::string& file,
                  const std::string& name,
                  const std::string& data) {
  append_number(file, data.size());
  const std::string content = name + data;
  file += content;
  append_number(file,
                crc32(0,
                      reinterpret_cast<const Bytef*>(content.data()),
                      static_cast<uInt>(content.size())));
}

std::string compressed(const std::string& data) {
  uLongf size = compressBound(static_cast<uLong>(data.size()));
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()),
            &size,
            reinterpret_cast<const Bytef*>(data.data()),
            static_cast<uLong>(data.size()),
            /*level=*/1);
  packed.resize(size);
  return packed;
}

/// Of chunks, each a letter, the number of its bytes, and these.
std::string png_of_chunks(Numbers numbers) {
  std::string file = "\x89PNG\r\n\x1a\n";
  while (numbers.rest_size() > 0) {
    const char letter = static_cast<char>(numbers.byte());
    const std::size_t wanted = numbers.byte();
    const std::size_t size = std::min(wanted, numbers.rest_size());
    std::string data;
    for (std::size_t i = 0; i < size; ++i) {
      data += static_cast<char>(numbers.byte());
    }
    if (letter == 'D') {
      append_chunk(file, "IDAT", compressed(data));
    } else if (letter == 'd') {
      append_chunk(file, "IDAT", data);
    } else if (letter == 'H') {
      append_chunk(file, "IHDR", data);
    } else if (letter == 'P') {
      append_chunk(file, "PLTE", data);
    } else if (letter == 't') {
      append_chunk(file, "tRNS", data);
    } else if (letter == 'e') {
      append_chunk(file, "eXIf", data);
    } else if (letter == 'N') {
      append_chunk(file, "IEND", data);
    } else {
      append_chunk(file, data.substr(0, 4), data);
    }
  }
  append_chunk(file, "IEND", "");
  return file;
}
#else
std::string png_of_chunks(const Numbers& numbers) {
  return numbers.rest_text();
}
#endif

}  // namespace

// A letter, p for chunks, and a byte of options, then the picture.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned how = data[1];
  const Numbers numbers(data + 2, size - 2);
  const std::string file =
      data[0] == 'p' ? png_of_chunks(numbers) : numbers.rest_text();
  nn::PictureOptions options;
  options.color = how % 4 == 1   ? nn::PictureColor::kGray
                  : how % 4 == 2 ? nn::PictureColor::kRgb
                                 : nn::PictureColor::kAsItIs;
  if ((how & 4) != 0) options.size = nn::Extent(5, 3);
  if ((how & 8) != 0) options.fit = nn::PictureFit::kStretch;
  if ((how & 16) != 0) options.fit = nn::PictureFit::kCrop;
  options.refuse_transparent = (how & 32) != 0;
  options.apply_orientation = (how & 64) != 0;
  // What is allowed takes long to decode.
  options.limits.max_content_bytes = 1U << 16;
  nn_fuzz::accepts([&] {
    const nn::Picture picture = nn::load_picture({file, "input"}, options);
    const nn::Shape& shape = picture.shape;
    nn_fuzz::require(
        static_cast<nn::Index>(picture.pixels.size()) == shape.features(),
        "all pixels are there");
    nn_fuzz::require(
        shape.channels == 3
            ? options.color != nn::PictureColor::kGray
            : shape.channels == 1 && options.color != nn::PictureColor::kRgb,
        "the channels are those that are wanted");
    nn_fuzz::require((how & 4) == 0 || (shape.height == 5 && shape.width == 3),
                     "the size is the one that is wanted");
  });
  return 0;
}
