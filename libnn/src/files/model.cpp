#include "nn/files/model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "files/json.h"
#include "files/named_tensors.h"
#include "files/safetensors_reader.h"
#include "nn/check.h"
#include "nn/network/layer_registry.h"
#include "parameter_budget.h"

namespace nn {
namespace {

using internal::ByteSource;
using internal::element_bits;
using internal::json_number;
using internal::json_string;
using internal::JsonReader;
using internal::ParameterBudget;
using internal::quoted;
using internal::SafetensorsReader;
using internal::throw_defect;

constexpr const char* kMetadataKey = "libnn.model";
constexpr std::uint64_t kVersion = 1;

std::string to_json(const LayerSpec& spec) {
  std::string text = "{\"kind\":" + json_string(spec.kind);
  if (!spec.settings.empty()) {
    std::string members;
    for (const auto& [name, value] : spec.settings) {
      check_argument(std::isfinite(value),
                     "[save_model] expected a finite value for the setting ",
                     name,
                     " of ",
                     spec.kind,
                     ", got ",
                     value);
      members += (members.empty() ? "" : ",") + json_string(name) + ":" +
                 json_number(value);
    }
    text += ",\"settings\":{" + members + "}";
  }
  if (!spec.body.empty()) {
    std::string layers;
    for (const LayerSpec& inner : spec.body) {
      layers += (layers.empty() ? "" : ",") + to_json(inner);
    }
    text += ",\"body\":[" + layers + "]";
  }
  return text + "}";
}

template <typename Scalar>
std::string to_json(const Sequential<Scalar>& network) {
  const Shape& in = network.input_shape();
  std::string layers;
  for (Index i = 0; i < network.size(); ++i) {
    layers += (layers.empty() ? "" : ",") + to_json(spec_of(network.layer(i)));
  }
  return concat("{\"version\":",
                kVersion,
                ",\"input_shape\":[",
                in.channels,
                ",",
                in.height,
                ",",
                in.width,
                "],\"layers\":[",
                layers,
                "]}");
}

LayerSpec read_layer(JsonReader& reader, int depth, int most_depth) {
  if (depth > most_depth) {
    throw_defect(
        "expected bodies in at most ", most_depth, " layers, found more");
  }
  LayerSpec spec;
  reader.read_object([&](const std::string& key) {
    if (key == "kind") {
      spec.kind = reader.read_string();
    } else if (key == "settings") {
      reader.read_object([&](const std::string& name) {
        spec.settings[name] = reader.read_number();
      });
    } else if (key == "body") {
      reader.read_array([&] {
        spec.body.push_back(read_layer(reader, depth + 1, most_depth));
      });
    } else {
      throw_defect("expected the kind, settings and body of a layer, found ",
                   quoted(key));
    }
  });
  if (spec.kind.empty()) throw_defect("a layer has no kind");
  return spec;
}

struct Description {
  Shape input_shape;
  std::vector<LayerSpec> layers;
};

Shape read_shape(JsonReader& reader) {
  const std::vector<std::uint64_t> sizes = reader.read_integers();
  if (sizes.size() != 3) {
    throw_defect("expected 3 sizes of the input, found ", sizes.size());
  }
  for (const std::uint64_t size : sizes) {
    if (size < 1 || size > std::uint64_t{kLargestExtent}) {
      throw_defect("expected sizes of the input from 1 to ",
                   kLargestExtent,
                   ", found ",
                   size);
    }
  }
  return {static_cast<Index>(sizes[0]),
          static_cast<Index>(sizes[1]),
          static_cast<Index>(sizes[2])};
}

Description read_description(const std::string& text, int most_depth) {
  Description description;
  bool has_version = false;
  bool has_shape = false;
  bool has_layers = false;
  JsonReader reader(text, "the description of the layers");
  reader.read_object([&](const std::string& key) {
    if (key == "version") {
      const std::uint64_t version = reader.read_integer();
      if (version != kVersion) {
        throw_defect("expected version ",
                     kVersion,
                     " of the description of the layers, found ",
                     version);
      }
      has_version = true;
    } else if (key == "input_shape") {
      description.input_shape = read_shape(reader);
      has_shape = true;
    } else if (key == "layers") {
      reader.read_array([&] {
        description.layers.push_back(read_layer(reader, 0, most_depth));
      });
      has_layers = true;
    } else {
      throw_defect("expected version, input_shape and layers, found ",
                   quoted(key));
    }
  });
  reader.expect_end();
  if (!has_version || !has_shape || !has_layers) {
    throw_defect("the description of the layers has no ",
                 !has_version ? "version"
                 : !has_shape ? "input_shape"
                              : "layers");
  }
  return description;
}

/// How many elements the parameters of a network in this file may have, so that
/// a damaged size reserves no memory. BatchNorm2d makes twice as many as it
/// saves where it is not affine.
Index most_elements(const SafetensorsReader& file, const ReadLimits& limits) {
  std::uint64_t count = 0;
  for (const SafetensorsReader::Entry& entry : file.entries()) {
    if (internal::is_parameter_type(entry.dtype)) {
      count += (entry.end - entry.begin) / (element_bits(entry.dtype) / 8);
    }
  }
  constexpr Index kMost = std::numeric_limits<Index>::max() / 4;
  return 2 * static_cast<Index>(count) +
         std::min(std::max<Index>(limits.unsaved_elements, 0), kMost);
}

template <typename Scalar>
Sequential<Scalar> build(const Description& description, Index elements) {
  // A damaged size must not reserve memory for weights that the file does not
  // hold.
  const ParameterBudget budget("load_model", elements);
  Sequential<Scalar> network = [&] {
    try {
      return Sequential<Scalar>(description.input_shape);
    } catch (const std::invalid_argument& error) {
      throw_defect("input_shape: ", error.what());
    }
  }();
  for (const LayerSpec& spec : description.layers) {
    try {
      network.add(make_layer<Scalar>(network.output_shape(), spec));
    } catch (const std::invalid_argument& error) {
      throw_defect("layer ", network.size(), ": ", error.what());
    } catch (const std::bad_alloc&) {
      throw_defect("layer ",
                   network.size(),
                   ": expected a ",
                   quoted(spec.kind),
                   " that memory can hold");
    }
  }
  return network;
}

template <typename Scalar>
Sequential<Scalar> load(SafetensorsReader file, const ReadLimits& limits) {
  const auto found = file.metadata().find(kMetadataKey);
  if (found == file.metadata().end()) {
    throw_defect(file.name(),
                 ": expected a model file, with its layers in the metadata "
                 "under \"",
                 kMetadataKey,
                 "\", found none: load_weights() reads weights alone");
  }
  const auto build_network = [&]() -> Sequential<Scalar> {
    try {
      return build<Scalar>(read_description(found->second, limits.body_depth),
                           most_elements(file, limits));
    } catch (const std::runtime_error& error) {
      throw_defect(file.name(), ": ", error.what());
    }
  };
  Sequential<Scalar> network = build_network();
  internal::take_tensors(file, "network", internal::state_of(network));
  return network;
}

}  // namespace

template <typename Scalar>
void save_model(const std::string& path, Sequential<Scalar>& network) {
  SafetensorsFile file = internal::tensors_of(internal::state_of(network));
  file.metadata[kMetadataKey] = to_json(network);
  write_safetensors(path, file);
}

template <typename Scalar>
Sequential<Scalar> load_model(const std::string& path,
                              const ReadLimits& limits) {
  return load<Scalar>(SafetensorsReader(ByteSource(path), limits), limits);
}

template <typename Scalar>
Sequential<Scalar> load_model(const MemoryFile& file,
                              const ReadLimits& limits) {
  return load<Scalar>(SafetensorsReader(ByteSource(file), limits), limits);
}

#define NN_INSTANTIATE(Scalar)                                       \
  template void save_model(const std::string&, Sequential<Scalar>&); \
  template Sequential<Scalar> load_model(const std::string&,         \
                                         const ReadLimits&);         \
  template Sequential<Scalar> load_model(const MemoryFile&, const ReadLimits&);
NN_INSTANTIATE(float)
NN_INSTANTIATE(double)
#undef NN_INSTANTIATE

}  // namespace nn
