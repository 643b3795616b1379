#ifndef NN_APPS_MNIST_REPORT_COMMAND_LINE_H_
#define NN_APPS_MNIST_REPORT_COMMAND_LINE_H_

#include <nlohmann/json.hpp>
#include <string>

namespace report {

/// The command line that gives a run, from the options in its summary, quoted
/// for a shell. Empty if the summary lacks program or options.
std::string command_line(const nlohmann::json& summary);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_COMMAND_LINE_H_
