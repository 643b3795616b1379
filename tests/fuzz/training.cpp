// The state of a training, which one that does not fit leaves as it was. The
// checksum of the file is left aside: it would keep all else from being seen.

#include "fuzz.h"
#include "networks_of_seeds.h"
#include "safetensors_input.h"

namespace {

class Target {
 public:
  void load(const std::string& bytes) {
    if (nn_fuzz::accepts([&] {
          const nn::StateDict state =
              nn::read_safetensors(nn::MemoryFile{bytes, "input"});
          training_.trainer.restoring(state)();
        })) {
      before_ = training_.trainer.state();
      return;
    }
    const nn::StateDict now = training_.trainer.state();
    bool is_same = now.metadata == before_.metadata;
    for (std::size_t i = 0; i < now.tensors.size(); ++i) {
      is_same = is_same && now.tensors[i].bytes == before_.tensors[i].bytes;
    }
    nn_fuzz::require(is_same, "a state that is refused changes nothing");
  }

 private:
  nn_fuzz::TrainingOfSeeds training_;
  nn::StateDict before_ = training_.trainer.state();
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  target.load(nn_fuzz::safetensors_input(data, size));
  return 0;
}
