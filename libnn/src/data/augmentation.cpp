#include "nn/data/augmentation.h"

#include <algorithm>
#include <cmath>

#include "data/gray_scale.h"
#include "nn/check.h"
#include "nn/parallel.h"
#include "nn/random.h"

namespace nn {
namespace {

constexpr double kPi = 3.141592653589793238462643383280;

/// Keeps the distortions apart from whatever else is drawn from the same seed,
/// such as the order of the batches.
constexpr std::uint64_t kAugmentationStream = 0x646973746f7274u;

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

/// The channel, as floats, with a border of one zero around it.
void pad_channel(const std::uint8_t* channel,
                 const Shape& shape,
                 std::vector<float>& padded) {
  const Index width = shape.width + 2;
  std::fill_n(padded.begin(), width * (shape.height + 2), 0.0f);
  for (Index r = 0; r < shape.height; ++r) {
    std::copy_n(channel + r * shape.width,
                shape.width,
                padded.begin() + (r + 1) * width + 1);
  }
}

/// The whole number below a place in a padded row or column, which is at least
/// 0, and what is left.
struct Cell {
  Cell(float place, Index size)
      // Beyond the border all is 0, as it is on the border: moving a place
      // there changes nothing and needs no condition later.
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
                               Index epoch,
                               Index index,
                               Scratch& scratch) const {
  Rng rng = Rng(seed_)
                .fork(kAugmentationStream)
                .fork(static_cast<std::uint64_t>(epoch))
                .fork(static_cast<std::uint64_t>(index));
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

  const auto cosine = static_cast<float>(std::cos(angle));
  const auto sine = static_cast<float>(std::sin(angle));
  const auto alpha = static_cast<float>(options_.elastic);
  const float centre_x = static_cast<float>(shape.width - 1) / 2.0f;
  const float centre_y = static_cast<float>(shape.height - 1) / 2.0f;
  for (Index r = 0; r < shape.height; ++r) {
    const float v = static_cast<float>(r) - shift_y - centre_y;
    float* x = scratch.x.data() + r * shape.width;
    float* y = scratch.y.data() + r * shape.width;
    for (Index c = 0; c < shape.width; ++c) {
      const float u = static_cast<float>(c) - shift_x - centre_x;
      x[c] = centre_x + (cosine * u - sine * v) + alpha * x[c];
      y[c] = centre_y + (sine * u + cosine * v) + alpha * y[c];
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
                          Eigen::Map<Labels> labels) {
  check_argument(epoch >= 0,
                 "[Augmentation] expected an epoch of at least 0, got ",
                 epoch);
  // Checks everything, and costs little beside the distortion.
  nn::gather<Scalar>(set, indices, count, normalization, x, labels);
  if (!options_.is_on()) return;

  const Shape& shape = set.shape;
  const Index pixels = shape.height * shape.width;
  const auto threads = static_cast<std::size_t>(num_threads());
  if (scratch_.size() < threads) scratch_.resize(threads);
  for (Scratch& scratch : scratch_) {
    reserve(scratch.x, pixels);
    reserve(scratch.y, pixels);
    reserve(scratch.rows, pixels);
    reserve(scratch.padded,
            std::max((shape.height + 2) * (shape.width + 2),
                     shape.width + 2 * static_cast<Index>(kernel_.size())));
  }

  const internal::GrayScale<Scalar> gray_scale(normalization);
  const auto workers = static_cast<int>(scratch_.size());
  parallel_for(count, workers, [&](Index n, int worker) {
    Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
    draw_points(shape, epoch, indices[n], scratch);
    const Index width = shape.width + 2;
    for (Index c = 0; c < shape.channels; ++c) {
      pad_channel(set.image(indices[n]) + c * pixels, shape, scratch.padded);
      Scalar* out = x.data() + n * shape.features() + c * pixels;
      for (Index i = 0; i < pixels; ++i) {
        const auto place = static_cast<std::size_t>(i);
        const Cell column(scratch.x[place], shape.width);
        const Cell row(scratch.y[place], shape.height);
        const float* corner =
            scratch.padded.data() + row.before * width + column.before;
        const float top = corner[0] + column.share * (corner[1] - corner[0]);
        const float bottom =
            corner[width] + column.share * (corner[width + 1] - corner[width]);
        out[i] =
            gray_scale(static_cast<Scalar>(top + row.share * (bottom - top)));
      }
    }
  });
}

template void Augmentation::gather<float>(const ImageSet&,
                                          const Index*,
                                          Index,
                                          const Normalization&,
                                          Index,
                                          View<float>,
                                          Eigen::Map<Labels>);
template void Augmentation::gather<double>(const ImageSet&,
                                           const Index*,
                                           Index,
                                           const Normalization&,
                                           Index,
                                           View<double>,
                                           Eigen::Map<Labels>);

}  // namespace nn
