#include "nn/training/objective.h"

#include "losses/sample_weights.h"
#include "nn/check.h"

namespace nn {
namespace {

template <typename Scalar>
void check_kind(const char* who,
                const Targets<Scalar>& targets,
                bool wants_labels) {
  check_argument(targets.has_labels() == wants_labels,
                 "[",
                 who,
                 "] expected ",
                 wants_labels ? "labels, got a matrix of targets"
                              : "a matrix of targets, got labels");
}

/// That samples have a number for each output.
template <typename Scalar>
void check_numbers(const char* what,
                   const Samples<Scalar>& samples,
                   Index features) {
  check_argument(!samples.has_labels(),
                 "[Trainer] expected ",
                 what,
                 " samples with a matrix of targets, got labels");
  check_argument(samples.target_features() == features,
                 "[Trainer] expected ",
                 what,
                 " targets of ",
                 features,
                 " features as the network's output, got ",
                 samples.target_features());
}

/// What a loss that is a mean over all elements says of a batch.
template <typename Scalar>
LossResult mean_over_elements(const Loss<Scalar>& loss,
                              const ConstView<Scalar>& outputs,
                              const Targets<Scalar>& targets,
                              const View<Scalar>& doutputs) {
  check_kind(loss.name(), targets, /*wants_labels=*/false);
  const ConstView<Scalar> weights = targets.weights();
  const double mean =
      loss.evaluate(outputs, targets.matrix(), doutputs, weights);
  LossResult result;
  result.weight =
      internal::sum_of_weights(loss.name(), weights, outputs.cols());
  result.sum = mean * result.weight;
  return result;
}

}  // namespace

template <typename Scalar>
void Objective<Scalar>::check_outputs(const char* /*who*/,
                                      Index /*features*/) const {}

template <typename Scalar>
void Objective<Scalar>::check_samples(const char* /*what*/,
                                      const Samples<Scalar>& /*samples*/,
                                      Index /*features*/) const {}

template <typename Scalar>
LossResult Objective<Scalar>::evaluate(ConstView<Scalar> outputs,
                                       const Targets<Scalar>& targets) const {
  return evaluate(outputs, targets, no_view<Scalar>());
}

template <typename Scalar>
LossResult Objective<Scalar>::evaluate(ConstView<Scalar> outputs,
                                       const Targets<Scalar>& targets,
                                       View<Scalar> doutputs) const {
  check_argument(outputs.size() > 0 && targets.size() == outputs.cols(),
                 "[",
                 name(),
                 "] expected outputs of at least 1 sample and as many targets, "
                 "got ",
                 outputs.rows(),
                 " x ",
                 outputs.cols(),
                 " and ",
                 targets.size());
  check_argument(doutputs.size() == 0 || (doutputs.rows() == outputs.rows() &&
                                          doutputs.cols() == outputs.cols()),
                 "[",
                 name(),
                 "] expected a gradient of ",
                 outputs.rows(),
                 " x ",
                 outputs.cols(),
                 " as the outputs are, got ",
                 doutputs.rows(),
                 " x ",
                 doutputs.cols());
  check_argument(takes_weights() || targets.weights().size() == 0,
                 "[",
                 name(),
                 "] expected samples without weights, got some with them");
  LossResult result = do_evaluate(outputs, targets, doutputs);
  result.loss = result.weight > 0.0 ? result.sum / result.weight : 0.0;
  return result;
}

template <typename Scalar>
CrossEntropyObjective<Scalar>::CrossEntropyObjective(
    SoftmaxCrossEntropyOptions options)
    : class_weights_(options.class_weights.size()), loss_(std::move(options)) {}

template <typename Scalar>
void CrossEntropyObjective<Scalar>::check_outputs(const char* who,
                                                  Index features) const {
  check_argument(features >= 2,
                 "[",
                 who,
                 "] expected a network with an output for each of at "
                 "least 2 classes, got ",
                 features);
  check_argument(
      class_weights_ == 0 || static_cast<Index>(class_weights_) == features,
      "[",
      who,
      "] expected ",
      features,
      " class weights, one for each class, got ",
      class_weights_);
}

template <typename Scalar>
void CrossEntropyObjective<Scalar>::check_samples(
    const char* what, const Samples<Scalar>& samples, Index features) const {
  check_argument(samples.has_labels(),
                 "[Trainer] expected ",
                 what,
                 " samples with labels, got a matrix of targets (a trainer "
                 "takes a loss for them)");
  for (Index n = 0; n < samples.size(); ++n) {
    const int label = samples.label(n);
    check_argument(0 <= label && label < features,
                   "[Trainer] expected ",
                   what,
                   " labels from 0 to ",
                   features - 1,
                   ", got ",
                   label,
                   " for sample ",
                   samples.place(n));
  }
}

template <typename Scalar>
LossResult CrossEntropyObjective<Scalar>::do_evaluate(
    ConstView<Scalar> outputs,
    const Targets<Scalar>& targets,
    View<Scalar> doutputs) const {
  check_kind(name(), targets, /*wants_labels=*/true);
  return loss_.evaluate(outputs, targets.labels(), doutputs, targets.weights());
}

template <typename Scalar>
LossObjective<Scalar>::LossObjective(std::shared_ptr<const Loss<Scalar>> loss)
    : loss_(std::move(loss)) {
  check_argument(loss_ != nullptr,
                 "[LossObjective] expected a loss, got a null pointer");
}

template <typename Scalar>
void LossObjective<Scalar>::check_samples(const char* what,
                                          const Samples<Scalar>& samples,
                                          Index features) const {
  check_numbers(what, samples, features);
}

template <typename Scalar>
LossResult LossObjective<Scalar>::do_evaluate(ConstView<Scalar> outputs,
                                              const Targets<Scalar>& targets,
                                              View<Scalar> doutputs) const {
  return mean_over_elements(*loss_, outputs, targets, doutputs);
}

template <typename Scalar>
MultiLabelObjective<Scalar>::MultiLabelObjective(
    const std::vector<double>& positive_weights)
    : loss_(positive_weights) {}

template <typename Scalar>
void MultiLabelObjective<Scalar>::check_samples(const char* what,
                                                const Samples<Scalar>& samples,
                                                Index features) const {
  check_numbers(what, samples, features);
  for (Index n = 0; n < samples.size(); ++n) {
    const ConstView<Scalar> target = samples.target(n);
    check_argument((target.array() >= 0 && target.array() <= 1).all(),
                   "[Trainer] expected ",
                   what,
                   " targets from 0 to 1, got another for sample ",
                   samples.place(n));
  }
}

template <typename Scalar>
LossResult MultiLabelObjective<Scalar>::do_evaluate(
    ConstView<Scalar> outputs,
    const Targets<Scalar>& targets,
    View<Scalar> doutputs) const {
  // Counted first, for the gradient may overwrite the outputs.
  check_kind(name(), targets, /*wants_labels=*/false);
  Index correct = 0;
  if (targets.matrix().rows() == outputs.rows()) {
    for (Index n = 0; n < outputs.cols(); ++n) {
      bool right = true;
      for (Index i = 0; i < outputs.rows() && right; ++i) {
        const Scalar y = outputs(i, n);
        right = targets.matrix()(i, n) > Scalar(0.5) ? y > 0 : y <= 0;
      }
      if (right) ++correct;
    }
  }
  LossResult result = mean_over_elements(loss_, outputs, targets, doutputs);
  result.correct = correct;
  return result;
}

GradientReport check_gradients(const Objective<double>& objective,
                               ConstView<double> outputs,
                               const Targets<double>& targets,
                               const GradientCheckOptions& options) {
  return check_gradients(
      [&](ConstView<double> at, View<double> doutputs) {
        return objective.evaluate(at, targets, doutputs).loss;
      },
      outputs,
      options);
}

#define NN_INSTANTIATE(Scalar)                  \
  template class Objective<Scalar>;             \
  template class CrossEntropyObjective<Scalar>; \
  template class LossObjective<Scalar>;         \
  template class MultiLabelObjective<Scalar>;
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn
