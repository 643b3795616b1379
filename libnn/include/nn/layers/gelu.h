#ifndef NN_LAYERS_GELU_H_
#define NN_LAYERS_GELU_H_

#include <string>

#include "nn/layers/activation.h"

namespace nn {

/// How Phi in GELU is computed.
enum class GeluForm {
  kErf,  ///< exactly
  kTanh  ///< by a tangent that comes close: PyTorch's approximate='tanh'
};

/// x times the standard normal distribution function, element by element
/// (Hendrycks and Gimpel, 2016).
///
///   y  = x Phi(x)                     x, dx, y, dy   features x N
///   dx = dy (Phi(x) + x phi(x))
///
///   Phi(x) = (1 + erf(x / sqrt(2))) / 2,  phi(x) = exp(-x^2 / 2) / sqrt(2 pi)
///
/// and with GeluForm::kTanh
///
///   Phi(x) = (1 + tanh(u)) / 2,  u = sqrt(2 / pi) (x + 0.044715 x^3)
///
/// and its derivative in place of phi. A NaN stays one; at minus infinity y is
/// one, as 0 times infinity is.
/// docs/math/activations.md derives both forms.
template <typename Scalar>
class GELU final : public Activation<Scalar> {
 public:
  /// Takes any shape, and keeps it.
  explicit GELU(const Shape& input_shape, GeluForm form = GeluForm::kErf);

  std::string name() const override { return "GELU"; }
  std::string describe() const override;
  /// "approximate_tanh".
  Settings settings() const override;

  /// How Phi is computed.
  GeluForm form() const { return form_; }

 private:
  GeluForm form_;
};

}  // namespace nn

#endif  // NN_LAYERS_GELU_H_
