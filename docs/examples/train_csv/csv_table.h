#ifndef CSV_TABLE_H_
#define CSV_TABLE_H_

#include <nn/nn.h>

#include <string>
#include <string_view>
#include <vector>

/// Samples with their classes, as a CSV file holds them.
struct CsvTable {
  std::vector<std::string>
      features;                      ///< their names; "column 1" without header
  std::vector<std::string> classes;  ///< their names, by label
  std::vector<float> values;         ///< sample by sample, features.size() each
  std::vector<int> labels;           ///< one for each sample

  nn::Samples<float> samples() const {
    const auto count = static_cast<nn::Index>(labels.size());
    const auto height = static_cast<nn::Index>(features.size());
    return {nn::ConstView<float>(values.data(), height, count),
            nn::ConstLabels(labels.data(), count)};
  }
};

/// Reads the text of a CSV file; `name` is what errors call it.
///
/// Fields are separated by commas, semicolons, tabs or bars, and lines end as
/// on any system. Quoted fields may hold all of these. Blank lines, and lines
/// in front that begin with "#", are passed over.
///
/// The first row is a header if nothing in it is a number. The class is in the
/// column of this name or, without one, in the column called class, label or
/// target, in the only one of words, or in the last. Classes are words or
/// whole numbers; labels count them from 0 in alphabetical or numerical order.
/// All other fields are finite numbers, with a decimal comma where the
/// separator is another.
///
/// Throws std::runtime_error with name, line and reason for whatever is
/// different: a row is read or refused, and never left out.
CsvTable parse_csv_table(const std::string& name,
                         std::string_view text,
                         const std::string& class_column = "");

/// The same for a file.
CsvTable read_csv_table(const std::string& path,
                        const std::string& class_column = "");

#endif  // CSV_TABLE_H_
