#include "kernels/isa.h"

#include <cstdlib>
#include <string>

#include "nn/parallel.h"
#include "support/catch.h"

using nn::kernels::Isa;

TEST_CASE("the kernels run on the instruction set that the library names",
          "[kernels][isa]") {
  CHECK(std::string(nn::instruction_set()) ==
        nn::kernels::isa_name(nn::kernels::isa()));
}

TEST_CASE("NN_MAX_ISA lowers the instruction set", "[kernels][isa]") {
  const char* limit = std::getenv("NN_MAX_ISA");
  const std::string text = limit ? limit : "";
  const Isa isa = nn::kernels::isa();
  if (text == "avx2") CHECK(isa <= Isa::kAvx2);
  if (text == "sse4") CHECK(isa <= Isa::kSse4);
  if (text == "baseline") CHECK(isa == Isa::kBaseline);
  CHECK(isa <= Isa::kAvx512);
}
