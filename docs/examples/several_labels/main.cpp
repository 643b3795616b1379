// Several labels at once: each point of the plane may be right of the middle,
// above it, and near it, or none of these.
//
//   several_labels

#include <nn/nn.h>

#include <iostream>

int main() {
  nn::Rng rng(1);
  nn::Matrix<float> x(2, 600);
  nn::Matrix<float> labels(3, 600);  // 1 for yes, 0 for no
  for (nn::Index n = 0; n < x.cols(); ++n) {
    for (nn::Index i = 0; i < 2; ++i) x(i, n) = float(rng.uniform(-1.0, 1.0));
    labels(0, n) = x(0, n) > 0.0F;
    labels(1, n) = x(1, n) > 0.0F;
    labels(2, n) = x.col(n).norm() < 0.6F;
  }
  const nn::Samples<float> samples(x, labels);
  const auto [learned, apart] = samples.split(/*share=*/0.25, /*seed=*/1);

  // One logit for each label, and no softmax: they do not exclude each other.
  nn::Sequential<float> net(nn::Shape{2}, /*seed=*/1);
  net.add<nn::Linear>(32).add<nn::ReLU>().add<nn::Linear>(3);
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.01});
  nn::Trainer<float> trainer(
      net, adam, nn::MultiLabelObjective<float>(), {/*epochs=*/60});
  trainer.add_metric("near", [](auto logits, const auto& targets) {
    const nn::Matrix<float> scores = logits.row(2);
    const nn::Matrix<float> near = targets.matrix().row(2);
    return nn::area_under_roc<float>(scores, near);
  });
  const nn::Evaluation reached =
      trainer.fit(learned, apart).back().validation.value();
  std::cout << "all labels right: " << 100.0 * reached.accuracy
            << " % of other points, area under the curve of 'near': "
            << reached.metrics[0] << '\n';
  return reached.accuracy > 0.9 && reached.metrics[0] > 0.98 ? 0 : 1;
}
