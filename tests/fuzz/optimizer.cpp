// The state of an optimizer, which a file that does not fit leaves as it was.

#include "fuzz.h"
#include "networks_of_seeds.h"
#include "nn/files/optimizer_file.h"
#include "nn/optimizers/adam.h"
#include "safetensors_input.h"

namespace {

class Target {
 public:
  Target() { reset(); }

  void load(const std::string& bytes) {
    if (nn_fuzz::accepts([&] {
          nn::load_optimizer({bytes, "input"}, adam_);
        })) {
      reset();
      return;
    }
    for (const auto& array : state_.arrays) {
      nn_fuzz::require((array.values->array() == kBefore).all(),
                       "a file that is refused changes nothing");
    }
    nn_fuzz::require(
        *state_.steps == kSteps && adam_.learning_rate() == kRate,
        "a file that is refused changes no steps and no learning rate");
  }

 private:
  static constexpr float kBefore = 0.5f;
  static constexpr std::int64_t kSteps = 3;
  static constexpr double kRate = 0.25;

  void reset() {
    for (const auto& array : state_.arrays) array.values->setConstant(kBefore);
    *state_.steps = kSteps;
    adam_.set_learning_rate(kRate);
  }

  nn::Sequential<float> network_ = nn_fuzz::network_of_weights();
  nn::Adam<float> adam_{network_.parameters()};
  nn::OptimizerState<float> state_ = adam_.state();
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  target.load(nn_fuzz::safetensors_input(data, size));
  return 0;
}
