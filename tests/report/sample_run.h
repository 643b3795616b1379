#ifndef NN_TESTS_REPORT_SAMPLE_RUN_H_
#define NN_TESTS_REPORT_SAMPLE_RUN_H_

#include <string>
#include <vector>

#include "common/figures.h"
#include "common/run.h"
#include "nn/data/image_set.h"

namespace nn_test {

/// A made-up run of up to 62 classes, whole and consistent, of `epochs` epochs
/// of 4 steps on the images of sample_test_set(). About one prediction in eight
/// is wrong; another seed makes other mistakes.
apps::Run sample_run(const std::string& model,
                     const std::string& backend,
                     int epochs = 3,
                     unsigned seed = 1,
                     int classes = 10);

/// What the layers of such a run's model make of an image; the probabilities at
/// the end are made up: 88.75 % for the last class.
std::vector<apps::LayerOutput> sample_outputs(const std::string& model);

/// 80 noise images of 28 x 28, of one class after the other.
nn::ImageSet sample_test_set(int classes = 10);

/// Writes tables, figures and weights of a sample run into `results`/`folder`.
void write_sample_run(const std::string& results,
                      const std::string& folder,
                      const apps::Run& run);

}  // namespace nn_test

#endif  // NN_TESTS_REPORT_SAMPLE_RUN_H_
