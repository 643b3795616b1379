// What programs tell: on terminals of any width, and where nobody can hear it.

#include <cstddef>
#include <string>
#include <vector>

#include "common/progress.h"
#include "common/run_files.h"
#include "nn/files/file.h"
#include "support/catch.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

using Catch::Matchers::ContainsSubstring;
using nn_test::execute;
using nn_test::Outcome;
using nn_test::quoted;

struct Bench {
  Bench() {
    nn_test::TinyMnist tiny;
    tiny.training = 64;
    tiny.test = 10;
    nn_test::write_tiny_mnist(folder.path(), tiny);
  }
  std::string out() const { return folder.file("results/run"); }
  std::string command(const std::string& program) const {
    return quoted(program) + " --data " + quoted(folder.path()) + " --out " +
           quoted(out()) + " --epochs 2 --batch-size 16";
  }
  Outcome shell(const std::string& text) const {
    return execute("sh", {"-c", text});
  }
  nn_test::TemporaryDirectory folder;
};

}  // namespace

TEST_CASE(
    "output that nobody gets is an error, and the run is saved all the same",
    "[apps][output][errors]") {
  const Bench bench;
  const std::string report = quoted(NN_MNIST_REPORT) + " --results " +
                             quoted(bench.folder.file("results"));
  REQUIRE(bench.shell(bench.command(NN_MNIST_MLP)).exit_code == 0);
  const std::string model = bench.out() + "/model.safetensors";
  for (const std::string& command :
       {bench.command(NN_MNIST_MLP),
        bench.command(NN_MNIST_CNN) + " --channels 2,2",
        report,
        quoted(NN_MNIST_MLP) + " --help",
        quoted(NN_MNIST_CNN) + " --version",
        quoted(NN_MNIST_REPORT) + " --help",
        quoted(NN_MNIST_REPORT) + " --version"}) {
    CAPTURE(command);
    const std::string before = nn::read_file(model);
    const auto check = [&](const std::string& redirected, const char* reason) {
      CAPTURE(redirected);
      const Outcome outcome = bench.shell(redirected);
      CHECK(outcome.exit_code == 1);
      CHECK_THAT(outcome.errors,
                 ContainsSubstring("error: standard output cannot be "
                                   "written: ") &&
                     ContainsSubstring(reason));
      // What was closed did not become the first file that was opened.
      CHECK(apps::check_manifest(bench.out()).empty());
      CHECK(nn::read_file(model).size() > 1000);
    };
    check(command + " >/dev/full", "No space left on device");
    check(command + " >&-", "Bad file descriptor");
    // The reader has gone before the first word.
    check("exec 3>&1; { sleep 0.2; " + command +
              "; echo $? >&3; } | true; exit 1",
          "Broken pipe");
    const bool trains = command.find("--data") != command.npos;
    // A training that the closed pipe interrupts saves what it has by then.
    CHECK((nn::read_file(model) != before) == trains);
  }
  // Nothing to say is no error.
  CHECK(bench.shell(bench.command(NN_MNIST_MLP) + " --quiet >/dev/full")
            .exit_code == 0);
  CHECK(bench.shell(bench.command(NN_MNIST_MLP) + " --quiet >&-").exit_code ==
        0);
  CHECK(bench.shell(bench.command(NN_MNIST_MLP) + " 2>&- <&-").exit_code == 0);
}

TEST_CASE("a progress line leaves out what its width has no room for",
          "[apps][output]") {
  const std::vector<apps::ProgressPart> parts = {
      {"first", 2}, {" [bar]", 0}, {" more", 1}};
  CHECK(apps::progress_line(parts, 16) == "first [bar] more");
  CHECK(apps::progress_line(parts, 15) == "first more");
  CHECK(apps::progress_line(parts, 10) == "first more");
  CHECK(apps::progress_line(parts, 9) == "first");
  CHECK(apps::progress_line(parts, 5) == "first");
  for (std::size_t width = 0; width < 5; ++width) {
    CHECK(apps::progress_line(parts, width).empty());
  }
}

TEST_CASE("a bar never reaches the last column of its terminal",
          "[apps][output]") {
  // The script of util-linux runs a command on a terminal of its own.
  if (execute("script", {"--version"}).exit_code != 0) {
    WARN("not tested: there is no script(1) of util-linux");
    return;
  }
  const Bench bench;
  const auto on_terminal = [&bench](const std::string& setting) {
    const Outcome outcome = execute(
        "script",
        {"-q", "-e", "-c", setting + bench.command(NN_MNIST_MLP), "/dev/null"});
    CHECK(outcome.exit_code == 0);
    return outcome.output;
  };
  const std::string start = "\r\x1b[K";
  for (const std::size_t columns : {1, 2, 9, 10, 20, 30, 50, 79, 200}) {
    CAPTURE(columns);
    const std::string output = on_terminal(
        "stty cols " + std::to_string(columns) + "; export TERM=xterm; ");
    std::size_t bars = 0;
    for (std::size_t at = output.find(start); at != output.npos;
         at = output.find(start, at)) {
      at += start.size();
      const std::size_t end = output.find('\r', at);
      // The line of an epoch, which is not redrawn, ends in a line feed.
      if (end == output.npos || output.compare(end, 2, "\r\n") == 0) continue;
      CHECK(end - at < columns);
      ++bars;
    }
    CHECK(bars >= 2);
  }
  for (const char* terminal : {"TERM=dumb; ", "TERM=; ", "unset TERM; "}) {
    CAPTURE(terminal);
    const std::string output =
        on_terminal(std::string(terminal) + "export TERM; ");
    CHECK(output.find('\x1b') == output.npos);
    CHECK(output.find("\r\r") == output.npos);
    CHECK_THAT(output, ContainsSubstring("epoch 2/2  train: loss "));
  }
}
