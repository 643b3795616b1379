#include "nn/network/layer_registry.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <thread>

#include "nn/check.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "support/catch.h"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Equals;
using nn::Index;
using nn::Layer;
using nn::LayerSpec;
using nn::make_layer;
using nn::Settings;
using nn::Shape;

namespace {

// A layer of one's own, which the library does not know.
template <typename Scalar>
class Scale final : public Layer<Scalar> {
 public:
  Scale(const Shape& shape, double factor)
      : Layer<Scalar>(shape, shape), factor_(factor) {}
  std::string name() const override { return "Scale"; }
  Settings settings() const override { return {{"factor", factor_}}; }

 private:
  void do_forward(nn::ConstView<Scalar> x,
                  nn::View<Scalar> y,
                  nn::Mode,
                  nn::PassMemory) const override {
    y = static_cast<Scalar>(factor_) * x;
  }
  void do_backward(nn::ConstView<Scalar>,
                   nn::ConstView<Scalar>,
                   nn::ConstView<Scalar> dy,
                   nn::View<Scalar> dx,
                   nn::PassMemory) override {
    if (dx.size() > 0) dx = static_cast<Scalar>(factor_) * dy;
  }

  double factor_;
};

template <typename Scalar>
std::unique_ptr<Layer<Scalar>> make_scale(const Shape& in,
                                          const LayerSpec& spec) {
  return std::make_unique<Scale<Scalar>>(in, spec.number("factor"));
}

LayerSpec linear_spec() {
  return {"Linear", {{"out_features", 3}}, {}};
}

}  // namespace

TEMPLATE_TEST_CASE("a layer is built again from its spec",
                   "[layer_registry]",
                   float,
                   double) {
  using Scalar = TestType;
  const Shape in{2, 9, 8};
  const nn::Conv2d<Scalar> conv(
      in, 5, nn::Extent(4, 2), nn::Extent(3, 1), nn::Extent(0, 1));
  const LayerSpec spec = nn::spec_of<Scalar>(conv);
  CHECK(spec.kind == "Conv2d");
  CHECK(spec.integer("out_channels") == 5);
  CHECK(spec.extent("kernel_size") == nn::Extent(4, 2));
  CHECK(spec.extent("stride") == nn::Extent(3, 1));
  CHECK(spec.extent("padding") == nn::Extent(0, 1));
  const auto again = make_layer<Scalar>(in, spec);
  CHECK(again->describe() == conv.describe());
  CHECK(again->output_shape() == conv.output_shape());

  const nn::MaxPool2d<Scalar> pool(in, nn::Extent(3, 2), nn::Extent(1, 2));
  CHECK(make_layer<Scalar>(in, nn::spec_of<Scalar>(pool))->describe() ==
        pool.describe());
  const nn::Linear<Scalar> linear(in, 7);
  CHECK(make_layer<Scalar>(in, nn::spec_of<Scalar>(linear))->describe() ==
        linear.describe());
}

TEST_CASE("settings are whole numbers, flags and extents where these are asked",
          "[layer_registry][errors]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const LayerSpec spec{"Kind",
                       {{"whole", -4},
                        {"half", 0.5},
                        {"large", 1e300},
                        {"nan", nan},
                        {"on", 1},
                        {"off", 0},
                        {"size_h", 2},
                        {"size_w", 3},
                        {"lone_h", 2}},
                       {}};
  CHECK(spec.integer("whole") == -4);
  CHECK(spec.number("half") == 0.5);
  CHECK(spec.flag("on"));
  CHECK_FALSE(spec.flag("off"));
  CHECK(spec.extent("size") == nn::Extent(2, 3));
  CHECK_THROWS_WITH(spec.number("absent"),
                    Equals("[Kind] expected the setting absent, got none"));
  CHECK_THROWS_WITH(
      spec.integer("half"),
      Equals("[Kind] expected a whole number for the setting half, got 0.5"));
  CHECK_THROWS_AS(spec.integer("large"), std::invalid_argument);
  CHECK_THROWS_AS(spec.integer("nan"), std::invalid_argument);
  CHECK_THROWS_WITH(
      spec.flag("half"),
      Equals("[Kind] expected 0 or 1 for the setting half, got 0.5"));
  CHECK_THROWS_WITH(spec.extent("lone"), ContainsSubstring("lone_w"));
}

TEST_CASE("a layer is not built from a spec that does not describe one",
          "[layer_registry][errors]") {
  const Shape in{6};
  LayerSpec spec = linear_spec();
  CHECK(make_layer<float>(in, spec)->output_shape() == Shape{3});

  spec.kind = "Linnear";
  CHECK_THROWS_AS(make_layer<float>(in, spec), std::invalid_argument);
  CHECK_THROWS_WITH(
      make_layer<float>(in, spec),
      ContainsSubstring("got \"Linnear\"") && ContainsSubstring("Conv2d, "));
  spec = {"Linear", {}, {}};
  CHECK_THROWS_WITH(
      make_layer<float>(in, spec),
      ContainsSubstring("[Linear]") && ContainsSubstring("out_features"));
  spec = linear_spec();
  spec.settings["out_features"] = 0;
  CHECK_THROWS_WITH(make_layer<float>(in, spec),
                    ContainsSubstring("at least 1 unit, got 0"));
  spec = linear_spec();
  spec.settings["stride_h"] = 1;
  CHECK_THROWS_WITH(
      make_layer<float>(in, spec),
      Equals("[Linear] expected settings of this layer alone, got also "
             "stride_h"));
  spec = linear_spec();
  spec.body.push_back(linear_spec());
  CHECK_THROWS_WITH(make_layer<float>(in, spec),
                    Equals("[Linear] expected 0 inner layers, got 1"));
}

TEST_CASE("a layer of one's own can be registered, once a scalar",
          "[layer_registry]") {
  const LayerSpec spec{"Scale", {{"factor", 2.5}}, {}};
  CHECK_THROWS_AS(make_layer<float>(Shape{3}, spec), std::invalid_argument);
  nn::register_layer<float>("Scale", make_scale<float>);
  const auto layer = make_layer<float>(Shape{3}, spec);
  CHECK(layer->name() == "Scale");
  CHECK(layer->settings() == spec.settings);
  const auto kinds = nn::registered_layers<float>();
  CHECK(std::is_sorted(kinds.begin(), kinds.end()));
  CHECK(std::count(kinds.begin(), kinds.end(), "Scale") == 1);
  // The registry of another scalar does not know it.
  CHECK_THROWS_AS(make_layer<double>(Shape{3}, spec), std::invalid_argument);

  CHECK_THROWS_WITH(nn::register_layer<float>("Scale", make_scale<float>),
                    ContainsSubstring("not known yet, got Scale"));
  CHECK_THROWS_AS(nn::register_layer<float>("Linear", make_scale<float>),
                  std::invalid_argument);
  CHECK_THROWS_AS(nn::register_layer<float>("", make_scale<float>),
                  std::invalid_argument);
  CHECK_THROWS_AS(nn::register_layer<float>("Empty", {}),
                  std::invalid_argument);
}

TEST_CASE("a maker that builds nothing, or another layer, is found out",
          "[layer_registry][errors]") {
  nn::register_layer<double>("Nothing", [](const Shape&, const LayerSpec&) {
    return std::unique_ptr<Layer<double>>();
  });
  CHECK_THROWS_WITH(make_layer<double>(Shape{3}, {"Nothing", {}, {}}),
                    ContainsSubstring("to build a Nothing, got null"));
  nn::register_layer<double>("Other", make_scale<double>);
  CHECK_THROWS_WITH(
      make_layer<double>(Shape{3}, {"Other", {{"factor", 1}}, {}}),
      ContainsSubstring("to build a Other, got Scale"));
  // A setting that the layer does not keep would be lost in the next file.
  nn::register_layer<double>("Rounded", [](const Shape& in, const LayerSpec&) {
    class Rounded final : public nn::Layer<double> {
     public:
      explicit Rounded(const Shape& shape) : Layer(shape, shape) {}
      std::string name() const override { return "Rounded"; }
      Settings settings() const override { return {{"value", 1}}; }

     private:
      void do_forward(nn::ConstView<double> x,
                      nn::View<double> y,
                      nn::Mode,
                      nn::PassMemory) const override {
        y = x;
      }
      void do_backward(nn::ConstView<double>,
                       nn::ConstView<double>,
                       nn::ConstView<double>,
                       nn::View<double>,
                       nn::PassMemory) override {}
    };
    return std::make_unique<Rounded>(in);
  });
  CHECK_THROWS_WITH(
      make_layer<double>(Shape{3}, {"Rounded", {{"value", 1.5}}, {}}),
      Equals("[Rounded] expected a value for value that the layer can keep, "
             "got 1.5"));
}

TEST_CASE("threads may register and build layers at the same time",
          "[layer_registry][threads]") {
  std::vector<std::thread> threads;
  std::vector<Index> built(4, 0);
  for (std::size_t t = 0; t < built.size(); ++t) {
    threads.emplace_back([t, &built] {
      for (int i = 0; i < 50; ++i) {
        nn::register_layer<float>(nn::concat("Own", t, "_", i),
                                  make_scale<float>);
        built[t] += make_layer<float>(Shape{6}, linear_spec())
                        ->output_shape()
                        .features();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(built == std::vector<Index>(4, 150));
}
