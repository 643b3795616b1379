#include "kernels/gemm.h"

#include "kernels/reference.h"

namespace nn::kernels {
template <typename T>
std::size_t gemm_scratch_bytes(Index, Index, Index) {
  return 0;
}
template <typename T>
void gemm(const GemmArgs<T>& args, std::byte*) {
  using S = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::Map<const Matrix<T>, 0, S> a(
      args.a.data, args.m, args.k, S(args.a.col_stride, args.a.row_stride));
  Eigen::Map<const Matrix<T>, 0, S> b(
      args.b.data, args.k, args.n, S(args.b.col_stride, args.b.row_stride));
  Eigen::Map<Matrix<T>, 0, Eigen::OuterStride<>> c(
      args.c, args.m, args.n, Eigen::OuterStride<>(args.ldc));
  c = a * b;
  if (args.row_bias)
    c.colwise() += Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>>(
        args.row_bias, args.m);
  if (args.relu) c = c.unaryExpr([](T v) { return v < 0 ? T(0) : v; });
}
template std::size_t gemm_scratch_bytes<float>(Index, Index, Index);
template std::size_t gemm_scratch_bytes<double>(Index, Index, Index);
template void gemm<float>(const GemmArgs<float>&, std::byte*);
template void gemm<double>(const GemmArgs<double>&, std::byte*);
}  // namespace nn::kernels
