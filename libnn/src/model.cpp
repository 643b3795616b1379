#include "nn/model.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "json.h"
#include "named_tensors.h"
#include "nn/check.h"
#include "nn/layer_registry.h"
#include "nn/safetensors.h"

namespace nn {
namespace {

using internal::json_number;
using internal::json_string;
using internal::JsonReader;
using internal::throw_defect;

constexpr const char* kMetadataKey = "libnn.model";
constexpr std::uint64_t kVersion = 1;
// Deeper bodies than anybody builds; reading a file recurses once for each.
constexpr int kMaxDepth = 32;

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

LayerSpec read_layer(JsonReader& reader, int depth) {
  if (depth > kMaxDepth) {
    throw_defect(
        "expected bodies in at most ", kMaxDepth, " layers, found more");
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
      reader.read_array(
          [&] { spec.body.push_back(read_layer(reader, depth + 1)); });
    } else {
      throw_defect("expected the kind, settings and body of a layer, found \"",
                   key,
                   "\"");
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

Description read_description(const std::string& text) {
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
      reader.read_array(
          [&] { description.layers.push_back(read_layer(reader, 0)); });
      has_layers = true;
    } else {
      throw_defect(
          "expected version, input_shape and layers, found \"", key, "\"");
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

void limit_weights(Index count, LayerSpec& spec) {
  spec.largest_weight = count;
  for (LayerSpec& inner : spec.body) limit_weights(count, inner);
}

template <typename Scalar>
Sequential<Scalar> build(Description& description,
                         const SafetensorsFile& file) {
  // A damaged size must not reserve memory for weights that the file does not
  // hold.
  Index values = 0;
  for (const Tensor& tensor : file.tensors) {
    Index count = 1;
    for (const Index size : tensor.dims) count *= size;
    values += count;
  }
  Sequential<Scalar> network(description.input_shape);
  for (LayerSpec& spec : description.layers) {
    limit_weights(values, spec);
    try {
      network.add(make_layer<Scalar>(network.output_shape(), spec));
    } catch (const std::invalid_argument& error) {
      throw_defect("layer ", network.size(), ": ", error.what());
    } catch (const std::bad_alloc&) {
      throw_defect("layer ",
                   network.size(),
                   ": expected a ",
                   spec.kind,
                   " that memory can hold");
    }
  }
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
Sequential<Scalar> load_model(const MemoryFile& memory) {
  const std::string& path = memory.name;
  const SafetensorsFile file = read_safetensors(memory);
  const auto found = file.metadata.find(kMetadataKey);
  if (found == file.metadata.end()) {
    throw_defect(path,
                 ": expected a model file, with its layers in the metadata "
                 "under \"",
                 kMetadataKey,
                 "\", found none: load_weights() reads weights alone");
  }
  const auto build_network = [&]() -> Sequential<Scalar> {
    try {
      Description description = read_description(found->second);
      return build<Scalar>(description, file);
    } catch (const std::runtime_error& error) {
      throw_defect(path, ": ", error.what());
    }
  };
  Sequential<Scalar> network = build_network();
  internal::take_tensors(path, file, "network", internal::state_of(network));
  return network;
}

template <typename Scalar>
Sequential<Scalar> load_model(const std::string& path) {
  return load_model<Scalar>(MemoryFile{read_file(path), path});
}

template void save_model<float>(const std::string&, Sequential<float>&);
template void save_model<double>(const std::string&, Sequential<double>&);
template Sequential<float> load_model<float>(const std::string&);
template Sequential<double> load_model<double>(const std::string&);
template Sequential<float> load_model<float>(const MemoryFile&);
template Sequential<double> load_model<double>(const MemoryFile&);

}  // namespace nn
