#include "digit_image.h"

#include <nn/check.h>

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace {

constexpr int kSide = 28;        // of MNIST's images
constexpr double kBoxSide = 20;  // of the box around their digits, the longer
// Where their center of mass is: the middle of pixel 14, counted from 0.
constexpr double kCenter = 14.5;
constexpr int kLeastSide = 5;  // of what can be a digit
// Strokes in MNIST are 1.5 to 3.5 pixels wide.
constexpr double kThinStroke = 1.4;
constexpr double kStroke = 2.0;
// What is fainter than this differs from the paper by chance.
constexpr double kLeastContrast = 12;
constexpr double kFaintShare = 0.08;  // of the ink's level
constexpr float kHalf = 0.5F;         // of that level: inside of a stroke
constexpr double kSpeckShare = 0.04;  // of the ink of the largest piece

// Numbers for the pixels of an image, row by row.
struct Plane {
  int width = 0;
  int height = 0;
  std::vector<float> values;

  std::size_t at(int row, int col) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
           static_cast<std::size_t>(col);
  }
};

// Pixels, from the first to the one behind the last.
struct Box {
  int left = std::numeric_limits<int>::max();
  int top = std::numeric_limits<int>::max();
  int right = 0;
  int bottom = 0;

  void add(int row, int col) {
    left = std::min(left, col);
    right = std::max(right, col + 1);
    top = std::min(top, row);
    bottom = std::max(bottom, row + 1);
  }
  int longer_side() const { return std::max(right - left, bottom - top); }
};

float percentile(std::vector<float>& values, double share) {
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(
                                          share * double(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

// Takes the paper away: a plane of gray levels through the border's pixels, of
// which those far from it are ink. Returns the noise, as a deviation.
double subtract_paper(Plane& image) {
  struct Point {
    Eigen::Vector3d place;
    double level;
  };
  std::vector<Point> points;
  const auto place = [&](int row, int col) {
    return Eigen::Vector3d(
        1.0, 2.0 * col / image.width - 1, 2.0 * row / image.height - 1);
  };
  const auto take = [&](int row, int col) {
    points.push_back({place(row, col), image.values[image.at(row, col)]});
  };
  for (int col = 0; col < image.width; ++col) {
    take(0, col);
    take(image.height - 1, col);
  }
  for (int row = 0; row < image.height; ++row) {
    take(row, 0);
    take(row, image.width - 1);
  }

  // The plane of the least sum of distances, by weights: ink on the border does
  // not draw it to itself, as it would by squares of distances.
  constexpr int kRounds = 30;
  constexpr double kDeviationOfMedian = 1.4826;  // of a normal distribution
  Eigen::Vector3d plane = Eigen::Vector3d::Zero();
  std::vector<float> distances(points.size(), 1.0F);
  for (int round = 0; round < kRounds; ++round) {
    // Far from singular also where the image is one pixel wide.
    Eigen::Matrix3d square = 1e-6 * Eigen::Matrix3d::Identity();
    Eigen::Vector3d right = Eigen::Vector3d::Zero();
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double weight = 1 / (0.1 + double(distances[i]));
      square += weight * points[i].place * points[i].place.transpose();
      right += weight * points[i].level * points[i].place;
    }
    plane = square.ldlt().solve(right);
    for (std::size_t i = 0; i < points.size(); ++i) {
      distances[i] = static_cast<float>(
          std::abs(points[i].place.dot(plane) - points[i].level));
    }
  }
  const double noise = kDeviationOfMedian * double(percentile(distances, 0.5));
  for (int row = 0; row < image.height; ++row) {
    for (int col = 0; col < image.width; ++col) {
      image.values[image.at(row, col)] -=
          static_cast<float>(plane.dot(place(row, col)));
    }
  }
  return noise;
}

// Makes all numbers positive: ink is what differs more, to one side.
void make_ink_positive(Plane& image, double noise) {
  double balance = 0.0;
  for (const float value : image.values) {
    const double excess = std::max(0.0, std::abs(double(value)) - 4 * noise);
    balance += std::copysign(excess * excess, double(value));
  }
  for (float& value : image.values) {
    value = std::max(0.0F, balance < 0 ? -value : value);
  }
}

// Otsu's threshold: of all numbers 0 .. 255 the one that leaves the least
// variance in the two parts.
double otsu_threshold(const Plane& image) {
  std::array<double, 256> counts{};
  double sum = 0.0;
  for (const float value : image.values) {
    const int level = std::min(255, static_cast<int>(value));
    counts[static_cast<std::size_t>(level)] += 1;
    sum += level;
  }
  const auto total = static_cast<double>(image.values.size());
  double best = -1.0;
  double threshold = 0.0;
  double count = 0.0;
  double below = 0.0;
  for (std::size_t level = 0; level + 1 < counts.size(); ++level) {
    count += counts[level];
    below += counts[level] * double(level);
    if (count == 0.0 || count == total) continue;
    const double distance = below / count - (sum - below) / (total - count);
    const double between = count * (total - count) * distance * distance;
    if (between > best) {
      best = between;
      threshold = double(level) + 1;
    }
  }
  return threshold;
}

// Brings the ink to 0 .. 1, what is fainter to 0. Throws if there is none.
void scale_ink(Plane& image, double noise) {
  const double threshold = otsu_threshold(image);
  std::vector<float> ink;
  std::vector<float> paper;
  for (const float value : image.values) {
    (double(value) >= threshold ? ink : paper).push_back(value);
  }
  const double level = ink.empty() ? 0.0 : double(percentile(ink, 0.75));
  if (level < std::max(kLeastContrast, 6 * noise)) {
    throw std::runtime_error(
        nn::concat("no digit found: the image of ",
                   image.width,
                   "x",
                   image.height,
                   " pixels is all of one gray level but for noise"));
  }
  const double uneven = paper.empty() ? 0.0 : double(percentile(paper, 0.5));
  const double faint = std::max({4 * noise, 2 * uneven, kFaintShare * level});
  for (float& value : image.values) {
    if (double(value) < faint) value = 0.0F;
    value = std::min(1.0F, value / static_cast<float>(level));
  }
}

// Removes all pieces that are small beside the largest one. Returns the box of
// what stays.
Box keep_digit(Plane& image) {
  struct Piece {
    double ink = 0.0;
    float darkest = 0.0F;
    Box box;
  };
  std::vector<Piece> pieces;
  std::vector<int> piece_of(image.values.size(), -1);
  std::vector<std::array<int, 2>> open;
  for (int row = 0; row < image.height; ++row) {
    for (int col = 0; col < image.width; ++col) {
      const auto reach = [&](int r, int c) {
        if (r < 0 || c < 0 || r >= image.height || c >= image.width) return;
        const std::size_t i = image.at(r, c);
        if (image.values[i] == 0.0F || piece_of[i] >= 0) return;
        piece_of[i] = static_cast<int>(pieces.size()) - 1;
        Piece& piece = pieces.back();
        piece.ink += double(image.values[i]);
        piece.darkest = std::max(piece.darkest, image.values[i]);
        piece.box.add(r, c);
        open.push_back({r, c});
      };
      const std::size_t i = image.at(row, col);
      if (image.values[i] == 0.0F || piece_of[i] >= 0) continue;
      pieces.emplace_back();
      reach(row, col);
      while (!open.empty()) {
        const auto [r, c] = open.back();
        open.pop_back();
        for (int dr = -1; dr <= 1; ++dr) {
          for (int dc = -1; dc <= 1; ++dc) reach(r + dr, c + dc);
        }
      }
    }
  }

  // A shadow is no digit, however large.
  const auto ink_of = [](const Piece& piece) {
    return piece.darkest < kHalf ? 0.0 : piece.ink;
  };
  const Piece& largest = *std::max_element(
      pieces.begin(), pieces.end(), [&](const Piece& a, const Piece& b) {
        return ink_of(a) < ink_of(b);
      });
  if (largest.box.longer_side() < kLeastSide) {
    throw std::runtime_error(nn::concat("no digit found: the largest piece of ",
                                        "ink is ",
                                        largest.box.longer_side(),
                                        " pixels long, expected at least ",
                                        kLeastSide));
  }
  Box box;
  for (int row = 0; row < image.height; ++row) {
    for (int col = 0; col < image.width; ++col) {
      const std::size_t i = image.at(row, col);
      if (piece_of[i] < 0) continue;
      if (ink_of(pieces[static_cast<std::size_t>(piece_of[i])]) <
          kSpeckShare * largest.ink) {
        image.values[i] = 0.0F;
      } else {
        box.add(row, col);
      }
    }
  }
  return box;
}

bool is_ink(const Plane& image, int row, int col) {
  return image.values[image.at(row, col)] >= kHalf;
}

// The box and a margin around it, black where the image ends.
Plane cut(const Plane& image, const Box& box, int margin) {
  Plane result;
  result.width = box.right - box.left + 2 * margin;
  result.height = box.bottom - box.top + 2 * margin;
  result.values.assign(static_cast<std::size_t>(result.width) *
                           static_cast<std::size_t>(result.height),
                       0.0F);
  for (int row = box.top; row < box.bottom; ++row) {
    const auto first = image.values.begin() +
                       static_cast<std::ptrdiff_t>(image.at(row, box.left));
    std::copy(first,
              first + (box.right - box.left),
              result.values.begin() + static_cast<std::ptrdiff_t>(result.at(
                                          row - box.top + margin, margin)));
  }
  return result;
}

// The mean width of the strokes: twice area by length of the outline.
double stroke_width(const Plane& image) {
  // An outline in steps along rows and columns is that much longer.
  constexpr double kSteps = 4 / 3.14159265358979;
  double area = 0;
  double outline = 0;
  for (int row = 1; row < image.height; ++row) {
    for (int col = 1; col < image.width; ++col) {
      const bool ink = is_ink(image, row, col);
      area += ink ? 1 : 0;
      outline += ink != is_ink(image, row, col - 1) ? 1 : 0;
      outline += ink != is_ink(image, row - 1, col) ? 1 : 0;
    }
  }
  return outline == 0 ? 0 : 2 * area * kSteps / outline;
}

// Widens all strokes by `radius` to each side.
void widen(Plane& image, double radius) {
  // The distance from the nearest ink, by steps to the neighbors forth and
  // back: within 8 % of the true one.
  Plane distance = image;
  for (float& value : distance.values) value = value >= kHalf ? 0.0F : 1e9F;
  const auto sweep = [&](int row, int col, int step) {
    float& nearest = distance.values[distance.at(row, col)];
    const auto by = [&](int r, int c, float length) {
      if (r < 0 || c < 0 || r >= image.height || c >= image.width) return;
      nearest = std::min(nearest, distance.values[distance.at(r, c)] + length);
    };
    constexpr float kDiagonal = 1.41421356F;
    by(row, col - step, 1.0F);
    by(row - step, col, 1.0F);
    by(row - step, col - step, kDiagonal);
    by(row - step, col + step, kDiagonal);
  };
  for (int row = 0; row < image.height; ++row) {
    for (int col = 0; col < image.width; ++col) sweep(row, col, 1);
  }
  for (int row = image.height - 1; row >= 0; --row) {
    for (int col = image.width - 1; col >= 0; --col) sweep(row, col, -1);
  }
  for (std::size_t i = 0; i < image.values.size(); ++i) {
    const float cover = static_cast<float>(radius) + 0.5F - distance.values[i];
    image.values[i] =
        std::max(image.values[i], std::min(1.0F, std::max(0.0F, cover)));
  }
}

// What each of `source` pixels in a row adds to each of the frame's, which
// begins at `origin` and whose pixels are `scale` long: shares of the area that
// it covers or, where pixels are smaller than the source's, a straight line
// between the two nearest.
Eigen::MatrixXf resampling_weights(int source, double origin, double scale) {
  Eigen::MatrixXf weights(kSide, source);
  for (int i = 0; i < kSide; ++i) {
    const double begin = origin + i * scale;
    const double end = begin + scale;
    for (int j = 0; j < source; ++j) {
      const double weight =
          scale < 1
              ? 1 - std::abs((begin + end) / 2 - (j + 0.5))
              : (std::min(j + 1.0, end) - std::max<double>(j, begin)) / scale;
      weights(i, j) = static_cast<float>(std::max(0.0, weight));
    }
  }
  return weights;
}

// Where the ink is, in rows or in columns.
struct Axis {
  double first = 0.0;
  double last = 0.0;
  double center = 0.0;  // of its mass
};

Axis measure(const Plane& image, bool rows) {
  std::vector<float> largest(
      static_cast<std::size_t>(rows ? image.height : image.width), 0.0F);
  double center = 0.0;
  double total = 0.0;
  for (int row = 0; row < image.height; ++row) {
    for (int col = 0; col < image.width; ++col) {
      const float level = image.values[image.at(row, col)];
      const int place = rows ? row : col;
      float& most = largest[static_cast<std::size_t>(place)];
      most = std::max(most, level);
      center += (place + 0.5) * double(level);
      total += double(level);
    }
  }
  const auto is_inked = [](float level) { return level >= kHalf; };
  const auto begin = std::find_if(largest.begin(), largest.end(), is_inked);
  const auto end =
      std::find_if(largest.rbegin(), largest.rend(), is_inked).base();
  Axis axis;
  axis.center = center / total;
  // What an edge covers in part it shades in part.
  axis.first = double(begin - largest.begin());
  axis.last = double(end - largest.begin());
  if (begin != largest.begin()) axis.first -= double(*(begin - 1));
  if (end != largest.end()) axis.last += double(*end);
  return axis;
}

// Where the frame begins so that the center is in its middle and all ink
// inside. As in MNIST the ink begins where a pixel does, or thin strokes would
// be spread over two.
double frame_origin(const Axis& ink, double scale) {
  const double most = std::floor(kSide - (ink.last - ink.first) / scale);
  const double before = std::round(kCenter - (ink.center - ink.first) / scale);
  return ink.first - std::min(std::max(before, 0.0), most) * scale;
}

}  // namespace

nn::Matrix<float> to_mnist(const GrayImage& image) {
  nn::check_argument(image.width > 0 && image.height > 0,
                     "[to_mnist] expected an image with pixels, got ",
                     image.width,
                     "x",
                     image.height);
  nn::check_argument(
      image.pixels.size() / static_cast<std::size_t>(image.width) ==
              static_cast<std::size_t>(image.height) &&
          image.pixels.size() % static_cast<std::size_t>(image.width) == 0,
      "[to_mnist] expected ",
      image.width,
      "x",
      image.height,
      " pixels, got ",
      image.pixels.size());
  Plane ink{image.width,
            image.height,
            std::vector<float>(image.pixels.begin(), image.pixels.end())};
  const double noise = subtract_paper(ink);
  make_ink_positive(ink, noise);
  scale_ink(ink, noise);
  const Box box = keep_digit(ink);

  Plane digit = cut(ink, box, 1);
  Axis rows = measure(digit, true);
  Axis cols = measure(digit, false);
  const auto frame_scale = [&] {
    return std::max(rows.last - rows.first, cols.last - cols.first) / kBoxSide;
  };
  const double stroke = stroke_width(digit);
  if (stroke < kThinStroke * frame_scale()) {
    // The digit grows by twice the radius, and what is a stroke in its frame.
    const double radius =
        (kStroke * frame_scale() - stroke) / (2 - 2 * kStroke / kBoxSide);
    digit = cut(ink, box, static_cast<int>(std::ceil(radius)) + 1);
    widen(digit, radius);
    rows = measure(digit, true);
    cols = measure(digit, false);
  }
  const double scale = frame_scale();

  using RowMajor =
      Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const RowMajor> pixels(
      digit.values.data(), digit.height, digit.width);
  nn::Matrix<float> result(kSide * kSide, 1);
  Eigen::Map<RowMajor>(result.data(), kSide, kSide) =
      resampling_weights(digit.height, frame_origin(rows, scale), scale) *
      pixels *
      resampling_weights(digit.width, frame_origin(cols, scale), scale)
          .transpose();
  return result.cwiseMax(0.0F).cwiseMin(1.0F);
}
