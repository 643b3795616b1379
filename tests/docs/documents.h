#ifndef NN_TESTS_DOCS_DOCUMENTS_H_
#define NN_TESTS_DOCS_DOCUMENTS_H_

#include <string>
#include <vector>

namespace nn_test {

/// A fenced block of a Markdown document.
struct Block {
  int line = 0;          ///< of the opening fence, from 1
  std::string language;  ///< what stands behind the fence: "cpp"
  std::string marker;    ///< the comment in the line before: "part of a.cpp"
  std::string text;      ///< with a line feed at its end
};

/// A Markdown document of this project.
struct Document {
  std::string path;  ///< from the project's top folder
  std::string text;
  std::string prose;  ///< the text with fenced blocks and inline code left out
  std::vector<Block> blocks;
};

/// Takes a document apart. `path` is what messages call it and what its links
/// start from.
Document parse_document(std::string path, std::string text);

/// The content of a file of the project. Throws std::runtime_error if there is
/// none.
std::string text_of(const std::string& path);

/// The sources and headers in a folder of the project and below it.
std::vector<std::string> files_under(const std::string& folder);

/// The documents that a source's text names: "docs/math/relu.md".
std::vector<std::string> documents_named_in(const std::string& text);

/// All documents: README.md, CHANGELOG.md, those of docs/ and of third_party/.
std::vector<Document> all_documents();

/// Links to a file, or to a heading of a file, that does not exist. Addresses
/// on the network are not looked at.
std::vector<std::string> broken_links(const Document& document);

/// Blocks that no test compiles, runs or checks (docs/conventions.md says how a
/// block names the test), that differ from what is tested, and commands that
/// this project does not know.
std::vector<std::string> untested_blocks(const Document& document);

}  // namespace nn_test

#endif  // NN_TESTS_DOCS_DOCUMENTS_H_
