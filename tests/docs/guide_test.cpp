// Parts of the documents that are no whole program.

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <vector>

#include "docs/documents.h"
#include "nn/nn.h"
#include "support/catch.h"
#include "support/layer_examples.h"
#include "support/pictures.h"
#include "support/temporary_directory.h"

namespace {

// A folder of its own to work in, to the end of the scope.
class WorkingDirectory {
 public:
  WorkingDirectory() : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder_.path());
  }
  ~WorkingDirectory() { std::filesystem::current_path(before_); }

 private:
  nn_test::TemporaryDirectory folder_;
  std::filesystem::path before_;
};

std::string without_space(std::string text) {
  text.erase(std::remove_if(text.begin(),
                            text.end(),
                            [](unsigned char c) { return std::isspace(c); }),
             text.end());
  return text;
}

}  // namespace

TEST_CASE("the training step in docs/architecture.md lowers the loss",
          "[docs]") {
  nn::Sequential<float> net(nn::Shape{3}, /*seed=*/1);
  net.add<nn::Linear>(2).add<nn::Softmax>();
  nn::Sgd<float> sgd(net.parameters(), {});
  const nn::SoftmaxCrossEntropy<float> loss;
  nn::Workspace<float> workspace;
  const nn::Matrix<float> x = nn::Matrix<float>::Identity(3, 2);
  nn::Labels labels(2);
  labels << 0, 1;
  nn::Matrix<float> dlogits(2, 2);
  double last = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto logits = net.forward(x, workspace);               // 1
    const auto result = loss.evaluate(logits, labels, dlogits);  // 2
    net.backward(dlogits, workspace);                            // 3
    sgd.step();                                                  // 4
    CHECK(result.loss < last);
    last = result.loss;
  }
}

TEST_CASE("a network goes to a file and back as docs/files.md says", "[docs]") {
  const WorkingDirectory here;
  nn::Sequential<float> net(nn::Shape{3}, /*seed=*/1);
  net.add<nn::Linear>(4).add<nn::Softmax>();
  const nn::Matrix<float> x = nn::Matrix<float>::Identity(3, 3);
  nn::save_model("model.safetensors", net);

  const auto loaded = nn::load_model<float>("model.safetensors");
  const nn::Labels classes = loaded.predict_classes(x);

  CHECK(classes == net.predict_classes(x));
  nn::export_onnx("model.onnx", net);
  CHECK(std::filesystem::file_size("model.onnx") > 0);
}

TEST_CASE("a training is taken up again as docs/files.md says", "[docs]") {
  const WorkingDirectory here;
  const auto build = [] {
    nn::Sequential<float> net(nn::Shape{3}, /*seed=*/1);
    net.add<nn::Linear>(4).add<nn::Dropout>(0.1).add<nn::ReLU>();
    net.add<nn::Linear>(2).add<nn::Softmax>();
    return net;
  };
  const nn::Matrix<float> x = nn::Matrix<float>::Random(3, 40);
  nn::Labels labels(40);
  for (nn::Index n = 0; n < 40; ++n) labels(n) = x(0, n) > x(1, n) ? 1 : 0;
  nn::TrainerOptions options;
  options.epochs = 5;
  nn::Sequential<float> whole = build();
  nn::Adam<float> whole_adam(whole.parameters(), {/*learning_rate=*/0.01});
  nn::Trainer<float>(whole, whole_adam, options).fit({x, labels});

  nn::Sequential<float> net = build();
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
  options.epochs = 2;
  nn::Trainer<float>(net, adam, options).fit({x, labels});
  nn::save_weights("weights.safetensors", net);
  nn::save_optimizer("optimizer.safetensors", adam);

  nn::Sequential<float> again = build();
  nn::Adam<float> again_adam(again.parameters());
  nn::load_weights("weights.safetensors", again);
  nn::load_optimizer("optimizer.safetensors", again_adam);
  options.epochs = 5;
  options.first_epoch = 3;
  nn::Trainer<float>(again, again_adam, options).fit({x, labels});
  CHECK(again.predict(x) == whole.predict(x));
}

TEST_CASE("arrays of NumPy are trained on as docs/training.md says", "[docs]") {
  const WorkingDirectory here;
  nn::Sequential<float> net(nn::Shape{3}, /*seed=*/1);
  net.add<nn::Linear>(2).add<nn::Softmax>();
  nn::Adam<float> adam(net.parameters());
  nn::Trainer<float> trainer(net, adam, {/*epochs=*/1});
  // (4, 3) and (4) in Python.
  nn::save_npy("x.npy", nn::Matrix<float>::Random(3, 4).eval());
  nn::save_npy("y.npy", nn::Labels::Zero(4).eval());
  const auto x = nn::load_npy<float>("x.npy");  // (samples, features)
  const auto y = nn::load_npy<int>("y.npy");    // (samples)
  trainer.fit({x.matrix(), y.labels()});
  nn::save_npy("outputs.npy", net.predict(x.matrix()));
  CHECK(nn::load_npy<float>("outputs.npy").dims ==
        std::vector<nn::Index>{4, 2});
}

TEST_CASE("folders of pictures are read as docs/training.md says", "[docs]") {
  if (!nn_test::can_png()) return;
  const WorkingDirectory here;
  for (const char* name : {"flowers/daisy", "flowers/tulip"}) {
    std::filesystem::create_directories(name);
    nn_test::Png png;
    png.samples = name[8];
    nn::write_file_atomically(std::string(name) + "/1.png",
                              nn_test::png_bytes(png));
  }
  nn::ImageFolderOptions options;
  options.picture.color = nn::PictureColor::kRgb;
  options.picture.size = nn::Extent(32, 32);
  options.picture.fit = nn::PictureFit::kCrop;
  const nn::ImageFolder folder = nn::load_image_folder("flowers", options);
  const nn::ImageSet& set = folder.images;
  const nn::Samples<float> samples(set, nn::measure_normalization(set));
  CHECK(samples.size() == 2);
  CHECK(samples.features() == 3 * 32 * 32);
  CHECK(samples.label(1) == 1);
  CHECK(set.class_names == std::vector<std::string>{"daisy", "tulip"});
}

TEST_CASE("numbers are learned as docs/training.md says", "[docs]") {
  const nn::Matrix<float> x = nn::Matrix<float>::Random(2, 256);
  const nn::Matrix<float> target = x.colwise().sum();
  const nn::Moments unit(target);
  nn::Sequential<float> net(nn::Shape{2}, /*seed=*/1);
  net.add<nn::Standardize>(nn::Moments(x));
  net.add<nn::Linear>(32).add<nn::ReLU>().add<nn::Linear>(1);
  net.add<nn::Standardize>(unit, nn::StandardizeForm::kInverse);
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
  nn::Trainer<float> trainer(net,
                             adam,
                             nn::MeanSquaredError<float>(unit.deviation()),
                             {/*epochs=*/50, /*batch_size=*/32});
  trainer.fit({x, target});
  trainer.add_metric("r2", [](auto outputs, const auto& targets) {
    return nn::r_squared<float>(outputs, targets.matrix());
  });
  CHECK(trainer.evaluate({x, target}).metrics[0] > 0.99);
}

TEST_CASE("a saved network answers as docs/training.md says", "[docs]") {
  const WorkingDirectory here;
  nn::Sequential<float> trained(nn::Shape{2}, /*seed=*/1);
  trained.add<nn::BatchNorm1d>().add<nn::Linear>(2).add<nn::Softmax>();
  nn::save_model("model.safetensors", trained);

  const auto net = nn::load_model<float>("model.safetensors");
  nn::Matrix<float> x(2, 3);  // a column for each sample
  x << 838, 113, 500,         // the lengths
      0.758F, 0.515F, 0.1F;   // the widths
  const nn::Matrix<float> probabilities = net.predict(x);  // 2 x 3
  const nn::Labels classes = net.predict_classes(x);
  CHECK(probabilities == trained.predict(x));
  CHECK(classes == trained.predict_classes(x));
}

TEST_CASE("the layers with an ONNX form in docs/files.md are all there are",
          "[docs]") {
  const std::string text = nn_test::text_of("docs/files.md");
  const std::size_t begin = text.find("| layer | operators |");
  REQUIRE(begin != std::string::npos);
  const std::string table =
      text.substr(begin, text.find("\n\n", begin) - begin);
  for (const std::string& layer : nn_test::library_layers()) {
    INFO(layer);
    CHECK((table.find("| " + layer + " ") != std::string::npos ||
           table.find("| " + layer + ",") != std::string::npos ||
           table.find(", " + layer + " ") != std::string::npos));
  }
}

TEST_CASE("the description of a model is the one in docs/files.md", "[docs]") {
  const WorkingDirectory here;
  nn::Sequential<float> net(nn::Shape{1, 28, 28}, /*seed=*/1);
  net.add<nn::Conv2d>(16, 3, 1, 1);
  net.add<nn::Residual>(
      [](nn::Sequential<float>& body) { body.add<nn::ReLU>(); });
  net.add<nn::Linear>(10);
  nn::save_model("model.safetensors", net);
  const std::string description = R"(
{
  "version": 1,
  "input_shape": [1, 28, 28],
  "layers": [
    {"kind": "Conv2d",
     "settings": {"bias": 1,
                  "dilation_h": 1, "dilation_w": 1,
                  "groups": 1,
                  "kernel_size_h": 3, "kernel_size_w": 3,
                  "out_channels": 16,
                  "padding_h": 1, "padding_w": 1,
                  "stride_h": 1, "stride_w": 1}},
    {"kind": "Residual",
     "body": [{"kind": "ReLU"}]},
    {"kind": "Linear", "settings": {"out_features": 10}}
  ]
}
)";
  auto metadata = nn::read_safetensors("model.safetensors").metadata;
  CHECK(without_space(metadata["libnn.model"]) == without_space(description));
}
