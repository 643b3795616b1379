#ifndef NN_NN_H_
#define NN_NN_H_

/// \file
/// All of libnn.

/// \namespace nn
/// Neural-network layers on Eigen matrices, and what it takes to train them.

#include "nn/buffer.h"
#include "nn/check.h"
#include "nn/data/augmentation.h"
#include "nn/data/batches.h"
#include "nn/data/idx.h"
#include "nn/data/image_set.h"
#include "nn/extent.h"
#include "nn/file.h"
#include "nn/gradient_check.h"
#include "nn/initializers.h"
#include "nn/layer.h"
#include "nn/layer_registry.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/losses/binary_cross_entropy.h"
#include "nn/losses/loss.h"
#include "nn/losses/mean_squared_error.h"
#include "nn/losses/smooth_l1.h"
#include "nn/losses/softmax_cross_entropy.h"
#include "nn/model.h"
#include "nn/onnx.h"
#include "nn/optimizers/adagrad.h"
#include "nn/optimizers/adam.h"
#include "nn/optimizers/clip_gradients.h"
#include "nn/optimizers/optimizer.h"
#include "nn/optimizers/reduce_on_plateau.h"
#include "nn/optimizers/rmsprop.h"
#include "nn/optimizers/schedule.h"
#include "nn/optimizers/sgd.h"
#include "nn/parallel.h"
#include "nn/parameter.h"
#include "nn/random.h"
#include "nn/residual.h"
#include "nn/safetensors.h"
#include "nn/sequential.h"
#include "nn/shape.h"
#include "nn/types.h"
#include "nn/version.h"
#include "nn/workspace.h"

#endif  // NN_NN_H_
