// libnn's side of the test of the ONNX export: trains small networks, exports
// them, and writes inputs and libnn's outputs beside them. compare.mjs drives
// it.
//
//   nn_onnx_models FOLDER
//
// FOLDER/models.json lists what was written; numbers are float32 in the byte
// order of the machine. Images are the first 1,000 test images of the data set
// in NN_DATA_DIR, or synthetic ones.

#include <exception>
#include <fstream>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/nn.h"
#include "support/data_directory.h"
#include "support/layer_examples.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

using nn::Index;
using nn::Matrix;
using nn::Sequential;
using nn::Shape;

constexpr Index kTrainingImages = 1280;
constexpr Index kTestImages = 1000;
constexpr Index kBatch = 64;

struct Samples {
  Matrix<float> x;
  nn::Labels labels;
};

Samples read_samples(const std::string& directory,
                     nn::Split split,
                     Index count) {
  const nn::ImageSet set = nn::load_mnist(directory, split).head(count);
  if (set.size() != count) {
    throw std::runtime_error(
        nn::concat("expected ", count, " images, found ", set.size()));
  }
  std::vector<Index> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), Index{0});
  Samples samples{Matrix<float>(set.shape.features(), count),
                  nn::Labels(count)};
  nn::gather<float>(set,
                    indices.data(),
                    count,
                    {0.1307, 0.3081},
                    nn::view(samples.x),
                    samples.labels);
  return samples;
}

/// A few steps: after them probabilities are far from equal, not yet all 0 or
/// 1, and running statistics are no longer the initial ones.
void train(Sequential<float>& network, const Samples& samples) {
  nn::Workspace<float> workspace;
  nn::SoftmaxCrossEntropy<float> loss;
  nn::SgdOptions options;
  options.learning_rate = 0.01;
  options.momentum = 0.9;
  nn::Sgd<float> sgd(network.parameters(), options);
  for (Index begin = 0; begin < samples.x.cols(); begin += kBatch) {
    const auto logits =
        network.forward(samples.x.middleCols(begin, kBatch), workspace);
    Matrix<float> dlogits(logits.rows(), logits.cols());
    loss.evaluate(logits,
                  nn::ConstLabels(samples.labels.data() + begin, kBatch),
                  nn::view(dlogits));
    network.backward(nn::as_const(nn::view(dlogits)), workspace);
    sgd.step();
  }
}

/// Writes models, inputs and outputs, and the list of them.
class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  void add(const std::string& name,
           const Sequential<float>& network,
           const Matrix<float>& x,
           const Shape& output_form,
           bool classes) {
    const std::string number = nn::concat(count_++);
    nn::export_onnx(path_ + "/" + number + ".onnx", network);
    write(number + ".input", x);
    write(number + ".output", network.predict(nn::view(x)));
    list_ += nn::concat(list_.empty() ? "" : ",\n",
                        R"({"name": ")",
                        name,
                        R"(", "model": ")",
                        number,
                        R"(.onnx", "input": ")",
                        number,
                        R"(.input", "output": ")",
                        number,
                        R"(.output", "samples": )",
                        x.cols(),
                        R"(, "input_dims": )",
                        dims(network.input_shape()),
                        R"(, "output_dims": )",
                        dims(output_form),
                        R"(, "classes": )",
                        classes ? "true" : "false",
                        "}");
  }

  void write_list() const {
    nn::write_file_atomically(path_ + "/models.json", "[" + list_ + "]\n");
  }

 private:
  static std::string dims(const Shape& shape) {
    if (shape.is_flat()) return nn::concat("[", shape.channels, "]");
    return nn::concat(
        "[", shape.channels, ", ", shape.height, ", ", shape.width, "]");
  }
  void write(const std::string& name, const Matrix<float>& values) const {
    nn::write_file_atomically(
        path_ + "/" + name,
        values.data(),
        sizeof(float) * static_cast<std::size_t>(values.size()));
  }

  std::string path_;
  std::string list_;
  int count_ = 0;
};

Sequential<float> make_mlp(const Shape& in) {
  Sequential<float> network(in, 1);
  network.add<nn::Linear>(256).add<nn::ReLU>();
  network.add<nn::Linear>(128).add<nn::ReLU>();
  network.add<nn::Linear>(10).add<nn::Softmax>();
  return network;
}

Sequential<float> make_cnn(const Shape& in) {
  Sequential<float> network(in, 2);
  network.add<nn::Conv2d>(16, 5, 1, 2).add<nn::ReLU>().add<nn::MaxPool2d>(2);
  network.add<nn::Conv2d>(32, 5, 1, 2).add<nn::ReLU>().add<nn::MaxPool2d>(2);
  network.add<nn::Linear>(10).add<nn::Softmax>();
  return network;
}

Sequential<float> make_residual(const Shape& in) {
  Sequential<float> network(in, 3);
  network.add<nn::Conv2d>(8, 3, 2, 1).add<nn::BatchNorm2d>().add<nn::ReLU>();
  network.add<nn::Residual>([](Sequential<float>& body) {
    body.add<nn::Conv2d>(8, 3, 1, 1).add<nn::BatchNorm2d>().add<nn::ReLU>();
    nn::Conv2dOptions grouped;
    grouped.out_channels = 8;
    grouped.kernel = 3;
    grouped.padding = 2;
    grouped.dilation = 2;
    grouped.groups = 4;
    body.add<nn::Dropout>(0.2);
    body.add<nn::Conv2d>(grouped).add<nn::BatchNorm2d>();
  });
  network.add<nn::MaxPool2d>(2).add<nn::Linear>(10).add<nn::Softmax>();
  return network;
}

void write_models(const std::string& path) {
  const nn_test::TemporaryDirectory synthetic;
  std::string data = synthetic.path();
  if (nn_test::has_data_directory()) {
    data = nn_test::data_directory();
  } else {
    nn_test::TinyMnist options;
    options.training = kTrainingImages;
    options.test = kTestImages;
    nn_test::write_tiny_mnist(data, options);
  }
  const Samples training =
      read_samples(data, nn::Split::kTraining, kTrainingImages);
  const Samples test = read_samples(data, nn::Split::kTest, kTestImages);

  Folder folder(path);
  const Shape in{1, 28, 28};
  const auto add_trained = [&](const std::string& name,
                               Sequential<float> network) {
    train(network, training);
    folder.add(name, network, test.x, network.output_shape(), true);
    const nn::Labels classes = network.predict_classes(nn::view(test.x));
    std::cout << name << ": "
              << (classes.array() == test.labels.array()).count() << " of "
              << kTestImages << " test images right\n";
  };
  add_trained("mlp", make_mlp(in));
  add_trained("cnn", make_cnn(in));
  add_trained("residual", make_residual(in));

  for (const auto& example : nn_test::layer_examples()) {
    const auto network = nn_test::example_network<float>(example);
    nn::Rng rng(21);
    Matrix<float> x(network.input_shape().features(), 9);
    for (float& value : x.reshaped()) value = static_cast<float>(rng.normal());
    // A softmax is over the features, as vectors.
    const Shape out = network.output_shape();
    const bool vectors = example.spec.kind == "Softmax";
    folder.add(network.layer(0).describe(),
               network,
               x,
               vectors ? Shape{out.features()} : out,
               false);
  }
  folder.write_list();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: nn_onnx_models FOLDER\n";
    return 2;
  }
  try {
    write_models(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << "nn_onnx_models: error: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
