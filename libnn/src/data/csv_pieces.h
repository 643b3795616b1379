#ifndef NN_SRC_DATA_CSV_PIECES_H_
#define NN_SRC_DATA_CSV_PIECES_H_

#include <cstddef>

#include "nn/data/csv.h"

namespace nn::internal {

/// load_csv() with so many bytes of text at a time, at least 1, or as many more
/// as its longest row needs. What comes of it does not depend on them.
template <typename Scalar>
Table<Scalar> load_csv_in_pieces(const MemoryFile& file,
                                 const CsvOptions& options,
                                 std::size_t piece_bytes);

}  // namespace nn::internal

#endif  // NN_SRC_DATA_CSV_PIECES_H_
