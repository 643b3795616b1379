#ifndef NN_APPS_MNIST_REPORT_DOCUMENT_H_
#define NN_APPS_MNIST_REPORT_DOCUMENT_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "plot/drawing.h"

namespace report {

/// The report's content, apart from how it is set: written once, then turned
/// into HTML and into PDF.

struct Heading {
  int level = 1;  ///< 1 or 2
  std::string text;
};

struct Paragraph {
  enum class Kind { kText, kNote, kProblem, kCode };
  std::string text;
  Kind kind = Kind::kText;
};

struct Table {
  std::string caption;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  /// The columns from this one on hold numbers and are set to the right.
  std::size_t first_number = 1;
};

/// Either drawn here or taken from a run folder.
struct Figure {
  std::optional<plot::Drawing> drawing;
  std::string png;
  std::string alt;
  std::string name;  ///< short: for a list of contents, or a narrow screen
};

/// Figures that belong side by side where there is room.
struct FigureRow {
  std::vector<Figure> figures;
};

using Block = std::variant<Heading, Paragraph, Table, FigureRow>;

struct Document {
  std::string title;
  std::string subtitle;
  std::vector<Block> blocks;
  /// What could not be put into it, as its blocks say too.
  std::vector<std::string> problems;
};

/// One self-contained page.
std::string to_html(const Document& document);
/// A4 pages with a table of contents.
std::string to_pdf(const Document& document);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_DOCUMENT_H_
