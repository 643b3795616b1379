// Trains one network for every kind of layer, loss and optimizer by libnn and,
// where it is built with it, by LibTorch in its fastest setting: seconds of an
// epoch of MNIST, and what the networks know after it.
//
// The two start from the same weights, get the same batches and take turns in
// blocks of steps, so that what else happens on the machine meets both alike.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench_breadth/recipe.h"
#include "bench_breadth/subjects.h"
#include "bench_train/batch_loader.h"
#include "bench_train/torch_setting.h"
#include "benchmarks/timing.h"
#include "nn/check.h"
#include "nn/data/idx.h"
#include "nn/data/image_set.h"
#include "nn/network/sequential.h"
#include "nn/parallel.h"
#include "nn/training/samples.h"

namespace {

using nn::Index;
using nn::bench::median;
using nn::bench::seconds_of;

constexpr int kClasses = 10;

struct Settings {
  std::string data;
  std::vector<std::string> only;
  std::vector<int> threads = {1};
  std::vector<std::uint64_t> seeds = {1};
  Index steps = 0;  // 0: an epoch
  Index batch_size = 128;
  Index block = 10;
};

struct Data {
  nn::ImageSet training;
  nn::ImageSet test;
  nn::Normalization normalization;

  nn::Samples<float> training_samples() const {
    return {training, normalization};
  }
  nn::Samples<float> test_samples() const { return {test, normalization}; }
};

struct Rival {
  std::string name;
  nn::Sequential<float> network;
  apps::LearnerPointer learner;
  apps::BatchLoader loader;
  nn::Matrix<float> target;               // room for one-hot columns
  std::vector<double> seconds_per_image;  // an entry for each block
};

nn::Sequential<float> build(const apps::Subject& subject,
                            const nn::Shape& input,
                            std::uint64_t seed) {
  nn::Sequential<float> network(input, seed);
  subject.fill(network);
  return network;
}

/// The labels, or one-hot columns where the loss is no classifier's.
nn::Targets<float> targets_of(Rival& rival, nn::ConstLabels labels) {
  if (rival.learner->objective().counts_correct()) return labels;
  if (rival.target.cols() < labels.size()) {
    rival.target.resize(kClasses, labels.size());
  }
  nn::View<float> target(rival.target.data(), kClasses, labels.size());
  target.setZero();
  for (Index n = 0; n < labels.size(); ++n) target(labels[n], n) = 1.0F;
  return nn::as_const(target);
}

/// The next `steps` batches of the epoch.
void train(Rival& rival, Index steps) {
  Index images = 0;
  double loss = 0.0;
  const double seconds = seconds_of([&] {
    nn::Learner<float>& learner = *rival.learner;
    for (Index i = 0; i < steps; ++i) {
      const apps::BatchLoader::Batch batch = rival.loader.next();
      loss = learner
                 .step(batch.x,
                       targets_of(rival, batch.labels),
                       learner.learning_rate())
                 .loss;
      images += batch.x.cols();
    }
  });
  if (!std::isfinite(loss)) {
    throw std::runtime_error(rival.name + ": the loss is not finite");
  }
  rival.seconds_per_image.push_back(seconds / static_cast<double>(images));
}

/// The share of the test images whose class is right, in percent.
double accuracy(Rival& rival, const Data& data) {
  constexpr Index kBatch = 500;
  constexpr std::uint64_t kSeed = 1;  // the order does not change the share
  apps::BatchLoader loader(data.test_samples(), kBatch, kSeed);
  nn::Matrix<float> logits(kClasses, kBatch);
  Index correct = 0;
  for (Index i = 0; i < loader.count(); ++i) {
    const apps::BatchLoader::Batch batch = loader.next();
    const nn::View<float> part(logits.data(), kClasses, batch.x.cols());
    rival.learner->outputs(batch.x, part);
    for (Index n = 0; n < batch.x.cols(); ++n) {
      Index best = 0;
      part.col(n).maxCoeff(&best);
      // Of a NaN there is no largest.
      if (best == batch.labels[n] && part.col(n).allFinite()) ++correct;
    }
  }
  return 100.0 * static_cast<double>(correct) /
         static_cast<double>(data.test.size());
}

/// The two must compute the same, or there is nothing to compare.
void check_agreement(std::vector<std::unique_ptr<Rival>>& rivals,
                     const Data& data) {
  constexpr Index kImages = 32;
  constexpr std::uint64_t kSeed = 1;
  constexpr float kTolerance = 1e-3F;
  nn::Matrix<float> first;
  for (const auto& rival : rivals) {
    apps::BatchLoader loader(data.test_samples(), kImages, kSeed);
    const apps::BatchLoader::Batch batch = loader.next();
    nn::Matrix<float> logits(kClasses, batch.x.cols());
    rival->learner->outputs(batch.x, nn::view(logits));
    if (first.size() == 0) first = logits;
    const float difference = (logits - first).cwiseAbs().maxCoeff();
    if (!(difference <= kTolerance)) {
      throw std::runtime_error(nn::concat(rival->name,
                                          ": its logits differ from those of ",
                                          rivals.front()->name,
                                          " by ",
                                          difference));
    }
  }
}

void print_header() {
#if NN_BENCH_HAVE_TORCH
  std::printf("%-21s %7s %5s %9s %9s %7s %9s %9s\n",
              "",
              "threads",
              "seed",
              "libnn s",
              "LibTorch",
              "ratio",
              "libnn %",
              "LibTorch");
#else
  std::printf(
      "%-21s %7s %5s %9s %9s\n", "", "threads", "seed", "libnn s", "libnn %");
#endif
}

void measure(const apps::Subject& subject,
             const Settings& settings,
             const Data& data,
             int threads,
             std::uint64_t seed) {
  std::vector<std::unique_ptr<Rival>> rivals;
  const auto add = [&](const char* name, const auto& make_learner) {
    rivals.push_back(std::make_unique<Rival>(Rival{
        name,
        build(subject, data.training.shape, seed),
        nullptr,
        apps::BatchLoader(data.training_samples(), settings.batch_size, seed),
        {},
        {}}));
    Rival& rival = *rivals.back();
    rival.learner = make_learner(rival.network, subject.recipe);
  };
  add("libnn", apps::make_libnn_learner);
#if NN_BENCH_HAVE_TORCH
  add("LibTorch", apps::make_torch_learner);
#endif
  check_agreement(rivals, data);

  const Index epoch = rivals.front()->loader.count();
  const Index steps =
      settings.steps > 0 ? std::min(settings.steps, epoch) : epoch;
  for (Index done = 0; done < steps; done += settings.block) {
    for (const auto& rival : rivals) {
      train(*rival, std::min(settings.block, steps - done));
    }
  }

  const auto epoch_seconds = [&](const Rival& rival) {
    return median(rival.seconds_per_image) *
           static_cast<double>(data.training.size());
  };
  std::printf("%-21s %7d %5s",
              subject.name.c_str(),
              threads,
              std::to_string(seed).c_str());
  for (const auto& rival : rivals) {
    std::printf(" %9.3f", epoch_seconds(*rival));
  }
  if (rivals.size() > 1) {
    std::printf(" %6.2fx",
                epoch_seconds(*rivals[1]) / epoch_seconds(*rivals[0]));
  }
  // After less than an epoch an accuracy would say little.
  if (steps == epoch) {
    for (const auto& rival : rivals) {
      std::printf(" %9.2f", accuracy(*rival, data));
    }
  }
  std::printf("\n");
  std::fflush(stdout);
}

bool is_wanted(const Settings& settings, const std::string& name) {
  return settings.only.empty() ||
         std::any_of(settings.only.begin(),
                     settings.only.end(),
                     [&](const std::string& part) {
                       return name.find(part) != std::string::npos;
                     });
}

void run(const Settings& settings) {
  apps::print_setting();
  apps::require_fast_blas(/*allow_slow=*/false);
  Data data;
  data.training = nn::load_mnist(settings.data, nn::Split::kTraining, kClasses);
  data.test = nn::load_mnist(settings.data, nn::Split::kTest, kClasses);
  data.normalization = nn::measure_normalization(data.training);
  std::printf(
      "batches of %d; seconds of an epoch of %d images, by the median of "
      "blocks of %d steps in turn\n",
      static_cast<int>(settings.batch_size),
      static_cast<int>(data.training.size()),
      static_cast<int>(settings.block));

  for (const int threads : settings.threads) {
#if NN_BENCH_HAVE_TORCH
    std::printf("LibTorch %s\n", apps::set_torch_threads(threads));
#endif
    apps::set_rival_threads(threads);
    print_header();
    for (const apps::Subject& subject : apps::all_subjects()) {
      if (!is_wanted(settings, subject.name)) continue;
      for (const std::uint64_t seed : settings.seeds) {
        measure(subject, settings, data, threads, seed);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kFailure = 1;
  constexpr int kWrongUsage = 2;
  Settings settings;
  CLI::App app(
      "Trains a network for every kind of layer, loss and optimizer for one "
      "epoch by libnn and, where built with it, by LibTorch in its fastest "
      "setting, in turn.");
  app.add_option("--data", settings.data, "folder of MNIST's files")
      ->required();
  app.add_option("--threads", settings.threads, "numbers of threads: 1,2 (1)")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  app.add_option("--seeds",
                 settings.seeds,
                 "seeds of the weights and the order of the images, a run "
                 "each: 1,2,3 (1)")
      ->delimiter(',');
  app.add_option("--steps",
                 settings.steps,
                 "steps in place of a whole epoch: seconds alone")
      ->check(CLI::PositiveNumber);
  app.add_option("--only",
                 settings.only,
                 "the networks whose names hold one of these: mlp,cnn groups")
      ->delimiter(',');
  app.add_option("--batch-size", settings.batch_size, "images a step (128)")
      ->check(CLI::Range(2, 60000));
  app.add_option("--block", settings.block, "steps in a row of each (10)")
      ->check(CLI::PositiveNumber);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "bench_breadth: error: %s\n", error.what());
    std::fprintf(stderr, "Run with --help for more information.\n");
    return kWrongUsage;
  }
  try {
    apps::enter_fastest_setting(argv);
    run(settings);
    return 0;
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "bench_breadth: error: %s\n", error.what());
    return kFailure;
  }
}
