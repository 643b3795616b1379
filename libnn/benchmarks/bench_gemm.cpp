// Times matrix products on one thread, beside oneDNN's dnnl_sgemm and Eigen's
// product, each shape in turn:
//
//   bench_gemm [--random N] [--seed S] [--rounds R] [--block-ms MS]
//
// --random adds N shapes with every dimension from 1 to 2000. The operands stay
// the same from call to call, so small ones are in cache, for all alike.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#if NN_BENCH_HAVE_DNNL
#include <dnnl.h>
#endif

#include "benchmarks/arguments.h"
#include "benchmarks/environment.h"
#include "benchmarks/peak.h"
#include "benchmarks/timing.h"
#include "kernels/gemm.h"
#include "nn/buffer.h"
#include "nn/parallel.h"
#include "nn/random.h"
#include "nn/types.h"
#include "support/kernel_reference.h"

namespace {

using nn::Index;
using nn::kernels::GemmArgs;
using nn::kernels::Operand;

/// C (m x n) = A (m x k) * B (k x n), where either operand may be the transpose
/// of what is in memory.
struct Case {
  std::string name;
  Index m;
  Index n;
  Index k;
  bool a_transposed = false;
  bool b_transposed = false;
};

std::vector<Case> table() {
  return {
      {"MLP forward, W^T x", 256, 128, 784, true, false},
      {"the same, plain", 256, 128, 784},
      {"MLP weight gradient", 256, 784, 128},
      {"conv1, one image", 16, 784, 25},
      {"conv2, one image", 32, 196, 400},
      {"conv2 weight gradient", 32, 400, 196},
      // The same work with the pixels along the vectors, as Conv2d has it.
      {"conv1, cols * W", 784, 16, 25},
      {"conv2, cols * W", 196, 32, 400},
      {"conv2 dW, cols^T dY", 400, 32, 196, true, false},
      // And Linear's three products at batch 128.
      {"Linear 784-256 dW", 784, 256, 128, false, true},
      {"Linear 784-256 dx", 784, 128, 256},
      {"Linear 256-128", 128, 128, 256, true, false},
      {"Linear 256-128 dW", 256, 128, 128, false, true},
      {"Linear 1568-10", 10, 128, 1568, true, false},
      {"Linear 1568-10 dW", 1568, 10, 128, false, true},
      {"Linear 1568-10 dx", 1568, 128, 10},
      {"Linear 784-256, batch 1", 256, 1, 784, true, false},
      {"1024 cubed", 1024, 1024, 1024},
  };
}

Case random_case(nn::Rng& rng) {
  constexpr Index kLargest = 2000;
  Case c;
  c.name = "random";
  c.m = 1 + rng.index(kLargest);
  c.n = 1 + rng.index(kLargest);
  c.k = 1 + rng.index(kLargest);
  const Index form = rng.index(3);
  c.a_transposed = form == 1;
  c.b_transposed = form == 2;
  return c;
}

template <typename T>
Operand<T> operand(const T* data, Index rows, Index cols, bool transposed) {
  return transposed ? Operand<T>::transposed(data, cols)
                    : Operand<T>::plain(data, rows);
}

/// One product with its memory, computed in several ways.
class Product {
 public:
  Product(const Case& c, nn::Rng& rng)
      : case_(c),
        a_(c.a_transposed ? c.k : c.m, c.a_transposed ? c.m : c.k),
        b_(c.b_transposed ? c.n : c.k, c.b_transposed ? c.k : c.n),
        c_(c.m, c.n) {
    for (nn::Matrix<float>* matrix : {&a_, &b_}) {
      for (Index i = 0; i < matrix->size(); ++i) {
        matrix->data()[i] = static_cast<float>(rng.uniform(-1.0, 1.0));
      }
    }
    scratch_.reserve(nn::kernels::gemm_scratch_bytes<float>(c.m, c.n, c.k));
  }

  double flops() const {
    return 2.0 * static_cast<double>(case_.m) * static_cast<double>(case_.n) *
           static_cast<double>(case_.k);
  }

  void run_libnn() {
    GemmArgs<float> args{};
    args.m = case_.m;
    args.n = case_.n;
    args.k = case_.k;
    args.a = operand(a_.data(), case_.m, case_.k, case_.a_transposed);
    args.b = operand(b_.data(), case_.k, case_.n, case_.b_transposed);
    args.c = c_.data();
    args.ldc = case_.m;
    nn::kernels::gemm(args, scratch_.data());
  }

#if NN_BENCH_HAVE_DNNL
  void run_dnnl() {
    // dnnl_sgemm takes rows one after the other. In that order our memory holds
    // the transposes, and C^T = B^T A^T.
    dnnl_sgemm(case_.b_transposed ? 'T' : 'N',
               case_.a_transposed ? 'T' : 'N',
               case_.n,
               case_.m,
               case_.k,
               1.0F,
               b_.data(),
               b_.rows(),
               a_.data(),
               a_.rows(),
               0.0F,
               c_.data(),
               case_.m);
  }
#endif

  void run_eigen() {
    if (case_.a_transposed) {
      c_.noalias() = a_.transpose() * b_;
    } else if (case_.b_transposed) {
      c_.noalias() = a_ * b_.transpose();
    } else {
      c_.noalias() = a_ * b_;
    }
  }

  /// The largest error of what was computed last, relative to the largest
  /// element, against the reference in double.
  double error() const {
    const nn::Matrix<double> a = a_.cast<double>();
    const nn::Matrix<double> b = b_.cast<double>();
    GemmArgs<double> args{};
    args.k = case_.k;
    args.a = operand(a.data(), case_.m, case_.k, case_.a_transposed);
    args.b = operand(b.data(), case_.k, case_.n, case_.b_transposed);

    // The whole result where that takes less than a second or so; otherwise
    // elements spread over all of it.
    constexpr double kMostFlops = 2e8;
    constexpr Index kSamples = 5000;
    const Index elements = c_.size();
    const bool whole = flops() <= kMostFlops;
    const Index step = whole ? 1 : std::max<Index>(1, elements / kSamples | 1);
    double worst = 0.0;
    double largest = 1e-30;
    const auto compare = [&](double expected, double got) {
      worst = std::max(worst, std::abs(got - expected));
      largest = std::max(largest, std::abs(expected));
      if (std::isnan(got)) worst = INFINITY;
    };
    if (whole) {
      nn::Matrix<double> expected(case_.m, case_.n);
      args.m = args.ldc = case_.m;
      args.n = case_.n;
      args.c = expected.data();
      nn_test::gemm_reference(args);
      for (Index i = 0; i < elements; ++i) {
        compare(expected.data()[i], static_cast<double>(c_.data()[i]));
      }
    } else {
      const Operand<double> all_a = args.a;
      const Operand<double> all_b = args.b;
      for (Index i = 0; i < elements; i += step) {
        double expected = 0.0;
        args.m = args.n = args.ldc = 1;
        args.a.data = all_a.data + i % case_.m * all_a.row_stride;
        args.b.data = all_b.data + i / case_.m * all_b.col_stride;
        args.c = &expected;
        nn_test::gemm_reference(args);
        compare(expected, static_cast<double>(c_.data()[i]));
      }
    }
    return worst / largest;
  }

 private:
  Case case_;
  nn::Matrix<float> a_;
  nn::Matrix<float> b_;
  nn::Matrix<float> c_;
  nn::Buffer scratch_;
};

void print_header() {
  std::printf("%-24s %4s %17s %11s %8s %6s %8s",
              "case",
              "form",
              "m x n x k",
              "us",
              "GFLOP/s",
              "peak",
              "error");
#if NN_BENCH_HAVE_DNNL
  std::printf(" %8s %6s", "oneDNN", "ratio");
#endif
  std::printf(" %8s %6s\n", "Eigen", "ratio");
}

/// The rates of one case relative to the others'.
struct Ratios {
  double dnnl = 0.0;
  double eigen = 0.0;
  double error = 0.0;
};

Ratios measure(const Case& c,
               const nn::bench::Effort& effort,
               nn::bench::Peak& peak,
               nn::Rng& rng) {
  Product product(c, rng);
  std::vector<std::function<void()>> ways;
  double peak_flops = 0.0;
  ways.push_back([&] { product.run_libnn(); });
  ways.push_back([&] { peak_flops = peak.run(); });
  ways.push_back([&] { product.run_eigen(); });
#if NN_BENCH_HAVE_DNNL
  ways.push_back([&] { product.run_dnnl(); });
#endif
  const std::vector<double> seconds = nn::bench::median_seconds(ways, effort);
  product.run_libnn();

  Ratios ratios;
  ratios.error = product.error();
  ratios.eigen = seconds[2] / seconds[0];
  const double flops = product.flops();
  const std::string shape = std::to_string(c.m) + " x " + std::to_string(c.n) +
                            " x " + std::to_string(c.k);
  std::printf("%-24s %4s %17s %11.2f %8.1f %5.0f%% %8.1e",
              c.name.c_str(),
              c.a_transposed   ? "TN"
              : c.b_transposed ? "NT"
                               : "NN",
              shape.c_str(),
              seconds[0] * 1e6,
              flops / seconds[0] / 1e9,
              100.0 * flops / seconds[0] / (peak_flops / seconds[1]),
              ratios.error);
#if NN_BENCH_HAVE_DNNL
  ratios.dnnl = seconds[3] / seconds[0];
  std::printf(" %8.1f %6.2f", flops / seconds[3] / 1e9, ratios.dnnl);
#endif
  std::printf(" %8.1f %6.2f\n", flops / seconds[2] / 1e9, ratios.eigen);
  std::fflush(stdout);
  return ratios;
}

void print_summary(const char* name, const std::vector<double>& ratios) {
  std::printf("random shapes, rate relative to %s: median %.2f, minimum %.2f\n",
              name,
              nn::bench::median(ratios),
              *std::min_element(ratios.begin(), ratios.end()));
}

int run(int argc, char** argv) {
  nn::bench::Arguments arguments(argc, argv);
  const int random = arguments.take("--random", 0, /*least=*/0);
  const int seed = arguments.take("--seed", 1, /*least=*/0);
  nn::bench::Effort effort;
  effort.rounds = arguments.take("--rounds", effort.rounds);
  effort.block_seconds = 1e-3 * arguments.take("--block-ms", 10);
  arguments.finish();
  // oneDNN's threads are OpenMP's.
  nn::bench::require_environment({{"OMP_NUM_THREADS", "1"}}, argv);

  nn::set_num_threads(1);
  nn::bench::Peak peak;
  std::printf("1 thread, instruction set %s, bare tile %.1f GFLOP/s\n",
              nn::instruction_set(),
              peak.measure() / 1e9);
#if NN_BENCH_HAVE_DNNL
  const dnnl_version_t* version = dnnl_version();
  std::printf(
      "oneDNN %d.%d.%d; ", version->major, version->minor, version->patch);
#endif
  std::printf("Eigen %d.%d.%d, compiled for %s\n",
              EIGEN_WORLD_VERSION,
              EIGEN_MAJOR_VERSION,
              EIGEN_MINOR_VERSION,
              Eigen::SimdInstructionSetsInUse());
  std::printf(
      "medians of %d rounds in turn; ratio: libnn's rate by the other's\n\n",
      effort.rounds);
  print_header();

  // Far above rounding, far below what a wrong element makes.
  constexpr double kLargestError = 1e-4;
  bool right = true;
  nn::Rng rng(static_cast<std::uint64_t>(seed));
  for (const Case& c : table()) {
    right &= measure(c, effort, peak, rng).error < kLargestError;
  }
  std::vector<double> dnnl;
  std::vector<double> eigen;
  for (int i = 0; i < random; ++i) {
    const Ratios ratios = measure(random_case(rng), effort, peak, rng);
    right &= ratios.error < kLargestError;
    dnnl.push_back(ratios.dnnl);
    eigen.push_back(ratios.eigen);
  }
  if (random > 0) {
    std::printf("\n");
#if NN_BENCH_HAVE_DNNL
    print_summary("oneDNN", dnnl);
#endif
    print_summary("Eigen", eigen);
  }
  if (!right) throw std::runtime_error("a result is wrong: see its error");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const nn::bench::UsageError& error) {
    std::fprintf(stderr, "bench_gemm: error: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_gemm: error: %s\n", error.what());
    return 1;
  }
}
