#include "support/kernel_reference.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/elementwise.h"

namespace nn_test {

using nn::ConstView;
using nn::Index;
using nn::Matrix;
using nn::View;
using nn::kernels::AveragePoolGeometry;
using nn::kernels::ConvBackwardArgs;
using nn::kernels::ConvForwardArgs;
using nn::kernels::ConvGeometry;
using nn::kernels::GemmArgs;
using nn::kernels::Operand;
using nn::kernels::PoolGeometry;
using nn::kernels::relu_gradient;

template <typename T>
void gemm_reference(const GemmArgs<T>& args) {
  const auto at = [](const Operand<T>& m, Index i, Index j) {
    return m.data[i * m.row_stride + j * m.col_stride];
  };
  for (Index j = 0; j < args.n; ++j) {
    for (Index i = 0; i < args.m; ++i) {
      T sum = 0;
      for (Index k = 0; k < args.k; ++k)
        sum += at(args.a, i, k) * at(args.b, k, j);
      if (args.row_bias) sum += args.row_bias[i];
      args.c[i + j * args.ldc] = args.relu && sum < 0 ? T(0) : sum;
    }
  }
}

namespace {

// Calls visit(row of cols, column of cols, index into the image) for every tap
// that does not fall on padding.
template <typename Visit>
void for_each_tap(const ConvGeometry& g, const Visit& visit) {
  for (Index c = 0; c < g.in_channels; ++c) {
    for (Index kh = 0; kh < g.kernel_h; ++kh) {
      for (Index kw = 0; kw < g.kernel_w; ++kw) {
        const Index tap = (c * g.kernel_h + kh) * g.kernel_w + kw;
        for (Index oh = 0; oh < g.out_height(); ++oh) {
          const Index h = oh * g.stride_h + kh * g.dilation_h - g.pad_h;
          if (h < 0 || h >= g.height) continue;
          for (Index ow = 0; ow < g.out_width(); ++ow) {
            const Index w = ow * g.stride_w + kw * g.dilation_w - g.pad_w;
            if (w < 0 || w >= g.width) continue;
            visit(
                oh * g.out_width() + ow, tap, (c * g.height + h) * g.width + w);
          }
        }
      }
    }
  }
}

// With groups, a filter has taps in the channels of its group alone: a column
// of the whole K x O matrix is zero but for one block of taps. Calls
// visit(place in the parameter, row, column of the whole) for all of them.
template <typename Visit>
void for_each_weight(const ConvGeometry& g, const Visit& visit) {
  for (Index o = 0; o < g.out_channels; ++o) {
    const Index group = o / (g.out_channels / g.groups);
    for (Index k = 0; k < g.taps(); ++k) {
      visit(o * g.taps() + k, group * g.taps() + k, o);
    }
  }
}

template <typename T>
Matrix<T> whole_weight(const ConvGeometry& g, const T* weight) {
  Matrix<T> whole = Matrix<T>::Zero(g.groups * g.taps(), g.out_channels);
  for_each_weight(g,
                  [&](Index i, Index k, Index o) { whole(k, o) = weight[i]; });
  return whole;
}

}  // namespace

template <typename T>
Matrix<T> im2col(const ConvGeometry& g, const T* x) {
  Matrix<T> cols = Matrix<T>::Zero(g.pixels(), g.groups * g.taps());
  for_each_tap(
      g, [&](Index pixel, Index tap, Index i) { cols(pixel, tap) = x[i]; });
  return cols;
}

template <typename T>
void col2im_add(const ConvGeometry& g, const Matrix<T>& cols, T* dx) {
  for_each_tap(
      g, [&](Index pixel, Index tap, Index i) { dx[i] += cols(pixel, tap); });
}

template <typename T>
void conv2d_forward_reference(const ConvForwardArgs<T>& args) {
  const ConvGeometry& g = args.geometry;
  const PoolGeometry* pool = args.epilogue.pool;
  const Matrix<T> weight = whole_weight(g, args.weight);
  const ConstView<T> bias(args.bias, 1, g.out_channels);
  for (Index n = 0; n < args.batch; ++n) {
    Matrix<T> y = im2col(g, args.x + n * g.in_features()) * weight;
    y.rowwise() += bias.row(0);
    if (args.epilogue.relu)
      y = y.unaryExpr([](T v) { return v < 0 ? T(0) : v; });
    if (pool) {
      max_pool_reference(
          *pool,
          y.data(),
          args.y + n * pool->out_features(),
          args.argmax ? args.argmax + n * pool->out_features() : nullptr);
    } else {
      std::copy_n(y.data(), y.size(), args.y + n * y.size());
    }
  }
}

template <typename T>
void conv2d_backward_reference(const ConvBackwardArgs<T>& args) {
  const ConvGeometry& g = args.geometry;
  const PoolGeometry* pool = args.epilogue.pool;
  const Matrix<T> weight = whole_weight(g, args.weight);
  Matrix<T> dweight(weight.rows(), weight.cols());
  View<T> dbias(args.dbias, 1, g.out_channels);
  dweight.setZero();
  dbias.setZero();
  const Index out = pool ? pool->out_features() : g.out_features();
  for (Index n = 0; n < args.batch; ++n) {
    Matrix<T> dy(g.pixels(), g.out_channels);
    const T* y = args.epilogue.relu ? args.y + n * out : nullptr;
    if (pool) {
      max_pool_backward_reference(
          *pool, args.dy + n * out, args.argmax + n * out, y, dy.data());
    } else {
      for (Index i = 0; i < out; ++i) {
        const T gradient = args.dy[n * out + i];
        dy.data()[i] = y ? relu_gradient(y[i], gradient) : gradient;
      }
    }
    dweight += im2col(g, args.x + n * g.in_features()).transpose() * dy;
    dbias += dy.colwise().sum();
    if (args.dx) {
      T* dx = args.dx + n * g.in_features();
      std::fill_n(dx, g.in_features(), T(0));
      col2im_add<T>(g, dy * weight.transpose(), dx);
    }
  }
  for_each_weight(
      g, [&](Index i, Index k, Index o) { args.dweight[i] = dweight(k, o); });
}

template <typename T>
void max_pool_reference(const PoolGeometry& g,
                        const T* x,
                        T* y,
                        std::uint8_t* argmax) {
  for (Index c = 0; c < g.channels; ++c) {
    for (Index oh = 0; oh < g.out_height(); ++oh) {
      for (Index ow = 0; ow < g.out_width(); ++ow) {
        const T* corner =
            x + (c * g.height + oh * g.stride_h) * g.width + ow * g.stride_w;
        T best = corner[0];
        Index winner = 0;
        for (Index kh = 0; kh < g.window_h; ++kh) {
          for (Index kw = 0; kw < g.window_w; ++kw) {
            const T value = corner[kh * g.width + kw];
            // The first NaN wins and is not replaced.
            if (value > best || (std::isnan(value) && !std::isnan(best))) {
              best = value;
              winner = kh * g.window_w + kw;
            }
          }
        }
        *y++ = best;
        if (argmax) *argmax++ = static_cast<std::uint8_t>(winner);
      }
    }
  }
}

template <typename T>
void max_pool_backward_reference(const PoolGeometry& g,
                                 const T* dy,
                                 const std::uint8_t* argmax,
                                 const T* relu_output,
                                 T* dx) {
  std::fill_n(dx, g.in_features(), T(0));
  Index i = 0;
  for (Index c = 0; c < g.channels; ++c) {
    for (Index oh = 0; oh < g.out_height(); ++oh) {
      for (Index ow = 0; ow < g.out_width(); ++ow, ++i) {
        const T gradient =
            relu_output ? relu_gradient(relu_output[i], dy[i]) : dy[i];
        const Index h = oh * g.stride_h + argmax[i] / g.window_w;
        const Index w = ow * g.stride_w + argmax[i] % g.window_w;
        dx[(c * g.height + h) * g.width + w] += gradient;
      }
    }
  }
}

namespace {

// Calls visit(output, input, divisor) for every pair of a window and an element
// of it that is not padding.
template <typename Visit>
void for_each_averaged(const AveragePoolGeometry& g,
                       Index planes,
                       const Visit& visit) {
  const auto inside = [&](Index h, Index w) {
    return h >= 0 && h < g.height && w >= 0 && w < g.width;
  };
  Index output = 0;
  for (Index plane = 0; plane < planes; ++plane) {
    for (Index oh = 0; oh < g.out_height(); ++oh) {
      for (Index ow = 0; ow < g.out_width(); ++ow, ++output) {
        const Index top = oh * g.stride_h - g.pad_h;
        const Index left = ow * g.stride_w - g.pad_w;
        std::vector<Index> inputs;
        for (Index h = top; h < top + g.window_h; ++h) {
          for (Index w = left; w < left + g.window_w; ++w) {
            if (!inside(h, w)) continue;
            inputs.push_back((plane * g.height + h) * g.width + w);
          }
        }
        const Index divisor = g.count_padding
                                  ? g.window_h * g.window_w
                                  : static_cast<Index>(inputs.size());
        for (const Index input : inputs) visit(output, input, divisor);
      }
    }
  }
}

}  // namespace

template <typename T>
void average_pool_reference(const AveragePoolGeometry& g,
                            Index planes,
                            const T* x,
                            T* y) {
  std::fill_n(y, planes * g.out_height() * g.out_width(), T(0));
  for_each_averaged(g, planes, [&](Index output, Index input, Index divisor) {
    y[output] += x[input] / static_cast<T>(divisor);
  });
}

template <typename T>
void average_pool_backward_reference(const AveragePoolGeometry& g,
                                     Index planes,
                                     const T* dy,
                                     T* dx) {
  std::fill_n(dx, planes * g.height * g.width, T(0));
  for_each_averaged(g, planes, [&](Index output, Index input, Index divisor) {
    dx[input] += dy[output] / static_cast<T>(divisor);
  });
}

#define NN_INSTANTIATE(T)                                                 \
  template void gemm_reference<T>(const GemmArgs<T>&);                    \
  template Matrix<T> im2col<T>(const ConvGeometry&, const T*);            \
  template void col2im_add<T>(const ConvGeometry&, const Matrix<T>&, T*); \
  template void conv2d_forward_reference<T>(const ConvForwardArgs<T>&);   \
  template void conv2d_backward_reference<T>(const ConvBackwardArgs<T>&); \
  template void max_pool_reference<T>(                                    \
      const PoolGeometry&, const T*, T*, std::uint8_t*);                  \
  template void max_pool_backward_reference<T>(                           \
      const PoolGeometry&, const T*, const std::uint8_t*, const T*, T*);  \
  template void average_pool_reference<T>(                                \
      const AveragePoolGeometry&, Index, const T*, T*);                   \
  template void average_pool_backward_reference<T>(                       \
      const AveragePoolGeometry&, Index, const T*, T*);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn_test
