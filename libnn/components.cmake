# THE list of libnn's parts. `layers/conv2d` stands for src/layers/conv2d.cpp
# and ../tests/layers/conv2d_test.cpp; a missing file fails configure.

set(NN_COMPONENTS
  shape
  random
  buffer
  parallel
  layer
  initializers
  kernels/isa
  kernels/reference
  kernels/gemm
  kernels/conv2d
  kernels/conv2d_sparse
  kernels/pooling
  kernels/elementwise
  layers/linear
  layers/relu
  layers/conv2d
  layers/max_pool2d
  layers/softmax
  layer_registry
  losses/softmax_cross_entropy
  optimizers/optimizer
  optimizers/sgd
  optimizers/schedule
  workspace
  stage
  sequential
  residual
  gradient_check
  file
  safetensors
  data/image_set
  data/idx
  data/batches
)
