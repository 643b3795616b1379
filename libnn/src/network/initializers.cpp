#include "nn/network/initializers.h"

#include <cmath>

#include "nn/check.h"

namespace nn {
namespace {

void check_fan(const char* who, const char* what, Index fan) {
  check_argument(
      fan >= 1, "[", who, "] expected ", what, " of at least 1, got ", fan);
}

template <typename Scalar>
void fill_uniform(View<Scalar> weight, double bound, Rng& rng) {
  Scalar* w = weight.data();
  for (Index i = 0; i < weight.size(); ++i) {
    w[i] = static_cast<Scalar>(rng.uniform(-bound, bound));
  }
}

template <typename Scalar>
void fill_normal(View<Scalar> weight, double deviation, Rng& rng) {
  Scalar* w = weight.data();
  for (Index i = 0; i < weight.size(); ++i) {
    w[i] = static_cast<Scalar>(deviation * rng.normal());
  }
}

}  // namespace

template <typename Scalar>
void fan_in_uniform(View<Scalar> weight, Index fan_in, Rng& rng) {
  check_fan("fan_in_uniform", "fan_in", fan_in);
  fill_uniform(weight, 1.0 / std::sqrt(static_cast<double>(fan_in)), rng);
}

template <typename Scalar>
void kaiming_uniform(View<Scalar> weight, Index fan_in, Rng& rng) {
  check_fan("kaiming_uniform", "fan_in", fan_in);
  fill_uniform(weight, std::sqrt(6.0 / static_cast<double>(fan_in)), rng);
}

template <typename Scalar>
void kaiming_normal(View<Scalar> weight, Index fan_in, Rng& rng) {
  check_fan("kaiming_normal", "fan_in", fan_in);
  fill_normal(weight, std::sqrt(2.0 / static_cast<double>(fan_in)), rng);
}

template <typename Scalar>
void xavier_uniform(View<Scalar> weight,
                    Index fan_in,
                    Index fan_out,
                    Rng& rng) {
  check_fan("xavier_uniform", "fan_in", fan_in);
  check_fan("xavier_uniform", "fan_out", fan_out);
  const double fans =
      static_cast<double>(fan_in) + static_cast<double>(fan_out);
  fill_uniform(weight, std::sqrt(6.0 / fans), rng);
}

template <typename Scalar>
void xavier_normal(View<Scalar> weight, Index fan_in, Index fan_out, Rng& rng) {
  check_fan("xavier_normal", "fan_in", fan_in);
  check_fan("xavier_normal", "fan_out", fan_out);
  const double fans =
      static_cast<double>(fan_in) + static_cast<double>(fan_out);
  fill_normal(weight, std::sqrt(2.0 / fans), rng);
}

template void fan_in_uniform<float>(View<float>, Index, Rng&);
template void fan_in_uniform<double>(View<double>, Index, Rng&);
template void kaiming_uniform<float>(View<float>, Index, Rng&);
template void kaiming_uniform<double>(View<double>, Index, Rng&);
template void kaiming_normal<float>(View<float>, Index, Rng&);
template void kaiming_normal<double>(View<double>, Index, Rng&);
template void xavier_uniform<float>(View<float>, Index, Index, Rng&);
template void xavier_uniform<double>(View<double>, Index, Index, Rng&);
template void xavier_normal<float>(View<float>, Index, Index, Rng&);
template void xavier_normal<double>(View<double>, Index, Index, Rng&);

}  // namespace nn
