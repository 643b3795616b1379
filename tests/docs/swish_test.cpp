#include "swish.h"

#include <memory>
#include <string>

#include "nn/nn.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

TEST_CASE("swish's gradients agree with differences", "[docs][gradient]") {
  nn::Rng rng(1);
  for (const nn::Index batch : {1, 2, 7}) {
    Swish<double> swish(nn::Shape{3, 4, 5}, 1.5);
    swish.initialize(rng);
    nn::Matrix<double> x(60, batch);
    for (nn::Index i = 0; i < x.size(); ++i) x.data()[i] = rng.normal();

    const nn::GradientReport report =
        nn::check_gradients(swish, nn::ConstView<double>(x.data(), 60, batch));
    INFO(report.to_string());
    CHECK(report.passed);
  }
}

TEST_CASE("a network with swish in it learns", "[docs]") {
  nn::Sequential<float> net(nn::Shape{2}, /*seed=*/1);
  net.add<nn::Linear>(8).add<Swish>(1.5).add<nn::Linear>(2).add<nn::Softmax>();

  // Exclusive or: no network without a nonlinear layer can learn it.
  nn::Matrix<float> x(2, 4);
  x << -1, -1, 1, 1,  //
      -1, 1, -1, 1;
  nn::Labels labels(4);
  labels << 0, 1, 1, 0;

  nn::Workspace<float> workspace;
  nn::SoftmaxCrossEntropy<float> loss;
  nn::Matrix<float> dlogits(2, 4);
  nn::SgdOptions options;
  options.learning_rate = 0.2;
  options.momentum = 0.9;
  nn::Sgd<float> sgd(net.parameters(), options);
  nn::LossResult result;
  for (int step = 0; step < 200; ++step) {
    const auto logits =
        net.forward(nn::ConstView<float>(x.data(), 2, 4), workspace);
    result = loss.evaluate(logits, nn::view(labels), nn::view(dlogits));
    net.backward(nn::ConstView<float>(dlogits.data(), 2, 4), workspace);
    sgd.step();
  }
  CHECK(result.correct == 4);
  CHECK(result.loss < 0.05);
}

TEST_CASE("a network with swish in it is saved and loaded", "[docs]") {
  nn::Sequential<float> net(nn::Shape{2}, /*seed=*/1);
  net.add<nn::Linear>(8).add<Swish>(1.5).add<nn::Linear>(2);
  const nn_test::TemporaryDirectory folder;
  const std::string path = folder.file("model.safetensors");
  nn::save_model(path, net);

  nn::register_layer<float>(
      "Swish", [](const nn::Shape& in, const nn::LayerSpec& spec) {
        return std::make_unique<Swish<float>>(in, spec.number("slope"));
      });
  const nn::Sequential<float> loaded = nn::load_model<float>(path);
  const nn::Matrix<float> x = nn::Matrix<float>::Constant(2, 3, 0.5f);
  CHECK(loaded.predict(x) == net.predict(x));
}
