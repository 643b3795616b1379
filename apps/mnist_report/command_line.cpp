#include "mnist_report/command_line.h"

#include "common/printable.h"
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

}  // namespace

std::string option_value(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const json& item : value) {
    list += (list.empty() ? "" : ",") + option_value(item);
  }
  return list;
}

std::string command_line(const json& summary) {
  const json* options = find(summary, "/options");
  const std::string program = text(summary, "/program");
  if (options == nullptr || !options->is_object() || program == kNone) {
    return "";
  }
  std::string command;
  const json* environment = find(summary, "/environment");
  if (environment != nullptr && environment->is_object()) {
    for (const auto& [name, value] : environment->items()) {
      command += shell_word(name) + "=" + shell_word(option_value(value)) + " ";
    }
  }
  command += shell_word(program);
  for (const auto& [name, value] : options->items()) {
    // A program of one model takes no --model, and no limit is no option.
    if (name == "model" && value.is_string() &&
        program == "mnist_" + value.get<std::string>()) {
      continue;
    }
    const bool is_limit = name == "train-limit" || name == "test-limit";
    if (is_limit && value == 0) continue;
    if (value.is_boolean()) {
      if (value.get<bool>()) command += " " + shell_word("--" + name);
      continue;
    }
    const std::string word = value.is_null() ? "" : option_value(value);
    if (!word.empty()) {
      command += " " + shell_word("--" + name) + " " + shell_word(word);
    }
  }
  return apps::printable(command);
}

std::string fold_command(const std::string& command, std::size_t columns) {
  static const std::string kIndent = "    ";
  static const std::string kContinued = " \\\n";
  const std::size_t room = columns - 2;  // the backslash and its space
  std::string folded;
  std::string line;
  for (std::size_t start = 0; start < command.size();) {
    // Up to the next option: what stands between is this one's value.
    std::size_t end = command.find(' ', start);
    while (end != command.npos && command[start] == '-' &&
           command.compare(end + 1, 2, "--") != 0) {
      end = command.find(' ', end + 1);
    }
    std::string word = command.substr(start, end - start);
    start = end == command.npos ? command.size() : end + 1;
    if (line.empty()) {
      line = word;
    } else if (line.size() + 1 + word.size() <= room) {
      line += " " + word;
    } else {
      folded += line + kContinued;
      line = kIndent + word;
    }
    // Without a space before the backslash, or an indent behind it, the parts
    // are one word to a shell; but for quotes, where a backslash is itself.
    while (line.size() > room && word.find('\'') == word.npos) {
      folded += line.substr(0, room) + "\\\n";
      line.erase(0, room);
    }
  }
  return folded + line;
}

}  // namespace report
