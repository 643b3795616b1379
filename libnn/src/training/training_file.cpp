#include "nn/training/training_file.h"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string_view>

#include "files/defect.h"
#include "files/fnv1a.h"
#include "nn/check.h"

namespace nn {
namespace {

constexpr const char* kChecksum = "libnn.training";

/// A sum over all that a file says.
std::string checksum_of(const StateDict& state) {
  internal::Fnv1a sum;
  // Lengths first, so that no two contents give the same bytes.
  const auto add = [&sum](std::string_view text) {
    sum.add_number(text.size());
    sum.add(text);
  };
  for (const auto& [key, value] : state.metadata) {
    if (key == kChecksum) continue;
    add(key);
    add(value);
  }
  for (const Tensor& tensor : state.tensors) {
    add(tensor.name);
    add(tensor.dtype);
    sum.add_number(tensor.dims.size());
    for (const Index size : tensor.dims) {
      sum.add_number(static_cast<std::uint64_t>(size));
    }
    add(tensor.bytes);
  }
  return std::to_string(sum.sum());
}

template <typename Scalar>
void take(const std::string& name,
          const StateDict& state,
          Trainer<Scalar>& trainer) {
  try {
    const auto found = state.metadata.find(kChecksum);
    if (found == state.metadata.end()) {
      internal::throw_defect(
          "expected the file of a training, with a checksum in the metadata "
          "under \"",
          kChecksum,
          "\", found none");
    }
    const std::string expected = checksum_of(state);
    if (found->second != expected) {
      internal::throw_defect("expected the checksum ",
                             expected,
                             ", found ",
                             internal::quoted(found->second),
                             ": the file is damaged");
    }
    trainer.restoring(state)();
  } catch (const std::runtime_error& error) {
    internal::throw_defect(name, ": ", error.what());
  }
}

}  // namespace

template <typename Scalar>
void save_training(const std::string& path, Trainer<Scalar>& trainer) {
  StateDict state = trainer.state();
  state.metadata[kChecksum] = checksum_of(state);
  write_safetensors(path, state);
}

template <typename Scalar>
void resume_training(const std::string& path,
                     Trainer<Scalar>& trainer,
                     const ReadLimits& limits) {
  take(path, read_safetensors(path, limits), trainer);
}

template <typename Scalar>
void resume_training(const MemoryFile& file,
                     Trainer<Scalar>& trainer,
                     const ReadLimits& limits) {
  take(file.name, read_safetensors(file, limits), trainer);
}

#define NN_INSTANTIATE(Scalar)                                       \
  template void save_training(const std::string&, Trainer<Scalar>&); \
  template void resume_training(                                     \
      const std::string&, Trainer<Scalar>&, const ReadLimits&);      \
  template void resume_training(                                     \
      const MemoryFile&, Trainer<Scalar>&, const ReadLimits&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn
