#ifndef NN_APPS_PLOT_RENDER_H_
#define NN_APPS_PLOT_RENDER_H_

#include <string>
#include <utility>
#include <vector>

#include "plot/drawing.h"

namespace plot {

/// Pixels per point in a PNG: sharp on high-density screens and in print.
constexpr double kPngScale = 2;
/// The most pixels of a raster that is written or read.
constexpr double kMostPngPixels = 1 << 25;

/// Throws std::runtime_error with the reason if the drawing cannot be rendered:
/// what one figure of many holds must not take the others with it.
void check_drawable(const Drawing& drawing);

/// PNG file content, kPngScale times the drawing's size or as large as a PNG
/// file may be, on a light page. Throws std::runtime_error with the reason if
/// that is less than a pixel a point.
std::string to_png(const Drawing& drawing);

/// PNG file content of a raster, and back. decode_png throws std::runtime_error
/// with a reason if the bytes are not a whole PNG, or one of more than 2^25
/// pixels.
std::string encode_png(const Pixels& pixels);
Pixels decode_png(const std::string& bytes);

/// The colour pairs that SVGs refer to by class, for the page's style sheet.
class SvgColours {
 public:
  /// The class name that gives an element this fill, or this stroke.
  std::string fill(const Colour& colour);
  std::string stroke(const Colour& colour);
  /// The rules: light, and on a screen that prefers it, dark.
  std::string css() const;

 private:
  std::string add(char kind, const Colour& colour);
  std::vector<std::pair<std::string, Colour>> classes_;
};

/// An <svg> element to stand in an HTML page, with real text, its colours
/// through `colours`. `description` is what a screen reader says of it.
std::string to_svg(const Drawing& drawing,
                   const std::string& description,
                   SvgColours& colours);

struct PdfOutlineEntry {
  std::string title;
  int level = 0;
  int page = 1;  ///< counted from 1
};
struct PdfLink {
  int page = 1;  ///< on which page it stands
  double x = 0, y = 0, width = 0, height = 0;
  int target_page = 1;
};
struct PdfDocument {
  std::string title;
  std::string subject;
  std::vector<Drawing> pages;
  std::vector<PdfOutlineEntry> outline;
  std::vector<PdfLink> links;
};

/// PDF file content, vector throughout but for images.
std::string to_pdf(const PdfDocument& document);

/// Text with &, <, > and quotes as entities, for XML and HTML.
std::string escape_markup(const std::string& text);
std::string base64(const std::string& bytes);

}  // namespace plot

#endif  // NN_APPS_PLOT_RENDER_H_
