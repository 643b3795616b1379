// What the library does when a call fails, for every call that may: it throws
// or goes on, and what it was to change is as it was before.

#include "faults.h"

#include <cstring>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/nn.h"
#include "support/catch.h"
#include "support/pictures.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

using nn::Index;
using nn_test::Fault;
using Net = nn::Sequential<float>;

struct Scenario {
  explicit Scenario(const char* title) : name(title) {}

  const char* name;
  /// Before each run.
  std::function<void()> prepare = [] {};
  /// What is to bear failing calls.
  std::function<void()> act = [] {};
  /// Checks that nothing has changed after it threw.
  std::function<void()> check_unchanged = [] {};
  /// Checks its result after it did not throw, though a call may have failed.
  std::function<void()> check_done = [] {};
};

// Lets the first call of every kind fail, then the second, and so on until the
// scenario makes no more calls; each alone, and each with all behind it.
// Returns the number of failures.
std::size_t inject(const Scenario& scenario) {
  std::size_t points = 0;
  for (const Fault fault : nn_test::kFaults) {
    for (const bool all_after : {false, true}) {
      for (std::size_t n = 1;; ++n) {
        scenario.prepare();
        bool threw = false;
        std::string message;
        std::size_t failed = 0;
        nn_test::arm(fault, n, all_after);
        try {
          scenario.act();
          failed = nn_test::disarm();
        } catch (const std::exception& error) {
          failed = nn_test::disarm();
          threw = true;
          message = error.what();
        }
        INFO(scenario.name << ", " << nn_test::name_of(fault) << ' ' << n
                           << (all_after ? " and all after" : "") << ": "
                           << message);
        if (threw) {
          CHECK_FALSE(message.empty());
          CHECK_NOTHROW(scenario.check_unchanged());
        } else {
          CHECK_NOTHROW(scenario.check_done());
          if (failed == 0) break;
        }
        ++points;
        REQUIRE(failed > 0);
        REQUIRE(n < 100000);
      }
    }
  }
  std::cout << "  " << scenario.name << ": " << points << " points\n";
  return points;
}

Net build() {
  Net net(nn::Shape{1, 28, 28}, /*seed=*/1);
  net.add<nn::Conv2d>(4, 3, 1, 1).add<nn::ReLU>().add<nn::MaxPool2d>(2);
  net.add<nn::BatchNorm2d>();
  net.add<nn::Residual>(
      [](Net& body) { body.add<nn::Conv2d>(4, 3, 1, 1).add<nn::Tanh>(); });
  net.add<nn::Linear>(16).add<nn::ReLU>().add<nn::Dropout>(0.1);
  net.add<nn::Linear>(10).add<nn::Softmax>();
  return net;
}

nn::Matrix<float> inputs(Index count) {
  nn::Rng rng(3);
  nn::Matrix<float> x(784, count);
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<float>(rng.uniform());
  }
  return x;
}

// All that a network's file holds.
std::vector<float> state(Net& net) {
  std::vector<float> all;
  const auto append = [&](const std::vector<nn::NamedParameter<float>>& list) {
    for (const auto& named : list) {
      const nn::Matrix<float>& value = named.parameter->value;
      all.insert(all.end(), value.data(), value.data() + value.size());
    }
  };
  append(net.named_parameters());
  append(net.named_buffers());
  return all;
}

struct Training {
  Net net = build();
  nn::Workspace<float> workspace;
  nn::Matrix<float> x = inputs(6);
  nn::Labels labels = nn::Labels::LinSpaced(6, 0, 5);
  nn::Matrix<float> dlogits{10, 6};
  nn::SoftmaxCrossEntropy<float> loss;
  std::unique_ptr<nn::Adam<float>> adam =
      std::make_unique<nn::Adam<float>>(net.parameters());

  void forward_and_backward() {
    loss.evaluate(net.forward(x, workspace), labels, dlogits);
    net.backward(dlogits, workspace);
  }
  void step() {
    forward_and_backward();
    adam->step();
  }
};

std::size_t files_in(const std::string& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

template <typename Numbers>
std::string text_of_numbers(const Numbers& numbers) {
  std::ostringstream text;
  text << numbers << '\n';
  return text.str();
}

std::string text_of_images(const nn::ImageSet& set) {
  std::string text(set.images.begin(), set.images.end());
  for (const int label : set.labels) text += std::to_string(label) + '\n';
  for (const std::string& name : set.class_names) text += name + '\n';
  return text;
}

// Loading gives all that there is, as text_of() shows it, or throws.
template <typename Load, typename TextOf>
std::size_t inject_loading(const char* name,
                           const Load& load,
                           const TextOf& text_of) {
  const std::string expected = text_of(load());
  std::optional<decltype(load())> loaded;
  Scenario scenario{name};
  scenario.prepare = [&] { loaded.reset(); };
  scenario.act = [&] { loaded.emplace(load()); };
  scenario.check_unchanged = [&] { CHECK_FALSE(loaded.has_value()); };
  scenario.check_done = [&] { CHECK(text_of(*loaded) == expected); };
  return inject(scenario);
}

// Saving over an old file leaves that one or the new one, and nothing beside.
std::size_t inject_saving(const char* name,
                          const std::function<void(const std::string&)>& save) {
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("file");
  save(path);
  const std::string whole = nn::read_file(path);
  const std::string old = "what was there before";
  Scenario scenario{name};
  scenario.prepare = [&] { nn::write_file_atomically(path, old); };
  scenario.act = [&] { save(path); };
  scenario.check_unchanged = [&] {
    const std::string now = nn::read_file(path);
    CHECK((now == old || now == whole));
    CHECK(files_in(folder.path()) == 1);
  };
  scenario.check_done = [&] {
    CHECK(nn::read_file(path) == whole);
    CHECK(files_in(folder.path()) == 1);
  };
  return inject(scenario);
}

}  // namespace

TEST_CASE("a failed save leaves the old file", "[faults]") {
  Training training;
  training.step();
  std::size_t points = 0;
  points += inject_saving("save_model", [&](const std::string& path) {
    nn::save_model(path, training.net);
  });
  points += inject_saving("save_weights", [&](const std::string& path) {
    nn::save_weights(path, training.net);
  });
  points += inject_saving("save_optimizer", [&](const std::string& path) {
    nn::save_optimizer(path, *training.adam);
  });
  Net plain(nn::Shape{4}, /*seed=*/1);
  plain.add<nn::Linear>(3).add<nn::Softmax>();
  points += inject_saving("export_onnx", [&](const std::string& path) {
    nn::export_onnx(path, plain);
  });
  const nn::Matrix<float> x = inputs(2);
  points += inject_saving("save_npy", [&](const std::string& path) {
    nn::save_npy(path, nn::view(x));
  });
  CHECK(points > 100);
}

TEST_CASE("a failed load changes nothing", "[faults]") {
  const nn_test::TemporaryDirectory folder;
  const std::string model = folder.file("model");
  const std::string weights = folder.file("weights");
  const std::string optimizer = folder.file("optimizer");
  Training trained;
  trained.step();
  nn::save_model(model, trained.net);
  nn::save_weights(weights, trained.net);
  nn::save_optimizer(optimizer, *trained.adam);
  const nn::Matrix<float> x = inputs(3);
  const nn::Matrix<float> expected = trained.net.predict(x);

  std::unique_ptr<Net> loaded;
  Scenario load{"load_model"};
  load.prepare = [&] { loaded.reset(); };
  load.act = [&] {
    loaded = std::make_unique<Net>(nn::load_model<float>(model));
  };
  load.check_unchanged = [&] { CHECK(loaded == nullptr); };
  load.check_done = [&] { CHECK(loaded->predict(x) == expected); };
  std::size_t points = inject(load);

  const std::vector<float> new_state = state(trained.net);
  Net net = build();
  const std::vector<float> old_state = state(net);
  REQUIRE(old_state != new_state);
  std::vector<float*> places;
  Scenario load_weights{"load_weights"};
  load_weights.prepare = [&] {
    Net fresh = build();
    nn::save_weights(folder.file("old"), fresh);
    nn::load_weights(folder.file("old"), net);
  };
  load_weights.act = [&] { nn::load_weights(weights, net); };
  load_weights.check_unchanged = [&] { CHECK(state(net) == old_state); };
  load_weights.check_done = [&] { CHECK(state(net) == new_state); };
  points += inject(load_weights);

  Training other;
  const std::string now = folder.file("now");
  const auto optimizer_state = [&] {
    nn::save_optimizer(now, *other.adam);
    return nn::read_file(now);
  };
  const std::string old_optimizer = folder.file("old_optimizer");
  nn::save_optimizer(old_optimizer, *other.adam);
  Scenario load_optimizer{"load_optimizer"};
  load_optimizer.prepare = [&] {
    nn::load_optimizer(old_optimizer, *other.adam);
  };
  load_optimizer.act = [&] { nn::load_optimizer(optimizer, *other.adam); };
  load_optimizer.check_unchanged = [&] {
    CHECK(optimizer_state() == nn::read_file(old_optimizer));
  };
  load_optimizer.check_done = [&] {
    CHECK(optimizer_state() == nn::read_file(optimizer));
  };
  points += inject(load_optimizer);
  CHECK(points > 100);
}

TEST_CASE("data is loaded whole or not at all", "[faults]") {
  const nn_test::TemporaryDirectory folder;
  for (const bool gzip : {false, true}) {
    if (gzip && !nn_test::can_gzip()) continue;
    nn_test::TinyMnist options;
    options.training = 20;
    options.test = 10;
    options.gzip = gzip;
    const std::string mnist = folder.file(gzip ? "gzip" : "plain");
    std::filesystem::create_directory(mnist);
    nn_test::write_tiny_mnist(mnist, options);
    const auto load = [&] {
      return nn::load_mnist(mnist, nn::Split::kTraining);
    };
    CHECK(inject_loading(gzip ? "load_mnist, gzip" : "load_mnist",
                         load,
                         text_of_images) > 5);
  }

  std::string table = "a,b,kind\n";
  for (int i = 0; i < 50; ++i) {
    table += std::to_string(i) + ',' + (i % 7 == 0 ? "" : "0.5") +
             (i % 2 == 0 ? ",even\n" : ",\"odd\"\n");
  }
  for (const bool gzip : {false, true}) {
    if (gzip && !nn_test::can_gzip()) continue;
    const std::string csv = folder.file(gzip ? "table.csv.gz" : "table.csv");
    nn::write_file_atomically(csv, gzip ? nn_test::gzip(table) : table);
    nn::CsvOptions options;
    options.label = "kind";
    options.missing = nn::CsvMissing::kMean;
    const auto load = [&] { return nn::load_csv<float>(csv, options); };
    const auto text_of = [](const nn::Table<float>& read) {
      std::string text = text_of_numbers(read.x) + text_of_numbers(read.labels);
      for (const std::string& name : read.classes) text += name + '\n';
      return text;
    };
    CHECK(inject_loading(gzip ? "load_csv, gzip" : "load_csv", load, text_of) >
          20);
  }

  const std::string npy = folder.file("array.npy");
  const nn::Matrix<float> x = inputs(3);
  nn::save_npy(npy, nn::view(x));
  CHECK(inject_loading(
            "load_npy",
            [&] { return nn::load_npy<double>(npy); },
            [](const nn::NpyArray<double>& read) {
              return text_of_numbers(read.matrix());
            }) > 5);
}

TEST_CASE("pictures are loaded whole or not at all", "[faults]") {
  if (!nn_test::can_png() || !nn_test::can_jpeg()) return;
  const nn_test::TemporaryDirectory folder;
  nn_test::Png png;
  nn_test::Jpeg jpeg;
  png.height = jpeg.height = 5;
  png.width = jpeg.width = 7;
  png.samples = std::string(35, 'p');
  jpeg.samples = std::string(35, 'j');
  for (const char* kind : {"a", "b"}) {
    const std::string pictures = folder.file(kind);
    std::filesystem::create_directory(pictures);
    nn::write_file_atomically(pictures + "/1.png", nn_test::png_bytes(png));
    nn::write_file_atomically(pictures + "/2.jpg", nn_test::jpeg_bytes(jpeg));
  }
  nn::ImageFolderOptions options;
  for (const bool skip : {false, true}) {
    options.skip_unreadable = skip;
    const auto load = [&] {
      nn::ImageFolder read = nn::load_image_folder(folder.path(), options);
      // What is left out has to be told of.
      if (!read.skipped.empty()) throw std::runtime_error("left out");
      return read;
    };
    CHECK(inject_loading(skip ? "load_image_folder, what is readable"
                              : "load_image_folder",
                         load,
                         [](const nn::ImageFolder& read) {
                           return text_of_images(read.images);
                         }) > 20);
  }
}

TEST_CASE("a network to which a layer could not be added is as it was",
          "[faults]") {
  using Add = std::function<void(Net&)>;
  const std::vector<Add> additions = {
      [](Net& net) { net.add<nn::Conv2d>(3, 3); },
      [](Net& net) { net.add<nn::ReLU>(); },
      [](Net& net) { net.add<nn::MaxPool2d>(2); },
      [](Net& net) { net.add<nn::BatchNorm2d>(); },
      [](Net& net) {
        net.add<nn::Residual>([](Net& body) { body.add<nn::Tanh>(); });
      },
      [](Net& net) { net.add<nn::AvgPool2d>(2); },
      [](Net& net) { net.add<nn::GELU>(); },
      [](Net& net) { net.add<nn::Dropout>(0.5); },
      [](Net& net) { net.add<nn::LayerNorm>(); },
      [](Net& net) { net.add<nn::Linear>(8); },
      [](Net& net) { net.add<nn::ReLU>(); },
      [](Net& net) { net.add<nn::Linear>(4); },
      [](Net& net) { net.add<nn::Softmax>(); },
  };
  const nn::Matrix<float> x = inputs(2);
  std::vector<nn::Matrix<float>> expected;
  {
    Net whole(nn::Shape{1, 28, 28}, /*seed=*/5);
    for (const Add& add : additions) {
      add(whole);
      expected.push_back(whole.predict(x));
    }
  }
  std::size_t points = 0;
  for (std::size_t i = 0; i < additions.size(); ++i) {
    std::unique_ptr<Net> net;
    Scenario scenario{"add"};
    scenario.prepare = [&] {
      net = std::make_unique<Net>(nn::Shape{1, 28, 28}, /*seed=*/5);
      for (std::size_t k = 0; k < i; ++k) additions[k](*net);
    };
    scenario.act = [&] { additions[i](*net); };
    scenario.check_unchanged = [&] {
      CHECK(net->size() == static_cast<Index>(i));
      if (i > 0) CHECK(net->predict(x) == expected[i - 1]);
      // Its draws, too: the same layer once more has the same weights.
      additions[i](*net);
      CHECK(net->predict(x) == expected[i]);
    };
    scenario.check_done = [&] { CHECK(net->predict(x) == expected[i]); };
    points += inject(scenario);
  }
  CHECK(points > 50);
}

TEST_CASE("a training step allocates first or never, and can be repeated",
          "[faults]") {
  Training plain;
  plain.step();
  const std::vector<float> after_one = state(plain.net);

  std::unique_ptr<Training> training;
  Scenario step{"the first step"};
  step.prepare = [&] { training = std::make_unique<Training>(); };
  step.act = [&] { training->step(); };
  step.check_unchanged = [&] {
    // Draws are those of the pass; one that failed is not counted.
    CHECK(training->workspace.passes() <= 1);
    training->workspace.set_passes(0);
    training->net.forward(training->x, training->workspace);
    CHECK(state(training->net).size() == after_one.size());
  };
  step.check_done = [&] { CHECK(state(training->net) == after_one); };
  CHECK(inject(step) > 0);

  Scenario later{"a later step"};
  later.act = [&] { plain.step(); };
  CHECK(inject(later) == 0);
}

TEST_CASE("a prediction that failed can be repeated", "[faults]") {
  const Net net = build();
  const nn::Matrix<float> x = inputs(5);
  const nn::Matrix<float> expected = net.predict(x);
  nn::Matrix<float> y;
  Scenario scenario{"predict"};
  scenario.prepare = [&] { y.resize(0, 0); };
  scenario.act = [&] { y = net.predict(x); };
  scenario.check_unchanged = [&] {
    CHECK(y.size() == 0);
    CHECK(net.predict(x) == expected);
  };
  scenario.check_done = [&] { CHECK(y == expected); };
  CHECK(inject(scenario) > 0);

  nn::Matrix<float> into(10, 5);
  nn::Workspace<float> workspace;
  Scenario small_first{"predict in a workspace that grows"};
  small_first.prepare = [&] {
    workspace = nn::Workspace<float>();
    net.predict(x.leftCols(1), into.leftCols(1), workspace);
  };
  small_first.act = [&] { net.predict(x, nn::view(into), workspace); };
  small_first.check_unchanged = [&] {
    net.predict(x.leftCols(1), into.leftCols(1), workspace);
    CHECK(into.leftCols(1).isApprox(expected.leftCols(1), 1e-5F));
    net.predict(x, nn::view(into), workspace);
    CHECK(into == expected);
  };
  small_first.check_done = [&] { CHECK(into == expected); };
  CHECK(inject(small_first) > 0);
}

TEST_CASE("a training that failed leaves a network that works", "[faults]") {
  const nn_test::TemporaryDirectory folder;
  const nn::Matrix<float> x = inputs(10);
  const nn::Labels labels = nn::Labels::LinSpaced(10, 0, 9);
  std::unique_ptr<Training> training;
  Scenario scenario{"Trainer::fit"};
  scenario.prepare = [&] { training = std::make_unique<Training>(); };
  scenario.act = [&] {
    nn::TrainerOptions options;
    options.epochs = 2;
    options.batch_size = 5;
    nn::Trainer<float> trainer(training->net, *training->adam, options);
    trainer.add<nn::CsvLog>(folder.file("log.csv"));
    trainer.add<nn::BestCheckpoint>(folder.file("best.safetensors"));
    const nn::Samples<float> samples(x, labels);
    trainer.fit(samples, samples);
  };
  scenario.check_unchanged = [&] {
    CHECK(training->net.predict(x).allFinite());
    training->step();
  };
  scenario.check_done = scenario.check_unchanged;
  CHECK(inject(scenario) > 50);
}

TEST_CASE("a training is taken up whole or not at all", "[faults]") {
  const nn_test::TemporaryDirectory folder;
  const nn::Matrix<float> x = inputs(10);
  const nn::Labels labels = nn::Labels::LinSpaced(10, 0, 9);
  const nn::Samples<float> samples(x, labels);
  const auto with_callbacks = [&](Training& training) {
    nn::TrainerOptions options;
    options.epochs = 2;
    options.batch_size = 5;
    auto trainer = std::make_unique<nn::Trainer<float>>(
        training.net, *training.adam, options);
    trainer->add<nn::EarlyStopping>();
    trainer->add<nn::CsvLog>(folder.file("log.csv"));
    trainer->add<nn::Checkpoint>(folder.file("training"), /*seconds=*/0.0);
    return trainer;
  };
  const std::string path = folder.file("training");
  Training first;
  with_callbacks(first)->fit(samples, samples);

  Training second;
  const auto trainer = with_callbacks(second);
  const auto text_of = [](const nn::StateDict& state) {
    std::string text;
    for (const nn::Tensor& tensor : state.tensors) {
      text += tensor.name + tensor.bytes;
    }
    return text;
  };
  const std::string old = folder.file("old");
  nn::save_training(old, *trainer);
  const std::string old_text = text_of(nn::read_safetensors(old));
  const std::string new_text = text_of(nn::read_safetensors(path));
  Scenario resuming{"resume_training"};
  resuming.prepare = [&] { nn::resume_training(old, *trainer); };
  resuming.act = [&] { nn::resume_training(path, *trainer); };
  resuming.check_unchanged = [&] {
    CHECK(text_of(trainer->state()) == old_text);
  };
  resuming.check_done = [&] { CHECK(text_of(trainer->state()) == new_text); };
  CHECK(inject(resuming) > 100);

  const auto save = [&](const std::string& to) {
    nn::save_training(to, *trainer);
  };
  CHECK(inject_saving("save_training", save) > 100);
}

TEST_CASE("a loop runs on the threads that there are", "[faults][threads]") {
  const int before = nn::num_threads();
  std::vector<int> done(1000, 0);
  Scenario scenario{"a loop on new threads"};
  scenario.prepare = [&] {
    nn::set_num_threads(1);
    done.assign(done.size(), 0);
  };
  scenario.act = [&] {
    nn::set_num_threads(4);
    nn::parallel_for(
        1000, [&](Index task, int) { ++done[static_cast<std::size_t>(task)]; });
  };
  const auto run_again = [&] {
    done.assign(done.size(), 0);
    nn::parallel_for(
        1000, [&](Index task, int) { ++done[static_cast<std::size_t>(task)]; });
    CHECK(done == std::vector<int>(1000, 1));
  };
  scenario.check_unchanged = run_again;
  scenario.check_done = [&] {
    CHECK(done == std::vector<int>(1000, 1));
    run_again();
  };
  inject(scenario);
  nn::set_num_threads(before);
}
