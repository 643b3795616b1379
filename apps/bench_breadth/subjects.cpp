#include "bench_breadth/subjects.h"

#include "nn/layers/avg_pool2d.h"
#include "nn/layers/batch_norm.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/dropout.h"
#include "nn/layers/gelu.h"
#include "nn/layers/global_avg_pool2d.h"
#include "nn/layers/identity.h"
#include "nn/layers/layer_norm.h"
#include "nn/layers/leaky_relu.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/sigmoid.h"
#include "nn/layers/silu.h"
#include "nn/layers/softmax.h"
#include "nn/layers/tanh.h"
#include "nn/network/residual.h"

namespace apps {
namespace {

using Network = nn::Sequential<float>;
using Fill = std::function<void(Network&)>;

constexpr nn::Index kClasses = 10;

/// The reference MLP with `between` after each hidden Linear.
Fill mlp(const Fill& between) {
  return [between](Network& network) {
    for (const nn::Index units : {256, 128}) {
      network.add<nn::Linear>(units);
      between(network);
    }
    network.add<nn::Linear>(kClasses).add<nn::Softmax>();
  };
}

/// The reference CNN with `between` after each convolution.
Fill cnn(const Fill& between) {
  return [between](Network& network) {
    for (const nn::Index channels : {16, 32}) {
      network.add<nn::Conv2d>(channels, 5, 1, 2);
      between(network);
    }
    network.add<nn::Linear>(kClasses).add<nn::Softmax>();
  };
}

void relu(Network& network) {
  network.add<nn::ReLU>();
}

nn::Conv2dOptions square_conv(nn::Index channels, nn::Index kernel) {
  nn::Conv2dOptions options;
  options.out_channels = channels;
  options.kernel = kernel;
  options.padding = (kernel - 1) / 2;
  return options;
}

/// A first convolution and pool, so that what follows has 16 channels of
/// 14 x 14.
void add_stem(Network& network) {
  network.add<nn::Conv2d>(16, 5, 1, 2).add<nn::ReLU>().add<nn::MaxPool2d>(2);
}

void add_head(Network& network) {
  network.add<nn::MaxPool2d>(2).add<nn::Linear>(kClasses).add<nn::Softmax>();
}

void fill_residual_cnn(Network& network) {
  add_stem(network);
  network.add<nn::Residual>([](Network& body) {
    body.add<nn::Conv2d>(16, 3, 1, 1).add<nn::BatchNorm2d>().add<nn::ReLU>();
    body.add<nn::Conv2d>(16, 3, 1, 1).add<nn::BatchNorm2d>();
  });
  network.add<nn::ReLU>();
  add_head(network);
}

void fill_residual_mlp(Network& network) {
  network.add<nn::Linear>(128).add<nn::ReLU>();
  network.add<nn::Residual>([](Network& body) {
    body.add<nn::Linear>(128).add<nn::ReLU>().add<nn::Linear>(128);
  });
  network.add<nn::Identity>();
  network.add<nn::Linear>(kClasses).add<nn::Softmax>();
}

void fill_groups(Network& network) {
  add_stem(network);
  nn::Conv2dOptions options = square_conv(32, 5);
  options.groups = 4;
  network.add<nn::Conv2d>(options).add<nn::ReLU>();
  add_head(network);
}

void fill_depthwise(Network& network) {
  add_stem(network);
  nn::Conv2dOptions depthwise = square_conv(16, 3);
  depthwise.groups = 16;
  depthwise.bias = false;
  network.add<nn::Conv2d>(depthwise).add<nn::BatchNorm2d>().add<nn::ReLU>();
  network.add<nn::Conv2d>(32, 1).add<nn::ReLU>();
  add_head(network);
}

void fill_dilation(Network& network) {
  add_stem(network);
  nn::Conv2dOptions options = square_conv(32, 3);
  options.dilation = 2;
  options.padding = 2;
  network.add<nn::Conv2d>(options).add<nn::ReLU>();
  add_head(network);
}

void fill_stride(Network& network) {
  network.add<nn::Conv2d>(16, 5, 2, 2).add<nn::ReLU>();
  network.add<nn::Conv2d>(32, 5, 2, 2).add<nn::ReLU>();
  network.add<nn::Linear>(kClasses).add<nn::Softmax>();
}

void fill_global_average(Network& network) {
  add_stem(network);
  network.add<nn::Conv2d>(32, 5, 1, 2).add<nn::ReLU>();
  network.add<nn::Conv2d>(32, 3, 1, 1).add<nn::ReLU>();
  network.add<nn::GlobalAvgPool2d>();
  network.add<nn::Linear>(kClasses).add<nn::Softmax>();
}

}  // namespace

std::vector<Subject> all_subjects() {
  std::vector<Subject> subjects;
  const auto add =
      [&subjects](const char* name, const Fill& fill, double learning_rate) {
        Subject subject{name, fill, {}};
        subject.recipe.learning_rate = learning_rate;
        subjects.push_back(subject);
        return &subjects.back().recipe;
      };
  // Networks whose loss is flat at first, as that of sigmoids, want large
  // steps.
  add("mlp relu", mlp(relu), 0.05);
  add("mlp leaky relu",
      mlp([](Network& n) { n.add<nn::LeakyReLU>(0.1); }),
      0.05);
  add("mlp sigmoid", mlp([](Network& n) { n.add<nn::Sigmoid>(); }), 0.3);
  add("mlp tanh", mlp([](Network& n) { n.add<nn::Tanh>(); }), 0.05);
  add("mlp gelu", mlp([](Network& n) { n.add<nn::GELU>(); }), 0.05);
  add("mlp gelu by tanh",
      mlp([](Network& n) { n.add<nn::GELU>(nn::GeluForm::kTanh); }),
      0.05);
  add("mlp silu", mlp([](Network& n) { n.add<nn::SiLU>(); }), 0.05);
  add("mlp dropout",
      mlp([](Network& n) { n.add<nn::ReLU>().add<nn::Dropout>(0.2); }),
      0.05);
  add("mlp batch norm",
      mlp([](Network& n) { n.add<nn::BatchNorm1d>().add<nn::ReLU>(); }),
      0.05);
  add("mlp layer norm",
      mlp([](Network& n) { n.add<nn::LayerNorm>().add<nn::ReLU>(); }),
      0.05);
  add("mlp residual", fill_residual_mlp, 0.05);

  add("loss label smoothing", mlp(relu), 0.05)->loss =
      LossKind::kLabelSmoothing;
  add("loss class weights", mlp(relu), 0.05)->loss = LossKind::kClassWeights;
  add("loss squared error", mlp(relu), 0.5)->loss = LossKind::kMeanSquaredError;
  add("loss smooth l1", mlp(relu), 0.5)->loss = LossKind::kSmoothL1;
  add("loss binary", mlp(relu), 0.2)->loss = LossKind::kBinaryCrossEntropy;

  add("adam", mlp(relu), 1e-3)->optimizer = OptimizerKind::kAdam;
  add("adamw", mlp(relu), 1e-3)->optimizer = OptimizerKind::kAdamW;
  add("rmsprop", mlp(relu), 1e-3)->optimizer = OptimizerKind::kRmsProp;
  add("adagrad", mlp(relu), 1e-2)->optimizer = OptimizerKind::kAdagrad;
  add("sgd, clipped", mlp(relu), 0.05)->max_gradient = 1.0;

  add("cnn max pool",
      cnn([](Network& n) { n.add<nn::ReLU>().add<nn::MaxPool2d>(2); }),
      0.05);
  add("cnn average pool",
      cnn([](Network& n) { n.add<nn::ReLU>().add<nn::AvgPool2d>(2); }),
      0.05);
  add("cnn batch norm",
      cnn([](Network& n) {
        n.add<nn::BatchNorm2d>().add<nn::ReLU>().add<nn::MaxPool2d>(2);
      }),
      0.05);
  add("cnn layer norm",
      cnn([](Network& n) {
        n.add<nn::LayerNorm>().add<nn::ReLU>().add<nn::MaxPool2d>(2);
      }),
      0.05);
  add("cnn silu",
      cnn([](Network& n) { n.add<nn::SiLU>().add<nn::MaxPool2d>(2); }),
      0.05);
  add("cnn dropout",
      cnn([](Network& n) {
        n.add<nn::ReLU>().add<nn::MaxPool2d>(2).add<nn::Dropout>(0.2);
      }),
      0.05);
  add("cnn global average", fill_global_average, 0.03);
  add("cnn residual", fill_residual_cnn, 0.05);
  add("cnn groups", fill_groups, 0.05);
  add("cnn depthwise", fill_depthwise, 0.05);
  add("cnn dilation", fill_dilation, 0.05);
  add("cnn stride", fill_stride, 0.05);
  return subjects;
}

}  // namespace apps
