#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "mnist_report/command_line.h"
#include "mnist_report/content.h"
#include "mnist_report/facts.h"
#include "mnist_report/load.h"
#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/layers/linear.h"
#include "nn/layers/softmax.h"
#include "plot/ticks.h"
#include "report/sample_run.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;

// Drawing their figures takes a second: they are drawn once and then copied.
void write_all_runs(const std::string& results) {
  static const nn_test::TemporaryDirectory drawn;
  if (std::filesystem::is_empty(drawn.path())) {
    unsigned seed = 1;
    for (const char* backend : {"libnn", "torch"}) {
      for (const char* model : {"mlp", "cnn"}) {
        nn_test::write_sample_run(
            drawn.path(),
            std::string(model) + "-" + backend,
            nn_test::sample_run(model, backend, 3, seed++));
      }
    }
  }
  std::filesystem::copy(
      drawn.path(), results, std::filesystem::copy_options::recursive);
}

std::string html_of(const std::string& results) {
  return to_html(report::make_document(report::load_runs(results),
                                       report::Arrangement::kByFigure));
}

// The exit code of a shell command.
int exit_code(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Runs mnist_report; its output goes to `log`.
int run_report(const std::string& arguments, const std::string& log) {
  return exit_code(std::string(NN_MNIST_REPORT) + " " + arguments + " > '" +
                   log + "' 2>&1");
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("the report shows every figure of every run", "[report]") {
  const nn_test::TemporaryDirectory results;
  write_all_runs(results.path());
  const std::string html = html_of(results.path());
  // Loss, two matrices, top 3, mistakes, reliability, weights, feature maps,
  // times by layer a run; four comparisons of pairs; two of speeds.
  CHECK(count(html, "<svg") == 9 * 4 + 4 + 2);
  CHECK(count(html, "<img") == 0);
  CHECK(count(html, "aria-label=\"\"") == 0);
  CHECK(count(html, "alt=\"\"") == 0);
  CHECK(count(html, "What is missing") == 0);
  CHECK_THAT(html, ContainsSubstring("Ankle boot"));
}

TEST_CASE("the report's page needs nothing from outside itself", "[report]") {
  const nn_test::TemporaryDirectory results;
  write_all_runs(results.path());
  const std::string html = html_of(results.path());
  CHECK(count(html, "src=\"") == count(html, "src=\"data:"));
  CHECK(count(html, "<link") == 0);
  CHECK(count(html, "@import") == 0);
  CHECK(count(html, "url(") == 0);
}

TEST_CASE("the report's numbers are those of the files", "[report]") {
  const nn_test::TemporaryDirectory results;
  const apps::Run run = nn_test::sample_run("mlp", "libnn");
  nn_test::write_sample_run(results.path(), "mlp-libnn", run);
  const std::string html = html_of(results.path());
  long right = 0;
  for (const apps::Prediction& p : run.predictions) {
    right += p.label == p.predicted;
  }
  CHECK_THAT(html,
             ContainsSubstring("<td class=\"number\">" +
                               std::to_string(80 - right) + "</td>"));
  CHECK_THAT(
      html,
      ContainsSubstring("<td class=\"number\">" +
                        plot::format_percent(static_cast<double>(right) / 80) +
                        "</td>"));
  CHECK_THAT(
      html,
      ContainsSubstring(plot::format_number(run.history.back().test_loss)));
}

TEST_CASE("runs stand in a fixed order, whatever their folders' names",
          "[report]") {
  const nn_test::TemporaryDirectory results;
  nn_test::write_sample_run(
      results.path(), "a", nn_test::sample_run("cnn", "torch"));
  nn_test::write_sample_run(
      results.path(), "b", nn_test::sample_run("cnn", "libnn"));
  nn_test::write_sample_run(
      results.path(), "c", nn_test::sample_run("mlp", "libnn"));
  const report::Results loaded = report::load_runs(results.path());
  const auto& runs = loaded.runs;
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].title() == "MLP (libnn)");
  CHECK(runs[1].title() == "CNN (libnn)");
  CHECK(runs[2].title() == "CNN (LibTorch)");
}

TEST_CASE("a damaged or missing file is named and the rest is shown",
          "[report][errors]") {
  const std::string file = GENERATE("summary.json",
                                    "history.csv",
                                    "steps.csv",
                                    "predictions.csv",
                                    "confusion.csv",
                                    "top3.csv",
                                    "layers.csv",
                                    "images.csv",
                                    "model.safetensors");
  const bool missing = GENERATE(true, false);
  CAPTURE(file, missing);
  const nn_test::TemporaryDirectory results;
  write_all_runs(results.path());
  for (const char* other : {"mlp-torch", "cnn-torch"}) {
    std::filesystem::remove_all(results.file(other));
  }
  const std::string path = results.file("cnn-libnn/" + file);
  if (missing) {
    std::filesystem::remove(path);
  } else {
    const std::string whole = nn::read_file(path);
    nn::write_file_atomically(path, whole.substr(0, whole.size() / 2));
  }
  const report::Results loaded = report::load_runs(results.path());
  const auto& runs = loaded.runs;
  REQUIRE(runs.size() == 2);
  std::string problems;
  for (const report::LoadedRun& run : runs) {
    for (const std::string& line : run.problems) problems += line + "\n";
  }
  CHECK_THAT(problems, ContainsSubstring(path));
  CHECK(count(problems, "mlp-libnn") == 0);
  const std::string html = html_of(results.path());
  CHECK_THAT(html, ContainsSubstring("What is missing"));
  CHECK_THAT(html, ContainsSubstring("cnn-libnn/" + file));
  CHECK_THAT(html, ContainsSubstring("MLP (libnn)"));
  CHECK(to_pdf(report::make_document(loaded, report::Arrangement::kByRun))
            .rfind("%PDF-", 0) == 0);
}

TEST_CASE("a run without its summary still shows its tables",
          "[report][errors]") {
  const nn_test::TemporaryDirectory results;
  nn_test::write_sample_run(
      results.path(), "my run", nn_test::sample_run("cnn", "libnn"));
  std::filesystem::remove(results.file("my run/summary.json"));
  const report::Results loaded = report::load_runs(results.path());
  const auto& runs = loaded.runs;
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].title() == "my run");
  CHECK(runs[0].problems.size() == 1);
  const std::string html = html_of(results.path());
  // All but the feature maps, which take the normalization, are drawn; the
  // comparisons take two runs.
  CHECK(count(html, "<svg") == 8 + 2);
  CHECK(count(html, "<img") == 1);
  CHECK(count(html, "unknown backend") == 0);
}

TEST_CASE("figures that cannot be drawn anew are taken from the run",
          "[report][errors]") {
  const nn_test::TemporaryDirectory results;
  nn_test::write_sample_run(
      results.path(), "cnn-libnn", nn_test::sample_run("cnn", "libnn"));
  const std::string folder = results.file("cnn-libnn/");
  const auto shown = [&](const char* file) {
    const report::Results loaded = report::load_runs(results.path());
    const auto& runs = loaded.runs;
    return report::can_draw(runs[0], file) || runs[0].png.count(file) == 1;
  };
  SECTION("without the images") {
    std::filesystem::remove(folder + "images.csv");
    for (const char* file :
         {"top3.png", "mistakes.png", "filters.png", "feature_maps.png"}) {
      CHECK(shown(file));
    }
    CHECK(count(html_of(results.path()), "<img") == 3);
    // Now there is nothing left to show, and both files are named.
    std::filesystem::remove(folder + "top3.png");
    CHECK_FALSE(shown("top3.png"));
    const std::string html = html_of(results.path());
    CHECK_THAT(html, ContainsSubstring("images.csv"));
    CHECK_THAT(html, ContainsSubstring("top3.png"));
    CHECK(count(html, "<img") == 2);
  }
  SECTION("without the weights") {
    std::filesystem::remove(folder + "model.safetensors");
    CHECK(shown("filters.png"));
    CHECK(count(html_of(results.path()), "<img") == 2);
  }
  SECTION("with too few images") {
    const std::string text = nn::read_file(folder + "images.csv");
    nn::write_file_atomically(
        folder + "images.csv",
        text.substr(0, text.rfind('\n', text.size() - 2) + 1));
    CHECK(shown("top3.png"));
    CHECK_THAT(html_of(results.path()), ContainsSubstring("found too few"));
  }
  SECTION("with weights for images of another size") {
    nn::Sequential<float> other(nn::Shape{1, 14, 14}, /*seed=*/1);
    other.add<nn::Linear>(10).add<nn::Softmax>();
    nn::save_model(folder + "model.safetensors", other);
    CHECK(shown("filters.png"));
    CHECK_THAT(html_of(results.path()),
               ContainsSubstring("expected a network for images of 1x28x28"));
  }
}

TEST_CASE("a report can be made of any number of epochs and any success",
          "[report]") {
  const int epochs = GENERATE(1, 3, 20, 200);
  const bool knows_nothing = GENERATE(true, false);
  CAPTURE(epochs, knows_nothing);
  const nn_test::TemporaryDirectory results;
  apps::Run run = nn_test::sample_run("cnn", "libnn", epochs);
  for (apps::Prediction& p : run.predictions) {
    p.predicted = knows_nothing ? 0 : p.label;
    p.probability.assign(10, knows_nothing ? 0.1 : 0.0);
    if (!knows_nothing) {
      p.probability[static_cast<std::size_t>(p.label)] = 1.0;
    }
  }
  apps::derive_tables(run);
  std::filesystem::create_directory(results.file("cnn-libnn"));
  apps::write_run_tables(results.file("cnn-libnn"), run);
  const report::Results loaded = report::load_runs(results.path());
  const report::Document page =
      report::make_document(loaded, report::Arrangement::kByFigure);
  const std::string html = to_html(page);
  CHECK(count(html, "confuses no classes") == (knows_nothing ? 0 : 1));
  CHECK(count(html, knows_nothing ? "10.00 %" : "100.00 %") > 0);
  CHECK(count(html, ">nan") == 0);
  CHECK(to_pdf(report::make_document(loaded, report::Arrangement::kByRun))
            .rfind("%PDF-", 0) == 0);
}

TEST_CASE("a lost confusion matrix is counted again from the predictions",
          "[report]") {
  const nn_test::TemporaryDirectory results;
  const apps::Run run = nn_test::sample_run("mlp", "libnn");
  nn_test::write_sample_run(results.path(), "mlp-libnn", run);
  std::filesystem::remove(results.file("mlp-libnn/confusion.csv"));
  const report::Results loaded = report::load_runs(results.path());
  const auto& runs = loaded.runs;
  REQUIRE(runs[0].run.confusion.size() == run.confusion.size());
  for (std::size_t i = 0; i < run.confusion.size(); ++i) {
    CHECK(runs[0].run.confusion[i].count == run.confusion[i].count);
  }
}

TEST_CASE("the command line repeats the options, quoted for a shell",
          "[report]") {
  apps::Run run = nn_test::sample_run("mlp", "libnn");
  run.summary["options"]["model"] = "mlp";
  run.summary["options"]["nesterov"] = false;
  run.summary["options"]["test-limit"] = 0;
  run.summary["options"]["train-limit"] = 512;
  CHECK(report::command_line(run.summary) ==
        "mnist_mlp --data 'my data' --hidden 256,128 --quiet "
        "--train-limit 512");
  run.summary["program"] = "mnist_torch";
  CHECK_THAT(report::command_line(run.summary),
             ContainsSubstring("--model mlp"));
  run.summary["environment"] = {{"NN_MAX_ISA", "AVX2"}, {"OMP", "a b"}};
  CHECK_THAT(report::command_line(run.summary),
             Catch::Matchers::StartsWith(
                 "NN_MAX_ISA=AVX2 OMP='a b' mnist_torch --data"));
  CHECK(report::command_line(nlohmann::json::object()).empty());
}

TEST_CASE("nothing in a summary becomes a command of its own",
          "[report][errors]") {
  nlohmann::json summary = nn_test::sample_run("mlp", "libnn").summary;
  summary["program"] = "mnist_mlp; touch x";
  summary["environment"] = {{"A;touch x;B", "`touch x`"}};
  summary["options"] = {{"q;touch x", true}, {"$(touch x)", "$(touch x)"}};
  const std::string command = report::command_line(summary);
  const nn_test::TemporaryDirectory folder;
  nn::write_file_atomically(folder.file("script"), command + "\n");
  exit_code("cd '" + folder.path() + "' && sh ./script > /dev/null 2>&1");
  CAPTURE(command);
  CHECK(!std::filesystem::exists(folder.file("x")));
}

TEST_CASE("a shell takes a folded command as the whole one", "[report]") {
  const nn_test::TemporaryDirectory folder;
  const std::string command = "A=" + std::string(70, 'x') +
                              " printf '<%s>' mnist_mlp --data 'my own data' "
                              "--hidden 256,128 --quiet --seed 1";
  const auto output_of = [&folder](const std::string& text) {
    nn::write_file_atomically(folder.file("script"), text + "\n");
    REQUIRE(exit_code("sh '" + folder.file("script") + "' > '" +
                      folder.file("out") + "'") == 0);
    return nn::read_file(folder.file("out"));
  };
  const std::string whole = output_of(command);
  CHECK_THAT(whole, ContainsSubstring("<--data><my own data><--hidden>"));
  for (const std::size_t columns : {30, 50, 90, 1000}) {
    const std::string folded = report::fold_command(command, columns);
    CAPTURE(folded);
    CHECK(output_of(folded) == whole);
    std::size_t length = 0;
    for (const char c : folded) {
      length = c == '\n' ? 0 : length + 1;
      CHECK(length <= columns);
    }
  }
}

TEST_CASE("what a summary says cannot break out of the page",
          "[report][errors]") {
  const nn_test::TemporaryDirectory results;
  apps::Run run = nn_test::sample_run("mlp", "libnn");
  run.summary["dataset"]["class_names"][3] = "<script>alert(1)</script>";
  run.summary["options"]["data"] = "\"><img src=x>";
  nn_test::write_sample_run(results.path(), "mlp-libnn", run);
  const std::string html = html_of(results.path());
  CHECK(count(html, "<script>alert") == 0);
  CHECK(count(html, "<img src=x>") == 0);
}

TEST_CASE("mnist_report writes both reports and exits with 0",
          "[report][program]") {
  const nn_test::TemporaryDirectory results;
  const nn_test::TemporaryDirectory out;
  write_all_runs(results.path());
  REQUIRE(run_report("--results '" + results.path() + "' --out '" +
                         out.file("new/folder") + "'",
                     out.file("log")) == 0);
  const auto html =
      std::filesystem::file_size(out.file("new/folder/report.html"));
  const auto pdf =
      std::filesystem::file_size(out.file("new/folder/report.pdf"));
  CHECK(html < 10'000'000);
  CHECK(pdf < 5'000'000);
}

TEST_CASE("mnist_report exits with 1 where there is no run and 2 on usage",
          "[report][program][errors]") {
  const nn_test::TemporaryDirectory folder;
  const std::string log = folder.file("log");
  CHECK(run_report("--results '" + folder.file("nowhere") + "'", log) == 1);
  CHECK_THAT(nn::read_file(log), ContainsSubstring("mnist_report: error: "));
  CHECK_THAT(nn::read_file(log), ContainsSubstring("nowhere"));
  CHECK(run_report("--results '" + folder.path() + "'", log) == 1);
  CHECK_THAT(nn::read_file(log), ContainsSubstring("found none"));
  CHECK(!std::filesystem::exists(folder.file("report.html")));
  CHECK(run_report("--no-such-option", log) == 2);
  CHECK(run_report("--version", log) == 0);
  CHECK_THAT(nn::read_file(log), ContainsSubstring("mnist_report (libnn) "));
}

TEST_CASE("mnist_report names option and path of a folder it cannot make",
          "[report][program][errors]") {
  const nn_test::TemporaryDirectory folder;
  nn_test::write_sample_run(
      folder.path(), "mlp-libnn", nn_test::sample_run("mlp", "libnn"));
  const std::string log = folder.file("log");
  const std::string file = folder.file("file");
  nn::write_file_atomically(file, "text");
  const auto fails = [&](const std::string& out, const char* reason) {
    CHECK(run_report("--results '" + folder.path() + "' --out '" + out + "'",
                     log) == 1);
    CHECK_THAT(nn::read_file(log),
               ContainsSubstring("mnist_report: error: --out " + out + ": ") &&
                   ContainsSubstring(reason));
  };
  fails(file, "expected a folder, found a file");
  fails(file + "/new", "expected a folder that can be made and written");
}

TEST_CASE("without any font mnist_report names the package to install",
          "[report][program][errors]") {
  const nn_test::TemporaryDirectory folder;
  nn_test::write_sample_run(
      folder.path(), "mlp-libnn", nn_test::sample_run("mlp", "libnn"));
  nn::write_file_atomically(folder.file("fonts.conf"),
                            "<?xml version=\"1.0\"?><fontconfig/>\n");
  const std::string log = folder.file("log");
  CHECK(exit_code("FONTCONFIG_FILE='" + folder.file("fonts.conf") + "' " +
                  NN_MNIST_REPORT + " --results '" + folder.path() + "' > '" +
                  log + "' 2>&1") == 1);
  CHECK_THAT(nn::read_file(log), ContainsSubstring("fonts-dejavu-core"));
}

#ifdef NN_TIDY
TEST_CASE("tidy finds no error in the report's HTML", "[report][tools]") {
  const nn_test::TemporaryDirectory results;
  write_all_runs(results.path());
  std::filesystem::remove(results.file("mlp-torch/steps.csv"));
  nn::write_file_atomically(results.file("report.html"),
                            html_of(results.path()));
  const std::string log = results.file("tidy.log");
  // 0: clean, 1: warnings, 2: errors.
  const int code =
      exit_code(std::string(NN_TIDY) + " -e -q '" +
                results.file("report.html") + "' > '" + log + "' 2>&1");
  INFO(nn::read_file(log));
  CHECK(code < 2);
}
#endif

#if defined(NN_PDFTOTEXT) || defined(NN_MUTOOL)
TEST_CASE("PDF readers find the report's text and pages", "[report][tools]") {
  const nn_test::TemporaryDirectory results;
  write_all_runs(results.path());
  const report::Results loaded = report::load_runs(results.path());
  nn::write_file_atomically(
      results.file("report.pdf"),
      to_pdf(report::make_document(loaded, report::Arrangement::kByRun)));
  const std::string text = results.file("text");
#ifdef NN_PDFTOTEXT
  REQUIRE(exit_code(std::string(NN_PDFTOTEXT) + " '" +
                    results.file("report.pdf") + "' '" + text + "'") == 0);
  CHECK_THAT(nn::read_file(text), ContainsSubstring("Own code against"));
  CHECK_THAT(nn::read_file(text), ContainsSubstring("Ankle boot"));
  CHECK_THAT(nn::read_file(text), ContainsSubstring("page 1 of"));
#endif
#ifdef NN_MUTOOL
  REQUIRE(exit_code(std::string(NN_MUTOOL) + " draw -q -F txt -o '" + text +
                    "' '" + results.file("report.pdf") + "' 2> '" +
                    results.file("errors") + "'") == 0);
  CHECK(count(nn::read_file(results.file("errors")), "error") == 0);
  CHECK_THAT(nn::read_file(text), ContainsSubstring("Own code against"));
#endif
}
#endif

#ifdef NN_MUTOOL
TEST_CASE("no text of the PDF is below seven points", "[report][tools]") {
  const nn_test::TemporaryDirectory results;
  write_all_runs(results.path());
  nn::write_file_atomically(
      results.file("report.pdf"),
      to_pdf(report::make_document(report::load_runs(results.path()),
                                   report::Arrangement::kByRun)));
  REQUIRE(exit_code(std::string(NN_MUTOOL) + " draw -q -F stext -o '" +
                    results.file("text") + "' '" + results.file("report.pdf") +
                    "' 2> /dev/null") == 0);
  const std::string text = nn::read_file(results.file("text"));
  const std::string font = "<font name=\"";
  const std::string size = "\" size=\"";
  std::size_t fonts = 0;
  for (std::size_t at = text.find(font); at != std::string::npos;
       at = text.find(font, at + 1)) {
    ++fonts;
    CHECK(std::stod(text.substr(text.find(size, at) + size.size(), 8)) >= 7);
  }
  CHECK(fonts > 1000);
}
#endif

namespace {

// A run that differs from others of its model and backend in one option, or in
// what its summary says.
apps::Run run_with(const nlohmann::json& options = nlohmann::json::object(),
                   const std::string& model = "cnn",
                   unsigned seed = 1) {
  apps::Run run = nn_test::sample_run(model, "libnn", 3, seed);
  run.summary["options"].update(options);
  return run;
}

void write_tables(const nn_test::TemporaryDirectory& results,
                  const std::string& folder,
                  const apps::Run& run) {
  std::filesystem::create_directory(results.file(folder));
  apps::write_run_tables(results.file(folder), run);
}

void set_test_set(apps::Run& run, const std::string& checksum) {
  run.summary["dataset"]["files"] = {{{"name", "t10k-images-idx3-ubyte"},
                                      {"size_bytes", 62736},
                                      {"sha256", checksum}}};
}

std::vector<std::string> titles(const report::Results& results) {
  std::vector<std::string> out;
  for (const report::LoadedRun& run : results.runs) out.push_back(run.title());
  return out;
}

}  // namespace

TEST_CASE("runs that differ in options have names that say in which",
          "[report][names]") {
  const nn_test::TemporaryDirectory results;
  SECTION("one option") {
    write_tables(results, "a", run_with({{"seed", 1}}));
    write_tables(results, "b", run_with({{"seed", 2}}));
    write_tables(results, "c", run_with({{"seed", 2}}, "mlp"));
    CHECK(titles(report::load_runs(results.path())) ==
          std::vector<std::string>{
              "MLP (libnn)", "CNN (libnn), seed 1", "CNN (libnn), seed 2"});
    const std::string html = html_of(results.path());
    // In the tables, and in the title of every figure of the run.
    CHECK(count(html, "CNN (libnn), seed 1") > 10);
    CHECK(count(html, "CNN (libnn), seed 2") > 10);
    CHECK_THAT(html,
               ContainsSubstring(
                   "Fashion-MNIST: confusion matrix, CNN (libnn), seed 2"));
  }
  SECTION("several options, of which some are switches or not there") {
    write_tables(results,
                 "a",
                 run_with({{"seed", 1}, {"nesterov", true}, {"augment", ""}}));
    write_tables(results, "b", run_with({{"seed", 2}, {"nesterov", false}}));
    CHECK(titles(report::load_runs(results.path())) ==
          std::vector<std::string>{"CNN (libnn), seed 1, nesterov",
                                   "CNN (libnn), seed 2, no nesterov"});
  }
  SECTION("more options than a title has room for") {
    write_tables(
        results,
        "a",
        run_with({{"seed", 1}, {"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}}));
    write_tables(
        results,
        "b",
        run_with({{"seed", 2}, {"a", 2}, {"b", 2}, {"c", 2}, {"d", 2}}));
    CHECK(titles(report::load_runs(results.path()))[1] ==
          "CNN (libnn), seed 2, a 2, b 2, and 2 more");
  }
  SECTION("only where they read and wrote") {
    write_tables(results, "first", run_with({{"out", "x"}, {"data", "p"}}));
    write_tables(results, "second", run_with({{"out", "y"}, {"data", "q"}}));
    CHECK(titles(report::load_runs(results.path())) ==
          std::vector<std::string>{"CNN (libnn), folder first",
                                   "CNN (libnn), folder second"});
  }
  SECTION("only the environment") {
    apps::Run narrow = run_with();
    narrow.summary["environment"] = {{"NN_MAX_ISA", "AVX2"}};
    write_tables(results, "a", narrow);
    write_tables(results, "b", run_with());
    CHECK(titles(report::load_runs(results.path())) ==
          std::vector<std::string>{"CNN (libnn), NN_MAX_ISA AVX2",
                                   "CNN (libnn), no NN_MAX_ISA"});
  }
  SECTION("of equal names, as many as there are") {
    const std::string same(100, 'x');
    for (const char* end : {"1", "2", "3"}) {
      write_tables(results, same + end, run_with());
    }
    const auto all = titles(report::load_runs(results.path()));
    CHECK(std::set<std::string>(all.begin(), all.end()).size() == 3);
  }
}

TEST_CASE("networks are compared with those whose options are most like theirs",
          "[report][names]") {
  const nn_test::TemporaryDirectory results;
  for (const int seed : {1, 2}) {
    for (const char* backend : {"libnn", "torch"}) {
      for (const char* model : {"mlp", "cnn"}) {
        apps::Run run =
            nn_test::sample_run(model, backend, 3, static_cast<unsigned>(seed));
        run.summary["options"]["seed"] = run.summary["seed"] = seed;
        write_tables(
            results, std::string(model) + backend + std::to_string(seed), run);
      }
    }
  }
  const report::Results loaded = report::load_runs(results.path());
  const auto models = report::model_pairs(loaded.runs);
  REQUIRE(models.size() == 4);
  for (const auto& [mlp, cnn] : models) {
    CHECK(mlp->names.backend == cnn->names.backend);
    CHECK(mlp->names.distinction == cnn->names.distinction);
  }
  const auto backends = report::backend_pairs(loaded.runs);
  REQUIRE(backends.size() == 4);
  for (const auto& [own, torch] : backends) {
    CHECK(own->names.model == torch->names.model);
    CHECK(own->names.distinction == torch->names.distinction);
  }
  // Without its twin a run has no partner of another seed.
  std::filesystem::remove_all(results.file("mlptorch2"));
  const report::Results fewer = report::load_runs(results.path());
  CHECK(report::backend_pairs(fewer.runs).size() == 3);
}

TEST_CASE("data sets of one name are not taken for one", "[report]") {
  const nn_test::TemporaryDirectory results;
  apps::Run own = nn_test::sample_run("mlp", "libnn");
  apps::Run torch = nn_test::sample_run("mlp", "torch");
  const auto name = [](apps::Run& run, const char* sha) {
    run.summary["dataset"]["name"] = "letters";
    run.summary["dataset"]["files"] = {{{"name", "train-images-idx3-ubyte"},
                                        {"size_bytes", 999},
                                        {"sha256", sha}}};
  };
  name(own, "aaaa");
  name(torch, "aaaa");
  const bool same = GENERATE(true, false);
  SECTION("by the training files") {
    if (!same) name(torch, "bbbb");
  }
  SECTION("by the names of the classes") {
    if (!same) torch.summary["dataset"]["class_names"][0] = "another";
  }
  CAPTURE(same);
  write_tables(results, "own", own);
  write_tables(results, "torch", torch);
  const report::Results loaded = report::load_runs(results.path());
  CHECK(report::comparable(loaded.runs[0], loaded.runs[1]) == same);
  CHECK(report::backend_pairs(loaded.runs).size() == (same ? 1U : 0U));
  const std::string html = html_of(results.path());
  CHECK(count(html, "The runs are of different data sets") == (same ? 0 : 1));
}

TEST_CASE("a report's title names every data set", "[report]") {
  const nn_test::TemporaryDirectory results;
  for (const char* name : {"kmnist", "mnist", "qmnist"}) {
    apps::Run run = nn_test::sample_run("mlp", "libnn");
    run.summary["dataset"]["name"] = name;
    write_tables(results, name, run);
    write_tables(results, std::string(name) + "-again", run);
  }
  CHECK(report::dataset_title(report::load_runs(results.path()).runs) ==
        "KMNIST and MNIST and QMNIST");
}

TEST_CASE("networks that were tested on different images are not ranked",
          "[report]") {
  const nn_test::TemporaryDirectory results;
  apps::Run mlp = nn_test::sample_run("mlp", "libnn");
  apps::Run cnn = nn_test::sample_run("cnn", "libnn", 3, 2);
  set_test_set(mlp, "aaaa");
  const bool same = GENERATE(true, false);
  SECTION("by the files' checksums") {
    set_test_set(cnn, same ? "aaaa" : "bbbb");
  }
  SECTION("by the number of images") {
    set_test_set(cnn, "aaaa");
    if (!same) {
      cnn.predictions.pop_back();
      apps::derive_tables(cnn);
      cnn.images = apps::collect_images(cnn, nn_test::sample_test_set());
      cnn.summary["dataset"]["test_images"] = cnn.predictions.size();
    }
  }
  SECTION("by the labels, where a compressed file has another checksum") {
    cnn.summary["dataset"]["files"] = {{{"name", "t10k-images-idx3-ubyte.gz"},
                                        {"size_bytes", 999},
                                        {"sha256", "cccc"}}};
    if (!same) {
      std::swap(cnn.predictions[0].label, cnn.predictions[1].label);
      apps::derive_tables(cnn);
      cnn.images = apps::collect_images(cnn, nn_test::sample_test_set());
    }
  }
  CAPTURE(same);
  write_tables(results, "mlp", mlp);
  write_tables(results, "cnn", cnn);
  const report::Results loaded = report::load_runs(results.path());
  CHECK(report::same_test_set(loaded.runs[0], loaded.runs[1]) == same);
  const std::string html = html_of(results.path());
  CHECK(count(html, "The best network") == (same ? 1 : 0));
  CHECK(count(html, "tested on different images, and so not compared") ==
        (same ? 0 : 1));
  CHECK(count(html, "Test set</button>") == (same ? 0 : 1));
  CHECK(count(html, "Same prediction") == (same ? 1 : 0));
  CHECK(count(html, "of their predictions are the same") == (same ? 1 : 0));
  CHECK(count(html, "MLP against CNN (libnn)") == (same ? 1 : 0));
  CHECK(to_pdf(report::make_document(loaded, report::Arrangement::kByRun))
            .rfind("%PDF-", 0) == 0);
}

TEST_CASE("a class without test images has a dash wherever it stands",
          "[report]") {
  const nn_test::TemporaryDirectory results;
  apps::Run run = nn_test::sample_run("cnn", "libnn");
  // Bags are tested no more; some images are taken for them all the same.
  constexpr int kBag = 8;
  for (apps::Prediction& p : run.predictions) {
    if (p.label == kBag) p.label = 0;
  }
  run.predictions[0].predicted = kBag;
  apps::derive_tables(run);
  run.images = apps::collect_images(run, nn_test::sample_test_set());
  write_tables(results, "cnn", run);
  const report::Results loaded = report::load_runs(results.path());
  const auto present = apps::classes_present(loaded.runs[0].run);
  for (int c = 0; c < loaded.runs[0].run.classes; ++c) {
    CHECK(present.at(static_cast<std::size_t>(c)) == (c != kBag));
  }
  const std::string html = html_of(results.path());
  CHECK_THAT(html, ContainsSubstring("Bag \u2013,"));
  CHECK_THAT(html, ContainsSubstring("Bag \u2013 not in the test set"));
  CHECK_THAT(html,
             ContainsSubstring("<tr><td>Bag</td><td class=\"number\">0</td>"
                               "<td class=\"number\">-</td>"
                               "<td class=\"number\">-</td>"
                               "<td class=\"number\">-</td></tr>"));
  // Ten cells of each of the two matrices, a row of each.
  CHECK(count(html, ">\u2013</text>") == 20);
  CHECK(count(html, "A row of dashes") == 2);
  CHECK_THAT(html, ContainsSubstring("of the 27 are of another class"));
  CHECK(count(html, "nan") == 0);
  // The file stays as it is documented.
  CHECK_THAT(nn::read_file(results.file("cnn/confusion.csv")),
             ContainsSubstring("\n8,0,0,0,0\n"));
}

TEST_CASE("tables that contradict the predictions are named and counted again",
          "[report][errors]") {
  const nn_test::TemporaryDirectory results;
  const apps::Run run = nn_test::sample_run("cnn", "libnn");
  apps::Run other = run;
  ++other.confusion[0].count;
  other.top3[0].probability /= 2;
  write_tables(results, "cnn", other);
  const report::Results loaded = report::load_runs(results.path());
  const apps::Run& read = loaded.runs[0].run;
  CHECK(read.confusion[0].count == run.confusion[0].count);
  CHECK(read.top3[0].probability == run.top3[0].probability);
  const std::string html = html_of(results.path());
  CHECK_THAT(html,
             ContainsSubstring("confusion.csv: expected what predictions.csv"));
  CHECK_THAT(html,
             ContainsSubstring("top3.csv: expected what predictions.csv"));
}

TEST_CASE("a report shows as many runs as there is room for and names the rest",
          "[report][errors]") {
  const nn_test::TemporaryDirectory results;
  for (std::size_t i = 0; i < report::kMostRuns + 2; ++i) {
    const std::string folder = results.file("r" + std::to_string(1000 + i));
    std::filesystem::create_directory(folder);
    nn::write_file_atomically(folder + "/steps.csv",
                              "step,epoch,loss\n1,1,1\n");
  }
  // Another program's work is nobody's run.
  std::filesystem::create_directory(results.file(".partial"));
  nn::write_file_atomically(results.file(".partial/steps.csv"), "");
  const report::Results loaded = report::load_runs(results.path());
  CHECK(loaded.runs.size() == report::kMostRuns);
  REQUIRE(loaded.problems.size() == 1);
  CHECK_THAT(loaded.problems[0],
             ContainsSubstring("found 102") && ContainsSubstring("r1100"));
  CHECK(to_pdf(report::make_document(loaded, report::Arrangement::kByRun))
            .rfind("%PDF-", 0) == 0);
}
