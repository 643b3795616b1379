#include "common/train.h"

int main(int argc, char** argv) {
  return apps::run_program(
      {"mnist_cnn",
       "Trains a convolutional network on MNIST with libnn.",
       "libnn",
       "cnn"},
      apps::libnn_framework(),
      argc,
      argv);
}
