// Layers that break the contract, each in one way: the check must see them all.

#include "support/layer_contract.h"

#include <memory>
#include <string>
#include <vector>

#include "nn/parallel.h"
#include "support/catch.h"
#include "support/matrices.h"

namespace {

using nn::ConstView;
using nn::Index;
using nn::Matrix;
using nn::Mode;
using nn::PassMemory;
using nn::View;

enum class Fault {
  kNone,
  kWrongGradient,
  kAccumulates,
  kDropsGradientWithoutDx,
  kMixesSamples,
  kReadsUnwritten,
  kWritesBehindOutput,
  kWritesBehindSaved,
  kChangesInput,
  kAllocates,
  kOtherInInference,
  kOtherWithThreads,
  kForwardChangesBuffer,
  kKeepsBuffer,
  kNeedsLessForMore,
  kNeedsMoreInInference,
  kNeedsByThreads,
};

// y = w * x with one weight w and a counter of batches, and one fault.
class Faulty final : public nn::Layer<double> {
 public:
  explicit Faulty(Fault fault)
      : Layer(nn::Shape{4}, nn::Shape{4}),
        fault_(fault),
        weight_("weight", {1}, 1, 1),
        batches_(nn::Parameter<double>::counter("batches")) {}

  std::string name() const override { return "Faulty"; }
  using Layer::parameters;
  std::vector<nn::Parameter<double>*> parameters() override {
    return {&weight_};
  }
  using Layer::buffers;
  std::vector<nn::Parameter<double>*> buffers() override { return {&batches_}; }
  void initialize(nn::Rng&) override {
    weight_.value(0, 0) = 2;
    if (fault_ != Fault::kKeepsBuffer) batches_.value(0, 0) = 0;
  }
  nn::MemoryNeeds memory_needs(Index batch, Mode mode) const override {
    const auto bytes = static_cast<std::size_t>(4 * batch) * sizeof(double);
    nn::MemoryNeeds needs{bytes, bytes};
    if (fault_ == Fault::kNeedsLessForMore && batch >= 257) {
      needs.scratch_bytes -= 64;
    }
    if (fault_ == Fault::kNeedsMoreInInference && mode == Mode::kInference) {
      needs.worker_bytes = 1;
    }
    if (fault_ == Fault::kNeedsByThreads) {
      needs.saved_bytes += static_cast<std::size_t>(nn::num_threads());
    }
    return needs;
  }

 private:
  void do_forward(ConstView<double> x,
                  View<double> y,
                  Mode mode,
                  PassMemory memory) const override {
    y = weight_.value(0, 0) * x;
    auto* saved = reinterpret_cast<double*>(memory.saved);
    auto* scratch = reinterpret_cast<double*>(memory.scratch);
    for (Index i = 0; i < x.size(); ++i) saved[i] = x.data()[i];
    switch (fault_) {
      case Fault::kMixesSamples:
        y.col(0) += x.col(x.cols() - 1);
        break;
      case Fault::kReadsUnwritten:
        y(0, 0) += scratch[0];
        break;
      case Fault::kWritesBehindOutput:
        y.data()[y.size()] = 0;
        break;
      case Fault::kWritesBehindSaved:
        saved[x.size()] = 0;
        break;
      case Fault::kChangesInput:
        const_cast<double*>(x.data())[0] += 1;
        break;
      case Fault::kAllocates:
        y = Matrix<double>(y + y) / 2;
        break;
      case Fault::kOtherInInference:
        if (mode == Mode::kInference) y *= 0.5;
        break;
      case Fault::kForwardChangesBuffer:
        const_cast<double*>(batches_.value.data())[0] += 1;
        break;
      case Fault::kOtherWithThreads:
        y(0, 0) += nn::num_threads();
        break;
      default:
        break;
    }
  }

  void do_backward(ConstView<double> x,
                   ConstView<double>,
                   ConstView<double> dy,
                   View<double> dx,
                   PassMemory) override {
    if (dx.size() > 0) dx = weight_.value(0, 0) * dy;
    if (fault_ == Fault::kDropsGradientWithoutDx && dx.size() == 0) return;
    double gradient = 0;
    for (Index i = 0; i < x.size(); ++i) gradient += x.data()[i] * dy.data()[i];
    if (fault_ == Fault::kWrongGradient) gradient *= 1 + 1e-6;
    if (fault_ == Fault::kAccumulates) gradient += weight_.grad(0, 0);
    weight_.grad(0, 0) = gradient;
    batches_.value(0, 0) += 1;
  }

  Fault fault_;
  nn::Parameter<double> weight_;
  nn::Parameter<double> batches_;
};

std::vector<std::string> violations_of(Fault fault) {
  nn_test::LayerContract contract;
  contract.make_double = [fault] { return std::make_unique<Faulty>(fault); };
  contract.draw_input = nn_test::normal_matrix<double>;
  return nn_test::contract_violations(contract);
}

bool mentions(const std::vector<std::string>& violations,
              const std::string& text) {
  for (const std::string& violation : violations) {
    if (violation.find(text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("the contract check finds nothing in a sound layer",
          "[support][contract]") {
  CHECK(violations_of(Fault::kNone) == nn_test::kNoViolations);
}

TEST_CASE("the contract check sees each fault by itself",
          "[support][contract]") {
  CHECK(mentions(violations_of(Fault::kWrongGradient), "gradients"));
  CHECK(mentions(violations_of(Fault::kAccumulates), "held before"));
  CHECK(mentions(violations_of(Fault::kDropsGradientWithoutDx),
                 "no input gradient is wanted"));
  CHECK(mentions(violations_of(Fault::kMixesSamples), "alone"));
  CHECK(mentions(violations_of(Fault::kReadsUnwritten), "held before"));
  CHECK(mentions(violations_of(Fault::kWritesBehindOutput), "outside of y"));
  CHECK(mentions(violations_of(Fault::kWritesBehindSaved), "outside of saved"));
  CHECK(mentions(violations_of(Fault::kChangesInput), "changes x"));
  CHECK(mentions(violations_of(Fault::kAllocates), "forward allocates"));
  CHECK(mentions(violations_of(Fault::kOtherInInference), "inference gives"));
  CHECK(mentions(violations_of(Fault::kOtherWithThreads), "number of threads"));
  CHECK(mentions(violations_of(Fault::kForwardChangesBuffer),
                 "forward changes a buffer"));
  CHECK(mentions(violations_of(Fault::kForwardChangesBuffer),
                 "inference changes a buffer"));
  CHECK(mentions(violations_of(Fault::kKeepsBuffer), "reset the buffers"));
  CHECK(mentions(violations_of(Fault::kNeedsLessForMore),
                 "a batch of 257 needs less memory than one of 256"));
  CHECK(mentions(violations_of(Fault::kNeedsMoreInInference),
                 "inference needs more memory than training"));
  CHECK(mentions(violations_of(Fault::kNeedsByThreads),
                 "memory_needs() depends on the number of threads"));
}
