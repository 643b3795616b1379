#include <algorithm>

#include "plot/charts.h"

namespace plot {
namespace {

constexpr double kFrame = 3;

TextStyle style_of(Tone tone) {
  TextStyle style;
  style.align = Align::kCentre;
  style.size = tone == Tone::kStrong ? theme::kTickSize : theme::kSmallSize;
  style.colour = tone == Tone::kStrong ? theme::kInk
                 : tone == Tone::kSoft ? theme::kMuted
                                       : theme::kBad;
  return style;
}

// The size at which the widest of some texts fits, so that neighbours are of
// one size; a single text that would shrink all others too far shrinks alone.
class CommonSize {
 public:
  CommonSize(double size, double room) : size_(size), room_(room) {}
  void add(const std::string& text) {
    constexpr double kLeast = 0.85;
    const double width = text_width(text, size_);
    if (width > room_) {
      scale_ = std::min(scale_, std::max(kLeast, room_ / width));
    }
  }
  double size() const { return size_ * scale_; }

 private:
  double size_;
  double room_;
  double scale_ = 1;
};

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
  const double pitch_x = grid.image_width + grid.gap;
  std::size_t captions = 0;
  for (const ImageTile& tile : grid.tiles) {
    captions = std::max(captions, tile.captions.size());
  }
  const double caption_room = pitch_x - 3;
  CommonSize sizes[] = {{style_of(Tone::kStrong).size, caption_room},
                        {style_of(Tone::kSoft).size, caption_room},
                        {style_of(Tone::kBad).size, caption_room}};
  for (const ImageTile& tile : grid.tiles) {
    for (const Caption& caption : tile.captions) {
      sizes[static_cast<int>(caption.tone)].add(caption.text);
    }
  }
  const std::size_t groups =
      grid.names.empty() ? 1 : (columns + span - 1) / span;
  const double header = grid.names.empty() ? 0 : 22;
  const double pitch_y = header + grid.image_height + (captions > 0 ? 8 : 0) +
                         kCaption * static_cast<double>(captions) +
                         std::min(grid.gap, 12.0);
  const double width =
      std::max(theme::kFigureWidth,
               2 * kMargin + pitch_x * grid.columns - grid.gap +
                   grid.group_gap * static_cast<double>(groups - 1));
  const auto note =
      wrap_text(grid.note, {theme::kSubtitleSize}, width - 2 * kMargin);
  const double titles = draw_titles(nullptr, grid.title, grid.subtitle, width);
  const double height = titles + pitch_y * static_cast<double>(rows) +
                        15 * static_cast<double>(note.size()) + 10;
  Drawing out(width, height);
  draw_titles(&out, grid.title, grid.subtitle, width);
  const auto left_of = [&](std::size_t column) {
    const std::size_t group = grid.names.empty() ? 0 : column / span;
    return kMargin + pitch_x * static_cast<double>(column) +
           grid.group_gap * static_cast<double>(group);
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
    draw_frame(out, x, y, grid.image_width, grid.image_height, tile.wrong);
    for (std::size_t k = 0; k < tile.captions.size(); ++k) {
      const Caption& caption = tile.captions[k];
      TextStyle style = style_of(caption.tone);
      style.size = sizes[static_cast<int>(caption.tone)].size();
      out.text_within(
          x + grid.image_width / 2,
          y + grid.image_height + 15 + kCaption * static_cast<double>(k),
          caption_room,
          caption.text,
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
    const double caption_room = pitch - 2;
    CommonSize size(theme::kSmallSize, caption_room);
    for (const auto& lines : row.captions) {
      for (const std::string& line : lines) size.add(line);
    }
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
            caption_room,
            row.captions[i][k],
            {size.size(), k == 0 ? theme::kInk : theme::kMuted});
      }
    }
    top += line_height(row) * static_cast<double>(lines_of(row)) + kRowGap;
  }
  return out;
}

}  // namespace plot
