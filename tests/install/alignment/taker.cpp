// Fails if what it got is not what was made. With an argument it exchanges
// labels, and otherwise a matrix.

#include "exchange.h"

int main(int argc, char** /*argv*/) {
  if (argc > 1) {
    Labels labels(3);
    labels.setOnes();
    exchange(labels);
    return labels.sum() == 10 ? 0 : 1;
  }
  Matrix matrix(3, 3);
  matrix.setOnes();
  exchange(matrix);
  return matrix.sum() == 595.0F ? 0 : 1;  // 0 + 1 + ... + 34
}
