#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/artifacts.h"
#include "common/output.h"
#include "common/printable.h"
#include "common/versions.h"
#include "mnist_report/content.h"
#include "mnist_report/load.h"
#include "nn/files/file.h"
#include "plot/drawing.h"

namespace {

// Once each, whatever control characters an argument or a message holds.
void complain(const char* kind, const std::string& what) {
  std::cerr << "mnist_report: " << kind << ": ";
  const char* separator = "";
  std::istringstream lines(what);
  for (std::string line; std::getline(lines, line); separator = "\n") {
    std::cerr << separator << apps::printable(line);
  }
  std::cerr << '\n';
}

// Without --out the report goes to the folder of --results.
void write_report(const std::string& results, const std::string& given_out) {
  const std::string& out = given_out.empty() ? results : given_out;
  plot::require_font(plot::theme::kFontFamily);
  const report::Results loaded = report::load_runs(results);
  std::set<std::string> complaints;
  const auto warn = [&complaints](const std::vector<std::string>& problems) {
    for (const std::string& problem : problems) {
      if (complaints.insert(problem).second) complain("warning", problem);
    }
  };
  warn(loaded.all_problems());
  const apps::RunFolder folder(out, given_out.empty() ? "--results" : "--out");
  const auto write = [&](const char* name,
                         report::Arrangement arrangement,
                         std::string (*set)(const report::Document&)) {
    const report::Document document = make_document(loaded, arrangement);
    warn(document.problems);
    const std::string path = (std::filesystem::path(out) / name).string();
    nn::write_file_atomically(path, set(document));
    std::cout << apps::printable(path) << '\n';
  };
  write("report.html", report::Arrangement::kByFigure, report::to_html);
  write("report.pdf", report::Arrangement::kByRun, report::to_pdf);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Puts the runs of the mnist_* programs side by side: writes report.html "
      "and report.pdf."};
  std::string results = "results";
  std::string out;
  app.add_option("--results", results, "Folder that holds the run folders")
      ->capture_default_str();
  app.add_option("--out", out, "Folder to write to [that of --results]");
  app.set_version_flag("--version",
                       "mnist_report (libnn) " + apps::program_version());
  return apps::run_main("mnist_report", [&] {
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& success) {
      std::ostringstream text;
      const int code = app.exit(success, text, text);
      std::cout << text.str();
      return code;
    } catch (const CLI::ParseError& error) {
      complain("error", error.what());
      std::cerr << "Run mnist_report --help for its options.\n";
      return 2;
    }
    try {
      write_report(results, out);
    } catch (const std::runtime_error& error) {
      complain("error", error.what());
      return 1;
    }
    return 0;
  });
}
