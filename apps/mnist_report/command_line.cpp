#include "mnist_report/command_line.h"

#include "mnist_report/facts.h"

namespace report {
namespace {

using nlohmann::json;

std::string shell_word(const std::string& word) {
  const bool plain =
      !word.empty() && word.find_first_not_of(
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                           "wxyz0123456789_-./,:=+@%") == std::string::npos;
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string option_value(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const json& item : value) {
    list += (list.empty() ? "" : ",") + option_value(item);
  }
  return list;
}

}  // namespace

std::string command_line(const json& summary) {
  const json* options = find(summary, "/options");
  const std::string program = text(summary, "/program");
  if (options == nullptr || !options->is_object() || program == kNone) {
    return "";
  }
  std::string command = program;
  for (const auto& [name, value] : options->items()) {
    // A program of one model takes no --model, and no limit is no option.
    if (name == "model" && value.is_string() &&
        program == "mnist_" + value.get<std::string>()) {
      continue;
    }
    const bool is_limit = name == "train-limit" || name == "test-limit";
    if (is_limit && value == 0) continue;
    if (value.is_boolean()) {
      if (value.get<bool>()) command += " --" + name;
      continue;
    }
    const std::string word = value.is_null() ? "" : option_value(value);
    if (!word.empty()) command += " --" + name + " " + shell_word(word);
  }
  return command;
}

}  // namespace report
