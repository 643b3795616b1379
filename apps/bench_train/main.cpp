// Times training, or inference, of the reference networks by libnn and, where
// it is built with it, by LibTorch in its fastest setting.
//
// The two take turns in blocks of steps, so that what else happens on the
// machine meets both alike. A step is what the training programs do in one: the
// next batch is gathered and normalized, then forward, loss, backward, update.
// Both get their batches from loaders of the same kind. There is no evaluation.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench_train/batch_loader.h"
#include "bench_train/torch_setting.h"
#include "benchmarks/peak.h"
#include "benchmarks/timing.h"
#include "common/framework.h"
#include "common/models.h"
#include "common/options.h"
#include "common/run.h"
#include "nn/check.h"
#include "nn/data/idx.h"
#include "nn/data/image_set.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/network/sequential.h"
#include "nn/parallel.h"
#include "nn/random.h"
#include "nn/training/samples.h"

#if NN_BENCH_HAVE_TORCH
#include "mnist_torch/torch_framework.h"
#endif

namespace {

using nn::Index;
using nn::bench::median;
using nn::bench::quantile;
using nn::bench::seconds_of;

constexpr Index kEpochImages = 60000;
constexpr int kClasses = 10;

struct Settings {
  apps::Options options;
  std::vector<int> threads;
  std::string data;  ///< folder of IDX files, or empty
  Index steps = 0;   ///< of each, for each number of threads
  Index epochs = 0;  ///< instead of steps, if not 0
  Index block = 25;  ///< steps in a row
  Index calls = 1000;
  bool inference = false;
  bool untuned = false;
};

/// Sixty thousand images with MNIST's share of gray pixels. No speed here
/// depends on what they show.
nn::ImageSet synthetic_images() {
  constexpr double kGrayShare = 0.19;
  nn::ImageSet set;
  set.shape = {1, 28, 28};
  set.images.resize(
      static_cast<std::size_t>(kEpochImages * set.shape.features()));
  set.labels.resize(static_cast<std::size_t>(kEpochImages));
  nn::Rng rng(1);
  for (std::uint8_t& pixel : set.images) {
    const std::uint64_t bits = rng.next();
    const bool gray = static_cast<double>(bits >> 11) * 0x1p-53 < kGrayShare;
    pixel = gray ? static_cast<std::uint8_t>(bits & 255) : std::uint8_t{0};
  }
  for (int& label : set.labels) {
    label = static_cast<int>(rng.index(kClasses));
  }
  return set;
}

/// Floating-point operations for one image: those of the matrix products, a
/// multiplication and an addition each. Taps that meet padding count.
struct Flops {
  double forward = 0.0;
  /// The whole step; the first layer computes no input gradient.
  double training = 0.0;
};

Flops count_flops(const nn::Sequential<float>& network) {
  Flops flops;
  for (Index i = 0; i < network.size(); ++i) {
    const nn::Layer<float>& layer = network.layer(i);
    const nn::Shape& out = layer.output_shape();
    Index multiplications = 0;
    if (dynamic_cast<const nn::Linear<float>*>(&layer) != nullptr) {
      multiplications = layer.input_shape().features() * out.features();
    } else if (const auto* conv =
                   dynamic_cast<const nn::Conv2d<float>*>(&layer)) {
      multiplications = conv->weight().value.rows() * out.features();
    }
    const double forward = 2.0 * static_cast<double>(multiplications);
    flops.forward += forward;
    flops.training += forward * (i == 0 ? 2.0 : 3.0);
  }
  return flops;
}

/// One framework at work on a network of its own.
struct Rival {
  std::string name;
  nn::Sequential<float> network;
  apps::LearnerPointer learner;
  apps::BatchLoader loader;
  std::vector<double>
      seconds;  // per image or call, one entry per block or call

  Rival(const std::string& name_,
        const apps::Framework& framework,
        const apps::Options& options,
        const nn::Samples<float>& images)
      : name(name_),
        network(apps::build_network<float>(
            options, images.images()->shape, kClasses)),
        learner(framework.make_learner(network, options)),
        loader(images, options.batch_size, options.seed) {}

  /// Trains for `steps` batches. Returns the seconds for each image.
  double train(Index steps, double learning_rate) {
    Index images = 0;
    double loss = 0.0;
    const double elapsed = seconds_of([&] {
      for (Index i = 0; i < steps; ++i) {
        const apps::BatchLoader::Batch batch = loader.next();
        loss = learner->step(batch.x, batch.labels, learning_rate).loss;
        images += batch.x.cols();
      }
    });
    if (!std::isfinite(loss)) {
      throw std::runtime_error(name + ": the loss is not finite");
    }
    return elapsed / static_cast<double>(images);
  }
};

std::vector<std::unique_ptr<Rival>> make_rivals(
    const apps::Options& options, const nn::Samples<float>& images) {
  std::vector<std::unique_ptr<Rival>> rivals;
  rivals.push_back(std::make_unique<Rival>(
      "libnn", apps::libnn_framework(), options, images));
#if NN_BENCH_HAVE_TORCH
  rivals.push_back(std::make_unique<Rival>(
      "LibTorch", apps::torch_framework(), options, images));
#endif
  return rivals;
}

/// The two must compute the same, or there is nothing to compare.
void check_agreement(const std::vector<std::unique_ptr<Rival>>& rivals,
                     const nn::Samples<float>& images) {
  constexpr Index kImages = 32;
  constexpr float kTolerance = 1e-3F;
  std::vector<nn::Matrix<float>> logits;
  for (const auto& rival : rivals) {
    apps::BatchLoader loader(images, kImages, /*seed=*/1);
    const apps::BatchLoader::Batch batch = loader.next();
    logits.emplace_back(kClasses, batch.x.cols());
    rival->learner->outputs(batch.x, nn::view(logits.back()));
    const float difference =
        (logits.back() - logits.front()).cwiseAbs().maxCoeff();
    if (!(difference <= kTolerance)) {
      throw std::runtime_error(nn::concat(rival->name,
                                          ": its logits differ from those of ",
                                          rivals.front()->name,
                                          " by ",
                                          difference));
    }
  }
}

void print_training_header() {
  std::printf("%7s %-9s %10s %10s %8s %6s %9s\n",
              "threads",
              "by",
              "ms/step",
              "s/epoch",
              "GFLOP/s",
              "peak",
              "speed-up");
}

void measure_training(const Settings& settings,
                      const nn::Samples<float>& images,
                      int threads) {
  constexpr Index kWarmUpSteps = 5;
  const double learning_rate = settings.options.learning_rate;
  const auto rivals = make_rivals(settings.options, images);
  check_agreement(rivals, images);
  const Index epoch_steps = rivals.front()->loader.count();
  const Index steps =
      settings.epochs > 0 ? settings.epochs * epoch_steps : settings.steps;
  const Index block = std::min(settings.block, steps);

  nn::bench::Peak peak;
  std::vector<double> peak_rates;
  for (const auto& rival : rivals) {
    rival->train(std::min(kWarmUpSteps, steps), learning_rate);
  }
  peak.run();
  for (Index done = 0; done + block <= steps; done += block) {
    for (const auto& rival : rivals) {
      rival->seconds.push_back(rival->train(block, learning_rate));
    }
    // The pool slept while LibTorch trained.
    double flops = peak.run();
    const double seconds = seconds_of([&] { flops = peak.run(); });
    peak_rates.push_back(flops / seconds);
  }

  const double peak_rate = median(peak_rates);
  const double flops = count_flops(rivals.front()->network).training;
  const double own = median(rivals.front()->seconds);
  for (const auto& rival : rivals) {
    const double per_image = median(rival->seconds);
    const double rate = flops / per_image;
    std::printf(
        "%7d %-9s %10.3f %10.3f %8.1f %5.0f%%",
        threads,
        rival->name.c_str(),
        1e3 * per_image * static_cast<double>(settings.options.batch_size),
        per_image * static_cast<double>(kEpochImages),
        rate / 1e9,
        100.0 * rate / peak_rate);
    if (rival != rivals.front()) std::printf(" %8.2fx", per_image / own);
    std::printf("\n");
  }
  std::printf("%7d %-9s %10s %10s %8.1f %5d%%\n",
              threads,
              "bare tile",
              "",
              "",
              peak_rate / 1e9,
              100);
  std::fflush(stdout);
}

void print_inference_header() {
  std::printf("%7s %6s %-9s %11s %11s %8s %9s %9s\n",
              "threads",
              "batch",
              "by",
              "median us",
              "99 % us",
              "GFLOP/s",
              "speed-up",
              "at 99 %");
}

void measure_inference(const Settings& settings,
                       const nn::Samples<float>& images,
                       int threads,
                       Index batch_size) {
  // Calls in a row: few enough to share the machine's moods, many enough that
  // the one before has left the cache to the same program.
  constexpr Index kBlock = 20;
  apps::Options options = settings.options;
  options.batch_size = batch_size;
  const auto rivals = make_rivals(options, images);
  check_agreement(rivals, images);

  apps::BatchLoader loader(images, batch_size, options.seed);
  const apps::BatchLoader::Batch batch = loader.next();
  nn::Matrix<float> logits(kClasses, batch.x.cols());
  const auto predict = [&](Rival& rival) {
    rival.learner->outputs(batch.x, nn::view(logits));
  };
  for (Index done = -kBlock; done < settings.calls; done += kBlock) {
    for (const auto& rival : rivals) {
      for (Index i = 0; i < kBlock; ++i) {
        const double seconds = seconds_of([&] { predict(*rival); });
        // The first block warms up.
        if (done >= 0) rival->seconds.push_back(seconds);
      }
    }
  }

  const double flops = count_flops(rivals.front()->network).forward *
                       static_cast<double>(batch.x.cols());
  constexpr double kTail = 0.99;
  for (const auto& rival : rivals) {
    const double middle = median(rival->seconds);
    const double tail = quantile(rival->seconds, kTail);
    std::printf("%7d %6d %-9s %11.1f %11.1f %8.1f",
                threads,
                static_cast<int>(batch_size),
                rival->name.c_str(),
                1e6 * middle,
                1e6 * tail,
                flops / middle / 1e9);
    if (rival != rivals.front()) {
      std::printf(" %8.2fx %8.2fx",
                  middle / median(rivals.front()->seconds),
                  tail / quantile(rivals.front()->seconds, kTail));
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

void run(const Settings& settings) {
  const nn::ImageSet images =
      settings.data.empty()
          ? synthetic_images()
          : nn::load_mnist(settings.data, nn::Split::kTraining, kClasses);
  const nn::Samples<float> samples(images, nn::measure_normalization(images));

  const nn::Sequential<float> network =
      apps::build_network<float>(settings.options, images.shape, kClasses);
  const Flops flops = count_flops(network);
  apps::print_setting();
  std::printf("%-17s %d of %s\n",
              "images",
              static_cast<int>(images.size()),
              settings.data.empty() ? "random pixels" : settings.data.c_str());
  std::printf("%-17s %.3f MFLOP forward, %.3f in training, an image\n",
              "network",
              flops.forward / 1e6,
              flops.training / 1e6);
  std::printf("%s", network.summary().c_str());
  if (!settings.inference) {
    std::printf(
        "batches of %d; medians of blocks of %d steps in turn; an "
        "epoch has %d images\n",
        static_cast<int>(settings.options.batch_size),
        static_cast<int>(settings.block),
        static_cast<int>(kEpochImages));
  }
  apps::require_fast_blas(/*allow_slow=*/settings.untuned);

  for (std::size_t i = 0; i < settings.threads.size(); ++i) {
    const int threads = settings.threads[i];
    Settings own = settings;
    own.options.threads = threads;
#if NN_BENCH_HAVE_TORCH
    // The factory says what LibTorch runs with; once a thread count is enough.
    own.options.quiet = false;
    {
      nn::Sequential<float> unused =
          apps::build_network<float>(own.options, images.shape, kClasses);
      std::fflush(stdout);
      apps::torch_framework().make_learner(unused, own.options);
    }
    own.options.quiet = true;
#endif
    // After LibTorch's own, which may change those of its BLAS.
    apps::set_rival_threads(threads);
    if (settings.inference) {
      print_inference_header();
      for (const Index batch : {1, 64}) {
        measure_inference(own, samples, threads, batch);
      }
    } else {
      print_training_header();
      measure_training(own, samples, threads);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kFailure = 1;
  constexpr int kWrongUsage = 2;
  Settings settings;
  apps::Options& options = settings.options;
  options.program = "bench_train";
  options.learning_rate = 0.01;
  options.quiet = true;
  settings.threads = {1};
  if (nn::num_threads() > 1) settings.threads.push_back(nn::num_threads());

  CLI::App app(
      "Times training, or inference, of the reference networks by libnn and, "
      "where built with it, by LibTorch in its fastest setting, in turn.");
  app.add_option("--model", options.model, "mlp or cnn")
      ->required()
      ->check(CLI::IsMember({"mlp", "cnn"}));
  app.add_option("--threads", settings.threads, "numbers of threads: 1,2")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  app.add_option("--batch-size", options.batch_size, "images a step (128)")
      ->check(CLI::Range(Index{1}, kEpochImages));
  app.add_option("--hidden", options.hidden, "MLP: units (256,128)")
      ->delimiter(',');
  app.add_option("--channels", options.channels, "CNN: channels (16,32)")
      ->delimiter(',');
  app.add_option("--kernel", options.kernel, "CNN: kernel size (5)");
  app.add_option("--padding", options.padding, "CNN: padding (2)");
  CLI::Option* steps =
      app.add_option("--steps",
                     settings.steps,
                     "steps of each, for each number of threads (one epoch's)")
          ->check(CLI::PositiveNumber);
  app.add_option("--epochs", settings.epochs, "epochs, in place of --steps")
      ->check(CLI::PositiveNumber)
      ->excludes(steps);
  app.add_option("--block", settings.block, "steps in a row of each (25)")
      ->check(CLI::PositiveNumber);
  app.add_option("--data",
                 settings.data,
                 "folder of MNIST's files (random images of its size)");
  app.add_flag("--inference",
               settings.inference,
               "the latency of a prediction at batch 1 and 64");
  app.add_option("--calls", settings.calls, "predictions of each (1000)")
      ->check(CLI::PositiveNumber);
  app.add_flag("--untuned",
               settings.untuned,
               "leave the environment as it is: LibTorch as it comes");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "bench_train: error: %s\n", error.what());
    std::fprintf(stderr, "Run with --help for more information.\n");
    return kWrongUsage;
  }
  try {
    if (settings.steps == 0 && settings.epochs == 0) settings.epochs = 1;
    if (!settings.untuned) {
      apps::enter_fastest_setting(argv);
    }
    run(settings);
    return 0;
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "bench_train: error: %s\n", error.what());
    return kFailure;
  }
}
