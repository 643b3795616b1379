#include "nn/files/optimizer_file.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/check.h"
#include "nn/files/file.h"
#include "nn/files/safetensors.h"
#include "nn/optimizers/adagrad.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/rmsprop.h"
#include "nn/optimizers/sgd.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/matrices.h"
#include "support/optimizer_contract.h"
#include "support/temporary_directory.h"

using nn::load_optimizer;
using nn::save_optimizer;
using nn_test::message_of;
using nn_test::OptimizerRun;
using nn_test::Pointers;
using nn_test::same_bits;
using nn_test::TemporaryDirectory;

namespace {

template <typename Scalar>
struct Kind {
  const char* name;
  std::vector<std::string> arrays;
  bool counts;
  std::function<std::unique_ptr<nn::Optimizer<Scalar>>(Pointers<Scalar>)> make;
};

// Every optimizer, with and without what its options make it keep.
template <typename Scalar>
std::vector<Kind<Scalar>> all_kinds() {
  const auto make = [](auto* none, const auto& options) {
    using Optimizer = std::remove_pointer_t<decltype(none)>;
    return [options](Pointers<Scalar> parameters) {
      return std::make_unique<Optimizer>(std::move(parameters), options);
    };
  };
  nn::Sgd<Scalar>* sgd = nullptr;
  nn::Adam<Scalar>* adam = nullptr;
  nn::AdamW<Scalar>* adamw = nullptr;
  nn::RmsProp<Scalar>* rmsprop = nullptr;
  nn::Adagrad<Scalar>* adagrad = nullptr;
  nn::SgdOptions momentum;
  momentum.momentum = 0.9;
  momentum.nesterov = true;
  nn::AdamOptions amsgrad;
  amsgrad.amsgrad = true;
  nn::RmsPropOptions centered;
  centered.centered = true;
  centered.momentum = 0.5;
  nn::AdagradOptions decay;
  decay.learning_rate_decay = 0.1;
  return {
      {"Sgd", {}, false, make(sgd, nn::SgdOptions())},
      {"Sgd", {"momentum_buffer"}, false, make(sgd, momentum)},
      {"Adam", {"exp_avg", "exp_avg_sq"}, true, make(adam, nn::AdamOptions())},
      {"Adam",
       {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
       true,
       make(adam, amsgrad)},
      {"AdamW",
       {"exp_avg", "exp_avg_sq"},
       true,
       make(adamw, nn::AdamWOptions())},
      {"RmsProp", {"square_avg"}, false, make(rmsprop, nn::RmsPropOptions())},
      {"RmsProp",
       {"square_avg", "grad_avg", "momentum_buffer"},
       false,
       make(rmsprop, centered)},
      {"Adagrad", {"sum"}, true, make(adagrad, decay)},
  };
}

const std::vector<nn::Index> kSizes = {3, 1, 20};

}  // namespace

TEMPLATE_TEST_CASE("every optimizer goes on the same to the bit after loading",
                   "[optimizer_file][optimizers]",
                   float,
                   double) {
  for (const Kind<TestType>& kind : all_kinds<TestType>()) {
    INFO(kind.name << " with " << kind.arrays.size() << " arrays");
    const TemporaryDirectory directory;
    const std::string path = directory.file("optimizer.safetensors");
    OptimizerRun<TestType> run(kSizes);
    const auto optimizer = kind.make(run.pointers());
    run.steps(*optimizer, 3);
    optimizer->set_learning_rate(0.1 / 3);
    save_optimizer(path, *optimizer);

    // The same parameters, in another place, and an optimizer that has been at
    // work elsewhere.
    OptimizerRun<TestType> other(kSizes);
    const auto loaded = kind.make(other.pointers());
    other.steps(*loaded, 5);
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
      other.parameters[i].value = run.parameters[i].value;
    }
    other.gradients = run.gradients;
    const std::string bytes = nn::read_file(path);
    load_optimizer(nn::MemoryFile{bytes}, *loaded);
    CHECK(loaded->learning_rate() == 0.1 / 3);
    // What is saved again is the same file.
    save_optimizer(directory.file("again"), *loaded);
    CHECK(nn::read_file(directory.file("again")) == nn::read_file(path));
    run.steps(*optimizer, 3);
    other.steps(*loaded, 3);
    CHECK(same_bits(run.joined(), other.joined()));
  }
}

TEST_CASE("an optimizer's file has PyTorch's names and the parameters' shapes",
          "[optimizer_file][optimizers]") {
  for (const Kind<float>& kind : all_kinds<float>()) {
    INFO(kind.name << " with " << kind.arrays.size() << " arrays");
    const TemporaryDirectory directory;
    const std::string path = directory.file("optimizer.safetensors");
    OptimizerRun<float> run(kSizes);
    run.parameters[2].dims = {4, 5};
    const auto optimizer = kind.make(run.pointers());
    run.steps(*optimizer, 2);
    save_optimizer(path, *optimizer);
    const nn::SafetensorsFile file = nn::read_safetensors(path);
    CHECK(file.metadata.at("libnn.optimizer") == kind.name);
    std::size_t place = 0;
    for (const std::string& array : kind.arrays) {
      for (std::size_t i = 0; i < kSizes.size(); ++i) {
        const nn::Tensor& tensor = file.tensors.at(place++);
        CHECK(tensor.name == nn::concat(i, ".", array));
        CHECK(tensor.dtype == "F32");
        CHECK(tensor.dims == run.parameters[i].dims);
      }
    }
    CHECK(file.tensors.at(place++).name == "learning_rate");
    if (kind.counts) CHECK(file.tensors.at(place++).name == "step");
    CHECK(file.tensors.size() == place);
  }
}

TEST_CASE("an optimizer is loaded in another scalar than it was saved in",
          "[optimizer_file][optimizers]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("optimizer.safetensors");
  OptimizerRun<float> run(kSizes);
  nn::Adam<float> adam(run.pointers());
  run.steps(adam, 3);
  save_optimizer(path, adam);
  OptimizerRun<double> wide(kSizes);
  nn::Adam<double> wide_adam(wide.pointers());
  load_optimizer(path, wide_adam);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(same_bits(*wide_adam.state().arrays[i].values,
                    adam.state().arrays[i].values->cast<double>().eval()));
  }
  CHECK(*wide_adam.state().steps == 3);
}

TEST_CASE(
    "an optimizer's file that does not fit is refused and changes nothing",
    "[optimizer_file][errors]") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("optimizer.safetensors");
  OptimizerRun<double> run(kSizes);
  nn::Adam<double> adam(run.pointers());
  run.steps(adam, 3);
  save_optimizer(path, adam);
  const nn::SafetensorsFile good = nn::read_safetensors(path);

  OptimizerRun<double> other(kSizes);
  nn::Adam<double> into(other.pointers(), {/*learning_rate=*/0.5});
  other.steps(into, 1);
  const std::string before = directory.file("before");
  save_optimizer(before, into);
  // The message with which the changed file is refused, without its path.
  const auto error_of =
      [&](const std::function<void(nn::SafetensorsFile&)>& change) {
        nn::SafetensorsFile changed = good;
        change(changed);
        nn::write_safetensors(path, changed);
        std::string message =
            message_of<std::runtime_error>([&] { load_optimizer(path, into); });
        save_optimizer(directory.file("after"), into);
        CHECK(nn::read_file(directory.file("after")) == nn::read_file(before));
        REQUIRE(message.rfind(path + ": ", 0) == 0);
        return message.substr(path.size() + 2);
      };
  const auto replace = [](nn::SafetensorsFile& file, const nn::Tensor& by) {
    for (nn::Tensor& tensor : file.tensors) {
      if (tensor.name == by.name) tensor = by;
    }
  };
  const auto bytes_of = [](auto number) {
    return std::string(reinterpret_cast<const char*>(&number), sizeof(number));
  };

  CHECK(error_of([](auto& file) { file.metadata.clear(); }) ==
        "expected the file of an optimizer, with its kind in the metadata "
        "under \"libnn.optimizer\", found none");
  CHECK(error_of([](auto& file) {
          file.metadata["libnn.optimizer"] = "AdamW";
        }) == "expected the optimizer Adam, found \"AdamW\"");
  CHECK(error_of([](auto& file) { file.tensors.pop_back(); }) ==
        "expected one number \"step\" of the type I64, found none");
  CHECK(error_of([&](auto& file) {
          replace(file, {"step", "I64", {1}, bytes_of(std::int64_t{1})});
        }) ==
        "expected one number \"step\" of the type I64, found another tensor");
  CHECK(error_of([&](auto& file) {
          replace(file, {"step", "I64", {}, bytes_of(std::int64_t{-1})});
        }) ==
        "expected a number of steps from 0 to 9007199254740992, found -1");
  for (const double rate : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THAT(
        error_of([&](auto& file) {
          replace(file, {"learning_rate", "F64", {}, bytes_of(rate)});
        }),
        Catch::Matchers::StartsWith("expected a learning rate that is finite "
                                    "and at least 0, found "));
  }
  CHECK(
      error_of([](auto& file) { file.tensors.erase(file.tensors.begin()); }) ==
      "expected the optimizer's parameter \"0.exp_avg\" [3], found no such "
      "tensor; the file has \"0.exp_avg_sq\" [3], \"1.exp_avg\" [1], "
      "\"2.exp_avg\" [20], \"1.exp_avg_sq\" [1], \"2.exp_avg_sq\" [20], "
      "\"learning_rate\" [], \"step\" []");
  CHECK(error_of([](auto& file) {
          file.tensors[2].dims = {4, 5};
        }) == "parameter \"2.exp_avg\": expected [20], found [4, 5]");
  CHECK(error_of([&](auto& file) {
          file.tensors.push_back({"3.exp_avg", "F64", {}, bytes_of(1.0)});
        }) ==
        "expected the optimizer's 6 parameters alone, found also "
        "\"3.exp_avg\" []");
  CHECK_THROWS_AS(load_optimizer(directory.file("absent"), into),
                  std::runtime_error);
}
