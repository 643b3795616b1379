#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "common/figures.h"
#include "common/texts.h"
#include "nn/check.h"
#include "plot/charts.h"

namespace apps {
namespace {

using plot::Drawing;

std::size_t index_of(int value) {
  return static_cast<std::size_t>(value);
}

const ShownImage* find_image(const Run& run, int index) {
  const auto found = std::find_if(
      run.images.begin(), run.images.end(), [index](const ShownImage& image) {
        return image.index == index;
      });
  return found == run.images.end() ? nullptr : &*found;
}

const ShownImage& image_of(const Run& run, int index) {
  const ShownImage* image = find_image(run, index);
  nn::check_argument(image != nullptr,
                     "[figures] expected the run to hold test image ",
                     index,
                     ", got ",
                     run.images.size(),
                     " others");
  return *image;
}

// Ink on paper, as the digits were written: bright in the file is dark here.
plot::Pixels pixels_of(const ShownImage& image) {
  plot::Pixels out;
  out.width = image.width;
  out.height = image.height;
  out.rgb.reserve(image.gray.size() * 3);
  for (const std::uint8_t value : image.gray) {
    const auto gray = static_cast<std::uint8_t>(255 - value);
    out.rgb.insert(out.rgb.end(), {gray, gray, gray});
  }
  return out;
}

// The wrongly predicted images, worst first: of the greatest loss, that is the
// least probability given to the truth.
std::vector<const Prediction*> worst_mistakes(const Run& run) {
  std::vector<const Prediction*> wrong;
  for (const Prediction& p : run.predictions) {
    nn::check_argument(p.label >= 0 && p.label < run.classes &&
                           p.predicted >= 0 && p.predicted < run.classes,
                       "[draw_mistakes] expected classes below ",
                       run.classes,
                       ", got label ",
                       p.label,
                       " and prediction ",
                       p.predicted);
    if (p.label != p.predicted) wrong.push_back(&p);
  }
  std::stable_sort(wrong.begin(), wrong.end(), [](auto* a, auto* b) {
    return a->probability[index_of(a->label)] <
           b->probability[index_of(b->label)];
  });
  return wrong;
}

constexpr std::size_t kMistakesShown = 24;

std::set<int> shown_indices(const Run& run) {
  std::set<int> indices{kFeatureMapImage};
  for (const TopImage& top : run.top3) indices.insert(top.index);
  const std::vector<const Prediction*> wrong = worst_mistakes(run);
  for (std::size_t i = 0; i < std::min(wrong.size(), kMistakesShown); ++i) {
    indices.insert(wrong[i]->index);
  }
  return indices;
}

// The width of each of `columns` images beside each other, `gap` apart and
// `more` in all, that fill a figure together.
double image_width(int columns, double gap, double more = 0) {
  const double room =
      plot::theme::kFigureWidth - 2 * plot::theme::kFigureMargin - more;
  return (room + gap) / columns - gap;
}

// Five rows of twelve.
constexpr int kMostFilters = 60;
// Weights beyond this quantile of their sizes are drawn in full colour: a few
// large ones would bleach all others.
constexpr double kFilterQuantile = 0.995;

constexpr std::size_t kMostMaps = 32;
constexpr std::size_t kMostCells = 512;

plot::Pixels diverging_pixels(const float* values,
                              nn::Index width,
                              nn::Index height,
                              double limit) {
  plot::Pixels out;
  out.width = static_cast<int>(width);
  out.height = static_cast<int>(height);
  for (nn::Index i = 0; i < width * height; ++i) {
    const plot::Rgb colour =
        plot::theme::diverging(static_cast<double>(values[i]) / limit);
    out.rgb.insert(out.rgb.end(), {colour.r, colour.g, colour.b});
  }
  return out;
}

double greatest_size(const std::vector<float>& values) {
  double greatest = 0;
  for (const float v : values) {
    greatest = std::max(greatest, std::abs(static_cast<double>(v)));
  }
  return greatest > 0 ? greatest : 1.0;
}

// A flat output of as many values as there are classes: each with its name.
void add_class_cells(const LayerOutput& output,
                     const RunNames& names,
                     double limit,
                     plot::TileRow& row) {
  constexpr std::size_t kMostBeside = 10;
  row.columns = static_cast<int>(std::min(output.values.size(), kMostBeside));
  row.tile_width = 50;
  row.tile_height = 16;
  const bool probabilities = output.name == "Softmax";
  constexpr int kDecimals = 4;  // more would not fit beneath a cell
  for (std::size_t c = 0; c < output.values.size(); ++c) {
    const double value = static_cast<double>(output.values[c]);
    row.tiles.push_back(diverging_pixels(&output.values[c], 1, 1, limit));
    row.captions.push_back({names.classes[c],
                            probabilities
                                ? plot::format_probability(value, kDecimals)
                                : plot::format_number(value)});
  }
}

// The values of another flat output, as the cells of one image.
void add_cells(const LayerOutput& output, double limit, plot::TileRow& row) {
  constexpr std::size_t kColumns = 64;
  constexpr double kCell = 9;
  const std::size_t count = std::min(output.values.size(), kMostCells);
  const std::size_t lines = (count + kColumns - 1) / kColumns;
  const std::size_t width = std::min(count, kColumns);
  std::vector<float> cells(
      output.values.begin(),
      output.values.begin() + static_cast<std::ptrdiff_t>(count));
  cells.resize(width * lines, 0.0F);
  row.columns = 1;
  row.tile_width = kCell * static_cast<double>(width);
  row.tile_height = kCell * static_cast<double>(lines);
  row.tiles = {diverging_pixels(cells.data(),
                                static_cast<nn::Index>(width),
                                static_cast<nn::Index>(lines),
                                limit)};
}

void add_maps(const LayerOutput& output, double limit, plot::TileRow& row) {
  const nn::Shape& shape = output.shape;
  const std::size_t count =
      std::min(static_cast<std::size_t>(shape.channels), kMostMaps);
  row.tile_height = row.tile_width * static_cast<double>(shape.height) /
                    static_cast<double>(shape.width);
  for (std::size_t c = 0; c < count; ++c) {
    row.tiles.push_back(
        diverging_pixels(output.values.data() + static_cast<std::ptrdiff_t>(c) *
                                                    shape.height * shape.width,
                         shape.width,
                         shape.height,
                         limit));
  }
}

plot::TileRow layer_row(std::size_t place,
                        const LayerOutput& output,
                        const RunNames& names) {
  nn::check_argument(
      static_cast<nn::Index>(output.values.size()) == output.shape.features(),
      "[draw_feature_maps] expected ",
      output.shape.features(),
      " values for an output of ",
      output.shape,
      ", got ",
      output.values.size());
  // Half a probability is not to look like a whole one.
  const double limit =
      output.name == "Softmax" ? 1.0 : greatest_size(output.values);
  plot::TileRow row;
  row.heading = std::to_string(place) + "  " + output.name + "  " +
                output.shape.to_string();
  const bool flat = output.shape.is_flat();
  const auto shown =
      flat ? std::min(output.values.size(), kMostCells)
           : std::min(index_of(static_cast<int>(output.shape.channels)),
                      kMostMaps);
  const auto all = static_cast<std::size_t>(output.shape.channels);
  if (shown < all) row.remark = "the first " + std::to_string(shown) + "; ";
  row.remark += output.name == "Softmax"
                    ? std::string("full colour at 100 %")
                    : "full colour at \u00B1" + plot::format_number(limit);
  if (!flat) {
    add_maps(output, limit, row);
  } else if (output.values.size() == names.classes.size()) {
    add_class_cells(output, names, limit, row);
  } else {
    add_cells(output, limit, row);
  }
  return row;
}

}  // namespace

std::vector<ShownImage> collect_images(const Run& run,
                                       const nn::ImageSet& test) {
  std::vector<ShownImage> images;
  for (const int index : shown_indices(run)) {
    nn::check_argument(index >= 0 && index < test.size(),
                       "[collect_images] expected a test image below ",
                       test.size(),
                       ", got ",
                       index);
    ShownImage image;
    image.index = index;
    image.label = test.labels[index_of(index)];
    image.height = static_cast<int>(test.shape.height);
    image.width = static_cast<int>(test.shape.width);
    // Of several channels the first.
    const std::uint8_t* gray = test.image(index);
    image.gray.assign(gray, gray + test.shape.height * test.shape.width);
    images.push_back(std::move(image));
  }
  return images;
}

bool holds_images(const Run& run) {
  const std::set<int> indices = shown_indices(run);
  return std::all_of(indices.begin(), indices.end(), [&run](int index) {
    return find_image(run, index) != nullptr;
  });
}

std::vector<TopPage> top3_pages(int classes) {
  constexpr int kMostOfPage = 12;
  const int pages = (classes + kMostOfPage - 1) / kMostOfPage;
  std::vector<TopPage> result;
  for (int page = 0; page < pages; ++page) {
    const int first = classes * page / pages;
    result.push_back({first, classes * (page + 1) / pages - first});
  }
  return result;
}

Drawing draw_top3(const Run& run) {
  return draw_top3(run, 0, run.classes);
}

Drawing draw_top3(const Run& run, int first, int count) {
  nn::check_argument(first >= 0 && count >= 1 && count <= run.classes - first,
                     "[draw_top3] expected some of the ",
                     run.classes,
                     " classes, got ",
                     count,
                     " from ",
                     first);
  const RunNames names = run_names(run);
  plot::ImageGrid grid;
  grid.title = names.title(texts::kTopTitle);
  grid.subtitle = texts::kTopSubtitle;
  grid.note = texts::kTopNote;
  // Two classes beside each other: on one line of ten, the digits that matter
  // would be too small to read on paper.
  constexpr int kBeside = 2;
  const int down = (count + kBeside - 1) / kBeside;
  int ranks = 0;
  for (const TopImage& top : run.top3) ranks = std::max(ranks, top.rank);
  grid.columns = kBeside * std::max(1, ranks);
  grid.span = std::max(1, ranks);
  grid.gap = 27;
  grid.group_gap = 20;
  // A tiny test set has fewer ranks; its images are no larger for that.
  constexpr int kUsualColumns = 6;
  grid.image_width = grid.image_height = image_width(
      std::max(grid.columns, kUsualColumns), grid.gap, grid.group_gap);
  const auto present = classes_present(run);
  for (int i = 0; ranks > 0 && i < kBeside * down; ++i) {
    const int place = i % kBeside * down + i / kBeside;
    const std::size_t c = index_of(first + place);
    grid.names.push_back(place >= count
                             ? ""
                             : names.classes[c] +
                                   (present.at(c) ? "" : texts::kAbsentClass));
  }
  grid.tiles.resize(index_of(ranks * kBeside * down));
  for (const TopImage& top : run.top3) {
    nn::check_argument(top.rank >= 1 && top.label_class >= 0 &&
                           top.label_class < run.classes && top.label >= 0 &&
                           top.label < run.classes,
                       "[draw_top3] expected ranks from 1 and classes below ",
                       run.classes,
                       ", got class ",
                       top.label_class,
                       ", rank ",
                       top.rank,
                       ", label ",
                       top.label);
    // Without images of a class, its best images could be wrong ones alone.
    const int place = top.label_class - first;
    if (place < 0 || place >= count || !present.at(index_of(top.label_class))) {
      continue;
    }
    plot::ImageTile& tile = grid.tiles[index_of(
        place % down * grid.columns + place / down * ranks + top.rank - 1)];
    tile.pixels = pixels_of(image_of(run, top.index));
    tile.captions = {
        {plot::format_probability(top.probability), plot::Tone::kStrong},
        {"image " + std::to_string(top.index), plot::Tone::kSoft}};
    tile.wrong = top.label != top.label_class;
    if (tile.wrong) {
      tile.captions.push_back(
          {"is " + names.classes[index_of(top.label)], plot::Tone::kBad});
    }
  }
  return plot::draw(grid);
}

Drawing draw_mistakes(const Run& run) {
  const RunNames names = run_names(run);
  std::vector<const Prediction*> wrong = worst_mistakes(run);
  const std::size_t count = wrong.size();
  wrong.resize(std::min(count, kMistakesShown));
  plot::ImageGrid grid;
  grid.title = names.title(texts::kMistakesTitle);
  grid.columns = 6;
  grid.gap = 32;
  grid.image_width = grid.image_height = image_width(grid.columns, grid.gap);
  if (wrong.empty()) {
    grid.subtitle =
        "None: all " +
        plot::format_count(static_cast<long long>(run.predictions.size())) +
        " test images are predicted rightly.";
    return plot::draw(grid);
  }
  grid.subtitle =
      "The " + std::to_string(wrong.size()) + " of " +
      plot::format_count(static_cast<long long>(count)) +
      " wrongly predicted test images with the least probability for their "
      "true class.";
  for (const Prediction* p : wrong) {
    plot::ImageTile tile;
    tile.pixels = pixels_of(image_of(run, p->index));
    const auto share = [p](int label) {
      return plot::format_probability(p->probability[index_of(label)]);
    };
    tile.captions = {
        {"is " + names.classes[index_of(p->label)], plot::Tone::kStrong},
        {share(p->label), plot::Tone::kSoft},
        {"said " + names.classes[index_of(p->predicted)], plot::Tone::kBad},
        {share(p->predicted), plot::Tone::kSoft},
        {"image " + std::to_string(p->index), plot::Tone::kSoft}};
    grid.tiles.push_back(std::move(tile));
  }
  return plot::draw(grid);
}

Drawing draw_filters(const Run& run,
                     const nn::Matrix<float>& first_weights,
                     const nn::Shape& filter_shape) {
  nn::check_argument(first_weights.rows() == filter_shape.features() &&
                         first_weights.size() > 0,
                     "[draw_filters] expected ",
                     filter_shape.features(),
                     " weights a column for filters of ",
                     filter_shape,
                     ", got ",
                     first_weights.rows());
  const int units =
      static_cast<int>(std::min<nn::Index>(first_weights.cols(), kMostFilters));
  std::vector<float> sizes;
  const float* weights = first_weights.data();
  for (nn::Index i = 0; i < first_weights.rows() * units; ++i) {
    sizes.push_back(std::abs(weights[i]));
  }
  const auto nth = static_cast<std::ptrdiff_t>(
      kFilterQuantile * static_cast<double>(sizes.size() - 1));
  std::nth_element(sizes.begin(), sizes.begin() + nth, sizes.end());
  const double quantile =
      static_cast<double>(sizes[index_of(static_cast<int>(nth))]);
  const double limit = quantile > 0 ? quantile : 1.0;
  const nn::Index area = filter_shape.height * filter_shape.width;

  plot::ImageGrid grid;
  grid.title = run_names(run).title(texts::kFiltersTitle);
  const std::string size = std::to_string(filter_shape.height) + "x" +
                           std::to_string(filter_shape.width);
  grid.subtitle =
      (units < first_weights.cols()
           ? "The first " + std::to_string(units) + " of " +
                 std::to_string(first_weights.cols()) + " units"
           : "All " + std::to_string(units) + " units") +
      ", each " + size +
      (filter_shape.channels > 1
           ? ", a row of " + std::to_string(filter_shape.channels) +
                 " input channels each"
           : "") +
      ". Blue: positive, orange: negative, white: 0; one scale for all, "
      "full colour from \u00B1" +
      plot::format_number(limit) + ".";
  const auto channels = static_cast<int>(filter_shape.channels);
  grid.columns = channels > 1 ? std::min(channels, 12) : units > 16 ? 12 : 8;
  grid.gap = 8;
  grid.image_width = image_width(std::max(grid.columns, 8), grid.gap);
  grid.columns = std::min(grid.columns, units * channels);
  grid.image_height = grid.image_width *
                      static_cast<double>(filter_shape.height) /
                      static_cast<double>(filter_shape.width);
  for (int unit = 0; unit < units; ++unit) {
    for (nn::Index c = 0; c < filter_shape.channels; ++c) {
      plot::ImageTile tile;
      tile.pixels = diverging_pixels(&first_weights(c * area, unit),
                                     filter_shape.width,
                                     filter_shape.height,
                                     limit);
      grid.tiles.push_back(std::move(tile));
    }
  }
  return plot::draw(grid);
}

Drawing draw_feature_maps(const Run& run,
                          const std::vector<LayerOutput>& outputs) {
  const RunNames names = run_names(run);
  const ShownImage& image = image_of(run, kFeatureMapImage);
  plot::TileRows chart;
  chart.title = names.title(texts::kFeatureMapsTitle);
  plot::TileRow input;
  input.tiles = {pixels_of(image)};
  input.tile_width = 56;
  input.tile_height = input.tile_width * image.height / image.width;
  input.heading =
      "Input  " + nn::Shape{1, image.height, image.width}.to_string();
  input.remark = "test image " + std::to_string(image.index) + ", " +
                 texts::kTrueClass + " " +
                 names.classes.at(index_of(image.label));
  chart.subtitle = texts::kFeatureMapsSubtitle;
  chart.rows.push_back(std::move(input));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    chart.rows.push_back(layer_row(i, outputs[i], names));
  }
  return plot::draw(chart);
}

}  // namespace apps
