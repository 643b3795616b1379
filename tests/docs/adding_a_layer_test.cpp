// The layer that docs/adding-a-layer.md writes, by the contract.

#include "support/catch.h"
#include "support/layer_contract.h"
#include "support/matrices.h"
#include "swish.h"

TEST_CASE("swish keeps the layer contract", "[docs][swish][contract]") {
  for (const nn::Shape& shape : {nn::Shape{1}, nn::Shape{3, 2, 5}}) {
    CHECK(nn_test::contract_violations(nn_test::contract_of<Swish>(
              nn_test::normal_matrix<double>, shape, 1.5)) ==
          nn_test::kNoViolations);
  }
}
