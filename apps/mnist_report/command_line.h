#ifndef NN_APPS_MNIST_REPORT_COMMAND_LINE_H_
#define NN_APPS_MNIST_REPORT_COMMAND_LINE_H_

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

namespace report {

/// An option's value as it is given: lists with commas, nothing quoted.
std::string option_value(const nlohmann::json& value);

/// The command line that gives a run, from the options in its summary and the
/// environment that they were given in, quoted for a shell. Empty if the
/// summary lacks program or options; cut after apps::kMostText characters.
std::string command_line(const nlohmann::json& summary);

/// The same command on lines of at most `columns` characters, which a shell
/// takes as one: all but the last end in a backslash. An option stays with its
/// value; a word longer than a line is cut unless it is
/// quoted.
std::string fold_command(const std::string& command, std::size_t columns);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_COMMAND_LINE_H_
