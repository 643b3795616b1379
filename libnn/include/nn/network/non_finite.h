#ifndef NN_NETWORK_NON_FINITE_H_
#define NN_NETWORK_NON_FINITE_H_

#include <string>

#include "nn/network/sequential.h"
#include "nn/types.h"

namespace nn {

/// Where, on the way of the samples `x` through a network in inference mode,
/// the first value appears that is not finite; for the message of a training
/// whose loss is not: "in the weight of layer 2, Linear(256 -> 128)", or "in
/// feature 3 of sample 7" where column 7 of `x` itself has such a value. "in
/// the loss itself" where everything is finite up to the network's output.
///
///   x   input_shape().features() x N
///
/// Throws std::invalid_argument if x has the wrong number of rows. Allocates.
template <typename Scalar>
std::string origin_of_non_finite(const Sequential<Scalar>& network,
                                 ConstView<Scalar> x);

}  // namespace nn

#endif  // NN_NETWORK_NON_FINITE_H_
