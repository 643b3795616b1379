#include "nn/layers/conv2d.h"

#include "kernels/conv2d.h"
#include "layers/geometry.h"
#include "nn/check.h"
#include "nn/initializers.h"

namespace nn {
namespace {

Shape conv_output_shape(const Shape& in,
                        Index out_channels,
                        const Extent& kernel,
                        const Extent& stride,
                        const Extent& padding) {
  check_argument(out_channels >= 1,
                 "[Conv2d] expected at least 1 output channel, got ",
                 out_channels);
  check_argument(kernel.height >= 1 && kernel.width >= 1,
                 "[Conv2d] expected a kernel of at least 1x1, got ",
                 kernel.to_string());
  check_argument(stride.height >= 1 && stride.width >= 1,
                 "[Conv2d] expected a stride of at least 1x1, got ",
                 stride.to_string());
  check_argument(padding.height >= 0 && padding.width >= 0,
                 "[Conv2d] expected a padding of at least 0x0, got ",
                 padding.to_string());
  const Shape padded{in.channels,
                     in.height + 2 * padding.height,
                     in.width + 2 * padding.width};
  check_argument(kernel.height <= padded.height && kernel.width <= padded.width,
                 "[Conv2d] kernel ",
                 kernel.to_string(),
                 " is larger than the padded input ",
                 padded.channels,
                 "x",
                 padded.height,
                 "x",
                 padded.width);
  return {out_channels,
          (padded.height - kernel.height) / stride.height + 1,
          (padded.width - kernel.width) / stride.width + 1};
}

}  // namespace

template <typename Scalar>
Conv2d<Scalar>::Conv2d(const Shape& input_shape,
                       Index out_channels,
                       Extent kernel,
                       Extent stride,
                       Extent padding)
    : Layer<Scalar>(input_shape,
                    conv_output_shape(
                        input_shape, out_channels, kernel, stride, padding)),
      kernel_(kernel),
      stride_(stride),
      padding_(padding),
      weight_("weight",
              {out_channels, input_shape.channels, kernel.height, kernel.width},
              input_shape.channels * kernel.height * kernel.width,
              out_channels),
      bias_("bias", {out_channels}, out_channels, 1) {}

template <typename Scalar>
std::string Conv2d<Scalar>::describe() const {
  return concat("Conv2d(",
                this->input_shape().channels,
                " -> ",
                this->output_shape().channels,
                ", kernel ",
                kernel_.to_string(),
                ", stride ",
                stride_.to_string(),
                ", padding ",
                padding_.to_string(),
                ")");
}

template <typename Scalar>
Settings Conv2d<Scalar>::settings() const {
  Settings settings{
      {"out_channels", static_cast<double>(this->output_shape().channels)}};
  set_extent(settings, "kernel_size", kernel_);
  set_extent(settings, "stride", stride_);
  set_extent(settings, "padding", padding_);
  return settings;
}

template <typename Scalar>
std::vector<Parameter<Scalar>*> Conv2d<Scalar>::parameters() {
  return {&weight_, &bias_};
}

template <typename Scalar>
void Conv2d<Scalar>::initialize(Rng& rng) {
  fan_in_uniform(view(weight_.value), weight_.value.rows(), rng);
  fan_in_uniform(view(bias_.value), weight_.value.rows(), rng);
}

template <typename Scalar>
MemoryNeeds Conv2d<Scalar>::memory_needs(Index batch, Mode mode) const {
  const kernels::ConvGeometry g = geometry_of(*this);
  std::size_t scratch = kernels::conv2d_forward_scratch_bytes<Scalar>(
      g, kernels::ConvEpilogue{}, batch);
  if (mode == Mode::kTraining) {
    scratch = std::max(scratch,
                       kernels::conv2d_backward_scratch_bytes<Scalar>(
                           g, kernels::ConvEpilogue{}, batch));
  }
  return {0, scratch};
}

template <typename Scalar>
void Conv2d<Scalar>::do_forward(ConstView<Scalar> x,
                                View<Scalar> y,
                                Mode /*mode*/,
                                PassMemory memory) const {
  kernels::conv2d_forward<Scalar>({geometry_of(*this),
                                   kernels::ConvEpilogue{},
                                   x.cols(),
                                   x.data(),
                                   weight_.value.data(),
                                   bias_.value.data(),
                                   y.data(),
                                   nullptr},
                                  memory.scratch);
}

template <typename Scalar>
void Conv2d<Scalar>::do_backward(ConstView<Scalar> x,
                                 ConstView<Scalar> y,
                                 ConstView<Scalar> dy,
                                 View<Scalar> dx,
                                 PassMemory memory) {
  kernels::conv2d_backward<Scalar>({geometry_of(*this),
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
                                   memory.scratch);
}

template class Conv2d<float>;
template class Conv2d<double>;

}  // namespace nn
