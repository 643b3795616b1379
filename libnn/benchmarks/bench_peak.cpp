// Prints what the bare register tile reaches on one thread and on more.
//
//   bench_peak [--threads 1,2]

#include <cstdio>
#include <exception>
#include <vector>

#include "benchmarks/arguments.h"
#include "benchmarks/peak.h"
#include "nn/parallel.h"

int main(int argc, char** argv) {
  try {
    nn::bench::Arguments arguments(argc, argv);
    std::vector<int> threads{1};
    if (nn::num_threads() > 1) threads.push_back(nn::num_threads());
    threads = arguments.take_list("--threads", threads);
    arguments.finish();

    std::printf("instruction set %s\n", nn::instruction_set());
    std::printf("%8s %10s %12s\n", "threads", "GFLOP/s", "per thread");
    nn::bench::Peak peak;
    for (const int count : threads) {
      nn::set_num_threads(count);
      const double gflops = peak.measure(/*rounds=*/301) / 1e9;
      std::printf("%8d %10.1f %12.1f\n", count, gflops, gflops / count);
    }
    return 0;
  } catch (const nn::bench::UsageError& error) {
    std::fprintf(stderr, "bench_peak: error: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_peak: error: %s\n", error.what());
    return 1;
  }
}
