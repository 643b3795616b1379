#include "common/train.h"
#include "torch_framework.h"

int main(int argc, char** argv) {
  return apps::run_program(
      {"mnist_torch",
       "Trains the networks of mnist_mlp and mnist_cnn on MNIST with LibTorch, "
       "from the same weights and over the same batches.",
       "torch",
       /*model=*/""},
      apps::torch_framework(),
      argc,
      argv);
}
