// Times single layers, forward and backward, over a table of layers and shapes:
//
//   bench_layers [--threads N] [--batch N] [--rounds R] [--block-ms MS]
//
// Each line has the microseconds of one pass over the batch, and the bytes of
// x, y and their gradients that it reads and writes once, over the time.

#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/arguments.h"
#include "benchmarks/timing.h"
#include "nn/network/layer_registry.h"
#include "nn/parallel.h"
#include "nn/random.h"
#include "nn/types.h"

namespace {

using nn::Index;
using nn::LayerSpec;
using nn::Matrix;
using nn::Mode;
using nn::Settings;
using nn::Shape;

struct Case {
  LayerSpec spec;
  Shape input;
};

/// Settings of a pooling layer, the same in both directions.
Settings pooling(double window, double stride) {
  return {{"kernel_size_h", window},
          {"kernel_size_w", window},
          {"stride_h", stride},
          {"stride_w", stride}};
}

Settings average_pooling(double window,
                         double stride,
                         double padding,
                         bool count_include_pad) {
  Settings settings = pooling(window, stride);
  settings["padding_h"] = padding;
  settings["padding_w"] = padding;
  settings["count_include_pad"] = count_include_pad ? 1 : 0;
  return settings;
}

std::vector<Case> table() {
  // In cache, and far beyond.
  const Shape small{256};
  const Shape large{32, 28, 28};
  std::vector<Case> cases;
  for (const Shape& shape : {small, large}) {
    for (const char* kind : {"Identity", "ReLU", "Sigmoid", "Tanh", "SiLU"}) {
      cases.push_back({{kind, {}, {}}, shape});
    }
    cases.push_back({{"LeakyReLU", {{"negative_slope", 0.01}}, {}}, shape});
    cases.push_back({{"GELU", {{"approximate_tanh", 0}}, {}}, shape});
    cases.push_back({{"GELU", {{"approximate_tanh", 1}}, {}}, shape});
    cases.push_back({{"Dropout", {{"p", 0.5}}, {}}, shape});
  }
  for (const Shape& shape : {large, Shape{64, 7, 7}}) {
    cases.push_back({{"MaxPool2d", pooling(2, 2), {}}, shape});
    cases.push_back({{"AvgPool2d", average_pooling(2, 2, 0, true), {}}, shape});
    cases.push_back({{"AvgPool2d", average_pooling(3, 1, 1, true), {}}, shape});
    cases.push_back(
        {{"AvgPool2d", average_pooling(3, 2, 1, false), {}}, shape});
    cases.push_back({{"GlobalAvgPool2d", {}, {}}, shape});
  }
  return cases;
}

Matrix<float> random_matrix(Index rows, Index cols, nn::Rng& rng) {
  Matrix<float> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) {
    m.data()[i] = static_cast<float>(rng.normal());
  }
  return m;
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
  std::printf(
      "threads %d, instruction set %s\n", threads, nn::instruction_set());
  std::printf(
      "medians of %d rounds in turn, batches of %d\n\n", effort.rounds, batch);
  std::printf("%-52s %-12s %14s %8s %14s %8s\n",
              "layer",
              "input",
              "forward us",
              "GB/s",
              "backward us",
              "GB/s");

  nn::Rng rng(1);
  for (const Case& c : table()) {
    const std::unique_ptr<nn::Layer<float>> layer =
        nn::make_layer<float>(c.input, c.spec);
    layer->initialize(rng);
    const Index in = c.input.features();
    const Index out = layer->output_shape().features();
    const Matrix<float> x = random_matrix(in, batch, rng);
    const Matrix<float> dy = random_matrix(out, batch, rng);
    Matrix<float> y(out, batch);
    Matrix<float> dx(in, batch);
    const nn::MemoryNeeds needs = layer->memory_needs(batch, Mode::kTraining);
    nn::PassBuffers buffers;
    const nn::PassMemory memory = buffers.prepare(needs);
    const auto forward = [&] {
      layer->forward(nn::view(x), nn::view(y), Mode::kTraining, memory);
    };
    const auto backward = [&] {
      layer->backward(nn::view(x),
                      nn::view(std::as_const(y)),
                      nn::view(dy),
                      nn::view(dx),
                      memory);
    };
    const std::vector<double> seconds =
        nn::bench::median_seconds({forward, backward}, effort);
    const double bytes = double(sizeof(float)) * double((in + out) * batch);
    std::printf("%-52s %-12s %14.2f %8.1f %14.2f %8.1f\n",
                layer->describe().c_str(),
                c.input.to_string().c_str(),
                1e6 * seconds[0],
                bytes / seconds[0] / 1e9,
                1e6 * seconds[1],
                bytes / seconds[1] / 1e9);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const nn::bench::UsageError& error) {
    std::fprintf(stderr, "bench_layers: error: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_layers: error: %s\n", error.what());
    return 1;
  }
}
