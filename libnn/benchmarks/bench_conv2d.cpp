// Times the passes of a convolution over a table of layers:
//
//   bench_conv2d [--threads N] [--batch N] [--rounds R] [--block-ms MS]
//
//   forward    y
//   backward   dW, db and dx
//   weights    dW and db alone, as in a network's first layer

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/arguments.h"
#include "benchmarks/peak.h"
#include "benchmarks/timing.h"
#include "kernels/conv2d.h"
#include "kernels/geometry.h"
#include "nn/buffer.h"
#include "nn/parallel.h"
#include "nn/random.h"
#include "nn/types.h"
#include "support/kernel_reference.h"

namespace {

using nn::Index;
using nn::kernels::ConvBackwardArgs;
using nn::kernels::ConvEpilogue;
using nn::kernels::ConvForwardArgs;
using nn::kernels::ConvGeometry;
using nn::kernels::PoolGeometry;

struct Case {
  std::string name;
  ConvGeometry geometry;
  bool relu_and_pool = false;  ///< 2 x 2, fused, as in the reference network
};

ConvGeometry square(Index channels,
                    Index size,
                    Index out_channels,
                    Index kernel,
                    Index stride,
                    Index padding) {
  return {channels,
          size,
          size,
          out_channels,
          kernel,
          kernel,
          stride,
          stride,
          padding,
          padding};
}

std::vector<Case> table() {
  std::vector<Case> cases{
      {"CNN layer 1, fused", square(1, 28, 16, 5, 1, 2), true},
      {"CNN layer 2, fused", square(16, 14, 32, 5, 1, 2), true},
      {"CNN layer 1", square(1, 28, 16, 5, 1, 2)},
      {"CNN layer 2", square(16, 14, 32, 5, 1, 2)},
      {"CNN layer 2, no padding", square(16, 12, 32, 5, 1, 0)},
  };
  for (const Index channels : {32, 64, 128}) {
    for (const Index size : {28, 14, 7}) {
      cases.push_back({"3x3", square(channels, size, channels, 3, 1, 1)});
    }
  }
  cases.push_back({"1x1", square(64, 14, 64, 1, 1, 0)});
  cases.push_back({"1x1, 128 to 32", square(128, 28, 32, 1, 1, 0)});
  cases.push_back({"3x3, stride 2", square(32, 28, 64, 3, 2, 1)});
  cases.push_back({"3x3, stride 2", square(64, 14, 128, 3, 2, 1)});
  cases.push_back({"1x1, stride 2", square(64, 28, 128, 1, 2, 0)});
  cases.push_back({"5x5 on colours", square(3, 32, 32, 5, 1, 2)});
  cases.push_back({"5x5 on colours, large", square(3, 64, 32, 5, 1, 2)});
  cases.push_back({"7x7 on colours, stride 2", square(3, 64, 32, 7, 2, 3)});
  cases.push_back({"4x4, even", square(32, 14, 32, 4, 1, 1)});
  return cases;
}

template <typename T>
std::vector<T> zeros(Index count) {
  return std::vector<T>(static_cast<std::size_t>(count));
}

/// A layer's passes over one batch, with all the memory that they use.
template <typename T>
class Layer {
 public:
  Layer(const Case& c, Index batch)
      : geometry_(c.geometry),
        pool_{c.geometry.out_channels,
              c.geometry.out_height(),
              c.geometry.out_width(),
              2,
              2,
              2,
              2},
        batch_(batch) {
    if (c.relu_and_pool) epilogue_ = {true, &pool_};
    const Index out =
        c.relu_and_pool ? pool_.out_features() : geometry_.out_features();
    x = zeros<T>(geometry_.in_features() * batch);
    weight = zeros<T>(geometry_.taps() * geometry_.out_channels);
    bias = zeros<T>(geometry_.out_channels);
    y = zeros<T>(out * batch);
    dy = zeros<T>(out * batch);
    argmax = zeros<std::uint8_t>(out * batch);
    dx = zeros<T>(geometry_.in_features() * batch);
    dweight = weight;
    dbias = bias;
  }
  // epilogue_ points into the object.
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  void fill(nn::Rng& rng) {
    for (std::vector<T>* values : {&x, &weight, &bias, &dy}) {
      for (T& value : *values) value = static_cast<T>(rng.uniform(-1.0, 1.0));
    }
  }

  /// The inputs of both passes, from a layer of another scalar.
  template <typename Other>
  void copy_inputs(const Layer<Other>& other) {
    x.assign(other.x.begin(), other.x.end());
    weight.assign(other.weight.begin(), other.weight.end());
    bias.assign(other.bias.begin(), other.bias.end());
    dy.assign(other.dy.begin(), other.dy.end());
  }
  template <typename Other>
  void copy_outputs(const Layer<Other>& other) {
    y.assign(other.y.begin(), other.y.end());
    argmax = other.argmax;
  }

  void reserve_scratch() {
    const nn::kernels::ScratchNeeds needs = larger(
        nn::kernels::conv2d_forward_scratch<T>(geometry_, epilogue_, batch_),
        nn::kernels::conv2d_backward_scratch<T>(geometry_, epilogue_, batch_));
    workers_ = nn::num_threads();
    scratch_.reserve(needs.shared_bytes +
                     static_cast<std::size_t>(workers_) * needs.worker_bytes);
  }

  void forward() { nn::kernels::conv2d_forward(forward_args(), scratch()); }
  void backward(bool with_dx) {
    nn::kernels::conv2d_backward(backward_args(with_dx), scratch());
  }
  void forward_reference() {
    nn_test::conv2d_forward_reference(forward_args());
  }
  void backward_reference() {
    nn_test::conv2d_backward_reference(backward_args(/*with_dx=*/true));
  }

  /// Floating-point operations of the forward pass, and of each gradient. The
  /// taps that meet padding count, as is usual.
  double flops() const {
    return 2.0 * static_cast<double>(geometry_.taps() *
                                     geometry_.out_features() * batch_);
  }

  std::vector<T> x, weight, bias, y, dy, dx, dweight, dbias;
  std::vector<std::uint8_t> argmax;

 private:
  ConvForwardArgs<T> forward_args() {
    return {geometry_,
            epilogue_,
            batch_,
            x.data(),
            weight.data(),
            bias.data(),
            y.data(),
            argmax.data()};
  }
  ConvBackwardArgs<T> backward_args(bool with_dx) {
    return {geometry_,
            epilogue_,
            batch_,
            x.data(),
            weight.data(),
            y.data(),
            dy.data(),
            argmax.data(),
            with_dx ? dx.data() : nullptr,
            dweight.data(),
            dbias.data()};
  }
  nn::kernels::Scratch scratch() { return {scratch_.data(), workers_}; }

  ConvGeometry geometry_;
  PoolGeometry pool_;
  ConvEpilogue epilogue_;
  Index batch_;
  nn::Buffer scratch_;
  int workers_ = 0;
};

double relative_error(const std::vector<float>& got,
                      const std::vector<double>& expected) {
  double worst = 0.0;
  double largest = 1e-30;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double difference =
        std::abs(static_cast<double>(got[i]) - expected[i]);
    if (std::isnan(difference)) return INFINITY;
    worst = std::max(worst, difference);
    largest = std::max(largest, std::abs(expected[i]));
  }
  return worst / largest;
}

/// Largest errors of the passes against the reference in double.
struct Errors {
  double forward = 0.0;
  double backward = 0.0;
  double weights = 0.0;
};

Errors errors_of(const Case& c, nn::Rng& rng) {
  // The reference is slow; these few images take all the paths of many.
  constexpr Index kImages = 3;
  Layer<float> fast(c, kImages);
  Layer<double> reference(c, kImages);
  fast.fill(rng);
  fast.reserve_scratch();
  reference.copy_inputs(fast);

  Errors errors;
  fast.forward();
  reference.forward_reference();
  errors.forward = relative_error(fast.y, reference.y);
  // Where two values of a window are all but equal, rounding decides which one
  // is taken: the backward passes start from the same choice.
  reference.copy_outputs(fast);
  reference.backward_reference();
  fast.backward(/*with_dx=*/false);
  errors.weights = std::max(relative_error(fast.dweight, reference.dweight),
                            relative_error(fast.dbias, reference.dbias));
  fast.backward(/*with_dx=*/true);
  errors.backward = std::max({relative_error(fast.dweight, reference.dweight),
                              relative_error(fast.dbias, reference.dbias),
                              relative_error(fast.dx, reference.dx)});
  return errors;
}

int run(int argc, char** argv) {
  nn::bench::Arguments arguments(argc, argv);
  const int threads = arguments.take("--threads", 1);
  const int batch = arguments.take("--batch", 128);
  nn::bench::Effort effort;
  effort.rounds = arguments.take("--rounds", effort.rounds);
  effort.block_seconds = 1e-3 * arguments.take("--block-ms", 10);
  arguments.finish();

  nn::set_num_threads(threads);
  nn::bench::Peak peak;
  std::printf("threads %d, instruction set %s, bare tile %.1f GFLOP/s\n",
              threads,
              nn::instruction_set(),
              peak.measure() / 1e9);
  std::printf(
      "medians of %d rounds in turn, batches of %d\n\n", effort.rounds, batch);
  std::printf("%-24s %-28s %-8s %10s %8s %6s %8s\n",
              "case",
              "in -> out, kernel",
              "pass",
              "us/image",
              "GFLOP/s",
              "peak",
              "error");

  // Far above rounding, far below what a wrong element makes.
  constexpr double kLargestError = 1e-4;
  bool right = true;
  nn::Rng rng(1);
  for (const Case& c : table()) {
    const Errors errors = errors_of(c, rng);
    Layer<float> layer(c, batch);
    layer.fill(rng);
    layer.reserve_scratch();
    double peak_flops = 0.0;
    const std::vector<double> seconds =
        nn::bench::median_seconds({[&] { layer.forward(); },
                                   [&] { layer.backward(/*with_dx=*/true); },
                                   [&] { layer.backward(/*with_dx=*/false); },
                                   [&] { peak_flops = peak.run(); }},
                                  effort);

    const ConvGeometry& g = c.geometry;
    char shape[80];
    std::snprintf(shape,
                  sizeof shape,
                  "%dx%dx%d -> %dx%dx%d, %dx%d",
                  static_cast<int>(g.in_channels),
                  static_cast<int>(g.height),
                  static_cast<int>(g.width),
                  static_cast<int>(g.out_channels),
                  static_cast<int>(g.out_height()),
                  static_cast<int>(g.out_width()),
                  static_cast<int>(g.kernel_h),
                  static_cast<int>(g.kernel_w));
    const double peak_rate = peak_flops / seconds[3];
    const auto print =
        [&](const char* pass, double time, double flops, double error) {
          std::printf("%-24s %-28s %-8s %10.2f %8.1f %5.0f%% %8.1e\n",
                      c.name.c_str(),
                      shape,
                      pass,
                      time / batch * 1e6,
                      flops / time / 1e9,
                      100.0 * flops / time / peak_rate,
                      error);
          right &= error < kLargestError;
        };
    print("forward", seconds[0], layer.flops(), errors.forward);
    print("backward", seconds[1], 2.0 * layer.flops(), errors.backward);
    print("weights", seconds[2], layer.flops(), errors.weights);
    std::fflush(stdout);
  }
  if (!right) throw std::runtime_error("a result is wrong: see its error");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const nn::bench::UsageError& error) {
    std::fprintf(stderr, "bench_conv2d: error: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_conv2d: error: %s\n", error.what());
    return 1;
  }
}
