#include "nn/data/augmentation.h"

#include <algorithm>
#include <cmath>

#include "data/gray_scale.h"
#include "nn/check.h"
#include "nn/parallel.h"

namespace nn {
namespace {

constexpr double kPi = 3.141592653589793238462643383280;

/// Keeps the distortions apart from whatever else is drawn from the same seed,
/// such as the order of the batches.
constexpr std::uint64_t kAugmentationStream = 0x646973746f7274u;

/// Of an image's generator: what is not drawn from it itself, so that each
/// distortion draws the same whatever else is on.
constexpr std::uint64_t kZoomStream = 1;
constexpr std::uint64_t kFunctionStream = 2;

/// What lies further out than this many deviations is left off the Gaussian:
/// 0.3 % of it.
constexpr double kCutOff = 3.0;

/// Grows `values` to hold `count`.
void reserve(std::vector<float>& values, Index count) {
  const auto size = static_cast<std::size_t>(count);
  if (values.size() < size) values.resize(size);
}

/// Uniform in [-1, 1), from 24 of 64 random bits.
float displacement(std::uint64_t bits) {
  return static_cast<float>(bits & 0xffffff) * 0x1.0p-23f - 1.0f;
}

/// The channel, as floats, with a border of one pixel around it: of the gray
/// level `border` or, below 0, of the nearest one of the edge.
void pad_channel(const std::uint8_t* channel,
                 const Shape& shape,
                 float border,
                 std::vector<float>& padded) {
  const Index width = shape.width + 2;
  const auto row_of = [&](Index r) { return padded.begin() + r * width; };
  for (Index r = 0; r < shape.height; ++r) {
    const std::uint8_t* const pixels = channel + r * shape.width;
    const auto row = row_of(r + 1);
    row[0] = border < 0.0f ? static_cast<float>(pixels[0]) : border;
    std::copy_n(pixels, shape.width, row + 1);
    row[width - 1] =
        border < 0.0f ? static_cast<float>(pixels[shape.width - 1]) : border;
  }
  const Index last = shape.height + 1;
  if (border < 0.0f) {
    std::copy_n(row_of(1), width, row_of(0));
    std::copy_n(row_of(last - 1), width, row_of(last));
  } else {
    std::fill_n(row_of(0), width, border);
    std::fill_n(row_of(last), width, border);
  }
}

/// The whole number below a place in a padded row or column, which is at least
/// 0, and what is left.
struct Cell {
  Cell(float place, Index size)
      // Beyond the border all is as on it: moving a place there changes nothing
      // and needs no condition later.
      : before(std::min(static_cast<Index>(clamped(place, size)), size)),
        share(clamped(place, size) - static_cast<float>(before)) {}

  static float clamped(float place, Index size) {
    return std::min(std::max(place + 1.0f, 0.0f), static_cast<float>(size + 1));
  }

  Index before;
  float share;
};

}  // namespace

Augmentation::Augmentation(const AugmentationOptions& options,
                           std::uint64_t seed)
    : options_(options), seed_(seed) {
  constexpr Index kMaxShift = 1000000;
  constexpr double kMaxRotation = 180.0;
  constexpr double kMaxElastic = 1e6;
  constexpr double kMaxSigma = 1000.0;
  check_argument(options.shift >= 0 && options.shift <= kMaxShift,
                 "[Augmentation] expected a shift from 0 to ",
                 kMaxShift,
                 " pixels, got ",
                 options.shift);
  check_argument(options.rotation >= 0.0 && options.rotation <= kMaxRotation,
                 "[Augmentation] expected a rotation from 0 to ",
                 kMaxRotation,
                 " degrees, got ",
                 options.rotation);
  check_argument(
      options.elastic >= 0.0 && options.elastic <= kMaxElastic,
      "[Augmentation] expected a strength of elastic distortion from "
      "0 to ",
      kMaxElastic,
      ", got ",
      options.elastic);
  check_argument(
      options.elastic_sigma > 0.0 && options.elastic_sigma <= kMaxSigma,
      "[Augmentation] expected a deviation of the Gaussian above 0 and up to ",
      kMaxSigma,
      " pixels, got ",
      options.elastic_sigma);
  constexpr double kMaxScale = 0.99;
  constexpr double kMinCrop = 0.01;
  check_argument(options.scale >= 0.0 && options.scale <= kMaxScale,
                 "[Augmentation] expected a scale from 0 to ",
                 kMaxScale,
                 ", got ",
                 options.scale);
  check_argument(options.crop >= kMinCrop && options.crop <= 1.0,
                 "[Augmentation] expected a crop from ",
                 kMinCrop,
                 " to 1, got ",
                 options.crop);

  const auto radius =
      static_cast<Index>(std::ceil(kCutOff * options.elastic_sigma));
  std::vector<double> gaussian;
  double sum = 0.0;
  for (Index j = 0; j <= radius; ++j) {
    const double t = static_cast<double>(j) / options.elastic_sigma;
    gaussian.push_back(std::exp(-0.5 * t * t));
    sum += j == 0 ? gaussian.back() : 2.0 * gaussian.back();
  }
  for (const double g : gaussian) {
    kernel_.push_back(static_cast<float>(g / sum));
  }
}

// Along the rows and then along the columns, which is the Gaussian in two
// dimensions. Outside of the image the field is 0: what leaves the image there
// would be background, and its border moves less than its middle.
void Augmentation::smooth(const Shape& shape,
                          std::vector<float>& field,
                          Scratch& scratch) const {
  const Index height = shape.height;
  const Index width = shape.width;
  const auto radius = static_cast<Index>(kernel_.size()) - 1;
  float* row = scratch.padded.data();
  std::fill_n(row, width + 2 * radius, 0.0f);
  for (Index r = 0; r < height; ++r) {
    std::copy_n(field.data() + r * width, width, row + radius);
    const float* middle = row + radius;
    float* out = scratch.rows.data() + r * width;
    for (Index c = 0; c < width; ++c) out[c] = kernel_[0] * middle[c];
    for (Index j = 1; j <= radius; ++j) {
      const float weight = kernel_[static_cast<std::size_t>(j)];
      for (Index c = 0; c < width; ++c) {
        out[c] += weight * (middle[c - j] + middle[c + j]);
      }
    }
  }
  for (Index r = 0; r < height; ++r) {
    float* out = field.data() + r * width;
    std::fill_n(out, width, 0.0f);
    const Index first = std::max<Index>(0, r - radius);
    const Index last = std::min(height - 1, r + radius);
    for (Index from = first; from <= last; ++from) {
      const float weight =
          kernel_[static_cast<std::size_t>(std::abs(r - from))];
      const float* in = scratch.rows.data() + from * width;
      for (Index c = 0; c < width; ++c) out[c] += weight * in[c];
    }
  }
}

void Augmentation::draw_points(const Shape& shape,
                               const Rng& image,
                               Scratch& scratch) const {
  Rng rng = image;
  const auto draw_shift = [&] {
    return static_cast<float>(rng.index(2 * options_.shift + 1) -
                              options_.shift);
  };
  // Drawn whether or not they are wanted, so that one distortion stays the same
  // when another is added.
  const float shift_x = draw_shift();
  const float shift_y = draw_shift();
  const double angle =
      rng.uniform(-1.0, 1.0) * options_.rotation * (kPi / 180.0);

  const Index pixels = shape.height * shape.width;
  if (options_.elastic > 0.0) {
    for (Index i = 0; i < pixels; ++i) {
      const std::uint64_t bits = rng.next();
      scratch.x[static_cast<std::size_t>(i)] = displacement(bits >> 40);
      scratch.y[static_cast<std::size_t>(i)] = displacement(bits >> 16);
    }
    smooth(shape, scratch.x, scratch);
    smooth(shape, scratch.y, scratch);
  } else {
    std::fill_n(scratch.x.begin(), pixels, 0.0f);
    std::fill_n(scratch.y.begin(), pixels, 0.0f);
  }

  Rng zoom_rng = image.fork(kZoomStream);
  const auto draw_mirror = [&](bool is_on) {
    return zoom_rng.index(2) == 1 && is_on ? -1.0 : 1.0;
  };
  const double mirror_x = draw_mirror(options_.flip_horizontal);
  const double mirror_y = draw_mirror(options_.flip_vertical);
  const double scale = 1.0 + options_.scale * zoom_rng.uniform(-1.0, 1.0);
  const double part = zoom_rng.uniform(options_.crop, 1.0);
  const double zoom = part / scale;
  const auto draw_place = [&](Index size) {
    const auto side = static_cast<double>(size);
    return static_cast<float>((side - 1.0) / 2.0 + zoom_rng.uniform(-0.5, 0.5) *
                                                       (1.0 - part) * side);
  };
  const float place_x = draw_place(shape.width);
  const float place_y = draw_place(shape.height);

  // The matrix zoom R F.
  const auto xx = static_cast<float>(zoom * mirror_x * std::cos(angle));
  const auto xy = static_cast<float>(-zoom * mirror_y * std::sin(angle));
  const auto yx = static_cast<float>(zoom * mirror_x * std::sin(angle));
  const auto yy = static_cast<float>(zoom * mirror_y * std::cos(angle));
  const auto alpha = static_cast<float>(options_.elastic);
  const float centre_x = static_cast<float>(shape.width - 1) / 2.0f;
  const float centre_y = static_cast<float>(shape.height - 1) / 2.0f;
  for (Index r = 0; r < shape.height; ++r) {
    const float v = static_cast<float>(r) - shift_y - centre_y;
    float* x = scratch.x.data() + r * shape.width;
    float* y = scratch.y.data() + r * shape.width;
    for (Index c = 0; c < shape.width; ++c) {
      const float u = static_cast<float>(c) - shift_x - centre_x;
      x[c] = place_x + (xx * u + xy * v) + alpha * x[c];
      y[c] = place_y + (yx * u + yy * v) + alpha * y[c];
    }
  }
}

template <typename Scalar>
void Augmentation::gather(const ImageSet& set,
                          const Index* indices,
                          Index count,
                          const Normalization& normalization,
                          Index epoch,
                          View<Scalar> x,
                          LabelsView labels) {
  check_argument(epoch >= 0,
                 "[Augmentation] expected an epoch of at least 0, got ",
                 epoch);
  // Checks everything, and costs little beside the distortion.
  nn::gather<Scalar>(set, indices, count, normalization, x, labels);
  if (!options_.is_on()) return;

  const Shape& shape = set.shape;
  const auto& color = options_.border_color;
  check_argument(
      color.size() <= 1 || static_cast<Index>(color.size()) == shape.channels,
      "[Augmentation] expected 1 border colour or one for each of ",
      shape.channels,
      " channels, got ",
      color.size());
  const auto border_of = [&](Index channel) {
    if (options_.border == AugmentationBorder::kEdge) return -1.0f;
    if (color.empty()) return 0.0f;
    const auto place = static_cast<std::size_t>(channel);
    return static_cast<float>(color[color.size() == 1 ? 0 : place]);
  };
  const Index pixels = shape.height * shape.width;
  const bool has_function = options_.function != nullptr;
  const auto threads = static_cast<std::size_t>(num_threads());
  if (scratch_.size() < threads) scratch_.resize(threads);
  for (Scratch& scratch : scratch_) {
    reserve(scratch.x, pixels);
    reserve(scratch.y, pixels);
    reserve(scratch.rows, pixels);
    reserve(scratch.padded,
            std::max((shape.height + 2) * (shape.width + 2),
                     shape.width + 2 * static_cast<Index>(kernel_.size())));
    if (has_function) reserve(scratch.image, shape.features());
  }
  const Rng rng = Rng(seed_)
                      .fork(kAugmentationStream)
                      .fork(static_cast<std::uint64_t>(epoch));

  const internal::GrayScale<Scalar> gray_scale(normalization);
  const auto workers = static_cast<int>(scratch_.size());
  parallel_for(count, workers, [&](Index n, int worker) {
    Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
    const Rng image_rng = rng.fork(static_cast<std::uint64_t>(indices[n]));
    draw_points(shape, image_rng, scratch);
    const Index width = shape.width + 2;
    for (Index c = 0; c < shape.channels; ++c) {
      pad_channel(set.image(indices[n]) + c * pixels,
                  shape,
                  border_of(c),
                  scratch.padded);
      Scalar* const out = x.data() + n * shape.features() + c * pixels;
      float* const grays =
          has_function ? scratch.image.data() + c * pixels : nullptr;
      for (Index i = 0; i < pixels; ++i) {
        const auto place = static_cast<std::size_t>(i);
        const Cell column(scratch.x[place], shape.width);
        const Cell row(scratch.y[place], shape.height);
        const float* corner =
            scratch.padded.data() + row.before * width + column.before;
        const float top = corner[0] + column.share * (corner[1] - corner[0]);
        const float bottom =
            corner[width] + column.share * (corner[width + 1] - corner[width]);
        const float gray = top + row.share * (bottom - top);
        if (grays != nullptr) {
          grays[i] = gray;
        } else {
          out[i] = gray_scale(static_cast<Scalar>(gray));
        }
      }
    }
    if (!has_function) return;
    Rng function_rng = image_rng.fork(kFunctionStream);
    options_.function(shape,
                      View<float>(scratch.image.data(), shape.features(), 1),
                      function_rng);
    Scalar* const out = x.data() + n * shape.features();
    for (Index i = 0; i < shape.features(); ++i) {
      out[i] = gray_scale(
          static_cast<Scalar>(scratch.image[static_cast<std::size_t>(i)]));
    }
  });
}

template void Augmentation::gather<float>(const ImageSet&,
                                          const Index*,
                                          Index,
                                          const Normalization&,
                                          Index,
                                          View<float>,
                                          LabelsView);
template void Augmentation::gather<double>(const ImageSet&,
                                           const Index*,
                                           Index,
                                           const Normalization&,
                                           Index,
                                           View<double>,
                                           LabelsView);

}  // namespace nn
