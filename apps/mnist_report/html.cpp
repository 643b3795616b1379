#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

#include "common/texts.h"
#include "mnist_report/document.h"
#include "plot/render.h"

namespace report {
namespace {

namespace texts = apps::texts;
namespace theme = plot::theme;
using plot::escape_markup;

std::string hex(const plot::Rgb& c) {
  char out[8];
  std::snprintf(out, sizeof out, "#%02x%02x%02x", c.r, c.g, c.b);
  return out;
}

// The theme's colours as variables, light, and dark where a screen prefers it.
std::string colour_variables() {
  const std::pair<const char*, plot::Colour> colours[] = {
      {"paper", theme::kPaper},
      {"ink", theme::kInk},
      {"muted", theme::kMuted},
      {"line", theme::kGrid},
      {"soft", theme::kSoft},
      {"bad", theme::kBad},
      {"link", theme::series(0)}};
  std::string light = ":root{color-scheme:light";
  std::string dark = ":root{color-scheme:dark";
  for (const auto& [name, colour] : colours) {
    light += std::string(";--") + name + ":" + hex(colour.light);
    dark += std::string(";--") + name + ":" + hex(colour.dark);
  }
  const std::string sans = std::string("\"") + theme::kFontFamily +
                           "\",Verdana,system-ui,sans-serif";
  const std::string code =
      std::string("\"") + theme::kCodeFontFamily + "\",monospace";
  return light + ";--sans:" + sans + ";--code:" + code +
         "}\n@media screen and (prefers-color-scheme:dark){" + dark + "}}\n";
}

constexpr char kStyle[] = R"css(
*{box-sizing:border-box}
body{margin:0 auto;padding:1.2rem 1.2rem 4rem;max-width:96rem;
background:var(--paper);color:var(--ink);
font:16px/1.55 var(--sans)}
h1{font-size:1.9rem;line-height:1.2;margin:.6rem 0 .3rem}
h2{font-size:1.35rem;margin:2.8rem 0 .6rem;padding-top:.8rem;
border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.6rem 0 .4rem}
p{max-width:48rem;margin:.5rem 0}
.subtitle,caption,.note{color:var(--muted)}
a{color:var(--link)}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;padding:0;
margin:1rem 0}
.problem{border-left:4px solid var(--bad);padding:.3rem .8rem;
background:var(--soft);overflow-wrap:anywhere}
pre{background:var(--soft);padding:.8rem 1rem;overflow-x:auto;
white-space:pre-wrap;overflow-wrap:anywhere;
font:13px/1.6 var(--code);border-radius:6px}
.scroll{display:inline-block;vertical-align:top;max-width:100%;overflow-x:auto;
margin:.8rem 3rem .8rem 0}
table{border-collapse:collapse;font-size:.9rem}
caption{caption-side:bottom;text-align:left;font-size:.85rem;
padding-top:.4rem;min-width:16rem;max-width:calc(100vw - 2rem)}
th,td{padding:.35rem .8rem;border-bottom:1px solid var(--line);
text-align:left;vertical-align:top}
th{background:var(--soft)}
th button{all:unset;cursor:pointer;font-weight:bold}
th button:focus-visible{outline:2px solid var(--link)}
th button::after{content:"\00a0\2195";opacity:.45}
th[aria-sort] button::after{opacity:1}
th[aria-sort=ascending] button::after{content:"\00a0\25B2"}
th[aria-sort=descending] button::after{content:"\00a0\25BC"}
.number{text-align:right;font-variant-numeric:tabular-nums;
white-space:nowrap}
td:not(.number){overflow-wrap:break-word;min-width:6rem}
.figures{display:grid;gap:1rem;margin:1rem 0;
grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr))}
figure{margin:0;overflow-x:auto;border:1px solid var(--line);border-radius:8px;
padding:.5rem}
figure svg,figure img{display:block;width:100%;height:auto;margin:0 auto}
figure svg{font-family:var(--sans);white-space:pre}
figure img{background:#fff;border-radius:4px}
figcaption{display:none}
@media screen and (max-width:40rem){
body{padding:.8rem .8rem 3rem;font-size:15px}th,td{padding:.35rem .45rem}
figcaption{display:block;position:sticky;left:0;font-size:.85rem;
color:var(--muted);padding:.2rem .3rem .4rem}
figure svg,figure img{min-width:36rem}}
@page{size:A4;margin:12mm}
@media print{body{max-width:none;font-size:10pt;padding:0}
nav,th button::after{display:none}figure,tr{break-inside:avoid}
h2,h3,p:has(+.figures){break-after:avoid}
table{font-size:7.5pt}th,td{padding:2pt 3pt}.scroll{overflow:visible}
td:not(.number){overflow-wrap:anywhere;min-width:3rem}
.figures{display:block}
figure{max-width:132mm!important;margin:0 0 3mm;padding:2mm;overflow:visible}
figure svg,figure img{max-height:235mm}a{color:inherit}}
)css";

// Sorting by a column's numbers where it has them, by its texts elsewhere.
constexpr char kScript[] = R"js(
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const cell = button.parentNode, table = cell.closest("table");
    const up = cell.getAttribute("aria-sort") !== "ascending";
    for (const other of table.querySelectorAll("th")) {
      other.removeAttribute("aria-sort");
    }
    cell.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[cell.cellIndex].textContent;
    const number = (text) => parseFloat(text.replace(/,/g, ""));
    const rows = [...table.tBodies[0].rows].sort((a, b) => {
      const x = number(key(a)), y = number(key(b));
      // Cells without a number stand behind those with one, either way.
      if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
      const order = isNaN(x) ? key(a).localeCompare(key(b)) : x - y;
      return up ? order : -order;
    });
    table.tBodies[0].append(...rows);
  });
}
)js";

// "MLP against CNN" as "mlp-against-cnn".
std::string anchor(const std::string& text) {
  std::string out;
  for (const char c : text) {
    // Not std::isalnum(), which knows more letters under some locales.
    const char lower =
        c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9')) {
      out += lower;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  return out;
}

struct Writer {
  std::string& out;
  plot::SvgColours& colours;

  void operator()(const Heading& block) const {
    const std::string tag = block.level == 1 ? "h2" : "h3";
    out += "<" + tag;
    if (block.level == 1) out += " id=\"" + anchor(block.text) + "\"";
    out += ">" + escape_markup(block.text) + "</" + tag + ">\n";
  }
  void operator()(const Paragraph& block) const {
    switch (block.kind) {
      case Paragraph::Kind::kCode:
        out += "<pre>" + escape_markup(block.text) + "</pre>\n";
        return;
      case Paragraph::Kind::kProblem:
        out += "<p class=\"problem\">";
        break;
      case Paragraph::Kind::kNote:
        out += "<p class=\"note\">";
        break;
      case Paragraph::Kind::kText:
        out += "<p>";
        break;
    }
    out += escape_markup(block.text) + "</p>\n";
  }
  void operator()(const Table& block) const {
    const auto cell = [&](std::size_t column) {
      return column >= block.first_number ? " class=\"number\"" : "";
    };
    out += "<div class=\"scroll\"><table>\n<caption>" +
           escape_markup(block.caption) + "</caption>\n<thead><tr>";
    for (std::size_t c = 0; c < block.columns.size(); ++c) {
      const std::string& name = block.columns[c];
      if (name.empty()) {
        out += "<td></td>";
        continue;
      }
      out += std::string("<th scope=\"col\"") + cell(c) +
             "><button type=\"button\">" + escape_markup(name) +
             "</button></th>";
    }
    out += "</tr></thead>\n<tbody>\n";
    for (const auto& row : block.rows) {
      out += "<tr>";
      for (std::size_t c = 0; c < row.size(); ++c) {
        out += std::string("<td") + cell(c) + ">" + escape_markup(row[c]) +
               "</td>";
      }
      out += "</tr>\n";
    }
    out += "</tbody></table></div>\n";
  }
  void operator()(const FigureRow& block) const {
    out += "<div class=\"figures\">\n";
    for (const Figure& figure : block.figures) {
      // A figure alone in its row would be blown up to the page's width.
      constexpr double kMostGrowth = 1.3;
      const double width =
          figure.drawing ? figure.drawing->width()
                         : plot::decode_png(figure.png).width / plot::kPngScale;
      out += "<figure style=\"max-width:" +
             std::to_string(std::lround(width * kMostGrowth)) + "px\">";
      // A phone shows only the left part of a figure at first.
      if (!figure.name.empty()) {
        out += "<figcaption>" + escape_markup(figure.name) + texts::kScroll +
               "</figcaption>";
      }
      if (figure.drawing) {
        out += plot::to_svg(*figure.drawing, figure.alt, colours);
      } else {
        out += "<img alt=\"" + escape_markup(figure.alt) +
               "\" src=\"data:image/png;base64," + plot::base64(figure.png) +
               "\">";
      }
      out += "</figure>\n";
    }
    out += "</div>\n";
  }
};

}  // namespace

std::string to_html(const Document& document) {
  plot::SvgColours colours;
  std::string body;
  std::string contents;
  for (const Block& block : document.blocks) {
    std::visit(Writer{body, colours}, block);
    const auto* heading = std::get_if<Heading>(&block);
    if (heading != nullptr && heading->level == 1) {
      contents += "<li><a href=\"#" + anchor(heading->text) + "\">" +
                  escape_markup(heading->text) + "</a></li>\n";
    }
  }
  const std::string title = escape_markup(document.title);
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
         "<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, "
         "initial-scale=1\">\n<title>" +
         title + "</title>\n<style>" + colour_variables() + kStyle +
         colours.css() + "</style>\n</head>\n<body>\n<header><h1>" + title +
         "</h1>\n<p class=\"subtitle\">" + escape_markup(document.subtitle) +
         "</p></header>\n<nav aria-label=\"Contents\"><ul>\n" + contents +
         "</ul></nav>\n<main>\n" + body + "</main>\n<script>" + kScript +
         "</script>\n</body>\n</html>\n";
}

}  // namespace report
