#ifndef NN_SRC_ACTIVATION_KIND_H_
#define NN_SRC_ACTIVATION_KIND_H_

namespace nn::internal {

/// Functions of one number, applied to each element:
///
///   kLeakyReLU   x where x > 0, else slope * x
///   kSigmoid     s(x) = 1 / (1 + exp(-x))
///   kTanh        tanh(x)
///   kGelu        x * Phi(x), Phi the standard normal distribution function
///   kGeluTanh    x * s(2u),  u = sqrt(2 / pi) * (x + 0.044715 x^3)
///   kSiLU        x * s(x)
///
/// The order is that of the tables in kernels/activation.cpp.
enum class ActivationKind : int {
  kLeakyReLU,
  kSigmoid,
  kTanh,
  kGelu,
  kGeluTanh,
  kSiLU,
};

}  // namespace nn::internal

#endif  // NN_SRC_ACTIVATION_KIND_H_
