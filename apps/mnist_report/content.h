#ifndef NN_APPS_MNIST_REPORT_CONTENT_H_
#define NN_APPS_MNIST_REPORT_CONTENT_H_

#include <vector>

#include "mnist_report/document.h"
#include "mnist_report/load.h"

namespace report {

/// A screen has room for the runs side by side, figure by figure; paper is
/// read run by run.
enum class Arrangement { kByFigure, kByRun };

/// Everything that the runs allow to say. What a missing table would have
/// shown is left out, and the missing table is named; so is a figure or a part
/// that cannot be made.
Document make_document(const Results& results, Arrangement arrangement);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_CONTENT_H_
