#include "nn/network/layer.h"

#include "nn/check.h"
#include "nn/parallel.h"

namespace nn {

PassMemory PassBuffers::prepare(const MemoryNeeds& needs, std::uint64_t pass) {
  const int workers = num_threads();
  saved_.reserve(needs.saved_bytes);
  scratch_.reserve(needs.scratch_bytes_of(workers));
  return {saved_.data(), scratch_.data(), pass, workers};
}

template <typename Scalar>
Layer<Scalar>::Layer(const Shape& input_shape,
                     const Shape& output_shape,
                     internal::LayerKind library_kind)
    : input_shape_(input_shape),
      output_shape_(output_shape),
      library_kind_(library_kind) {
  check_shape("Layer", input_shape);
  check_shape("Layer", output_shape);
}

template <typename Scalar>
std::vector<const Parameter<Scalar>*> Layer<Scalar>::parameters() const {
  // The virtual function hands out pointers to what the layer owns; seen from
  // a const layer they are pointers to const.
  const auto own = const_cast<Layer*>(this)->parameters();
  return {own.begin(), own.end()};
}

template <typename Scalar>
std::vector<const Parameter<Scalar>*> Layer<Scalar>::buffers() const {
  const auto own = const_cast<Layer*>(this)->buffers();
  return {own.begin(), own.end()};
}

template <typename Scalar>
MemoryNeeds Layer<Scalar>::memory_needs(Index /*batch*/, Mode /*mode*/) const {
  return {};
}

template <typename Scalar>
void Layer<Scalar>::forward(ConstView<Scalar> x,
                            View<Scalar> y,
                            Mode mode,
                            PassMemory memory) const {
  // The name is built only where a check fails: name() allocates.
  if (x.rows() != input_shape_.features() ||
      y.rows() != output_shape_.features() || y.cols() != x.cols()) {
    check_argument(x.rows() == input_shape_.features(),
                   "[",
                   name(),
                   "] expected ",
                   input_shape_.features(),
                   " rows for input ",
                   input_shape_,
                   ", got ",
                   x.rows());
    check_argument(y.rows() == output_shape_.features(),
                   "[",
                   name(),
                   "] expected ",
                   output_shape_.features(),
                   " rows for output ",
                   output_shape_,
                   ", got ",
                   y.rows());
    check_argument(false,
                   "[",
                   name(),
                   "] expected ",
                   x.cols(),
                   " columns of output, one per input column, got ",
                   y.cols());
  }
  if (x.cols() == 0) return;
  do_forward(x, y, mode, memory);
}

template <typename Scalar>
void Layer<Scalar>::backward(ConstView<Scalar> x,
                             ConstView<Scalar> y,
                             ConstView<Scalar> dy,
                             View<Scalar> dx,
                             PassMemory memory) {
  const auto fits = [&](const auto& m, const Shape& shape) {
    return m.rows() == shape.features() && m.cols() == x.cols();
  };
  const auto check = [&](const auto& m, const Shape& shape, const char* what) {
    if (fits(m, shape)) return;
    check_argument(false,
                   "[",
                   name(),
                   "] expected ",
                   shape.features(),
                   " x ",
                   x.cols(),
                   " for ",
                   what,
                   ", got ",
                   m.rows(),
                   " x ",
                   m.cols());
  };
  check(x, input_shape_, "x");
  check(y, output_shape_, "y");
  check(dy, output_shape_, "dy");
  if (dx.size() > 0) check(dx, input_shape_, "dx");
  if (x.cols() == 0) {
    for (Parameter<Scalar>* p : parameters()) p->grad.setZero();
    return;
  }
  do_backward(x, y, dy, dx, memory);
}

template class Layer<float>;
template class Layer<double>;

}  // namespace nn
