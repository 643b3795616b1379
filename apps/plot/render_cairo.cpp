#include <cairo-pdf.h>
#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>

#include "plot/decimals.h"
#include "plot/render.h"

namespace plot {
namespace {

constexpr double kPi = 3.14159265358979323846;

struct Release {
  void operator()(cairo_surface_t* s) const { cairo_surface_destroy(s); }
  void operator()(cairo_t* c) const { cairo_destroy(c); }
  void operator()(cairo_font_options_t* o) const {
    cairo_font_options_destroy(o);
  }
  void operator()(cairo_scaled_font_t* f) const {
    cairo_scaled_font_destroy(f);
  }
  void operator()(cairo_font_face_t* f) const { cairo_font_face_destroy(f); }
};
using Surface = std::unique_ptr<cairo_surface_t, Release>;
using Context = std::unique_ptr<cairo_t, Release>;
using FontOptions = std::unique_ptr<cairo_font_options_t, Release>;
using ScaledFont = std::unique_ptr<cairo_scaled_font_t, Release>;
using FontFace = std::unique_ptr<cairo_font_face_t, Release>;

void check(cairo_status_t status, const char* what) {
  if (status != CAIRO_STATUS_SUCCESS) {
    throw std::runtime_error(std::string("[plot] ") + what + ": " +
                             cairo_status_to_string(status));
  }
}

// Without hinting, text has the same width in a PNG, in a PDF and when
// measured, so a layout that fits in one fits in all.
FontOptions unhinted() {
  FontOptions options(cairo_font_options_create());
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  return options;
}

cairo_font_weight_t weight(bool bold) {
  return bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL;
}

ScaledFont make_font(const std::string& family, double size, bool bold) {
  const FontFace face(cairo_toy_font_face_create(
      family.c_str(), CAIRO_FONT_SLANT_NORMAL, weight(bold)));
  cairo_matrix_t scale;
  cairo_matrix_t identity;
  cairo_matrix_init_scale(&scale, size, size);
  cairo_matrix_init_identity(&identity);
  ScaledFont font(cairo_scaled_font_create(
      face.get(), &scale, &identity, unhinted().get()));
  check(cairo_scaled_font_status(font.get()), "cannot open a font");
  return font;
}

// Widths are measured once at a large size and scaled: they are linear in the
// size where nothing is hinted.
constexpr double kMeasuringSize = 100;

const char* family(const TextStyle& style) {
  return style.code ? theme::kCodeFontFamily : theme::kFontFamily;
}

std::array<ScaledFont, 2> make_measuring_fonts(const char* name) {
  require_font(name);
  return {make_font(name, kMeasuringSize, false),
          make_font(name, kMeasuringSize, true)};
}

ScaledFont& measuring_font(const TextStyle& style) {
  const std::size_t index = style.bold ? 1 : 0;
  if (style.code) {
    static auto code_fonts = make_measuring_fonts(theme::kCodeFontFamily);
    return code_fonts[index];
  }
  static auto fonts = make_measuring_fonts(theme::kFontFamily);
  return fonts[index];
}

void set_colour(cairo_t* cr, const Rgb& c, double opacity = 1) {
  cairo_set_source_rgba(cr, c.r / 255.0, c.g / 255.0, c.b / 255.0, opacity);
}

void trace(cairo_t* cr, const std::vector<Point>& points) {
  cairo_new_path(cr);
  for (const Point& p : points) cairo_line_to(cr, p.x, p.y);
}

// Every pixel as a square of `factor` by `factor` of them.
Pixels enlarge(const Pixels& pixels, int factor) {
  Pixels out;
  out.width = pixels.width * factor;
  out.height = pixels.height * factor;
  out.rgb.reserve(static_cast<std::size_t>(out.width) *
                  static_cast<std::size_t>(out.height) * 3);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      const std::uint8_t* pixel =
          pixels.rgb.data() +
          (static_cast<std::ptrdiff_t>(y / factor) * pixels.width +
           x / factor) *
              3;
      out.rgb.insert(out.rgb.end(), pixel, pixel + 3);
    }
  }
  return out;
}

struct Painter {
  cairo_t* cr;

  void operator()(const Rectangle& s) const {
    set_colour(cr, s.fill.light);
    cairo_rectangle(cr, s.x, s.y, s.width, s.height);
    cairo_fill(cr);
  }
  void operator()(const Polyline& s) const {
    set_colour(cr, s.stroke.colour.light);
    cairo_set_line_width(cr, s.stroke.width);
    const std::array<double, 2> dash{4 * std::max(1.0, s.stroke.width),
                                     2.2 * std::max(1.0, s.stroke.width)};
    cairo_set_dash(cr, dash.data(), s.stroke.dashed ? 2 : 0, 0);
    trace(cr, s.points);
    cairo_stroke(cr);
  }
  void operator()(const Polygon& s) const {
    set_colour(cr, s.fill.light, s.opacity);
    trace(cr, s.points);
    cairo_fill(cr);
  }
  void operator()(const Circle& s) const {
    set_colour(cr, s.fill.light);
    cairo_new_path(cr);
    cairo_arc(cr, s.x, s.y, s.radius, 0, 2 * kPi);
    cairo_fill(cr);
  }
  void operator()(const Text& s) const {
    set_colour(cr, s.style.colour.light);
    cairo_select_font_face(
        cr, family(s.style), CAIRO_FONT_SLANT_NORMAL, weight(s.style.bold));
    cairo_set_font_size(cr, s.style.size);
    cairo_save(cr);
    cairo_translate(cr, s.x, s.y);
    cairo_rotate(cr, -s.style.angle * kPi / 180);
    const double shift = s.style.align == Align::kLeft    ? 0
                         : s.style.align == Align::kRight ? s.width
                                                          : s.width / 2;
    cairo_move_to(cr, -shift, 0);
    cairo_show_text(cr, s.text.c_str());
    cairo_restore(cr);
  }
  void operator()(const Image& image) const {
    Image s = image;
    if (!s.smooth && cairo_surface_get_type(cairo_get_target(cr)) ==
                         CAIRO_SURFACE_TYPE_PDF) {
      // Readers of PDF blur an image unless they enlarge it much. Large squares
      // stay squares; equal neighbours hardly cost bytes.
      constexpr double kPixelsPerPoint = 4;
      s.pixels = enlarge(
          s.pixels,
          std::max(1,
                   static_cast<int>(
                       std::ceil(kPixelsPerPoint * s.width / s.pixels.width))));
    }
    const Surface surface(cairo_image_surface_create(
        CAIRO_FORMAT_RGB24, s.pixels.width, s.pixels.height));
    check(cairo_surface_status(surface.get()), "cannot hold an image");
    const int stride = cairo_image_surface_get_stride(surface.get());
    unsigned char* data = cairo_image_surface_get_data(surface.get());
    const std::uint8_t* from = s.pixels.rgb.data();
    for (int y = 0; y < s.pixels.height; ++y) {
      unsigned char* row = data + static_cast<std::ptrdiff_t>(y) * stride;
      for (int x = 0; x < s.pixels.width; ++x, from += 3) {
        const std::uint32_t value = static_cast<std::uint32_t>(from[0]) << 16 |
                                    static_cast<std::uint32_t>(from[1]) << 8 |
                                    static_cast<std::uint32_t>(from[2]);
        std::memcpy(row + 4 * x, &value, sizeof value);
      }
    }
    cairo_surface_mark_dirty(surface.get());
    cairo_save(cr);
    cairo_translate(cr, s.x, s.y);
    cairo_scale(cr, s.width / s.pixels.width, s.height / s.pixels.height);
    cairo_set_source_surface(cr, surface.get(), 0, 0);
    cairo_pattern_set_filter(
        cairo_get_source(cr),
        s.smooth ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST);
    // Smoothing must not mix the edge pixels with what lies outside.
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_rectangle(cr, 0, 0, s.pixels.width, s.pixels.height);
    cairo_fill(cr);
    cairo_restore(cr);
  }
};

void paint(cairo_t* cr, const Drawing& drawing) {
  cairo_set_font_options(cr, unhinted().get());
  cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
  set_colour(cr, theme::kPaper.light);
  cairo_paint(cr);
  for (const Shape& shape : drawing.shapes()) std::visit(Painter{cr}, shape);
  check(cairo_status(cr), "cannot draw");
}

cairo_status_t append(void* closure,
                      const unsigned char* data,
                      unsigned int length) {
  static_cast<std::string*>(closure)->append(
      reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

struct Reader {
  const std::string* bytes;
  std::size_t position;
};

cairo_status_t take(void* closure, unsigned char* data, unsigned int length) {
  auto& reader = *static_cast<Reader*>(closure);
  if (length > reader.bytes->size() - reader.position) {
    return CAIRO_STATUS_READ_ERROR;
  }
  std::memcpy(data, reader.bytes->data() + reader.position, length);
  reader.position += length;
  return CAIRO_STATUS_SUCCESS;
}

Pixels copy_pixels(cairo_surface_t* surface) {
  cairo_surface_flush(surface);
  Pixels out;
  out.width = cairo_image_surface_get_width(surface);
  out.height = cairo_image_surface_get_height(surface);
  out.rgb.reserve(static_cast<std::size_t>(out.width) *
                  static_cast<std::size_t>(out.height) * 3);
  const bool has_alpha =
      cairo_image_surface_get_format(surface) == CAIRO_FORMAT_ARGB32;
  const int stride = cairo_image_surface_get_stride(surface);
  const unsigned char* data = cairo_image_surface_get_data(surface);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      std::uint32_t value = 0;
      std::memcpy(
          &value, data + static_cast<std::ptrdiff_t>(y) * stride + 4 * x, 4);
      // Cairo premultiplies alpha; what is transparent shows white.
      const std::uint32_t white = has_alpha ? 255 - (value >> 24) : 0;
      for (const int shift : {16, 8, 0}) {
        out.rgb.push_back(static_cast<std::uint8_t>(
            std::min<std::uint32_t>(255, ((value >> shift) & 255) + white)));
      }
    }
  }
  return out;
}

}  // namespace

void require_font(const std::string& family) {
  const std::string advice = std::string("; install a font such as ") +
                             theme::kFontFamily +
                             " (Debian: " + theme::kFontPackage + ")";
  const ScaledFont font = make_font(family, kMeasuringSize, false);
  // With no font at all Cairo falls back on built-in strokes, a user font.
  if (cairo_scaled_font_get_type(font.get()) == CAIRO_FONT_TYPE_USER) {
    throw std::runtime_error("no font found for \"" + family + "\"" + advice);
  }
  static constexpr char kNeeded[] = "0123456789%.,-+()AZaz";
  cairo_glyph_t* glyphs = nullptr;
  int count = 0;
  check(cairo_scaled_font_text_to_glyphs(font.get(),
                                         0,
                                         0,
                                         kNeeded,
                                         -1,
                                         &glyphs,
                                         &count,
                                         nullptr,
                                         nullptr,
                                         nullptr),
        "cannot read a font");
  const bool complete = std::none_of(
      glyphs, glyphs + count, [](const auto& g) { return g.index == 0; });
  cairo_glyph_free(glyphs);
  if (!complete) {
    throw std::runtime_error("the font found for \"" + family +
                             "\" lacks letters or digits" + advice);
  }
}

void check_drawable(const Drawing& drawing) {
  const Surface surface(
      cairo_recording_surface_create(CAIRO_CONTENT_COLOR, nullptr));
  check(cairo_surface_status(surface.get()), "cannot start a drawing");
  const Context context(cairo_create(surface.get()));
  paint(context.get(), drawing);
}

double text_width(const std::string& text, const TextStyle& style) {
  cairo_text_extents_t extents{};
  ScaledFont& font = measuring_font(style);
  cairo_scaled_font_text_extents(font.get(), text.c_str(), &extents);
  const cairo_status_t status = cairo_scaled_font_status(font.get());
  if (status != CAIRO_STATUS_SUCCESS) {
    // A text that is no UTF-8 would spoil the font for all others.
    font = make_font(family(style), kMeasuringSize, style.bold);
    check(status, "cannot measure a text");
  }
  return extents.x_advance * style.size / kMeasuringSize;
}

double text_width(const std::string& text, double size, bool bold) {
  return text_width(text, {size, theme::kInk, Align::kLeft, bold});
}

std::string to_png(const Drawing& drawing) {
  // Cairo's images have sides of at most 32,767 pixels.
  constexpr double kMostSide = 32000;
  const double scale =
      std::min({kPngScale,
                kMostSide / std::max(drawing.width(), drawing.height()),
                std::sqrt(kMostPngPixels * 0.99 /
                          (drawing.width() * drawing.height()))});
  // Below a pixel a point nobody can read it.
  if (scale < 1.0)
    throw std::runtime_error("no PNG can hold a figure so large");
  const Surface surface(cairo_image_surface_create(
      CAIRO_FORMAT_RGB24,
      static_cast<int>(std::ceil(drawing.width() * scale)),
      static_cast<int>(std::ceil(drawing.height() * scale))));
  check(cairo_surface_status(surface.get()), "cannot hold a figure");
  const Context context(cairo_create(surface.get()));
  cairo_scale(context.get(), scale, scale);
  paint(context.get(), drawing);
  return encode_png(copy_pixels(surface.get()));
}

Pixels decode_png(const std::string& bytes) {
  // A few bytes can claim to unpack to gigabytes: the size stands in front, in
  // the chunk that must be the first.
  constexpr std::size_t kWidthAt = 16;
  const auto size_at = [&bytes](std::size_t at) {
    double size = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
      size = size * 256 + static_cast<unsigned char>(bytes[i]);
    }
    return size;
  };
  if (bytes.size() < kWidthAt + 8 || bytes.compare(12, 4, "IHDR") != 0 ||
      size_at(kWidthAt) * size_at(kWidthAt + 4) > kMostPngPixels) {
    throw std::runtime_error(
        "expected a PNG image of at most 33,554,432 pixels, got damaged bytes "
        "or a larger one");
  }
  Reader reader{&bytes, 0};
  const Surface surface(
      cairo_image_surface_create_from_png_stream(take, &reader));
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS) {
    throw std::runtime_error("expected a PNG image, got damaged bytes");
  }
  return copy_pixels(surface.get());
}

std::string to_pdf(const PdfDocument& document) {
  std::string out;
  {
    const Surface surface(
        cairo_pdf_surface_create_for_stream(append, &out, 1, 1));
    check(cairo_surface_status(surface.get()), "cannot start a PDF");
    cairo_pdf_surface_set_metadata(
        surface.get(), CAIRO_PDF_METADATA_TITLE, document.title.c_str());
    cairo_pdf_surface_set_metadata(
        surface.get(), CAIRO_PDF_METADATA_SUBJECT, document.subject.c_str());
    const Context context(cairo_create(surface.get()));
    int page = 0;
    for (const Drawing& drawing : document.pages) {
      ++page;
      cairo_pdf_surface_set_size(
          surface.get(), drawing.width(), drawing.height());
      paint(context.get(), drawing);
      for (const PdfLink& link : document.links) {
        if (link.page != page) continue;
        const std::string attributes =
            "rect=[" + decimals(link.x, 3) + " " + decimals(link.y, 3) + " " +
            decimals(link.width, 3) + " " + decimals(link.height, 3) +
            "] page=" + std::to_string(link.target_page) + " pos=[0 0]";
        cairo_tag_begin(context.get(), CAIRO_TAG_LINK, attributes.c_str());
        cairo_tag_end(context.get(), CAIRO_TAG_LINK);
      }
      cairo_show_page(context.get());
    }
    // The parent of each entry is the last one of the level above it.
    std::map<int, int> parents{{-1, CAIRO_PDF_OUTLINE_ROOT}};
    for (const PdfOutlineEntry& entry : document.outline) {
      const auto parent = parents.find(entry.level - 1);
      const std::string target =
          "page=" + std::to_string(entry.page) + " pos=[0 0]";
      parents[entry.level] = cairo_pdf_surface_add_outline(
          surface.get(),
          parent == parents.end() ? CAIRO_PDF_OUTLINE_ROOT : parent->second,
          entry.title.c_str(),
          target.c_str(),
          CAIRO_PDF_OUTLINE_FLAG_OPEN);
    }
    check(cairo_status(context.get()), "cannot draw a PDF");
    cairo_surface_finish(surface.get());
    check(cairo_surface_status(surface.get()), "cannot finish a PDF");
  }
  return out;
}

}  // namespace plot
