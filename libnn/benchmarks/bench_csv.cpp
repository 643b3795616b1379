// Reads a table of random numbers, by load_csv() and by a loop of fread() and
// from_chars() that takes it for right, in turn:
//
//   bench_csv [--rows N] [--columns N] [--rounds R]
//
// Each line has the median seconds, the megabytes of text a second, and the
// most memory that a process of its own takes to read the table, over the size
// of the matrix. The text is in the system's cache.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/arguments.h"
#include "benchmarks/timing.h"
#include "nn/data/csv.h"
#include "nn/random.h"
#include "nn/types.h"

namespace {

using nn::Index;
using nn::Matrix;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

/// Removed at the end of the scope.
struct TemporaryFile {
  std::string path = (std::filesystem::temp_directory_path() /
                      nn::concat("bench_csv.", ::getpid()))
                         .string();
  TemporaryFile() = default;
  ~TemporaryFile() { std::remove(path.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
};

/// Numbers of 9 digits, as programs write floats that are to be read again.
void write_table(const std::string& path, Index rows, Index columns) {
  const File file(std::fopen(path.c_str(), "wb"));
  if (!file) throw std::runtime_error(path + ": cannot be written");
  nn::Rng rng(1);
  for (Index row = 0; row < rows; ++row) {
    for (Index i = 0; i < columns; ++i) {
      char text[64];
      const std::to_chars_result end =
          std::to_chars(text,
                        text + sizeof text - 1,
                        static_cast<float>(rng.normal()),
                        std::chars_format::general,
                        /*precision=*/9);
      *end.ptr = i + 1 < columns ? ',' : '\n';
      std::fwrite(
          text, 1, static_cast<std::size_t>(end.ptr - text) + 1, file.get());
    }
  }
}

Matrix<float> read_by_loop(const std::string& path, Index rows, Index columns) {
  Matrix<float> x(columns, rows);
  const File file(std::fopen(path.c_str(), "rb"));
  std::vector<char> buffer(std::size_t{1} << 18);
  std::size_t kept = 0;
  float* value = x.data();
  for (;;) {
    const std::size_t got =
        std::fread(buffer.data() + kept, 1, buffer.size() - kept, file.get());
    const char* at = buffer.data();
    const char* const end = at + kept + got;
    // Whole rows alone; each number has a character behind it then.
    const auto* const last = static_cast<const char*>(
        ::memrchr(at, '\n', static_cast<std::size_t>(end - at)));
    while (last != nullptr && at <= last) {
      const std::from_chars_result result = std::from_chars(at, end, *value);
      if (result.ec != std::errc() ||
          (*result.ptr != ',' && *result.ptr != '\n')) {
        throw std::runtime_error(path + ": expected a number");
      }
      ++value;
      at = result.ptr + 1;
    }
    if (value == x.data() + x.size()) return x;
    if (got == 0) throw std::runtime_error(path + ": ends too early");
    kept = static_cast<std::size_t>(end - at);
    std::memmove(buffer.data(), at, kept);
  }
}

/// The most memory of a child that does it, less what a child takes anyway.
double peak_bytes(const std::function<void()>& work) {
  const auto peak_of_child = [](const std::function<void()>& body) {
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("no process can be started");
    if (child == 0) {
      body();
      ::_exit(0);
    }
    int status = 0;
    rusage usage{};
    if (::wait4(child, &status, 0, &usage) != child || status != 0) {
      throw std::runtime_error("the process that reads the table failed");
    }
    return 1024.0 * static_cast<double>(usage.ru_maxrss);
  };
  return peak_of_child(work) - peak_of_child([] {});
}

int run(int argc, char** argv) {
  nn::bench::Arguments arguments(argc, argv);
  const Index rows = arguments.take("--rows", 1000000);
  const Index columns = arguments.take("--columns", 20);
  nn::bench::Effort effort;
  effort.rounds = arguments.take("--rounds", 5);
  arguments.finish();

  const TemporaryFile file;
  write_table(file.path, rows, columns);
  const auto text_bytes =
      static_cast<double>(std::filesystem::file_size(file.path));
  const double matrix_bytes =
      sizeof(float) * static_cast<double>(rows) * static_cast<double>(columns);
  nn::CsvOptions options;
  options.header = nn::CsvHeader::kNone;

  if (nn::load_csv<float>(file.path, options).x !=
      read_by_loop(file.path, rows, columns)) {
    throw std::runtime_error("the two ways differ");
  }
  const std::vector<std::function<void()>> ways = {
      [&] { nn::load_csv<float>(file.path, options); },
      [&] { read_by_loop(file.path, rows, columns); }};
  std::vector<double> peaks;
  for (const auto& way : ways) peaks.push_back(peak_bytes(way));
  const std::vector<double> seconds = nn::bench::median_seconds(ways, effort);

  std::printf("%td x %td numbers, %.1f MB of text, a matrix of %.1f MB\n",
              rows,
              columns,
              text_bytes / 1e6,
              matrix_bytes / 1e6);
  std::printf("medians of %d rounds in turn\n\n", effort.rounds);
  std::printf("%-24s %10s %8s %16s\n", "", "s", "MB/s", "memory / matrix");
  const char* const names[] = {"load_csv()", "fread(), from_chars()"};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    std::printf("%-24s %10.3f %8.0f %16.2f\n",
                names[i],
                seconds[i],
                text_bytes / seconds[i] / 1e6,
                peaks[i] / matrix_bytes);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const nn::bench::UsageError& error) {
    std::fprintf(stderr, "bench_csv: error: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_csv: error: %s\n", error.what());
    return 1;
  }
}
