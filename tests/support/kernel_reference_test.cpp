#include "support/kernel_reference.h"

#include "nn/random.h"
#include "support/catch.h"

using nn::Index;
using nn::Matrix;
using nn::kernels::ConvGeometry;

TEST_CASE("im2col of a 3x3 image under a 2x2 kernel, written out",
          "[kernels][reference]") {
  ConvGeometry g;
  g.in_channels = g.out_channels = 1;
  g.height = g.width = 3;
  g.kernel_h = g.kernel_w = 2;
  const double x[] = {1,
                      2,
                      3,  //
                      4,
                      5,
                      6,  //
                      7,
                      8,
                      9};
  // A row per output pixel, a column per tap.
  Matrix<double> expected(4, 4);
  expected << 1, 2, 4, 5,  //
      2, 3, 5, 6,          //
      4, 5, 7, 8,          //
      5, 6, 8, 9;
  CHECK(nn_test::im2col(g, x) == expected);
}

TEST_CASE("im2col puts zeros where the padding is", "[kernels][reference]") {
  ConvGeometry g;
  g.in_channels = g.out_channels = 1;
  g.height = 1;
  g.width = 2;
  g.kernel_h = 1;
  g.kernel_w = 3;
  g.pad_w = 1;
  const double x[] = {5, 7};
  Matrix<double> expected(2, 3);
  expected << 0, 5, 7,  //
      5, 7, 0;
  CHECK(nn_test::im2col(g, x) == expected);
}

TEST_CASE("col2im is the transpose of im2col", "[kernels][reference]") {
  // <im2col(x), C> = <x, col2im(C)> for every x and C.
  nn::Rng rng(51);
  for (int i = 0; i < 20; ++i) {
    ConvGeometry g{2, 6, 7, 1, 3, 2, 1 + i % 3, 1 + i % 2, i % 3, i % 2};
    Matrix<double> x(g.in_features(), 1);
    Matrix<double> cols(g.pixels(), g.taps());
    for (Index j = 0; j < x.size(); ++j) x(j) = rng.normal();
    for (Index j = 0; j < cols.size(); ++j) cols(j) = rng.normal();
    Matrix<double> back = Matrix<double>::Zero(g.in_features(), 1);
    nn_test::col2im_add(g, cols, back.data());
    const double left = nn_test::im2col(g, x.data()).cwiseProduct(cols).sum();
    const double right = x.cwiseProduct(back).sum();
    CHECK(left == Catch::Approx(right).epsilon(1e-12));
  }
}

TEST_CASE("the reference product of two small matrices, written out",
          "[kernels][reference]") {
  const double a[] = {1, 3, 2, 4};  // 1 2 / 3 4
  const double b[] = {5, 7, 6, 8};  // 5 6 / 7 8
  const double bias[] = {-20, 0};
  double c[4];
  using nn::kernels::Operand;
  nn_test::gemm_reference<double>({2,
                                   2,
                                   2,
                                   Operand<double>::plain(a, 2),
                                   Operand<double>::plain(b, 2),
                                   c,
                                   2,
                                   bias,
                                   true});
  CHECK(c[0] == 0);   // 19 - 20
  CHECK(c[1] == 43);  // 43
  CHECK(c[2] == 2);   // 22 - 20
  CHECK(c[3] == 50);
}
