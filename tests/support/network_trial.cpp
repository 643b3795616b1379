#include "support/network_trial.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/check.h"
#include "nn/files/model.h"
#include "nn/network/layer_registry.h"
#include "nn/network/sequential.h"
#include "nn/optimizers/adam.h"
#include "nn/parallel.h"
#include "support/reference_network.h"

namespace nn_test {
namespace {

using nn::Index;

// Multiplications that one pass over a batch may take, and of them those that
// the loops of the reference may: a trial is to take milliseconds.
constexpr Index kPassWork = 4000000;
constexpr Index kReferenceWork = 400000;

// Below it, rounding decides what a kink does.
constexpr double kNearKink = 1e-9;
// Rounding of a few layers in double, relative to the largest value. A
// normalization of nearly equal values divides by sqrt(eps) = 0.1 or more.
constexpr double kRounding = 1e-8;
// Of the largest value on the way: what a result must be that is compared with
// itself. One that cancels out to nothing, as the mean of a Softmax's gradients
// does, keeps the rounding of its parts, 1e-13 of them here.
constexpr double kCancelled = 1e-5;

nn::LayerSpec spec(std::string kind, nn::Settings settings = {}) {
  nn::LayerSpec result;
  result.kind = std::move(kind);
  result.settings = std::move(settings);
  return result;
}

nn::Settings window(Decisions& decide, const nn::Shape& in) {
  const Index h = decide.between(1, std::min<Index>(in.height, 4));
  const Index w = decide.between(1, std::min<Index>(in.width, 4));
  return {{"kernel_size_h", static_cast<double>(h)},
          {"kernel_size_w", static_cast<double>(w)},
          {"stride_h", static_cast<double>(decide.between(1, h + 1))},
          {"stride_w", static_cast<double>(decide.between(1, w + 1))}};
}

nn::LayerSpec convolution(Decisions& decide,
                          const nn::Shape& in,
                          bool same_shape) {
  std::vector<Index> divisors;
  for (Index g = 1; g <= in.channels; ++g) {
    if (in.channels % g == 0) divisors.push_back(g);
  }
  const Index groups = divisors[static_cast<std::size_t>(
      decide.between(0, static_cast<Index>(divisors.size()) - 1))];
  nn::Settings settings;
  const auto set = [&](const char* name, Index value) {
    settings[name] = static_cast<double>(value);
  };
  set("groups", groups);
  set("bias", decide.between(0, 1));
  if (same_shape) {
    const Index padding = decide.between(0, 2);
    set("out_channels", in.channels);
    for (const char* side : {"_h", "_w"}) {
      settings[std::string("kernel_size") + side] =
          static_cast<double>(2 * padding + 1);
      settings[std::string("padding") + side] = static_cast<double>(padding);
      settings[std::string("stride") + side] = 1;
      settings[std::string("dilation") + side] = 1;
    }
    return spec("Conv2d", settings);
  }
  set("out_channels", groups * decide.between(1, 1 + 17 / groups));
  for (const char* side : {"_h", "_w"}) {
    settings[std::string("kernel_size") + side] =
        static_cast<double>(decide.between(1, 5));
    settings[std::string("padding") + side] =
        static_cast<double>(decide.between(0, 3));
    settings[std::string("stride") + side] =
        static_cast<double>(decide.once_in(3) ? decide.between(2, 3) : 1);
    settings[std::string("dilation") + side] =
        static_cast<double>(decide.once_in(4) ? 2 : 1);
  }
  return spec("Conv2d", settings);
}

/// Any layer. One that cannot take the shape is refused when it is built.
nn::LayerSpec random_layer(Decisions& decide,
                           const nn::Shape& in,
                           bool same_shape,
                           Index depth) {
  const double eps = decide.once_in(2) ? 0.01 : 1.0;
  const double affine = decide.once_in(3) ? 0 : 1;
  switch (decide.between(0, same_shape ? 13 : 21)) {
    case 0:
      return spec("ReLU");
    case 1:
      return convolution(decide, in, same_shape);
    case 2:
      return spec("Linear",
                  {{"out_features",
                    static_cast<double>(same_shape ? in.features()
                                                   : decide.between(1, 40))}});
    case 3:
      return spec("LayerNorm", {{"eps", eps}, {"elementwise_affine", affine}});
    case 4:
      return spec(in.height * in.width == 1 ? "BatchNorm1d" : "BatchNorm2d",
                  {{"eps", eps}, {"momentum", 0.3}, {"affine", affine}});
    case 5:
      return spec("LeakyReLU", {{"negative_slope", 0.3}});
    case 6:
      return spec("Dropout", {{"p", decide.once_in(5) ? 0.0 : 0.3}});
    case 7:
      return spec("Sigmoid");
    case 8:
      return spec("Tanh");
    case 9:
      return spec(
          "GELU",
          {{"approximate_tanh", static_cast<double>(decide.between(0, 1))}});
    case 10:
      return spec("SiLU");
    case 11:
      return spec("Identity");
    case 12:
      return spec("Standardize",
                  {{"inverse", static_cast<double>(decide.between(0, 1))}});
    case 13: {
      nn::LayerSpec residual = spec("Residual");
      if (depth == 0) return spec("Identity");
      const Index layers = decide.between(1, 3);
      for (Index i = 0; i < layers; ++i) {
        residual.body.push_back(random_layer(decide, in, true, depth - 1));
      }
      return residual;
    }
    case 14:
    case 15:
      return convolution(decide, in, same_shape);
    case 16:
    case 17:
      return spec("MaxPool2d", window(decide, in));
    case 18: {
      nn::Settings settings = window(decide, in);
      for (const char* side : {"_h", "_w"}) {
        settings[std::string("padding") + side] =
            static_cast<double>(decide.between(0, 1));
      }
      settings["count_include_pad"] = static_cast<double>(decide.between(0, 1));
      return spec("AvgPool2d", settings);
    }
    case 19:
      return spec("GlobalAvgPool2d");
    case 20:
      return spec("ReLU");
    default:
      return spec("Softmax");
  }
}

/// Multiplications per sample, roughly.
Index work_of(const nn::LayerSpec& layer,
              const nn::Shape& in,
              const nn::Shape& out) {
  Index work = in.features() + out.features();
  if (layer.kind == "Linear") work += in.features() * out.features();
  if (layer.kind == "Conv2d") {
    work += out.features() * in.channels * layer.integer("kernel_size_h") *
            layer.integer("kernel_size_w") / layer.integer("groups");
  }
  if (layer.kind.find("Pool") != std::string::npos &&
      layer.settings.count("kernel_size_h") > 0) {
    work += out.features() * layer.integer("kernel_size_h") *
            layer.integer("kernel_size_w");
  }
  for (const nn::LayerSpec& inner : layer.body) work += work_of(inner, in, out);
  return work;
}

bool contains(const nn::LayerSpec& layer, const std::string& kind) {
  if (layer.kind.compare(0, kind.size(), kind) == 0) return true;
  return std::any_of(layer.body.begin(),
                     layer.body.end(),
                     [&](const auto& inner) { return contains(inner, kind); });
}

template <typename Scalar>
bool same_bits(const nn::Matrix<Scalar>& a, const nn::Matrix<Scalar>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 ||
          std::memcmp(a.data(),
                      b.data(),
                      sizeof(Scalar) * static_cast<std::size_t>(a.size())) ==
              0);
}

/// Everything that a training pass leaves.
template <typename Scalar>
struct Outcome {
  nn::Matrix<Scalar> logits;
  nn::Matrix<Scalar> dx;
  std::vector<nn::Matrix<Scalar>> gradients;
  std::vector<nn::Matrix<Scalar>> buffers;
};

template <typename Scalar>
class Trial {
 public:
  Trial(Decisions& decide, const std::string& folder, TrialCounts& counts)
      : decide_(decide),
        folder_(folder),
        counts_(counts),
        rng_(static_cast<std::uint64_t>(decide.between(0, 65535))) {}

  void run() {
    nn::set_num_threads(1);
    build();
    const Index steps = decide_.between(2, 20);
    for (Index i = 0; i < steps && decide_.left(); ++i) step();
    nn::set_num_threads(1);
  }

  std::string story() const {
    return network_.summary() + "after:" + story_.str();
  }

 private:
  using Array = nn::Matrix<Scalar>;

  void build() {
    nn::Shape in{decide_.between(1, 6), 1, 1};
    if (decide_.once_in(4)) {
      in.channels = decide_.between(1, 80);
    } else {
      in.height = decide_.between(1, 14);
      in.width = decide_.between(1, 14);
    }
    network_ = nn::Sequential<Scalar>(
        in, static_cast<std::uint64_t>(decide_.between(0, 255)));
    const Index layers = decide_.between(1, 8);
    for (Index i = 0; i < layers; ++i) {
      const nn::Shape shape = network_.output_shape();
      const nn::LayerSpec layer = random_layer(decide_, shape, false, 2);
      try {
        network_.add(nn::make_layer<Scalar>(shape, layer));
      } catch (const std::invalid_argument&) {
        continue;  // one that does not take this shape
      }
      work_ += work_of(layer, shape, network_.output_shape());
      // Batch statistics need two values a channel.
      if (contains(layer, "BatchNorm")) smallest_batch_ = 2;
      // Equal inputs give zeros but for rounding, and so a kink.
      has_reference_ = has_reference_ && !contains(layer, "Dropout");
    }
    for (const auto& named : network_.named_parameters()) {
      // As they are drawn, but for those that would be zeros or ones.
      for (Scalar& value : named.parameter->value.reshaped()) {
        if (named.parameter->value.cols() == 1) {
          value += static_cast<Scalar>(rng_.uniform(-0.5, 0.5));
        }
      }
    }
    for (const auto& named : network_.named_buffers()) {
      // Those of a Standardize alone change nothing as they are.
      const bool is_mean = named.parameter->name == "mean";
      if (!is_mean && named.parameter->name != "deviation") continue;
      for (Scalar& value : named.parameter->value.reshaped()) {
        value = static_cast<Scalar>(is_mean ? rng_.uniform(-0.5, 0.5)
                                            : rng_.uniform(0.5, 1.5));
      }
    }
  }

  Index batch(Index work) {
    const Index most = std::clamp<Index>(work / work_, 3, 600);
    switch (decide_.between(0, 3)) {
      case 0:
        return decide_.between(smallest_batch_, std::min<Index>(most, 9));
      case 1:  // around a power of two, where tiles begin
        return std::clamp(
            (Index{1} << decide_.between(1, 9)) + decide_.between(-1, 1),
            smallest_batch_,
            most);
      default:
        return decide_.between(smallest_batch_, most);
    }
  }

  Array draw(Index rows, Index cols) {
    Array x(rows, cols);
    for (Scalar& value : x.reshaped()) {
      value = static_cast<Scalar>(rng_.uniform(-1.0, 1.0));
    }
    return x;
  }

  void step() {
    switch (decide_.between(0, 11)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return train(batch(kPassWork), /*against_reference=*/false);
      case 4:
        return train(batch(kReferenceWork), /*against_reference=*/true);
      case 5:
      case 6:
        return predict(batch(kPassWork));
      case 7: {
        const auto threads = static_cast<int>(decide_.between(1, 4));
        story_ << " threads " << threads;
        return nn::set_num_threads(threads);
      }
      case 8: {
        const bool fuse = decide_.once_in(2);
        story_ << " fusion " << fuse;
        return network_.set_fusion(fuse);
      }
      case 9:
        return save_and_load();
      case 10: {
        story_ << " moved";
        nn::Sequential<Scalar> elsewhere(std::move(network_));
        network_ = std::move(elsewhere);
        return;
      }
      default:
        return without_samples();
    }
  }

  std::vector<Array> copy(const std::vector<nn::NamedParameter<Scalar>>& all,
                          Array nn::Parameter<Scalar>::*member) const {
    std::vector<Array> copies;
    for (const auto& named : all) copies.push_back(named.parameter->*member);
    return copies;
  }

  Outcome<Scalar> pass(const Array& x,
                       const Array& dy,
                       bool wants_dx,
                       nn::Workspace<Scalar>& workspace,
                       int threads_between) {
    Outcome<Scalar> out;
    out.logits = network_.forward(x, workspace);
    if (threads_between > 0) nn::set_num_threads(threads_between);
    if (wants_dx) out.dx.resize(x.rows(), x.cols());
    network_.backward(
        dy, workspace, wants_dx ? nn::view(out.dx) : nn::no_view<Scalar>());
    out.gradients =
        copy(network_.named_parameters(), &nn::Parameter<Scalar>::grad);
    out.buffers = copy(network_.named_buffers(), &nn::Parameter<Scalar>::value);
    return out;
  }

  /// Changes the number of threads for as long as `body` runs.
  template <typename Body>
  void with_threads_changing(bool changing, const Body& body) {
    if (!changing) return body();
    story_ << " threads-changing";
    std::atomic<bool> done{false};
    std::thread other([&] {
      for (int i = 0; !done; ++i) nn::set_num_threads(1 + i % 4);
    });
    try {
      body();
    } catch (...) {
      done = true;
      other.join();
      throw;
    }
    done = true;
    other.join();
  }

  void train(Index samples, bool against_reference) {
    story_ << " train " << samples;
    const Array x = draw(network_.input_shape().features(), samples);
    const Array dy = draw(logit_rows(), samples);
    const bool wants_dx = decide_.once_in(2);
    const int between =
        decide_.once_in(6) ? static_cast<int>(decide_.between(1, 4)) : 0;
    const std::vector<Array> buffers =
        copy(network_.named_buffers(), &nn::Parameter<Scalar>::value);

    nn::Workspace<Scalar> fresh;
    fresh.set_passes(workspace_.passes());
    Outcome<Scalar> out;
    with_threads_changing(decide_.once_in(12), [&] {
      out = pass(x, dy, wants_dx, workspace_, between);
    });
    put_back(buffers);
    const int threads = nn::num_threads();
    nn::set_num_threads(1);
    const Outcome<Scalar> expected = pass(x, dy, wants_dx, fresh, 0);
    nn::set_num_threads(threads);
    ++counts_.passes;
    check(same_bits(out.logits, expected.logits), "logits");
    check(same_bits(out.dx, expected.dx), "input gradient");
    check_all(out.gradients, expected.gradients, "gradient");
    check_all(out.buffers, expected.buffers, "buffer");
    if constexpr (std::is_same_v<Scalar, double>) {
      if (against_reference && has_reference_) {
        // The statistics of the batch do not depend on the buffers.
        compare_with_reference(x, dy, expected);
      }
    }
    if (decide_.once_in(2)) {
      story_ << " step";
      nn::Adam<Scalar> adam(network_.parameters(), {/*learning_rate=*/0.01});
      adam.step();
    }
  }

  void compare_with_reference(const Array& x,
                              const Array& dy,
                              const Outcome<Scalar>& out) {
    ReferencePass reference(network_, x, nn::Mode::kTraining);
    compare(out.logits,
            reference.output(),
            kCancelled * reference.largest_value(),
            "logits, reference");
    if (!(reference.distance_to_kink() > kNearKink)) {
      ++counts_.near_kinks;
      return;
    }
    const Array dx = reference.backward(dy);
    // The parts of gradients are products of gradients and values, and those of
    // a parameter's gradient are added up over the samples.
    const double part =
        reference.largest_gradient() * std::max(1.0, reference.largest_value());
    double scale = kCancelled * part * static_cast<double>(x.cols());
    for (const auto& [parameter, gradient] : reference.gradients()) {
      scale = std::max(scale, 1e-4 * gradient.cwiseAbs().maxCoeff());
    }
    if (out.dx.size() > 0) {
      compare(out.dx, dx, kCancelled * part, "input gradient, reference");
    }
    std::size_t i = 0;
    for (const auto& named : network_.named_parameters()) {
      compare(out.gradients[i++],
              reference.gradients().at(named.parameter),
              scale,
              "gradient of " + named.name + ", reference");
    }
    ++counts_.compared_gradients;
  }

  void predict(Index samples) {
    story_ << " predict " << samples;
    const Array x = draw(network_.input_shape().features(), samples);
    Array y(network_.output_shape().features(), samples);
    std::vector<Array> others(decide_.once_in(8) ? 2 : 0, y);
    with_threads_changing(decide_.once_in(12), [&] {
      std::vector<std::thread> callers;
      for (Array& other : others) {
        callers.emplace_back([&] {
          nn::Workspace<Scalar> own;
          network_.predict(x, nn::view(other), own);
        });
      }
      network_.predict(x, nn::view(y), workspace_);
      for (std::thread& caller : callers) caller.join();
    });
    const int threads = nn::num_threads();
    nn::set_num_threads(1);
    const Array expected = network_.predict(x);
    const nn::Labels classes = network_.predict_classes(x);
    nn::set_num_threads(threads);
    ++counts_.passes;
    check(same_bits(y, expected), "prediction");
    for (const Array& other : others) {
      check(same_bits(other, expected), "prediction of another thread");
    }
    check(classes.size() == samples, "number of classes");
    if constexpr (std::is_same_v<Scalar, double>) {
      // Dropout does nothing in inference, but is unknown to the reference.
      if (has_reference_ && work_ * samples <= kReferenceWork) {
        const ReferencePass reference(network_, x, nn::Mode::kInference);
        compare(expected,
                reference.output(),
                kCancelled * reference.largest_value(),
                "prediction, reference");
      }
    }
    if (decide_.once_in(6)) {
      const auto all =
          network_.activations(x.leftCols(std::min<Index>(samples, 5)));
      check(static_cast<Index>(all.size()) == network_.size(), "activations");
    }
  }

  void save_and_load() {
    story_ << " saved";
    const std::string path = folder_ + "/model.safetensors";
    nn::save_model(path, network_);
    nn::Sequential<Scalar> loaded = nn::load_model<Scalar>(path);
    const Array x = draw(network_.input_shape().features(), 3);
    check(same_bits(network_.predict(x), loaded.predict(x)),
          "prediction of the loaded network");
    if (decide_.once_in(2)) network_ = std::move(loaded);
  }

  void without_samples() {
    story_ << " none";
    const Array x(network_.input_shape().features(), 0);
    Array y(network_.output_shape().features(), 0);
    network_.predict(x, nn::view(y), workspace_);
    check(network_.predict_classes(x).size() == 0, "classes of nothing");
    network_.forward(x, workspace_);
    network_.backward(Array(logit_rows(), 0), workspace_);
    for (const auto& named : network_.named_parameters()) {
      check((named.parameter->grad.array() == Scalar(0)).all(),
            "gradient of nothing");
    }
  }

  Index logit_rows() const { return network_.output_shape().features(); }

  void put_back(const std::vector<Array>& buffers) {
    std::size_t i = 0;
    for (const auto& named : network_.named_buffers()) {
      named.parameter->value = buffers[i++];
    }
  }

  void check_all(const std::vector<Array>& got,
                 const std::vector<Array>& expected,
                 const char* what) {
    check(got.size() == expected.size(), what);
    for (std::size_t i = 0; i < got.size(); ++i) {
      check(same_bits(got[i], expected[i]), nn::concat(what, " ", i));
    }
  }

  void check(bool right, const std::string& what) {
    if (!right) throw std::runtime_error(what + " differs");
  }

  void compare(const Array& got,
               const nn::Matrix<double>& expected,
               double scale,
               const std::string& what) {
    check(got.rows() == expected.rows() && got.cols() == expected.cols(),
          what + ": size");
    if (got.size() == 0) return;
    const double largest = std::max(scale, expected.cwiseAbs().maxCoeff());
    const double difference =
        (got.template cast<double>() - expected).cwiseAbs().maxCoeff();
    if (!(difference <= kRounding * largest)) {
      throw std::runtime_error(nn::concat(
          what, " differs by ", difference, " of at most ", largest));
    }
  }

  Decisions& decide_;
  const std::string folder_;
  TrialCounts& counts_;
  nn::Rng rng_;
  nn::Sequential<Scalar> network_{nn::Shape{1}};
  nn::Workspace<Scalar> workspace_;
  Index work_ = 1;
  Index smallest_batch_ = 1;
  bool has_reference_ = true;
  std::ostringstream story_;
};

}  // namespace

Index Decisions::between(Index low, Index high) {
  const auto range = static_cast<std::uint64_t>(high - low + 1);
  std::uint64_t drawn = 0;
  if (endless_) {
    drawn = rng_.next();
  } else {
    for (std::uint64_t left = range - 1; left > 0; left >>= 8) {
      if (bytes_ == end_) return low;
      drawn = drawn << 8 | *bytes_++;
    }
  }
  return low + static_cast<Index>(drawn % range);
}

template <typename Scalar>
std::string network_trial(Decisions& decisions,
                          const std::string& folder,
                          TrialCounts& counts) {
  Trial<Scalar> trial(decisions, folder, counts);
  try {
    trial.run();
  } catch (const std::exception& error) {
    nn::set_num_threads(1);
    return std::string(error.what()) + "\n" + trial.story();
  }
  return {};
}

template std::string network_trial<float>(Decisions&,
                                          const std::string&,
                                          TrialCounts&);
template std::string network_trial<double>(Decisions&,
                                           const std::string&,
                                           TrialCounts&);

}  // namespace nn_test
