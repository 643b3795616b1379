// The library's side of the test of weight files: saves a network, or loads a
// file and prints what it holds. safetensors_reader.py drives it.
//
//   nn_interop_weights describe            name and shape of every parameter
//   nn_interop_weights save F32|F64 FILE   saves the network's weights
//   nn_interop_weights model F32|F64 FILE  saves the whole network
//   nn_interop_weights load F32|F64 FILE   loads FILE and prints every value
//
// Values are printed as hexadecimal floating point, so none is rounded. Before
// saving, element i of parameter k becomes value_of(k, i), which float holds
// exactly.

#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "nn/files/model.h"
#include "nn/files/safetensors.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/linear.h"
#include "nn/layers/max_pool2d.h"
#include "nn/layers/relu.h"
#include "nn/layers/softmax.h"
#include "nn/network/sequential.h"

namespace {

using nn::Index;

double value_of(Index parameter, Index element) {
  return static_cast<double>((element * 37 + parameter * 101) % 1009 - 504) /
         64.0;
}

/// Odd sizes, so that a file with two of them exchanged does not fit.
template <typename Scalar>
nn::Sequential<Scalar> make_network() {
  nn::Sequential<Scalar> network(nn::Shape{2, 11, 9}, /*seed=*/1);
  network.template add<nn::Conv2d>(3, nn::Extent(4, 2))
      .template add<nn::ReLU>()
      .template add<nn::MaxPool2d>(2);
  network.template add<nn::Linear>(7).template add<nn::ReLU>();
  network.template add<nn::Linear>(5).template add<nn::Softmax>();
  return network;
}

template <typename Scalar>
void save(const std::string& path, bool model) {
  nn::Sequential<Scalar> network = make_network<Scalar>();
  Index k = 0;
  for (nn::Parameter<Scalar>* parameter : network.parameters()) {
    for (Index i = 0; i < parameter->value.size(); ++i) {
      parameter->value.data()[i] = static_cast<Scalar>(value_of(k, i));
    }
    ++k;
  }
  model ? nn::save_model(path, network) : nn::save_weights(path, network);
}

template <typename Scalar>
void load(const std::string& path) {
  nn::Sequential<Scalar> network = make_network<Scalar>();
  nn::load_weights(path, network);
  for (const auto& named : network.named_parameters()) {
    const nn::Matrix<Scalar>& value = named.parameter->value;
    std::printf("%s", named.name.c_str());
    for (Index i = 0; i < value.size(); ++i) {
      std::printf(" %a", static_cast<double>(value.data()[i]));
    }
    std::printf("\n");
  }
}

void describe() {
  nn::Sequential<float> network = make_network<float>();
  for (const auto& named : network.named_parameters()) {
    std::printf("%s", named.name.c_str());
    for (const Index size : named.parameter->dims) {
      std::printf(" %lld", static_cast<long long>(size));
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const std::string type = argc > 2 ? argv[2] : "";
  const bool known_type = type == "F32" || type == "F64";
  try {
    if (command == "describe" && argc == 2) {
      describe();
    } else if ((command == "save" || command == "model") && argc == 4 &&
               known_type) {
      const bool model = command == "model";
      type == "F32" ? save<float>(argv[3], model)
                    : save<double>(argv[3], model);
    } else if (command == "load" && argc == 4 && known_type) {
      type == "F32" ? load<float>(argv[3]) : load<double>(argv[3]);
    } else {
      std::cerr << "usage: nn_interop_weights describe | "
                   "save|model|load F32|F64 FILE\n";
      return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << "nn_interop_weights: error: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
