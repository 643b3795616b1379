#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>

#include "common/texts.h"
#include "mnist_report/document.h"
#include "plot/render.h"

namespace report {
namespace {

using plot::Align;
using plot::Drawing;
namespace theme = plot::theme;

// A4, in points.
constexpr double kPageWidth = 595.28;
constexpr double kPageHeight = 841.89;
constexpr double kMargin = 50;
constexpr double kRoom = kPageWidth - 2 * kMargin;
constexpr double kBottom = kPageHeight - kMargin - 14;

constexpr double kTextSize = 9.5;
constexpr double kLeading = 1.45;
constexpr double kTableSize = 8;
constexpr double kCodeSize = 7.5;
const plot::TextStyle kTitleStyle{22, theme::kInk, Align::kLeft, true};

/// What is set as one, never across two pages.
struct Piece {
  Drawing drawing{0, 0};
  double space_before = 0;
  bool keep_with_next = false;
  std::string heading;  ///< for the contents; empty: none
  int level = 0;
};

// Cuts a word into `parts` of about one length, between characters.
std::vector<std::string> cut_word(const std::string& word, std::size_t parts) {
  std::vector<std::string> out;
  std::size_t start = 0;
  for (std::size_t part = 1; part <= parts; ++part) {
    std::size_t end = word.size() * part / parts;
    // Inside a character of several bytes, all but its first begin with 10.
    while (end < word.size() && (word[end] & 0xC0) == 0x80) ++end;
    if (end > start) out.push_back(word.substr(start, end - start));
    start = std::max(start, end);
  }
  return out;
}

// Words longer than a line, as checksums and paths are, break anywhere, into
// parts of one length: a last line of one letter reads badly.
std::vector<std::string> wrap(const std::string& text,
                              const plot::TextStyle& style,
                              double room) {
  const auto fits = [&](const std::string& line) {
    return plot::text_width(line, style) <= room;
  };
  std::vector<std::string> lines;
  for (const std::string& line : plot::wrap_text(text, style, room)) {
    std::vector<std::string> cut{line};
    const auto least = static_cast<std::size_t>(
        std::ceil(plot::text_width(line, style) / room));
    for (std::size_t parts = std::max<std::size_t>(2, least);
         parts <= line.size();
         ++parts) {
      if (std::all_of(cut.begin(), cut.end(), fits)) break;
      cut = cut_word(line, parts);
    }
    lines.insert(lines.end(), cut.begin(), cut.end());
  }
  return lines;
}

Drawing set_lines(const std::vector<std::string>& lines,
                  const plot::TextStyle& style,
                  double indent = 0) {
  const double leading = style.size * kLeading;
  Drawing out(kRoom, leading * static_cast<double>(lines.size()));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out.text(indent,
             leading * static_cast<double>(i) + style.size * 1.05,
             lines[i],
             style);
  }
  return out;
}

constexpr double kLongWord = 90;

// With a little to spare: rounding must not make a cell wrap that just fits.
double cell_width(const std::string& text, bool bold) {
  return plot::text_width(text, kTableSize, bold) + 0.5;
}

double longest_word(const std::string& text, bool bold) {
  double width = 0;
  for (const std::string& word : plot::split_words(text)) {
    width = std::max(width, cell_width(word, bold));
  }
  return width;
}

// The widths of a table's columns: as wide as their cells want. Headings wrap
// between words unless there is room for them, and where even so the page is
// too narrow, the widest columns give way and wrap.
std::vector<double> column_widths(const Table& table, double gap) {
  const std::size_t columns = table.columns.size();
  std::vector<double> widths(columns, 0);
  // Words are not broken but for those that have to be, as checksums are.
  std::vector<double> least(columns, 0);
  for (std::size_t c = 0; c < columns; ++c) {
    least[c] = widths[c] = longest_word(table.columns[c], true);
    for (const auto& row : table.rows) {
      if (c >= row.size()) continue;
      widths[c] = std::max(widths[c], cell_width(row[c], false));
      const double word = longest_word(row[c], false);
      if (word < kLongWord) least[c] = std::max(least[c], word);
    }
  }
  const double room = kRoom - gap * static_cast<double>(columns);
  double limit = *std::max_element(widths.begin(), widths.end());
  const auto total = [&] {
    double sum = 0;
    for (std::size_t c = 0; c < columns; ++c) {
      sum += std::min(widths[c], std::max(limit, least[c]));
    }
    return sum;
  };
  while (total() > room && limit > 20) limit -= 1;
  for (std::size_t c = 0; c < columns; ++c) {
    widths[c] = std::min(widths[c], std::max(limit, least[c]));
  }
  for (std::size_t c = 0; c < columns; ++c) {
    const double more = cell_width(table.columns[c], true) - widths[c];
    if (more > 0 && total() + more <= room) {
      widths[c] += more;
      limit = std::max(limit, widths[c]);
    }
  }
  return widths;
}

struct TableSetter {
  const Table& table;
  std::vector<double> widths;
  static constexpr double kGap = 7;
  static constexpr double kLine = kTableSize * 1.35;
  static constexpr double kPad = 2.7;

  double total_width() const {
    return std::accumulate(widths.begin(), widths.end(), 0.0) +
           kGap * static_cast<double>(widths.size());
  }

  plot::TextStyle style(std::size_t column, bool header) const {
    const bool number = column >= table.first_number;
    return {
        kTableSize, theme::kInk, number ? Align::kRight : Align::kLeft, header};
  }

  Drawing row(const std::vector<std::string>& cells, bool header) const {
    std::vector<std::vector<std::string>> wrapped;
    std::size_t lines = 1;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      wrapped.push_back(c < cells.size()
                            ? wrap(cells[c], style(c, header), widths[c])
                            : std::vector<std::string>{});
      // A row of more lines would be higher than a page.
      constexpr std::size_t kMostLines = 40;
      if (wrapped.back().size() > kMostLines) {
        wrapped.back().resize(kMostLines);
        wrapped.back().back() = apps::texts::kEllipsis;
      }
      lines = std::max(lines, wrapped.back().size());
    }
    const double height = kLine * static_cast<double>(lines) + 2 * kPad;
    Drawing out(kRoom, height);
    double x = 0;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const bool number = c >= table.first_number;
      // A heading of fewer lines than another one stands on the table.
      const std::size_t skipped = header ? lines - wrapped[c].size() : 0;
      for (std::size_t i = 0; i < wrapped[c].size(); ++i) {
        out.text(x + (number ? kGap / 2 + widths[c] : kGap / 2),
                 kPad + kLine * static_cast<double>(skipped + i) + kTableSize,
                 wrapped[c][i],
                 style(c, header));
      }
      x += widths[c] + kGap;
    }
    out.line(0,
             height,
             total_width(),
             height,
             {header ? theme::kAxis : theme::kGrid, 0.7});
    return out;
  }
};

struct Setter {
  std::vector<Piece>& pieces;

  Piece& add(Drawing drawing, double space_before) const {
    Piece piece;
    piece.drawing = std::move(drawing);
    piece.space_before = space_before;
    pieces.push_back(std::move(piece));
    return pieces.back();
  }

  // Lines of text, in pieces that a page has room for.
  void add_lines(const std::vector<std::string>& lines,
                 const plot::TextStyle& style,
                 double space_before,
                 double indent = 0,
                 bool with_bar = false) const {
    constexpr std::ptrdiff_t kMostLines = 40;
    for (auto first = lines.begin(); first != lines.end();) {
      const auto last = first + std::min(kMostLines, lines.end() - first);
      Drawing piece = set_lines({first, last}, style, indent);
      if (with_bar) piece.rectangle(0, 0, 3, piece.height(), theme::kBad);
      add(std::move(piece), first == lines.begin() ? space_before : 0);
      first = last;
    }
  }

  void operator()(const Heading& block) const {
    const double size = block.level == 1 ? 15 : 11;
    const plot::TextStyle style{size, theme::kInk, Align::kLeft, true};
    Piece& piece = add(set_lines(wrap(block.text, style, kRoom), style),
                       block.level == 1 ? 22 : 14);
    piece.keep_with_next = true;
    piece.heading = block.text;
    piece.level = block.level;
  }

  void operator()(const Paragraph& block) const {
    switch (block.kind) {
      case Paragraph::Kind::kCode: {
        plot::TextStyle style{kCodeSize};
        style.code = true;
        std::istringstream lines(block.text);
        double space = 6;
        for (std::string line; std::getline(lines, line);) {
          const bool fits = plot::text_width(line, style) <= kRoom - 12;
          add_lines(fits ? std::vector<std::string>{line}
                         : wrap(line, style, kRoom - 12),
                    style,
                    space,
                    12);
          // A command on several lines stands together.
          space = !line.empty() && line.back() == '\\' ? 0 : 4;
        }
        return;
      }
      case Paragraph::Kind::kProblem: {
        add_lines(wrap(block.text, {kTextSize}, kRoom - 12),
                  {kTextSize},
                  4,
                  12,
                  /*with_bar=*/true);
        return;
      }
      case Paragraph::Kind::kNote:
      case Paragraph::Kind::kText:
        add_lines(wrap(block.text, {kTextSize}, kRoom),
                  {kTextSize,
                   block.kind == Paragraph::Kind::kNote ? theme::kMuted
                                                        : theme::kInk},
                  5);
        return;
    }
  }

  void operator()(const Table& block) const {
    const TableSetter setter{block, column_widths(block, TableSetter::kGap)};
    add(setter.row(block.columns, true), 8).keep_with_next = true;
    for (const auto& row : block.rows) {
      // A table of a dozen rows stays on one page, and its caption with it.
      add(setter.row(row, false), 0).keep_with_next = true;
    }
    if (block.caption.empty()) {
      pieces.back().keep_with_next = false;
    } else {
      add(set_lines(wrap(block.caption, {kTableSize}, kRoom),
                    {kTableSize, theme::kMuted}),
          4);
    }
  }

  void operator()(const FigureRow& block) const {
    for (const Figure& figure : block.figures) {
      double width = 0;
      double height = 0;
      plot::Pixels pixels;
      if (figure.drawing) {
        width = figure.drawing->width();
        height = figure.drawing->height();
      } else {
        pixels = plot::decode_png(figure.png);
        width = pixels.width / plot::kPngScale;
        height = pixels.height / plot::kPngScale;
      }
      // One scale for all, so that text is of one size; a figure too large for
      // the page gives way.
      const double scale = std::min(
          {theme::kPaperScale, kRoom / width, (kBottom - kMargin) / height});
      Drawing out(kRoom, height * scale);
      // A figure has a margin of its own: what it shows starts where text does.
      const double left = -theme::kFigureMargin * scale;
      if (figure.drawing) {
        out.place(*figure.drawing, left, 0, scale);
      } else {
        out.image(
            left, 0, width * scale, height * scale, std::move(pixels), true);
      }
      Piece& piece = add(std::move(out), 8);
      piece.heading = figure.name;
      piece.level = 2;
    }
  }
};

struct Entry {
  std::string text;
  int level;
  int page;
};

constexpr double kEntrySize = 9.5;
constexpr double kContentsHeight = 240;  // leaves room for the results
double entry_height(int level) {
  return level == 1 ? 17 : 13;
}

class Layout {
 public:
  explicit Layout(const Document& document) : document_(document) {
    Setter setter{pieces_};
    for (const Block& block : document.blocks) std::visit(setter, block);
    // Sections of sections are listed where they fit on the first page.
    for (const int deepest : {2, 1}) {
      deepest_ = deepest;
      if (contents_height() < kContentsHeight) break;
    }
  }

  plot::PdfDocument build() {
    new_page();
    double y = title_height() + contents_height();
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      Piece& piece = pieces_[i];
      // A section starts on a page of its own unless much room is left.
      const bool crowded =
          piece.level == 1 && y > kMargin + (kBottom - kMargin) * 0.55;
      if (y > kMargin &&
          (crowded || y + piece.space_before + chain_height(i) > kBottom)) {
        new_page();
        y = kMargin;
      }
      if (y > kMargin) y += piece.space_before;
      pages_.back().place(piece.drawing, kMargin, y);
      y += piece.drawing.height();
      if (!piece.heading.empty()) {
        entries_.push_back(
            {piece.heading, piece.level, static_cast<int>(pages_.size())});
      }
    }
    plot::PdfDocument out;
    draw_first_page(out);
    draw_footers();
    out.title = document_.title;
    out.subject = document_.subtitle;
    out.pages = std::move(pages_);
    for (const Entry& entry : entries_) {
      out.outline.push_back({entry.text, entry.level - 1, entry.page});
    }
    return out;
  }

 private:
  void new_page() { pages_.emplace_back(kPageWidth, kPageHeight); }

  // The height of a piece and of all that must stand with it; of a chain
  // longer than a page, only the piece and the next.
  double chain_height(std::size_t i) const {
    double height = pieces_[i].drawing.height();
    double two = height;
    for (std::size_t k = i; k + 1 < pieces_.size(); ++k) {
      if (!pieces_[k].keep_with_next) break;
      height += pieces_[k + 1].space_before + pieces_[k + 1].drawing.height();
      if (k == i) two = height;
    }
    return height < kBottom - kMargin ? height : two;
  }

  double title_height() const {
    const double lines =
        static_cast<double>(wrap(document_.title, kTitleStyle, kRoom).size());
    const double sub =
        static_cast<double>(wrap(document_.subtitle, {11}, kRoom).size());
    return kMargin + lines * 30 + sub * 16 + 16;
  }
  double contents_height() const {
    double height = 30;
    for (const Piece& piece : pieces_) {
      if (!piece.heading.empty() && piece.level <= deepest_) {
        height += entry_height(piece.level);
      }
    }
    return height;
  }

  void draw_first_page(plot::PdfDocument& out) {
    Drawing& page = pages_.front();
    double y = kMargin;
    for (const std::string& line : wrap(document_.title, kTitleStyle, kRoom)) {
      page.text(kMargin, y + 22, line, kTitleStyle);
      y += 30;
    }
    for (const std::string& line : wrap(document_.subtitle, {11}, kRoom)) {
      page.text(kMargin, y + 12, line, {11, theme::kMuted});
      y += 16;
    }
    y += 16 + 20;
    page.text(kMargin, y, "Contents", {12, theme::kInk, Align::kLeft, true});
    y += 4;
    for (const Entry& entry : entries_) {
      if (entry.level > deepest_) continue;
      const double height = entry_height(entry.level);
      y += height;
      const bool top = entry.level == 1;
      const plot::TextStyle style{top ? kEntrySize : kEntrySize - 1,
                                  top ? theme::kInk : theme::kMuted};
      const double indent = top ? 0 : 14;
      if (y > kBottom) {
        // The outline beside the pages lists all.
        page.text(kMargin, y, apps::texts::kEllipsis, style);
        break;
      }
      const double room = kRoom - indent - 60;
      page.text_within(kMargin + indent, y, room, entry.text, style);
      plot::TextStyle right = style;
      right.align = Align::kRight;
      page.text(kPageWidth - kMargin, y, std::to_string(entry.page), right);
      const double from =
          kMargin + indent +
          std::min(room, plot::text_width(entry.text, style.size)) + 6;
      page.line(from,
                y - 0.5,
                kPageWidth - kMargin - 22,
                y - 0.5,
                {theme::kGrid, 0.6, true});
      out.links.push_back(
          {1, kMargin, y - height + 3, kRoom, height, entry.page});
    }
  }

  void draw_footers() {
    for (std::size_t i = 0; i < pages_.size(); ++i) {
      Drawing& page = pages_[i];
      const double y = kPageHeight - kMargin + 14;
      page.text_within(
          kMargin, y, kRoom - 80, document_.title, {8, theme::kMuted});
      page.text(kPageWidth - kMargin,
                y,
                "page " + std::to_string(i + 1) + " of " +
                    std::to_string(pages_.size()),
                {8, theme::kMuted, Align::kRight});
    }
  }

  const Document& document_;
  std::vector<Piece> pieces_;
  std::vector<Drawing> pages_;
  std::vector<Entry> entries_;
  int deepest_ = 2;
};

}  // namespace

std::string to_pdf(const Document& document) {
  return plot::to_pdf(Layout(document).build());
}

}  // namespace report
