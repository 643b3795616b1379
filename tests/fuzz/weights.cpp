// Weights into a network of given layers, which a file that does not fit leaves
// as it was.

#include <vector>

#include "fuzz.h"
#include "networks_of_seeds.h"
#include "nn/files/safetensors.h"
#include "safetensors_input.h"

namespace {

class Target {
 public:
  Target() {
    for (const auto& named : network_.named_parameters()) watch(named);
    for (const auto& named : network_.named_buffers()) watch(named);
    reset();
  }

  void load(const std::string& bytes) {
    if (nn_fuzz::accepts([&] {
          nn::load_weights({bytes, "input"}, network_);
        })) {
      reset();
      return;
    }
    for (const nn::Matrix<float>* value : values_) {
      nn_fuzz::require((value->array() == kBefore).all(),
                       "a file that is refused changes nothing");
    }
  }

 private:
  static constexpr float kBefore = 0.5f;

  void watch(const nn::NamedParameter<float>& named) {
    values_.push_back(&named.parameter->value);
  }
  void reset() {
    for (nn::Matrix<float>* value : values_) value->setConstant(kBefore);
  }

  nn::Sequential<float> network_ = nn_fuzz::network_of_weights();
  std::vector<nn::Matrix<float>*> values_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  target.load(nn_fuzz::safetensors_input(data, size));
  return 0;
}
