#include "common/train.h"

int main(int argc, char** argv) {
  return apps::run_program(
      {"mnist_mlp",
       "Trains a multi-layer perceptron on MNIST with libnn.",
       "libnn",
       "mlp"},
      apps::libnn_framework(),
      argc,
      argv);
}
