#ifndef NN_APPS_BENCH_BREADTH_SUBJECTS_H_
#define NN_APPS_BENCH_BREADTH_SUBJECTS_H_

#include <functional>
#include <string>
#include <vector>

#include "bench_breadth/recipe.h"
#include "nn/network/sequential.h"

namespace apps {

/// One network and how it learns: together the subjects hold every layer, loss
/// and optimizer of libnn.
struct Subject {
  std::string name;
  /// Adds all layers, the last Linear included.
  std::function<void(nn::Sequential<float>&)> fill;
  Recipe recipe;
};

std::vector<Subject> all_subjects();

}  // namespace apps

#endif  // NN_APPS_BENCH_BREADTH_SUBJECTS_H_
