#include "nn/layers/conv2d.h"

#include "kernels/grouped_conv2d.h"
#include "layers/geometry.h"
#include "nn/check.h"
#include "nn/network/initializers.h"

namespace nn {
namespace {

Shape conv_output_shape(const Shape& in, const Conv2dOptions& options) {
  check_shape("Layer", in);
  const auto& [out_channels, kernel, stride, padding, dilation, groups, bias] =
      options;
  check_argument(out_channels >= 1,
                 "[Conv2d] expected at least 1 output channel, got ",
                 out_channels);
  check_extent("Conv2d", "kernel", kernel, 1);
  check_extent("Conv2d", "stride", stride, 1);
  check_extent("Conv2d", "padding", padding, 0);
  check_extent("Conv2d", "dilation", dilation, 1);
  check_argument(
      groups >= 1 && in.channels % groups == 0 && out_channels % groups == 0,
      "[Conv2d] expected a number of groups that divides ",
      in.channels,
      " input and ",
      out_channels,
      " output channels, got ",
      groups);
  const Shape padded{in.channels,
                     in.height + 2 * padding.height,
                     in.width + 2 * padding.width};
  const Extent span((kernel.height - 1) * dilation.height + 1,
                    (kernel.width - 1) * dilation.width + 1);
  check_argument(span.height <= padded.height && span.width <= padded.width,
                 "[Conv2d] kernel ",
                 kernel,
                 span == kernel ? "" : " with dilation ",
                 span == kernel ? "" : dilation.to_string(),
                 " is larger than the padded input ",
                 padded.channels,
                 "x",
                 padded.height,
                 "x",
                 padded.width);
  // The kernels spread the padded input, and the gradient by the output with as
  // much around it, once for every column of taps.
  constexpr Index kMost = Index{1} << 44;
  check_argument(product_is_at_most(kMost,
                                    {std::max(in.channels, out_channels),
                                     2 * padded.height,
                                     2 * padded.width,
                                     span.width}),
                 "[Conv2d] expected sizes whose product is at most ",
                 kMost,
                 ", got ",
                 std::max(in.channels, out_channels),
                 " channels, a padded input of twice ",
                 padded.height,
                 "x",
                 padded.width,
                 " and a kernel that spans ",
                 span.width,
                 " columns");
  return {out_channels,
          (padded.height - span.height) / stride.height + 1,
          (padded.width - span.width) / stride.width + 1};
}

}  // namespace

template <typename Scalar>
Conv2d<Scalar>::Conv2d(const Shape& input_shape,
                       Index out_channels,
                       Extent kernel,
                       Extent stride,
                       Extent padding)
    : Conv2d(input_shape,
             Conv2dOptions{out_channels, kernel, stride, padding}) {}

template <typename Scalar>
Conv2d<Scalar>::Conv2d(const Shape& input_shape, const Conv2dOptions& options)
    : Layer<Scalar>(
          input_shape, conv_output_shape(input_shape, options), kLibraryKind),
      options_(options),
      weight_("weight",
              {options.out_channels,
               input_shape.channels / options.groups,
               options.kernel.height,
               options.kernel.width},
              input_shape.channels / options.groups * options.kernel.height *
                  options.kernel.width,
              options.out_channels),
      bias_("bias", {options.out_channels}, options.out_channels, 1) {}

template <typename Scalar>
std::string Conv2d<Scalar>::describe() const {
  std::string text = concat("Conv2d(",
                            this->input_shape().channels,
                            " -> ",
                            this->output_shape().channels,
                            ", kernel ",
                            kernel(),
                            ", stride ",
                            stride(),
                            ", padding ",
                            padding());
  if (dilation() != Extent(1)) {
    text += concat(", dilation ", dilation());
  }
  if (groups() > 1) text += concat(", groups ", groups());
  return text + (has_bias() ? ")" : ", no bias)");
}

template <typename Scalar>
Settings Conv2d<Scalar>::settings() const {
  Settings settings{
      {"out_channels", static_cast<double>(options_.out_channels)},
      {"groups", static_cast<double>(options_.groups)},
      {"bias", options_.bias ? 1.0 : 0.0}};
  set_extent(settings, "kernel_size", kernel());
  set_extent(settings, "stride", stride());
  set_extent(settings, "padding", padding());
  set_extent(settings, "dilation", dilation());
  return settings;
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Conv2d<Scalar>::parameters() {
  if (!has_bias()) return {&weight_};
  return {&weight_, &bias_};
}

template <typename Scalar>
void Conv2d<Scalar>::initialize(Rng& rng) {
  fan_in_uniform(view(weight_.value), weight_.value.rows(), rng);
  if (has_bias()) {
    fan_in_uniform(view(bias_.value), weight_.value.rows(), rng);
  }
}

template <typename Scalar>
MemoryNeeds Conv2d<Scalar>::memory_needs(Index batch, Mode mode) const {
  const kernels::ConvGeometry g = geometry_of(*this);
  kernels::ScratchNeeds scratch =
      kernels::grouped_conv2d_forward_scratch<Scalar>(
          g, kernels::ConvEpilogue{}, batch);
  if (mode == Mode::kTraining) {
    scratch = larger(scratch,
                     kernels::grouped_conv2d_backward_scratch<Scalar>(
                         g, kernels::ConvEpilogue{}, batch));
  }
  return {0, scratch.shared_bytes, scratch.worker_bytes};
}

template <typename Scalar>
void Conv2d<Scalar>::do_forward(ConstView<Scalar> x,
                                View<Scalar> y,
                                Mode /*mode*/,
                                PassMemory memory) const {
  kernels::grouped_conv2d_forward<Scalar>({geometry_of(*this),
                                           kernels::ConvEpilogue{},
                                           x.cols(),
                                           x.data(),
                                           weight_.value.data(),
                                           bias_.value.data(),
                                           y.data(),
                                           nullptr},
                                          {memory.scratch, memory.workers});
}

template <typename Scalar>
void Conv2d<Scalar>::do_backward(ConstView<Scalar> x,
                                 ConstView<Scalar> y,
                                 ConstView<Scalar> dy,
                                 View<Scalar> dx,
                                 PassMemory memory) {
  kernels::grouped_conv2d_backward<Scalar>({geometry_of(*this),
                                            kernels::ConvEpilogue{},
                                            x.cols(),
                                            x.data(),
                                            weight_.value.data(),
                                            y.data(),
                                            dy.data(),
                                            nullptr,
                                            dx.data(),
                                            weight_.grad.data(),
                                            bias_.grad.data()},
                                           {memory.scratch, memory.workers});
}

template class Conv2d<float>;
template class Conv2d<double>;

}  // namespace nn
