#include <algorithm>

#include "plot/charts.h"

namespace plot {
namespace {

constexpr double kFrame = 3;

// A thick frame says "wrong" in grey print, too.
void draw_frame(
    Drawing& out, double x, double y, double width, double height, bool wrong) {
  const double stroke = wrong ? kFrame : 0.8;
  out.outline(x - stroke / 2,
              y - stroke / 2,
              width + stroke,
              height + stroke,
              {wrong ? theme::kBad : theme::kAxis, stroke});
}

}  // namespace

Drawing draw(const ImageGrid& grid) {
  constexpr double kCaption = 13;
  constexpr double kMargin = theme::kFigureMargin;
  const auto columns = static_cast<std::size_t>(grid.columns);
  const auto span = static_cast<std::size_t>(std::max(1, grid.span));
  const std::size_t rows = (grid.tiles.size() + columns - 1) / columns;
  std::size_t captions = 0;
  for (const ImageTile& tile : grid.tiles) {
    captions = std::max(captions, tile.captions.size());
  }
  // Headings tell the groups of columns apart; so does a wider gap.
  const double group_gap = grid.names.empty() ? 0 : 20;
  const std::size_t groups =
      grid.names.empty() ? 1 : (columns + span - 1) / span;
  const double header = grid.names.empty() ? 0 : 22;
  const double pitch_x = grid.image_width + grid.gap;
  const double pitch_y = header + grid.image_height + (captions > 0 ? 8 : 0) +
                         kCaption * static_cast<double>(captions) +
                         std::min(grid.gap, 12.0);
  const double width =
      std::max(theme::kFigureWidth,
               2 * kMargin + pitch_x * grid.columns - grid.gap +
                   group_gap * static_cast<double>(groups - 1));
  const auto note =
      wrap_text(grid.note, theme::kSubtitleSize, width - 2 * kMargin);
  const double titles = draw_titles(nullptr, grid.title, grid.subtitle, width);
  const double height = titles + pitch_y * static_cast<double>(rows) +
                        15 * static_cast<double>(note.size()) + 10;
  Drawing out(width, height);
  draw_titles(&out, grid.title, grid.subtitle, width);
  const auto left_of = [&](std::size_t column) {
    const std::size_t group = grid.names.empty() ? 0 : column / span;
    return kMargin + pitch_x * static_cast<double>(column) +
           group_gap * static_cast<double>(group);
  };
  for (std::size_t i = 0; i < grid.names.size(); ++i) {
    const std::size_t column = i * span % columns;
    const double top =
        titles + pitch_y * static_cast<double>(i * span / columns);
    out.text_within(left_of(column),
                    top + 12,
                    pitch_x * static_cast<double>(span),
                    grid.names[i],
                    {12, theme::kInk, Align::kLeft, true});
  }
  for (std::size_t i = 0; i < grid.tiles.size(); ++i) {
    const ImageTile& tile = grid.tiles[i];
    const double x = left_of(i % columns);
    const double y =
        titles + header + pitch_y * static_cast<double>(i / columns);
    if (tile.pixels.width == 0) continue;
    out.image(x, y, grid.image_width, grid.image_height, tile.pixels);
    const bool wrong = tile.verdict == ImageTile::Verdict::kWrong;
    draw_frame(out, x, y, grid.image_width, grid.image_height, wrong);
    for (std::size_t k = 0; k < tile.captions.size(); ++k) {
      TextStyle style{k == 0 ? 10.5 : theme::kSmallSize,
                      k == 0 ? theme::kInk : theme::kMuted,
                      Align::kCentre};
      if (wrong && k > 0) style.colour = theme::kBad;
      out.text_within(
          x + grid.image_width / 2,
          y + grid.image_height + 15 + kCaption * static_cast<double>(k),
          pitch_x - 3,
          tile.captions[k],
          style);
    }
  }
  const double end = titles + pitch_y * static_cast<double>(rows);
  for (std::size_t i = 0; i < note.size(); ++i) {
    out.text(kMargin,
             end + 10 + 15 * static_cast<double>(i),
             note[i],
             {theme::kSubtitleSize, theme::kMuted});
  }
  return out;
}

Drawing draw(const TileRows& chart) {
  constexpr double kMargin = theme::kFigureMargin;
  constexpr double kHeading = 20;
  constexpr double kGap = 4.5;
  constexpr double kCaption = 12;
  constexpr double kRowGap = 9;
  const auto lines_of = [](const TileRow& row) {
    const auto columns = static_cast<std::size_t>(row.columns);
    return (row.tiles.size() + columns - 1) / columns;
  };
  const auto line_height = [](const TileRow& row) {
    std::size_t captions = 0;
    for (const auto& lines : row.captions) {
      captions = std::max(captions, lines.size());
    }
    return row.tile_height + kGap + kCaption * static_cast<double>(captions);
  };
  double height =
      draw_titles(nullptr, chart.title, chart.subtitle, chart.width);
  for (const TileRow& row : chart.rows) {
    height += kHeading + line_height(row) * static_cast<double>(lines_of(row)) +
              kRowGap;
  }
  Drawing out(chart.width, height);
  double top = draw_titles(&out, chart.title, chart.subtitle, chart.width);
  for (const TileRow& row : chart.rows) {
    out.text(kMargin,
             top + 11,
             row.heading,
             {theme::kLabelSize, theme::kInk, Align::kLeft, true});
    const double used =
        kMargin + text_width(row.heading, theme::kLabelSize, true) + 10;
    out.text_within(used,
                    top + 11,
                    chart.width - kMargin - used,
                    row.remark,
                    {theme::kSmallSize, theme::kMuted});
    top += kHeading;
    const auto columns = static_cast<std::size_t>(row.columns);
    const double pitch =
        (chart.width - 2 * kMargin + kGap) / static_cast<double>(columns);
    for (std::size_t i = 0; i < row.tiles.size(); ++i) {
      const double x = kMargin + pitch * static_cast<double>(i % columns);
      const double y =
          top + line_height(row) * static_cast<double>(i / columns);
      out.image(x, y, row.tile_width, row.tile_height, row.tiles[i]);
      draw_frame(out, x, y, row.tile_width, row.tile_height, false);
      if (i >= row.captions.size()) continue;
      for (std::size_t k = 0; k < row.captions[i].size(); ++k) {
        out.text_within(
            x,
            y + row.tile_height + kCaption * static_cast<double>(k + 1),
            pitch - 7,
            row.captions[i][k],
            {theme::kSmallSize, k == 0 ? theme::kInk : theme::kMuted});
      }
    }
    top += line_height(row) * static_cast<double>(lines_of(row)) + kRowGap;
  }
  return out;
}

}  // namespace plot
