#ifndef NN_APPS_MNIST_REPORT_TELL_APART_H_
#define NN_APPS_MNIST_REPORT_TELL_APART_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "mnist_report/load.h"

namespace report {

/// The options of a run that its result may depend on, in words of a title:
/// "seed" to "seed 2", "nesterov" to "no nesterov". Left out are its model, and
/// where it read and wrote.
std::map<std::string, std::string> settings(const LoadedRun& run);

/// The names of those that differ between two runs.
std::vector<std::string> differing_settings(const LoadedRun& a,
                                            const LoadedRun& b);

/// Gives runs of one model and backend distinctions: what their settings differ
/// in, or where they do not, their surroundings and at last their folders. No
/// two titles are the same afterwards.
void tell_apart(std::vector<LoadedRun>& runs);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_TELL_APART_H_
