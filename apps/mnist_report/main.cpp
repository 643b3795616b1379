#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>

#include "common/artifacts.h"
#include "common/output.h"
#include "common/versions.h"
#include "mnist_report/content.h"
#include "mnist_report/load.h"
#include "nn/file.h"

namespace {

// Without --out the report goes to the folder of --results.
void write_report(const std::string& results, const std::string& given_out) {
  const std::string& out = given_out.empty() ? results : given_out;
  const auto runs = report::load_runs(results);
  for (const report::LoadedRun& run : runs) {
    for (const std::string& problem : run.problems) {
      std::cerr << "mnist_report: warning: " << problem << '\n';
    }
  }
  const apps::RunFolder folder(out, given_out.empty() ? "--results" : "--out");
  const auto write = [&out](const char* name, const std::string& content) {
    const std::string path = (std::filesystem::path(out) / name).string();
    nn::write_file_atomically(path, content);
    std::cout << path << '\n';
  };
  using report::Arrangement;
  write("report.html", to_html(make_document(runs, Arrangement::kByFigure)));
  write("report.pdf", to_pdf(make_document(runs, Arrangement::kByRun)));
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
      std::cerr << "mnist_report: error: " << error.what() << '\n'
                << "Run mnist_report --help for its options.\n";
      return 2;
    }
    write_report(results, out);
    return 0;
  });
}
