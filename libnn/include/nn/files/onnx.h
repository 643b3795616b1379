#ifndef NN_FILES_ONNX_H_
#define NN_FILES_ONNX_H_

#include <string>

#include "nn/network/sequential.h"

namespace nn {

/// Writes a network as an ONNX model (onnx.ai, operator set 17), which ONNX
/// Runtime and others run: inference alone, in float32.
///
///   input    N x C x H x W, or N x features for a flat input shape
///   output   N x features, or N x C x H x W if the last layer gives images
///
/// N, the batch size, is left open. Weights keep PyTorch's names ("0.weight").
/// A final Softmax is part of the model. Dropout and Identity do nothing in it.
///
/// Throws std::invalid_argument that names the layer if a layer has no ONNX
/// form, as those of one's own have none, or a value does not fit into float32;
/// if the model exceeds the 2 GiB that the format allows; and
/// std::runtime_error with path and reason if the file cannot be written.
template <typename Scalar>
void export_onnx(const std::string& path, const Sequential<Scalar>& network);

}  // namespace nn

#endif  // NN_FILES_ONNX_H_
