#include "support/layer_contract.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

#include "nn/buffer.h"
#include "nn/check.h"
#include "nn/network/gradient_check.h"
#include "support/allocations.h"
#include "support/matrices.h"
#include "support/threads.h"

namespace nn_test {
namespace {

using nn::Buffer;
using nn::Index;
using nn::Layer;
using nn::Matrix;
using nn::Mode;
using nn::Parameter;
using nn::Rng;

constexpr double kGradientTolerance = 1e-7;
// All that is compared is one pass to layers with random draws.
constexpr std::uint64_t kPass = 3;
constexpr unsigned char kGuard = 0xA5;
// What blocks hold before they are written: all ones are a NaN.
constexpr unsigned char kNan = 0xFF;
constexpr unsigned char kZero = 0x00;
constexpr std::size_t kGuardBytes = 4 * Buffer::kAlignment;

// A block of exactly the size asked for, with guards on both sides.
class GuardedBlock {
 public:
  GuardedBlock(std::size_t size_bytes, unsigned char fill)
      : size_bytes_(size_bytes) {
    buffer_.reserve(size_bytes + 2 * kGuardBytes);
    std::memset(buffer_.data(), kGuard, buffer_.size_bytes());
    refill(fill);
  }

  void refill(unsigned char fill) { std::memset(data(), fill, size_bytes_); }

  std::byte* data() { return buffer_.data() + kGuardBytes; }

  bool intact() const {
    const std::byte* p = buffer_.data();
    for (std::size_t i = 0; i < kGuardBytes; ++i) {
      if (p[i] != std::byte{kGuard}) return false;
      if (p[kGuardBytes + size_bytes_ + i] != std::byte{kGuard}) return false;
    }
    return true;
  }

 private:
  Buffer buffer_;
  std::size_t size_bytes_;
};

template <typename Scalar>
class GuardedMatrix {
 public:
  GuardedMatrix(Index rows, Index cols, unsigned char fill)
      : block_(static_cast<std::size_t>(rows * cols) * sizeof(Scalar), fill),
        rows_(rows),
        cols_(cols) {}

  nn::View<Scalar> view() {
    return nn::View<Scalar>(
        reinterpret_cast<Scalar*>(block_.data()), rows_, cols_);
  }
  bool intact() const { return block_.intact(); }

 private:
  GuardedBlock block_;
  Index rows_;
  Index cols_;
};

// What one forward and backward pass leaves.
template <typename Scalar>
struct Pass {
  Matrix<Scalar> y;
  Matrix<Scalar> dx;
  std::vector<Matrix<Scalar>> parameter_gradients;
};

// Collects what a layer does wrong.
template <typename Scalar>
class Checker {
 public:
  Checker(const LayerContract& contract,
          std::unique_ptr<Layer<Scalar>> layer,
          std::vector<std::string>& violations)
      : contract_(contract), layer_(std::move(layer)), violations_(violations) {
    layer_->initialize(rng_);
    // Biases start at zero, where a gradient that ignores them goes unnoticed.
    for (Parameter<Scalar>* parameter : layer_->parameters()) {
      parameter->value +=
          Scalar(0.1) * normal_matrix<Scalar>(parameter->value.rows(),
                                              parameter->value.cols(),
                                              rng_);
    }
  }

  void check() {
    check_parameters();
    check_needs();
    for (const Index batch : {1, 2, 7}) {
      if (batch >= contract_.smallest_batch) check_batch(batch);
    }
    check_reset();
    if (stays_inside_) check_sizes();
  }

 private:
  template <typename... Parts>
  void violation(const Parts&... parts) {
    violations_.push_back(
        nn::concat(layer_->describe(),
                   sizeof(Scalar) == 4 ? ", float: " : ", double: ",
                   parts...));
  }
  template <typename... Parts>
  void expect(bool condition, const Parts&... parts) {
    if (!condition) violation(parts...);
  }

  void check_parameters() {
    const auto mutable_ones = layer_->parameters();
    const auto const_ones = std::as_const(*layer_).parameters();
    expect(mutable_ones.size() == const_ones.size(),
           "a const layer has other parameters");
    for (std::size_t i = 0; i < mutable_ones.size(); ++i) {
      const Parameter<Scalar>& p = *mutable_ones[i];
      Index product = 1;
      for (const Index d : p.dims) product *= d;
      expect(product == p.value.size(), p.name, ": dims do not give its size");
      expect(p.grad.rows() == p.value.rows() && p.grad.cols() == p.value.cols(),
             p.name,
             ": the gradient has another size than the value");
      expect(!p.name.empty(), "a parameter has no name");
    }
    expect(same_matrices(values_of(layer_->buffers()),
                         values_of(std::as_const(*layer_).buffers())),
           "a const layer has other buffers");
    for (const Parameter<Scalar>* buffer : layer_->buffers()) {
      Index product = 1;
      for (const Index d : buffer->dims) product *= d;
      expect(product == buffer->value.size(),
             buffer->name,
             ": dims do not give its size");
      expect(buffer->grad.size() == 0, buffer->name, ": has a gradient");
      expect(!buffer->name.empty(), "a buffer has no name");
    }
    initial_buffers_ = values_of(layer_->buffers());
  }

  // Memory is cut once, for the largest batch.
  void check_needs() {
    for (const Mode mode : {Mode::kTraining, Mode::kInference}) {
      nn::MemoryNeeds smaller;
      for (Index batch = 0; batch <= 700; ++batch) {
        const nn::MemoryNeeds needs = layer_->memory_needs(batch, mode);
        if (needs.saved_bytes < smaller.saved_bytes ||
            needs.scratch_bytes < smaller.scratch_bytes ||
            needs.worker_bytes < smaller.worker_bytes) {
          violation("a batch of ",
                    batch,
                    " needs less memory than one of ",
                    batch - 1);
          return;
        }
        smaller = needs;
        const nn::MemoryNeeds training =
            layer_->memory_needs(batch, Mode::kTraining);
        if (needs.saved_bytes > training.saved_bytes ||
            needs.scratch_bytes > training.scratch_bytes ||
            needs.worker_bytes > training.worker_bytes) {
          violation("inference needs more memory than training, batch ", batch);
          return;
        }
      }
      const ScopedThreads scope(nn::num_threads() + 2);
      const nn::MemoryNeeds again = layer_->memory_needs(700, mode);
      expect(again.saved_bytes == smaller.saved_bytes &&
                 again.scratch_bytes == smaller.scratch_bytes &&
                 again.worker_bytes == smaller.worker_bytes,
             "memory_needs() depends on the number of threads");
    }
  }

  template <typename Parameters>
  static std::vector<Matrix<Scalar>> values_of(const Parameters& parameters) {
    std::vector<Matrix<Scalar>> values;
    for (const auto* parameter : parameters) {
      values.push_back(parameter->value);
    }
    return values;
  }
  static bool same_matrices(const std::vector<Matrix<Scalar>>& a,
                            const std::vector<Matrix<Scalar>>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!same_bits(a[i], b[i])) return false;
    }
    return true;
  }

  // After all that was run before.
  void check_reset() {
    layer_->initialize(rng_);
    expect(same_matrices(values_of(layer_->buffers()), initial_buffers_),
           "initialize() does not reset the buffers");
  }

  // One pass in memory that held `fill` before, for `workers` workers.
  Pass<Scalar> run(const Matrix<Scalar>& x,
                   const Matrix<Scalar>& dy,
                   unsigned char fill,
                   bool want_dx,
                   int workers = nn::num_threads()) {
    const Index batch = x.cols();
    const nn::MemoryNeeds needs = layer_->memory_needs(batch, Mode::kTraining);
    GuardedBlock saved(needs.saved_bytes, fill);
    GuardedBlock scratch(needs.scratch_bytes_of(workers), fill);
    const nn::PassMemory memory{saved.data(), scratch.data(), kPass, workers};
    GuardedMatrix<Scalar> y(layer_->output_shape().features(), batch, fill);
    GuardedMatrix<Scalar> dx(layer_->input_shape().features(), batch, fill);
    const Matrix<Scalar> x_before = x;
    const Matrix<Scalar> dy_before = dy;
    for (Parameter<Scalar>* p : layer_->parameters()) {
      p->grad.setConstant(
          fill == kZero ? Scalar(0) : std::numeric_limits<Scalar>::quiet_NaN());
    }

    const std::vector<Matrix<Scalar>> buffers = values_of(layer_->buffers());
    layer_->forward(nn::view(x), y.view(), Mode::kTraining, memory);
    expect(same_matrices(values_of(layer_->buffers()), buffers),
           "forward changes a buffer, batch ",
           batch);
    const Matrix<Scalar> y_before = y.view();
    // Scratch memory holds nothing from one call to the next.
    scratch.refill(fill);
    layer_->backward(nn::view(x),
                     nn::as_const(y.view()),
                     nn::view(dy),
                     want_dx ? dx.view() : nn::no_view<Scalar>(),
                     memory);

    if (!(y.intact() && dx.intact() && saved.intact() && scratch.intact())) {
      stays_inside_ = false;
    }
    expect(y.intact(), "writes outside of y, batch ", batch);
    expect(dx.intact(), "writes outside of dx, batch ", batch);
    expect(saved.intact(), "writes outside of saved, batch ", batch);
    expect(scratch.intact(), "writes outside of scratch, batch ", batch);
    expect(same_bits(x, x_before), "changes x, batch ", batch);
    expect(same_bits(dy, dy_before), "changes dy, batch ", batch);
    expect(same_bits(y.view(), y_before), "backward changes y, batch ", batch);

    Pass<Scalar> pass;
    pass.y = y.view();
    if (want_dx) pass.dx = dx.view();
    for (Parameter<Scalar>* p : layer_->parameters()) {
      pass.parameter_gradients.push_back(p->grad);
    }
    return pass;
  }

  static bool same(const Pass<Scalar>& a, const Pass<Scalar>& b) {
    if (!same_bits(a.y, b.y) || !same_bits(a.dx, b.dx)) return false;
    return same_gradients(a, b);
  }
  static bool same_gradients(const Pass<Scalar>& a, const Pass<Scalar>& b) {
    for (std::size_t i = 0; i < a.parameter_gradients.size(); ++i) {
      if (!same_bits(a.parameter_gradients[i], b.parameter_gradients[i])) {
        return false;
      }
    }
    return true;
  }

  void check_batch(Index batch) {
    const Matrix<double> drawn =
        contract_.draw_input(layer_->input_shape().features(), batch, rng_);
    const Matrix<Scalar> x = drawn.template cast<Scalar>();
    const Matrix<Scalar> dy =
        normal_matrix<Scalar>(layer_->output_shape().features(), batch, rng_);

    const Pass<Scalar> reference = run(x, dy, kZero, true);
    expect(reference.y.allFinite() && reference.dx.allFinite(),
           "the result is not finite, batch ",
           batch);
    // All ones are NaN as a number and -1 as an index: whoever reads what he
    // has not written, or adds to a gradient, shows.
    expect(same(reference, run(x, dy, kNan, true)),
           "the result depends on what the memory or the gradients held before,"
           " batch ",
           batch);
    expect(same_gradients(reference, run(x, dy, kNan, false)),
           "parameter gradients change when no input gradient is wanted, "
           "batch ",
           batch);
    for (const int threads : {1, 2, 3, 8}) {
      const ScopedThreads scope(threads);
      expect(same(reference, run(x, dy, kNan, true)),
             "the result depends on the number of threads: ",
             threads,
             ", batch ",
             batch);
      // set_num_threads() may be called after the memory was cut.
      expect(same(reference, run(x, dy, kNan, true, 1)),
             "the result depends on the number of threads, in memory for one: ",
             threads,
             ", batch ",
             batch);
    }
    if (contract_.samples_alone_give_the_same) check_alone(x, dy, reference);
    check_inference(x, reference);
    // What follows has no guards around its memory: a layer that writes outside
    // of it would damage the heap of the test.
    if (!stays_inside_) return;
    check_allocations(x, dy);
    if constexpr (std::is_same_v<Scalar, double>) {
      nn::GradientCheckOptions options;
      options.tolerance = kGradientTolerance;
      const nn::GradientReport report =
          nn::check_gradients(*layer_, nn::view(x), options);
      expect(
          report.passed, "gradients, batch ", batch, ": ", report.to_string());
    }
  }

  // Every sample alone gives what it gives within the batch. Up to rounding: a
  // kernel may add in another order for another width.
  void check_alone(const Matrix<Scalar>& x,
                   const Matrix<Scalar>& dy,
                   const Pass<Scalar>& together) {
    const double tolerance = sizeof(Scalar) == 4 ? 1e-5 : 1e-13;
    for (Index n = 0; n < x.cols(); ++n) {
      const Pass<Scalar> alone = run(x.col(n), dy.col(n), kNan, true);
      expect(relative_difference(alone.y, together.y.col(n)) <= tolerance &&
                 relative_difference(alone.dx, together.dx.col(n)) <= tolerance,
             "sample ",
             n,
             " gives something else alone than in a batch of ",
             x.cols());
    }
  }

  void check_inference(const Matrix<Scalar>& x, const Pass<Scalar>& training) {
    const nn::MemoryNeeds needs =
        layer_->memory_needs(x.cols(), Mode::kInference);
    const int workers = nn::num_threads();
    GuardedBlock saved(needs.saved_bytes, kNan);
    GuardedBlock scratch(needs.scratch_bytes_of(workers), kNan);
    GuardedMatrix<Scalar> y(training.y.rows(), x.cols(), kNan);
    const std::vector<Matrix<Scalar>> buffers = values_of(layer_->buffers());
    layer_->forward(nn::view(x),
                    y.view(),
                    Mode::kInference,
                    {saved.data(), scratch.data(), 0, workers});
    expect(y.intact() && saved.intact() && scratch.intact(),
           "inference writes outside of its memory, batch ",
           x.cols());
    expect(same_matrices(values_of(layer_->buffers()), buffers),
           "inference changes a buffer, batch ",
           x.cols());
    if (contract_.same_in_inference) {
      expect(same_bits(y.view(), training.y),
             "inference gives another output than training, batch ",
             x.cols());
    }
  }

  void check_allocations(const Matrix<Scalar>& x, const Matrix<Scalar>& dy) {
    const nn::MemoryNeeds needs =
        layer_->memory_needs(x.cols(), Mode::kTraining);
    const int workers = nn::num_threads();
    GuardedBlock saved(needs.saved_bytes, kNan);
    GuardedBlock scratch(needs.scratch_bytes_of(workers), kNan);
    const nn::PassMemory memory{saved.data(), scratch.data(), kPass, workers};
    Matrix<Scalar> y(layer_->output_shape().features(), x.cols());
    Matrix<Scalar> dx(x.rows(), x.cols());
    const std::size_t before = allocation_count();
    layer_->forward(nn::view(x), nn::view(y), Mode::kTraining, memory);
    const std::size_t between = allocation_count();
    layer_->backward(nn::view(x),
                     nn::view(std::as_const(y)),
                     nn::view(dy),
                     nn::view(dx),
                     memory);
    const std::size_t after = allocation_count();
    expect(between == before, "forward allocates, batch ", x.cols());
    expect(after == between, "backward allocates, batch ", x.cols());
  }

  template <typename Call>
  void expect_rejected(const char* what, const Call& call) {
    const std::string name = nn::concat("[", layer_->name(), "]");
    try {
      call();
    } catch (const std::invalid_argument& error) {
      expect(std::string(error.what()).find(name) == 0,
             what,
             " is rejected without the layer's name: ",
             error.what());
      return;
    } catch (const std::exception& error) {
      violation(what, " is rejected with another exception: ", error.what());
      return;
    }
    violation(what, " is not rejected");
  }

  void check_sizes() {
    constexpr Index kBatch = 3;
    const nn::MemoryNeeds needs =
        layer_->memory_needs(kBatch + 1, Mode::kTraining);
    const int workers = nn::num_threads();
    GuardedBlock saved(needs.saved_bytes, kZero);
    GuardedBlock scratch(needs.scratch_bytes_of(workers), kZero);
    const nn::PassMemory memory{saved.data(), scratch.data(), kPass, workers};
    const Index in = layer_->input_shape().features();
    const Index out = layer_->output_shape().features();
    const auto forward = [&](Index x_rows, Index y_rows, Index y_cols) {
      const Matrix<Scalar> x = Matrix<Scalar>::Zero(x_rows, kBatch);
      Matrix<Scalar> y(y_rows, y_cols);
      layer_->forward(nn::view(x), nn::view(y), Mode::kTraining, memory);
    };
    const auto backward = [&](Index x_rows,
                              Index y_cols,
                              Index dy_rows,
                              Index dy_cols,
                              Index dx_rows,
                              Index dx_cols) {
      const Matrix<Scalar> x = Matrix<Scalar>::Zero(x_rows, kBatch);
      const Matrix<Scalar> y = Matrix<Scalar>::Zero(out, y_cols);
      const Matrix<Scalar> dy = Matrix<Scalar>::Zero(dy_rows, dy_cols);
      Matrix<Scalar> dx(dx_rows, dx_cols);
      layer_->backward(
          nn::view(x), nn::view(y), nn::view(dy), nn::view(dx), memory);
    };
    expect_rejected("x with a row too many",
                    [&] { forward(in + 1, out, kBatch); });
    expect_rejected("x with a row missing",
                    [&] { forward(in - 1, out, kBatch); });
    expect_rejected("y with a row too many",
                    [&] { forward(in, out + 1, kBatch); });
    expect_rejected("y of another batch size",
                    [&] { forward(in, out, kBatch + 1); });
    expect_rejected("x of backward with a row too many",
                    [&] { backward(in + 1, kBatch, out, kBatch, in, kBatch); });
    expect_rejected("y of backward with another batch size",
                    [&] { backward(in, kBatch + 1, out, kBatch, in, kBatch); });
    expect_rejected("dy with a row too many",
                    [&] { backward(in, kBatch, out + 1, kBatch, in, kBatch); });
    expect_rejected("dy of another batch size",
                    [&] { backward(in, kBatch, out, kBatch + 1, in, kBatch); });
    expect_rejected("dx with a row too many",
                    [&] { backward(in, kBatch, out, kBatch, in + 1, kBatch); });
    expect_rejected("dx of another batch size",
                    [&] { backward(in, kBatch, out, kBatch, in, kBatch + 1); });
  }

  const LayerContract& contract_;
  std::unique_ptr<Layer<Scalar>> layer_;
  std::vector<std::string>& violations_;
  bool stays_inside_ = true;
  std::vector<Matrix<Scalar>> initial_buffers_;
  Rng rng_{20};
};

}  // namespace

std::vector<std::string> contract_violations(const LayerContract& contract) {
  std::vector<std::string> violations;
  Checker<double>(contract, contract.make_double(), violations).check();
  if (contract.make_float) {
    Checker<float>(contract, contract.make_float(), violations).check();
  }
  return violations;
}

}  // namespace nn_test
