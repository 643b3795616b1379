#include "docs/documents.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>
#include <sstream>
#include <utility>

#include "nn/check.h"
#include "nn/files/file.h"

namespace nn_test {
namespace {

namespace fs = std::filesystem;

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string absolute(const std::string& path) {
  return std::string(NN_SOURCE_DIR) + "/" + path;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// All files below `folder` with one of the endings, one after the other.
std::string texts_below(const std::string& folder, const std::regex& ending) {
  std::string all;
  for (const auto& entry : fs::recursive_directory_iterator(absolute(folder))) {
    const std::string path = entry.path().string();
    if (entry.is_regular_file() && std::regex_search(path, ending)) {
      all += nn::read_file(path) + "\n";
    }
  }
  return all;
}

// What GitHub calls a heading in links: lower case, "-" for a space, and
// neither punctuation nor the marks of code and emphasis.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_') {
      anchor += static_cast<char>(std::tolower(byte));
    } else if (c == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

bool has_anchor(const Document& document, const std::string& anchor) {
  for (const std::string& line : lines_of(document.prose)) {
    const std::size_t level = line.find_first_not_of('#');
    if (level == 0 || level == std::string::npos || line[level] != ' ') {
      continue;
    }
    if (anchor_of(line.substr(level + 1)) == anchor) return true;
  }
  return false;
}

std::size_t indentation(const std::string& line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

// Whether `part` is consecutive lines of `whole`, however far indented.
bool is_part(const std::string& part, const std::string& whole) {
  const std::vector<std::string> wanted = lines_of(part);
  const std::vector<std::string> lines = lines_of(whole);
  for (std::size_t i = 0; i + wanted.size() <= lines.size(); ++i) {
    const std::size_t indent = indentation(lines[i]);
    if (indent < indentation(wanted[0])) continue;
    const std::string space(indent - indentation(wanted[0]), ' ');
    std::size_t k = 0;
    while (k < wanted.size() &&
           lines[i + k] == (wanted[k].empty() ? "" : space + wanted[k])) {
      ++k;
    }
    if (k == wanted.size()) return true;
  }
  return false;
}

// Whether a CMakeLists.txt beside the file or above it names the file, or the
// file is one.
bool is_built(const std::string& path) {
  const fs::path file(path);
  if (file.filename() == "CMakeLists.txt" || file.filename() == "Makefile") {
    return starts_with(path, "tests/install/");
  }
  for (fs::path folder = file.parent_path(); !folder.empty();
       folder = folder.parent_path()) {
    const std::string list = (folder / "CMakeLists.txt").string();
    if (fs::exists(absolute(list)) &&
        contains(text_of(list), file.filename().string())) {
      return true;
    }
    // A header is built with the source of its name.
    if (file.extension() == ".h" && fs::exists(absolute(list)) &&
        contains(text_of(list), file.stem().string() + ".cpp")) {
      return true;
    }
  }
  return false;
}

// What is wrong with an option of one of this project's programs or scripts,
// whose sources are `text`.
void check_options(const std::vector<std::string>& words,
                   const std::string& text,
                   std::vector<std::string>& complaints) {
  for (const std::string& word : words) {
    const std::string option = word.substr(0, word.find('='));
    if (!starts_with(option, "--") || option == "--help") continue;
    const std::regex known("(^|[^-a-z])" + option + "($|[^-a-z])");
    if (!std::regex_search(text, known)) {
      complaints.push_back(words[0] + " knows no " + option);
    }
  }
}

void check_cmake(const std::vector<std::string>& words,
                 std::vector<std::string>& complaints) {
  const std::string build_files =
      text_of("CMakeLists.txt") +
      texts_below("docs", std::regex("CMakeLists\\.txt$")) +
      texts_below("libnn", std::regex("(CMakeLists\\.txt|\\.cmake)$")) +
      texts_below("apps", std::regex("CMakeLists\\.txt$")) +
      texts_below("cmake", std::regex("\\.cmake$"));
  const std::string presets = text_of("CMakePresets.json");
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string next = i + 1 < words.size() ? words[i + 1] : "";
    if (words[i] == "--preset" &&
        !contains(presets, "\"name\": \"" + next + "\"")) {
      complaints.push_back("there is no preset " + next);
    }
    if (words[i] == "--target" &&
        !std::regex_search(build_files,
                           std::regex("add_(custom_target|executable|library)"
                                      "\\(" +
                                      next + "[\\s)]"))) {
      complaints.push_back("there is no target " + next);
    }
    if (starts_with(words[i], "-DNN_")) {
      const std::string name = words[i].substr(2, words[i].find('=') - 2);
      if (!std::regex_search(build_files,
                             std::regex("(option|set)\\(" + name + " "))) {
        complaints.push_back("there is no option " + name);
      }
    }
  }
}

void check_command(const std::string& line,
                   std::vector<std::string>& complaints) {
  std::vector<std::string> words;
  std::istringstream in(line);
  for (std::string word; in >> word;) {
    if (starts_with(word, "#")) break;
    // NAME=value before a command is its environment.
    const bool environment =
        words.empty() && std::regex_match(word, std::regex("[A-Z_]+=.*"));
    if (!environment && !(words.empty() && word == "sudo")) {
      words.push_back(word);
    }
  }
  if (words.empty()) return;

  const std::string& command = words[0];
  std::smatch match;
  if (std::regex_match(command, match, std::regex("build/([a-z]+)/bin/(.*)"))) {
    check_cmake({"cmake", "--preset", match[1]}, complaints);
    std::string folder = "apps/" + match[2].str();
    if (!fs::exists(absolute(folder)))
      folder = "docs/examples/" + match[2].str();
    if (!fs::exists(absolute(folder + "/main.cpp"))) {
      complaints.push_back("there is no program " + command);
      return;
    }
    const std::regex source("\\.cpp$");
    check_options(
        words,
        texts_below(folder, source) + texts_below("apps/common", source),
        complaints);
  } else if (contains(command, "/")) {
    if (!fs::exists(absolute(command))) {
      complaints.push_back("there is no script " + command);
      return;
    }
    check_options(words, text_of(command), complaints);
  } else if (command == "cmake" || command == "ctest") {
    check_cmake(words, complaints);
  } else {
    static const std::vector<std::string> kKnown = {
        "apt-get", "c++", "cd", "clang++", "cpack", "g++", "git", "make"};
    if (std::find(kKnown.begin(), kKnown.end(), command) == kKnown.end()) {
      complaints.push_back("nobody checks the command " + command);
    }
  }
}

void check_commands(const std::string& text,
                    std::vector<std::string>& complaints) {
  std::string joined = text;
  for (std::size_t at = joined.find("\\\n"); at != std::string::npos;
       at = joined.find("\\\n")) {
    joined.replace(at, 2, " ");
  }
  for (const std::string& line : lines_of(joined)) {
    check_command(line, complaints);
  }
}

// What is wrong with a block; empty if nothing is.
std::vector<std::string> complaints_of(const Block& block) {
  std::smatch match;
  std::vector<std::string> complaints;
  if (std::regex_match(
          block.marker, match, std::regex("(the file|part of) (\\S+)"))) {
    const std::string path = match[2];
    if (!fs::exists(absolute(path))) {
      complaints.push_back("there is no file " + path);
    } else if (!is_built(path)) {
      complaints.push_back("no CMakeLists.txt builds " + path);
    } else if (match[1] == "the file" ? block.text != text_of(path)
                                      : !is_part(block.text, text_of(path))) {
      complaints.push_back("it is not " + block.marker);
    }
  } else if (starts_with(block.marker, "extracted: ")) {
    const std::string name = block.marker.substr(block.marker.find(' ') + 1);
    if (!contains(text_of("tests/install/CMakeLists.txt"), name)) {
      complaints.push_back("tests/install does not extract " + name);
    }
  } else if (block.marker == "checked" && block.language == "sh") {
    check_commands(block.text, complaints);
  } else if (block.marker.empty()) {
    complaints.push_back("no comment before it says what tests it");
  } else {
    complaints.push_back("no test is called '" + block.marker + "'");
  }
  return complaints;
}

}  // namespace

std::string text_of(const std::string& path) {
  return nn::read_file(absolute(path));
}

Document parse_document(std::string path, std::string text) {
  Document document;
  document.path = std::move(path);
  document.text = std::move(text);
  const std::regex comment("<!-- (.*) -->");
  bool inside = false;
  int number = 0;
  std::string previous;
  for (const std::string& line : lines_of(document.text)) {
    ++number;
    if (starts_with(line, "```")) {
      if (!inside) {
        Block block;
        block.line = number;
        block.language = line.substr(3);
        std::smatch match;
        if (std::regex_match(previous, match, comment)) block.marker = match[1];
        document.blocks.push_back(block);
      }
      inside = !inside;
    } else if (inside) {
      document.blocks.back().text += line + "\n";
    } else {
      document.prose += line;
    }
    document.prose += "\n";
    previous = line;
  }
  return document;
}

std::vector<std::string> files_under(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(absolute(folder))) {
    const fs::path extension = entry.path().extension();
    if (extension == ".h" || extension == ".cpp") {
      paths.push_back(
          fs::relative(entry.path(), NN_SOURCE_DIR).generic_string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> documents_named_in(const std::string& text) {
  static const std::regex kDocument("docs/[A-Za-z0-9_/-]+[.]md");
  return {std::sregex_token_iterator(text.begin(), text.end(), kDocument),
          std::sregex_token_iterator()};
}

std::vector<Document> all_documents() {
  std::vector<std::string> paths = {
      "README.md", "CHANGELOG.md", "third_party/README.md"};
  for (const auto& entry : fs::recursive_directory_iterator(absolute("docs"))) {
    if (entry.path().extension() == ".md") {
      paths.push_back(
          fs::relative(entry.path(), NN_SOURCE_DIR).generic_string());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Document> documents;
  for (const std::string& path : paths) {
    documents.push_back(parse_document(path, text_of(path)));
  }
  return documents;
}

std::vector<std::string> broken_links(const Document& document) {
  static const std::regex kInlineCode("`[^`\n]*`");
  static const std::regex kLink("\\]\\(([^)\\s]+)\\)");
  static const std::regex kOtherPlace("[a-z]+:.*");
  const std::string prose = std::regex_replace(document.prose, kInlineCode, "");
  std::vector<std::string> broken;
  for (std::sregex_iterator it(prose.begin(), prose.end(), kLink), end;
       it != end;
       ++it) {
    const std::string link = (*it)[1];
    if (std::regex_match(link, kOtherPlace)) continue;
    const std::size_t hash = std::min(link.find('#'), link.size());
    const std::string file = link.substr(0, hash);
    const std::string target =
        file.empty() ? document.path
                     : (fs::path(document.path).parent_path() / file)
                           .lexically_normal()
                           .generic_string();
    if (!file.empty() && !fs::exists(absolute(target))) {
      broken.push_back(document.path + ": " + link);
    } else if (hash < link.size()) {
      const Document other =
          file.empty() ? document : parse_document(target, text_of(target));
      if (!has_anchor(other, link.substr(hash + 1))) {
        broken.push_back(document.path + ": " + link);
      }
    }
  }
  return broken;
}

std::vector<std::string> untested_blocks(const Document& document) {
  std::vector<std::string> all;
  for (const Block& block : document.blocks) {
    // Without a language it is a drawing, a formula or what a program prints.
    if (block.language.empty()) continue;
    for (const std::string& complaint : complaints_of(block)) {
      all.push_back(
          nn::concat(document.path, ':', block.line, ": ", complaint));
    }
  }
  static const std::regex kIndentedCommand(
      "\n(    "
      "+(cmake|ctest|cpack|make|sudo|apt-get|apps/|tests/|build/)[^\n]*)");
  for (std::sregex_iterator
           it(document.prose.begin(), document.prose.end(), kIndentedCommand),
       end;
       it != end;
       ++it) {
    all.push_back(document.path +
                  ": a command outside a sh block: " + (*it)[1].str());
  }
  return all;
}

}  // namespace nn_test
