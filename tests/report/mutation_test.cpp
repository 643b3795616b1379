// Run folders as disks, networks and people damage them: whatever stands in
// one, the report names what it cannot use and shows the rest.

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "common/printable.h"
#include "mnist_report/content.h"
#include "mnist_report/load.h"
#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/random.h"
#include "report/sample_run.h"
#include "support/catch.h"
#include "support/environment.h"
#include "support/temporary_directory.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn_test::from_environment;
using Files = std::map<std::string, std::string>;

constexpr const char* kFiles[] = {"summary.json",
                                  "history.csv",
                                  "steps.csv",
                                  "predictions.csv",
                                  "confusion.csv",
                                  "top3.csv",
                                  "images.csv",
                                  "layers.csv",
                                  "model.safetensors"};

// Tables and weights of a run; a small network, so that reading its weights is
// not all that is tested.
void write_small_run(const std::string& folder, const std::string& backend) {
  std::filesystem::create_directories(folder);
  apps::write_run_tables(folder, nn_test::sample_run("cnn", backend));
  nn::Sequential<float> net(nn::Shape{1, 28, 28}, /*seed=*/1);
  net.add<nn::Conv2d>(2, 5, 4).add<nn::ReLU>();
  net.add<nn::Linear>(10).add<nn::Softmax>();
  nn::save_model(folder + "/model.safetensors", net);
}

const Files& sample_files() {
  static const Files kSample = [] {
    const nn_test::TemporaryDirectory folder;
    write_small_run(folder.file("run"), "libnn");
    Files files;
    for (const char* name : kFiles) {
      files[name] = nn::read_file(folder.file("run/") + name);
    }
    return files;
  }();
  return kSample;
}

// Whether each of the lines can be given to a terminal and a font.
bool is_printable(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (apps::printable(line, line.size()) != line) return false;
  }
  return true;
}

// Changes run folders at random.
class Mutator {
 public:
  explicit Mutator(unsigned seed) : rng_(seed) {}

  void mutate(Files& files) {
    // Half of the damage is one change, the rest some of them.
    do {
      change(files);
    } while (rng_.uniform() < 0.5);
  }

 private:
  std::size_t below(std::size_t limit) {
    return limit == 0 ? 0
                      : static_cast<std::size_t>(
                            rng_.index(static_cast<nn::Index>(limit)));
  }
  template <std::size_t kSize>
  const char* one_of(const char* const (&list)[kSize]) {
    return list[below(kSize)];
  }

  std::string hostile_text() {
    static constexpr const char* kTexts[] = {"\x1B[31mred\x1B]0;title\a",
                                             "\xE2\x80\xAEright to left",
                                             "\xFF\xFE\xC0\x80",
                                             "\xED\xA0\x80",
                                             "\xF4\x90\x80\x80",
                                             "</svg><script>alert(1)</script>",
                                             "\" onload=\"x",
                                             "\r\n\b\b",
                                             ",",
                                             "\\u0000\\u001b[2J",
                                             "\\ud800",
                                             "%s%n%1000000d"};
    if (rng_.uniform() < 0.1) return std::string(below(1 << 20), 'W');
    return one_of(kTexts);
  }

  std::string extreme_value() {
    static constexpr const char* kValues[] = {"0",
                                              "-1",
                                              "-0",
                                              "1e308",
                                              "1e999",
                                              "5e-324",
                                              "1e99",
                                              "nan",
                                              "inf",
                                              "9223372036854775807",
                                              "2147483648",
                                              "18446744073709551616",
                                              "1e-320",
                                              "0.1",
                                              "true",
                                              "null",
                                              "[]",
                                              "{}",
                                              "\"\"",
                                              "[[[[]]]]",
                                              "{\"a\":{\"a\":1}}",
                                              "999999999",
                                              "4294967295"};
    return one_of(kValues);
  }

  // Where a number or a word of the text begins, and its length.
  void replace_token(std::string& text, const std::string& by) {
    if (text.empty()) return;
    static const std::string kEnds = ",:\n \"[]{}";
    const std::size_t at = below(text.size());
    const std::size_t first = text.find_first_not_of(kEnds, at);
    if (first == std::string::npos) return;
    const std::size_t end = text.find_first_of(kEnds, first);
    text.replace(first, end == std::string::npos ? end : end - first, by);
  }

  void change(Files& files) {
    auto chosen = files.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(below(files.size())));
    std::string& text = chosen->second;
    const std::size_t at = below(text.size());
    const std::size_t length = below(std::min<std::size_t>(64, text.size()));
    switch (rng_.index(16)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(rng_.index(256));
        return;
      case 1:
        if (!text.empty()) {
          text[at] = static_cast<char>(text[at] ^ (1 << rng_.index(8)));
        }
        return;
      case 2:
        text.resize(at);
        return;
      case 3:
        text.insert(at, std::string(length, static_cast<char>(below(256))));
        return;
      case 4:
        text.erase(at, length);
        return;
      case 5:
        text.insert(at, text.substr(at, length));
        return;
      case 6:
        text.insert(at, hostile_text());
        return;
      case 7:
      case 8:
        replace_token(text, extreme_value());
        return;
      case 9:
      case 10:
        replace_token(files["summary.json"], extreme_value());
        return;
      case 11:
        replace_token(files["summary.json"], hostile_text());
        return;
      case 12: {
        auto other = files.begin();
        std::advance(other, static_cast<std::ptrdiff_t>(below(files.size())));
        std::swap(text, other->second);
        return;
      }
      case 13:
        if (files.size() > 1) files.erase(chosen);
        return;
      case 14:
        files["summary.json"].insert(
            below(files["summary.json"].size()),
            std::string(below(100'000), rng_.uniform() < 0.5 ? '[' : '{'));
        return;
      default:
        // Lines that are gone, twice there or exchanged.
        const std::size_t line = text.find('\n', at);
        if (line == std::string::npos) return;
        const std::size_t end = text.find('\n', line + 1);
        if (end == std::string::npos) return;
        const std::string whole = text.substr(line, end - line);
        if (rng_.uniform() < 0.5) {
          text.erase(line, end - line);
        } else {
          text.insert(line, whole);
        }
    }
  }

  nn::Rng rng_;
};

// Makes a regular file's place something else. False where this system or user
// cannot.
bool put_kind(const std::string& path, const std::string& kind) {
  std::filesystem::remove(path);
  if (kind == "pipe") return ::mkfifo(path.c_str(), 0600) == 0;
  if (kind == "folder") return std::filesystem::create_directory(path);
  if (kind == "loop") return ::symlink(path.c_str(), path.c_str()) == 0;
  if (kind == "dangling") return ::symlink("/no/such", path.c_str()) == 0;
  if (kind == "device") return ::symlink("/dev/zero", path.c_str()) == 0;
  if (kind == "unreadable") {
    nn::write_file_atomically(path, "text");
    return ::chmod(path.c_str(), 0) == 0 && ::access(path.c_str(), R_OK) != 0;
  }
  if (kind == "socket") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    path.copy(address.sun_path, path.size());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool bound = ::bind(socket,
                              reinterpret_cast<const sockaddr*>(&address),
                              sizeof address) == 0;
    ::close(socket);
    return bound;
  }
  // A file of 8 GB that takes no room on the disk.
  std::ofstream(path).put('x');
  std::error_code error;
  std::filesystem::resize_file(path, std::uintmax_t{8} << 30, error);
  return !error;
}

constexpr const char* kKinds[] = {"pipe",
                                  "folder",
                                  "loop",
                                  "dangling",
                                  "device",
                                  "unreadable",
                                  "socket",
                                  "sparse"};

}  // namespace

// The number of runs, and how many of them are drawn too, can be raised:
// NN_REPORT_MUTATIONS, NN_REPORT_DRAWN; NN_REPORT_SEED begins elsewhere.
TEST_CASE("whatever is damaged in a run, the report is made",
          "[report][errors][mutations]") {
  const long mutations = from_environment("NN_REPORT_MUTATIONS", 150);
  const long drawn = from_environment("NN_REPORT_DRAWN", 20);
  const long first = from_environment("NN_REPORT_SEED", 1);
  const long stride = std::max(1L, mutations / std::max(1L, drawn));
  const report::LoadedRun good =
      report::load_run("good", apps::RunFiles("good", sample_files()));
  // The figures' files are not there: nothing needs them.
  REQUIRE(good.problems.empty());
  long unreadable = 0;
  long with_problems = 0;
  double slowest = 0;
  for (long seed = first; seed < first + mutations; ++seed) {
    CAPTURE(seed);
    Files files = sample_files();
    Mutator(static_cast<unsigned>(seed)).mutate(files);
    const auto start = std::chrono::steady_clock::now();
    report::Results results;
    results.runs = {report::load_run("run", apps::RunFiles("run", files))};
    unreadable += !results.runs[0].is_readable();
    with_problems += !results.runs[0].problems.empty();
    for (const std::string& problem : results.runs[0].problems) {
      // Nothing that somebody asks for says "expected" of itself.
      if (!is_printable(problem) || problem.find("run/") != 0) FAIL(problem);
    }
    if ((seed - first) % stride == 0) {
      if (seed % 4 == 0) results.runs.push_back(good);
      const report::Document page =
          make_document(results, report::Arrangement::kByFigure);
      const std::string html = to_html(page);
      const report::Document paper =
          make_document(results, report::Arrangement::kByRun);
      const std::string pdf = to_pdf(paper);
      for (const std::string& problem : paper.problems) UNSCOPED_INFO(problem);
      // What reading lets pass can be drawn.
      CHECK(page.problems.empty());
      CHECK(paper.problems.empty());
      CHECK(is_printable(html));
      CHECK(html.find("<script>alert") == std::string::npos);
      CHECK(html.size() < 20'000'000);
      CHECK(pdf.rfind("%PDF-", 0) == 0);
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    slowest = std::max(slowest, seconds);
  }
  std::cout << mutations << " run folders from seed " << first << ", "
            << with_problems << " with problems, " << unreadable
            << " not readable at all; the slowest took " << slowest << " s\n";
  // Most changes are seen; the others change a number to one that may be.
  CHECK(with_problems > mutations / 2);
  // A hang, and no measurement.
  CHECK(slowest < 60);
}

TEST_CASE("only regular files of bounded size are read",
          "[report][errors][mutations]") {
  const nn_test::TemporaryDirectory results;
  int tried = 0;
  for (const char* kind : kKinds) {
    for (const char* file : kFiles) {
      CAPTURE(kind, file);
      const std::string folder = results.file("r");
      std::filesystem::remove_all(folder);
      std::filesystem::create_directory(folder);
      for (const auto& [name, content] : sample_files()) {
        if (name == file) continue;
        std::ofstream(folder + "/" + name) << content;
      }
      const std::string path = folder + "/" + file;
      if (!put_kind(path, kind)) continue;
      ++tried;
      const report::LoadedRun run =
          report::load_run("r", apps::RunFiles(folder));
      REQUIRE(!run.problems.empty());
      CHECK_THAT(run.problems[0], ContainsSubstring(path + ": "));
      CHECK(run.is_readable());
    }
  }
  CHECK(tried >= 7 * 9 - 1);
}

TEST_CASE("hostile runs do not cost the report the others",
          "[report][program][errors][mutations]") {
  const nn_test::TemporaryDirectory results;
  write_small_run(results.file("good"), "libnn");
  // A folder of each kind in place of every file.
  for (const char* kind : kKinds) {
    const std::string folder = results.file(kind);
    std::filesystem::create_directory(folder);
    for (const char* file : kFiles) {
      put_kind(folder + "/" + file, kind);
    }
  }
  // What only a look into the files shows.
  const auto damage = [&](const std::string& name,
                          const std::string& file,
                          const std::string& content) {
    write_small_run(results.file(name), "torch");
    nn::write_file_atomically(results.file(name + "/" + file), content);
  };
  // A whole summary, but for the depth of one value.
  std::string deep = sample_files().at("summary.json");
  deep.insert(deep.find('{') + 1,
              "\"seed\":" + std::string(200'000, '[') +
                  std::string(200'000, ']') + ",");
  damage("brackets", "summary.json", deep);
  damage("counts",
         "confusion.csv",
         "label,predicted,count,share,mean_probability\n"
         "0,0,9223372036854775807,1,1\n");
  damage("\x1B[31mname\xFF\xE2\x80\xAE", "steps.csv", "\x1B]0;owned\a\n");
  apps::Run titled = nn_test::sample_run("cnn", "torch");
  titled.summary["dataset"]["name"] = std::string(1 << 20, 'W');
  titled.summary["model"] = std::string(1 << 20, 'M');
  titled.summary["dataset"]["class_names"][0] = std::string(1 << 20, 'C');
  titled.summary["processor"] = std::string(1 << 18, 'P');
  titled.summary["options"]["data"] = std::string(1 << 18, 'D');
  std::filesystem::create_directory(results.file("titled"));
  apps::write_run_tables(results.file("titled"), titled);
  REQUIRE(::symlink("self", results.file("self").c_str()) == 0);

  // The time limit is that of a hang.
  const std::string command = std::string("timeout 100 ") + NN_MNIST_REPORT +
                              " --results '" + results.path() + "' > '" +
                              results.file("log") + "' 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string log = nn::read_file(results.file("log"));
  INFO(log);
  CHECK(is_printable(log));
  for (const char* kind : kKinds) {
    if (std::string(kind) == "unreadable" && ::geteuid() == 0) continue;
    CHECK_THAT(log, ContainsSubstring(results.file(kind) + "/summary.json: "));
  }
  CHECK_THAT(log,
             ContainsSubstring("brackets/summary.json: expected a run's "
                               "summary: expected values at most 32"));
  CHECK_THAT(log, ContainsSubstring("counts/confusion.csv:2: "));
  CHECK_THAT(log, ContainsSubstring("self: "));
  const std::string html = nn::read_file(results.file("report.html"));
  CHECK(is_printable(html));
  CHECK_THAT(html, ContainsSubstring("CNN (libnn)"));
  CHECK_THAT(nn::read_file(results.file("report.pdf")),
             Catch::Matchers::StartsWith("%PDF-"));
}

TEST_CASE("where no run can be read mnist_report exits with 1 and says why",
          "[report][program][errors][mutations]") {
  const nn_test::TemporaryDirectory results;
  std::filesystem::create_directory(results.file("one"));
  nn::write_file_atomically(results.file("one/summary.json"), "\x1B[2J[[[");
  const std::string log = results.file("log");
  const std::string command = std::string(NN_MNIST_REPORT) + " --results '" +
                              results.path() + "' > '" + log + "' 2>&1";
  const int status = std::system(command.c_str());
  CHECK(WEXITSTATUS(status) == 1);
  CHECK_THAT(nn::read_file(log),
             ContainsSubstring("found none that can be read") &&
                 ContainsSubstring("one/summary.json: "));
  CHECK(is_printable(nn::read_file(log)));
  CHECK(!std::filesystem::exists(results.file("report.html")));
}

TEST_CASE("a figure that cannot be drawn does not cost the report the others",
          "[report][errors]") {
  report::Results results;
  results.runs = {
      report::load_run("run", apps::RunFiles("run", sample_files()))};
  // Reading makes such text printable; nothing else may rely on that.
  results.runs[0].run.layers[0].name = "\xFF";
  for (const auto arrangement :
       {report::Arrangement::kByFigure, report::Arrangement::kByRun}) {
    const report::Document document = make_document(results, arrangement);
    for (const std::string& problem : document.problems) UNSCOPED_INFO(problem);
    REQUIRE(document.problems.size() == 1);
    CHECK_THAT(document.problems[0],
               ContainsSubstring("CNN (libnn), Time by layer"));
    const std::string html = to_html(document);
    CHECK_THAT(html, ContainsSubstring("CNN (libnn), Time by layer"));
    CHECK_THAT(html, ContainsSubstring("confusion matrix"));
    CHECK(to_pdf(document).rfind("%PDF-", 0) == 0);
  }
}
