#include "support/reference_network.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string>

#include "nn/extent.h"

namespace nn_test {
namespace {

constexpr double kPi = 3.14159265358979323846;

using Array = nn::Matrix<double>;
using nn::Index;
using Layer = nn::Layer<double>;

double setting(const Layer& layer, const std::string& name) {
  return layer.settings().at(name);
}
Index whole(const Layer& layer, const std::string& name) {
  return static_cast<Index>(setting(layer, name));
}
const nn::Parameter<double>& parameter(const Layer& layer, std::size_t i) {
  return *layer.parameters()[i];
}

/// Calls body(input, weight, output, batch column) for all products of a
/// convolution: rows of x, of one weight column per output channel, and of y.
void for_products(const Layer& layer,
                  const std::function<void(Index, Index, Index, Index)>& body) {
  const nn::Shape in = layer.input_shape();
  const nn::Shape out = layer.output_shape();
  const Index groups = whole(layer, "groups");
  const Index kernel_h = whole(layer, "kernel_size_h");
  const Index kernel_w = whole(layer, "kernel_size_w");
  const nn::Extent stride{whole(layer, "stride_h"), whole(layer, "stride_w")};
  const nn::Extent dilation{whole(layer, "dilation_h"),
                            whole(layer, "dilation_w")};
  const nn::Extent padding{whole(layer, "padding_h"),
                           whole(layer, "padding_w")};
  const Index group_channels = in.channels / groups;
  for (Index o = 0; o < out.channels; ++o) {
    const Index first_channel = o / (out.channels / groups) * group_channels;
    for (Index oh = 0; oh < out.height; ++oh) {
      for (Index ow = 0; ow < out.width; ++ow) {
        const Index y = (o * out.height + oh) * out.width + ow;
        for (Index c = 0; c < group_channels; ++c) {
          for (Index kh = 0; kh < kernel_h; ++kh) {
            for (Index kw = 0; kw < kernel_w; ++kw) {
              const Index h =
                  oh * stride.height + kh * dilation.height - padding.height;
              const Index w =
                  ow * stride.width + kw * dilation.width - padding.width;
              if (h < 0 || h >= in.height || w < 0 || w >= in.width) continue;
              body(((first_channel + c) * in.height + h) * in.width + w,
                   (c * kernel_h + kh) * kernel_w + kw,
                   y,
                   o);
            }
          }
        }
      }
    }
  }
}

/// Calls body(input, output, divisor) for all pixels under all windows of a
/// pool. The divisor is what an average divides by.
void for_windows(const Layer& layer,
                 const std::function<void(Index, Index, double)>& body) {
  const nn::Shape in = layer.input_shape();
  const nn::Shape out = layer.output_shape();
  const bool average = layer.name() == "AvgPool2d";
  const Index kernel_h = whole(layer, "kernel_size_h");
  const Index kernel_w = whole(layer, "kernel_size_w");
  const Index padding_h = average ? whole(layer, "padding_h") : 0;
  const Index padding_w = average ? whole(layer, "padding_w") : 0;
  const nn::Extent stride{whole(layer, "stride_h"), whole(layer, "stride_w")};
  const bool all = average && setting(layer, "count_include_pad") == 1;
  for (Index c = 0; c < in.channels; ++c) {
    for (Index oh = 0; oh < out.height; ++oh) {
      for (Index ow = 0; ow < out.width; ++ow) {
        const Index top = oh * stride.height - padding_h;
        const Index left = ow * stride.width - padding_w;
        const Index first_h = std::max<Index>(top, 0);
        const Index first_w = std::max<Index>(left, 0);
        const Index end_h = std::min(top + kernel_h, in.height);
        const Index end_w = std::min(left + kernel_w, in.width);
        const double divisor = static_cast<double>(
            all ? kernel_h * kernel_w : (end_h - first_h) * (end_w - first_w));
        for (Index h = first_h; h < end_h; ++h) {
          for (Index w = first_w; w < end_w; ++w) {
            body((c * in.height + h) * in.width + w,
                 (c * out.height + oh) * out.width + ow,
                 divisor);
          }
        }
      }
    }
  }
}

/// Value and slope of the functions that go element by element.
struct Function {
  std::function<double(double)> value;
  std::function<double(double)> slope;
};

bool is_function(const Layer& layer, Function& f) {
  const std::string kind = layer.name();
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  if (kind == "Identity") {
    f = {[](double v) { return v; }, [](double) { return 1.0; }};
  } else if (kind == "ReLU") {
    f = {[](double v) { return std::max(v, 0.0); },
         [](double v) { return v > 0 ? 1.0 : 0.0; }};
  } else if (kind == "LeakyReLU") {
    const double slope = setting(layer, "negative_slope");
    f = {[=](double v) { return v > 0 ? v : slope * v; },
         [=](double v) { return v > 0 ? 1.0 : slope; }};
  } else if (kind == "Sigmoid") {
    f = {sigmoid, [=](double v) { return sigmoid(v) * sigmoid(-v); }};
  } else if (kind == "Tanh") {
    f = {[](double v) { return std::tanh(v); },
         [](double v) { return 1 / (std::cosh(v) * std::cosh(v)); }};
  } else if (kind == "SiLU") {
    f = {[=](double v) { return v * sigmoid(v); },
         [=](double v) { return sigmoid(v) * (1 + v * sigmoid(-v)); }};
  } else if (kind == "GELU" && setting(layer, "approximate_tanh") == 0) {
    const auto below = [](double v) {
      return 0.5 * std::erfc(-v / std::sqrt(2.0));
    };
    f = {[=](double v) { return v * below(v); },
         [=](double v) {
           return below(v) + v * std::exp(-v * v / 2) / std::sqrt(2 * kPi);
         }};
  } else if (kind == "GELU") {
    const double a = std::sqrt(2 / kPi);
    const double b = 0.044715;
    const auto t = [=](double v) { return std::tanh(a * (v + b * v * v * v)); };
    f = {[=](double v) { return 0.5 * v * (1 + t(v)); },
         [=](double v) {
           return 0.5 * (1 + t(v)) +
                  0.5 * v * (1 - t(v) * t(v)) * a * (1 + 3 * b * v * v);
         }};
  } else {
    return false;
  }
  return true;
}

/// The values that a normalization brings to mean 0 and variance 1 together:
/// of a sample, or of a channel over the batch.
struct Group {
  std::vector<double*> x;
  std::vector<double*> dy;
  std::vector<Index> rows;
};

std::vector<Group> groups_of(const Layer& layer, Array& x, Array& dy) {
  const nn::Shape in = layer.input_shape();
  const Index pixels = in.height * in.width;
  const bool by_sample = layer.name() == "LayerNorm";
  std::vector<Group> groups(
      static_cast<std::size_t>(by_sample ? x.cols() : in.channels));
  for (Index n = 0; n < x.cols(); ++n) {
    for (Index row = 0; row < x.rows(); ++row) {
      Group& group =
          groups[static_cast<std::size_t>(by_sample ? n : row / pixels)];
      group.x.push_back(&x(row, n));
      if (dy.size() > 0) group.dy.push_back(&dy(row, n));
      group.rows.push_back(row);
    }
  }
  return groups;
}

bool is_normalization(const Layer& layer) {
  return layer.name() == "LayerNorm" || layer.name() == "BatchNorm1d" ||
         layer.name() == "BatchNorm2d";
}

bool is_affine(const Layer& layer) {
  return setting(layer,
                 layer.name() == "LayerNorm" ? "elementwise_affine"
                                             : "affine") == 1;
}

/// Which element of weight and bias belongs to a row.
Index place_of(const Layer& layer, Index row) {
  const nn::Shape in = layer.input_shape();
  return layer.name() == "LayerNorm" ? row : row / (in.height * in.width);
}

struct Moments {
  double mean = 0;
  double deviation = 1;  // sqrt(variance + eps)
};

Moments moments_of(const Group& group, double eps) {
  const double count = static_cast<double>(group.x.size());
  Moments m;
  for (const double* v : group.x) m.mean += *v / count;
  double variance = 0;
  for (const double* v : group.x) {
    variance += (*v - m.mean) * (*v - m.mean) / count;
  }
  m.deviation = std::sqrt(variance + eps);
  return m;
}

Array normalize(const Layer& layer, Array x, nn::Mode mode) {
  const double eps = setting(layer, "eps");
  const bool running =
      layer.name() != "LayerNorm" && mode == nn::Mode::kInference;
  Array none;
  const std::vector<Group> groups = groups_of(layer, x, none);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    Moments m;
    if (running) {
      const auto i = static_cast<Index>(g);
      m.mean = layer.buffers()[0]->value(i);
      m.deviation = std::sqrt(layer.buffers()[1]->value(i) + eps);
    } else {
      m = moments_of(groups[g], eps);
    }
    for (std::size_t i = 0; i < groups[g].x.size(); ++i) {
      double& v = *groups[g].x[i];
      v = (v - m.mean) / m.deviation;
      if (!is_affine(layer)) continue;
      const Index place = place_of(layer, groups[g].rows[i]);
      v = v * parameter(layer, 0).value(place) +
          parameter(layer, 1).value(place);
    }
  }
  return x;
}

using Gradients = std::map<const nn::Parameter<double>*, Array>;

Array normalize_backward(const Layer& layer,
                         Array x,
                         Array dy,
                         Gradients& gradients) {
  const double eps = setting(layer, "eps");
  const bool affine = is_affine(layer);
  Array dweight;
  Array dbias;
  if (affine) {
    dweight = Array::Zero(parameter(layer, 0).value.size(), 1);
    dbias = dweight;
  }
  for (Group& group : groups_of(layer, x, dy)) {
    const double count = static_cast<double>(group.x.size());
    const Moments m = moments_of(group, eps);
    double sum = 0;
    double sum_with_x = 0;
    for (std::size_t i = 0; i < group.x.size(); ++i) {
      const Index place = place_of(layer, group.rows[i]);
      const double normal = (*group.x[i] - m.mean) / m.deviation;
      *group.x[i] = normal;
      if (affine) {
        dweight(place) += *group.dy[i] * normal;
        dbias(place) += *group.dy[i];
        *group.dy[i] *= parameter(layer, 0).value(place);
      }
      sum += *group.dy[i] / count;
      sum_with_x += *group.dy[i] * normal / count;
    }
    for (std::size_t i = 0; i < group.x.size(); ++i) {
      *group.dy[i] =
          (*group.dy[i] - sum - *group.x[i] * sum_with_x) / m.deviation;
    }
  }
  if (affine) {
    gradients[&parameter(layer, 0)] = dweight;
    gradients[&parameter(layer, 1)] = dbias;
  }
  return dy;
}

/// A gradient has no mean taken from it or added.
Array standardize(const Layer& layer, Array x, bool is_gradient) {
  const Index pixels = layer.input_shape().height * layer.input_shape().width;
  for (Index row = 0; row < x.rows(); ++row) {
    const double mean =
        is_gradient ? 0.0 : layer.buffers()[0]->value(row / pixels);
    const double deviation = layer.buffers()[1]->value(row / pixels);
    for (Index n = 0; n < x.cols(); ++n) {
      x(row, n) = setting(layer, "inverse") == 1
                      ? x(row, n) * deviation + mean
                      : (x(row, n) - mean) / deviation;
    }
  }
  return x;
}

std::vector<const Layer*> layers_of(const nn::Sequential<double>& network) {
  std::vector<const Layer*> layers;
  for (Index i = 0; i < network.size(); ++i) {
    layers.push_back(&network.layer(i));
  }
  return layers;
}

void take_largest(const nn::Matrix<double>& x, double& largest) {
  if (x.size() > 0) largest = std::max(largest, x.cwiseAbs().maxCoeff());
}

}  // namespace

ReferencePass::ReferencePass(const nn::Sequential<double>& network,
                             const nn::Matrix<double>& x,
                             nn::Mode mode)
    : mode_(mode), layers_(layers_of(network)) {
  if (mode == nn::Mode::kTraining && !layers_.empty() &&
      layers_.back()->name() == "Softmax") {
    layers_.pop_back();
  }
  output_ = forward(layers_, x, steps_);
}

nn::Matrix<double> ReferencePass::backward(const nn::Matrix<double>& dy) {
  gradients_.clear();
  return backward(layers_, steps_, dy);
}

ReferencePass::Array ReferencePass::forward(const Layers& layers,
                                            const Array& x,
                                            std::vector<ReferenceStep>& steps) {
  Array y = x;
  take_largest(x, largest_value_);
  for (const Layer* layer : layers) {
    steps.push_back(step(*layer, y));
    y = steps.back().y;
    take_largest(y, largest_value_);
  }
  return y;
}

ReferencePass::Array ReferencePass::backward(
    const Layers& layers,
    const std::vector<ReferenceStep>& steps,
    const Array& dy) {
  Array dx = dy;
  take_largest(dy, largest_gradient_);
  for (std::size_t i = layers.size(); i-- > 0;) {
    dx = step_backward(*layers[i], steps[i], dx);
    take_largest(dx, largest_gradient_);
  }
  return dx;
}

void ReferencePass::near_zero(const Array& x) {
  const double largest = x.cwiseAbs().maxCoeff();
  if (!(largest > 0)) return;
  distance_to_kink_ =
      std::min(distance_to_kink_, x.cwiseAbs().minCoeff() / largest);
}

ReferencePass::Array ReferencePass::max_pool(const Layer& layer,
                                             const Array& x) {
  Array y = Array::Constant(layer.output_shape().features(), x.cols(), -1e300);
  Array second = y;
  for (Index n = 0; n < x.cols(); ++n) {
    for_windows(layer, [&](Index from, Index to, double) {
      const double v = x(from, n);
      second(to, n) = std::max(second(to, n), std::min(v, y(to, n)));
      y(to, n) = std::max(y(to, n), v);
    });
  }
  // Equal zeros come from a ReLU, which passes no gradient there.
  const double largest = x.cwiseAbs().maxCoeff();
  for (Index i = 0; i < y.size(); ++i) {
    if (y(i) == 0 && second(i) == 0) continue;
    distance_to_kink_ =
        std::min(distance_to_kink_, (y(i) - second(i)) / largest);
  }
  return y;
}

ReferenceStep ReferencePass::step(const Layer& layer, const Array& x) {
  const std::string kind = layer.name();
  ReferenceStep s;
  s.x = x;
  Array& y = s.y;
  y = Array::Zero(layer.output_shape().features(), x.cols());
  Function f;
  if (is_function(layer, f)) {
    if (kind == "ReLU" || kind == "LeakyReLU") near_zero(x);
    y = x.unaryExpr(f.value);
  } else if (kind == "Linear") {
    const Array& weight = parameter(layer, 0).value;
    for (Index n = 0; n < x.cols(); ++n) {
      for (Index o = 0; o < y.rows(); ++o) {
        y(o, n) = parameter(layer, 1).value(o);
        for (Index i = 0; i < x.rows(); ++i) y(o, n) += x(i, n) * weight(i, o);
      }
    }
  } else if (kind == "Conv2d") {
    const Array& weight = parameter(layer, 0).value;
    const bool bias = setting(layer, "bias") == 1;
    const Index pixels =
        layer.output_shape().height * layer.output_shape().width;
    for (Index row = 0; bias && row < y.rows(); ++row) {
      y.row(row).setConstant(parameter(layer, 1).value(row / pixels));
    }
    for_products(layer, [&](Index from, Index tap, Index to, Index o) {
      y.row(to) += x.row(from) * weight(tap, o);
    });
  } else if (kind == "MaxPool2d") {
    y = max_pool(layer, x);
  } else if (kind == "AvgPool2d") {
    for_windows(layer, [&](Index from, Index to, double divisor) {
      y.row(to) += x.row(from) / divisor;
    });
  } else if (kind == "GlobalAvgPool2d") {
    const Index pixels = x.rows() / y.rows();
    for (Index row = 0; row < x.rows(); ++row) {
      y.row(row / pixels) += x.row(row) / static_cast<double>(pixels);
    }
  } else if (kind == "Softmax") {
    for (Index n = 0; n < x.cols(); ++n) {
      y.col(n) = (x.col(n).array() - x.col(n).maxCoeff()).exp();
      y.col(n) /= y.col(n).sum();
    }
  } else if (is_normalization(layer)) {
    y = normalize(layer, x, mode_);
  } else if (kind == "Standardize") {
    y = standardize(layer, x, /*is_gradient=*/false);
  } else if (kind == "Residual") {
    y = x + forward(layer.inner_layers(), x, s.body);
  } else {
    throw std::logic_error("no reference for the layer " + kind);
  }
  return s;
}

ReferencePass::Array ReferencePass::step_backward(const Layer& layer,
                                                  const ReferenceStep& s,
                                                  const Array& dy) {
  const std::string kind = layer.name();
  const Array& x = s.x;
  Array dx = Array::Zero(x.rows(), x.cols());
  Function f;
  if (is_function(layer, f)) {
    dx = dy.cwiseProduct(x.unaryExpr(f.slope));
  } else if (kind == "Linear") {
    const Array& weight = parameter(layer, 0).value;
    Array dweight = Array::Zero(weight.rows(), weight.cols());
    Array dbias = Array::Zero(weight.cols(), 1);
    for (Index n = 0; n < x.cols(); ++n) {
      for (Index o = 0; o < dy.rows(); ++o) {
        dbias(o) += dy(o, n);
        for (Index i = 0; i < x.rows(); ++i) {
          dweight(i, o) += x(i, n) * dy(o, n);
          dx(i, n) += weight(i, o) * dy(o, n);
        }
      }
    }
    gradients_[&parameter(layer, 0)] = dweight;
    gradients_[&parameter(layer, 1)] = dbias;
  } else if (kind == "Conv2d") {
    const Array& weight = parameter(layer, 0).value;
    Array dweight = Array::Zero(weight.rows(), weight.cols());
    for_products(layer, [&](Index from, Index tap, Index to, Index o) {
      dweight(tap, o) += x.row(from).dot(dy.row(to));
      dx.row(from) += dy.row(to) * weight(tap, o);
    });
    gradients_[&parameter(layer, 0)] = dweight;
    if (setting(layer, "bias") == 1) {
      const nn::Shape out = layer.output_shape();
      Array dbias = Array::Zero(out.channels, 1);
      for (Index row = 0; row < dy.rows(); ++row) {
        dbias(row / (out.height * out.width)) += dy.row(row).sum();
      }
      gradients_[&parameter(layer, 1)] = dbias;
    }
  } else if (kind == "MaxPool2d") {
    // The first of equal values in a window gets the gradient.
    for (Index n = 0; n < x.cols(); ++n) {
      std::vector<bool> given(static_cast<std::size_t>(dy.rows()), false);
      for_windows(layer, [&](Index from, Index to, double) {
        const auto window = static_cast<std::size_t>(to);
        if (given[window] || x(from, n) != s.y(to, n)) return;
        given[window] = true;
        dx(from, n) += dy(to, n);
      });
    }
  } else if (kind == "AvgPool2d") {
    for_windows(layer, [&](Index from, Index to, double divisor) {
      dx.row(from) += dy.row(to) / divisor;
    });
  } else if (kind == "GlobalAvgPool2d") {
    const Index pixels = x.rows() / dy.rows();
    for (Index row = 0; row < x.rows(); ++row) {
      dx.row(row) = dy.row(row / pixels) / static_cast<double>(pixels);
    }
  } else if (kind == "Softmax") {
    for (Index n = 0; n < x.cols(); ++n) {
      const double mean = dy.col(n).dot(s.y.col(n));
      dx.col(n) = s.y.col(n).cwiseProduct((dy.col(n).array() - mean).matrix());
    }
  } else if (is_normalization(layer)) {
    dx = normalize_backward(layer, x, dy, gradients_);
  } else if (kind == "Standardize") {
    dx = standardize(layer, dy, /*is_gradient=*/true);
  } else {  // Residual
    dx = dy + backward(layer.inner_layers(), s.body, dy);
  }
  return dx;
}

}  // namespace nn_test
