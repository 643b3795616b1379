#ifndef NN_APPS_MNIST_REPORT_TABLES_H_
#define NN_APPS_MNIST_REPORT_TABLES_H_

#include <optional>
#include <vector>

#include "mnist_report/comparison.h"
#include "mnist_report/document.h"
#include "mnist_report/load.h"

namespace report {

/// A row a run: errors, accuracy, loss, time; the number of its test set where
/// there are several.
Table results_table(const std::vector<LoadedRun>& runs);

/// Pairs of runs on the same images, to be filled by add_pair().
Table pair_table();
void add_pair(Table& table,
              const LoadedRun& first,
              const LoadedRun& second,
              const PairedResult& pair);

/// Precision, recall and F1. The run has a confusion matrix.
Table class_table(const LoadedRun& run);
/// The most confused pairs of classes; nothing if there are none.
std::optional<Table> confused_table(const LoadedRun& run);

/// The layers, a table for each network that differs from the others; of many
/// layers the first thousand.
std::vector<Table> network_tables(const std::vector<LoadedRun>& runs);

/// Program, threads, compiler and so on, a column a run: as many tables as it
/// takes for the columns to fit a page.
std::vector<Table> surroundings_tables(const std::vector<LoadedRun>& runs);
/// The data files with their checksums, the first hundred.
Table files_table(const std::vector<LoadedRun>& runs);

}  // namespace report

#endif  // NN_APPS_MNIST_REPORT_TABLES_H_
