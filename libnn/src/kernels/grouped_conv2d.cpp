#include "kernels/grouped_conv2d.h"

#include "kernels/depthwise.h"

namespace nn::kernels {
namespace {

bool is_depthwise(const ConvGeometry& g) {
  return g.groups > 1 && g.groups == g.in_channels;
}

/// One of the groups of a convolution and of the pool behind it.
class Group {
 public:
  Group(const ConvGeometry& whole, const ConvEpilogue& epilogue)
      : geometry_(whole), epilogue_(epilogue) {
    geometry_.in_channels /= whole.groups;
    geometry_.out_channels /= whole.groups;
    geometry_.groups = 1;
    if (epilogue.pool) {
      pool_ = *epilogue.pool;
      pool_.channels = geometry_.out_channels;
      epilogue_.pool = &pool_;
    }
  }
  // epilogue_ may point to pool_.
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const ConvGeometry& geometry() const { return geometry_; }
  const ConvEpilogue& epilogue() const { return epilogue_; }
  Index in_features() const { return geometry_.in_features(); }
  Index out_features() const {
    return epilogue_.pool ? pool_.out_features() : geometry_.out_features();
  }
  Index weights() const { return geometry_.taps() * geometry_.out_channels; }

 private:
  ConvGeometry geometry_;
  ConvEpilogue epilogue_;
  PoolGeometry pool_;
};

template <typename T>
T* moved(T* array, Index by) {
  return array ? array + by : nullptr;
}

}  // namespace

template <typename T>
ScratchNeeds grouped_conv2d_forward_scratch(const ConvGeometry& geometry,
                                            const ConvEpilogue& epilogue,
                                            Index batch) {
  if (is_depthwise(geometry)) {
    return depthwise_forward_scratch<T>(geometry, epilogue);
  }
  const Group group(geometry, epilogue);
  return conv2d_forward_scratch<T>(group.geometry(), group.epilogue(), batch);
}

template <typename T>
ScratchNeeds grouped_conv2d_backward_scratch(const ConvGeometry& geometry,
                                             const ConvEpilogue& epilogue,
                                             Index batch) {
  if (is_depthwise(geometry)) {
    return depthwise_backward_scratch<T>(geometry, batch);
  }
  const Group group(geometry, epilogue);
  return conv2d_backward_scratch<T>(group.geometry(), group.epilogue(), batch);
}

template <typename T>
void grouped_conv2d_forward(const ConvForwardArgs<T>& args,
                            const Scratch& scratch) {
  const Index groups = args.geometry.groups;
  if (groups == 1) {
    conv2d_forward(args, scratch);
    return;
  }
  if (is_depthwise(args.geometry)) {
    depthwise_forward(args, scratch);
    return;
  }
  const Group group(args.geometry, args.epilogue);
  for (Index i = 0; i < groups; ++i) {
    ConvForwardArgs<T> part = args;
    part.geometry = group.geometry();
    part.epilogue = group.epilogue();
    part.x += i * group.in_features();
    part.weight += i * group.weights();
    part.bias = moved(args.bias, i * group.geometry().out_channels);
    part.y += i * group.out_features();
    part.argmax = moved(args.argmax, i * group.out_features());
    part.x_stride = groups * group.in_features();
    part.y_stride = groups * group.out_features();
    conv2d_forward(part, scratch);
  }
}

template <typename T>
void grouped_conv2d_backward(const ConvBackwardArgs<T>& args,
                             const Scratch& scratch) {
  const Index groups = args.geometry.groups;
  if (groups == 1) {
    conv2d_backward(args, scratch);
    return;
  }
  if (is_depthwise(args.geometry)) {
    depthwise_backward(args, scratch);
    return;
  }
  const Group group(args.geometry, args.epilogue);
  for (Index i = 0; i < groups; ++i) {
    ConvBackwardArgs<T> part = args;
    part.geometry = group.geometry();
    part.epilogue = group.epilogue();
    part.x += i * group.in_features();
    part.weight += i * group.weights();
    part.y = moved(args.y, i * group.out_features());
    part.dy += i * group.out_features();
    part.argmax = moved(args.argmax, i * group.out_features());
    part.dx = moved(args.dx, i * group.in_features());
    part.dweight += i * group.weights();
    part.dbias += i * group.geometry().out_channels;
    part.x_stride = groups * group.in_features();
    part.y_stride = groups * group.out_features();
    conv2d_backward(part, scratch);
  }
}

#define NN_INSTANTIATE(T)                                              \
  template ScratchNeeds grouped_conv2d_forward_scratch<T>(             \
      const ConvGeometry&, const ConvEpilogue&, Index);                \
  template ScratchNeeds grouped_conv2d_backward_scratch<T>(            \
      const ConvGeometry&, const ConvEpilogue&, Index);                \
  template void grouped_conv2d_forward<T>(const ConvForwardArgs<T>&,   \
                                          const Scratch&);             \
  template void grouped_conv2d_backward<T>(const ConvBackwardArgs<T>&, \
                                           const Scratch&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn::kernels
