#ifndef EXCHANGE_H_
#define EXCHANGE_H_

#include <nn/types.h>

#ifdef USE_EIGENS_TYPES
using Matrix = Eigen::MatrixXf;
using Labels = Eigen::VectorXi;
#else
using Matrix = nn::Matrix<float>;
using Labels = nn::Labels;
#endif

// Both swap their argument for one that was made elsewhere, and release what
// they get.
void exchange(Matrix& matrix);
void exchange(Labels& labels);

#endif  // EXCHANGE_H_
