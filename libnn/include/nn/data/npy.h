#ifndef NN_DATA_NPY_H_
#define NN_DATA_NPY_H_

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "nn/files/file.h"
#include "nn/types.h"

namespace nn {

namespace internal {
/// The product of all sizes but the first. Throws std::invalid_argument unless
/// the sizes are those of an array of `values` numbers.
Index npy_features(const std::vector<Index>& dims, std::size_t values);
/// Throws std::invalid_argument unless each sample has one number.
void check_npy_labels(const std::vector<Index>& dims, std::size_t values);
}  // namespace internal

/// An array of any number of dimensions, as NumPy's .npy files hold it. The
/// first dimension counts the samples. The bytes of an array (samples,
/// features) are then those of libnn's matrix features x samples, in which a
/// sample is a column, and those of images (n, c, h, w) are a batch of images:
/// nothing is moved.
template <typename Scalar>
struct NpyArray {
  std::vector<Index> dims;     ///< slowest first; none for a single number
  std::vector<Scalar> values;  ///< C order: the last index runs fastest

  /// The values as features x samples: a column for each index of the first
  /// dimension. Of one dimension a row, and a single number is 1 x 1. Throws
  /// std::invalid_argument if the sizes are not those of the values.
  ConstView<Scalar> matrix() const& {
    const Index features = internal::npy_features(dims, values.size());
    return {values.data(), features, dims.empty() ? 1 : dims[0]};
  }
  /// That of a temporary array is a copy.
  Matrix<Scalar> matrix() const&& { return this->matrix(); }

  /// The values of an NpyArray<int> as labels. Throws std::invalid_argument
  /// unless the sizes are (n) or (n, 1), of n values.
  ConstLabels labels() const& {
    static_assert(std::is_same_v<Scalar, int>, "labels are an NpyArray<int>");
    internal::check_npy_labels(dims, values.size());
    return {values.data(), static_cast<Index>(values.size())};
  }
  /// Those of a temporary array are a copy.
  Labels labels() const&& { return this->labels(); }
};

/// Reads an .npy file, as numpy.save() writes it, into numbers of the type that
/// is wanted: float, double, or an integer of 8 to 64 bits, signed or not
/// (std::int8_t to std::uint64_t).
///
///   const auto x = nn::load_npy<float>("x.npy");  // (samples, features)
///   const auto y = nn::load_npy<int>("y.npy");    // (samples)
///   trainer.fit({x.matrix(), y.labels()});
///
/// Read are versions 1.0, 2.0 and 3.0 of the format, both byte orders, C and
/// Fortran order, floats of 16, 32 and 64 bits, integers of 8 to 64 bits, and
/// booleans, which are 0 and 1. Numbers become floats by rounding to the
/// nearest; an integer is read from integers and booleans alone. Type, sizes
/// and the file's length are checked before memory is taken for the numbers.
///
/// Throws std::runtime_error with path, what was expected and what was found:
/// another format, a damaged header, sizes that are not those of the file's
/// bytes, bytes behind the array, a number that the wanted type does not hold,
/// with its place. Objects of Python are refused, since unpickling them runs
/// what the file says; so are records, texts, dates and complex numbers.
template <typename Scalar>
NpyArray<Scalar> load_npy(const std::string& path);
/// The same from memory.
template <typename Scalar>
NpyArray<Scalar> load_npy(const MemoryFile& file);

/// Writes an .npy file (version 1.0, little-endian, C order), which
/// numpy.load() reads as an array of the same sizes, type and bits. Scalars are
/// those of load_npy(). The file appears whole or not at all
/// (write_file_atomically()). Throws std::invalid_argument if the sizes are not
/// those of the values or more than 64, std::runtime_error with path and reason
/// if it cannot be written.
template <typename Scalar>
void save_npy(const std::string& path, const NpyArray<Scalar>& array);
///@{
/// A matrix features x samples as an array (samples, features), and labels as
/// an array (samples) of int32.
void save_npy(const std::string& path, ConstView<float> matrix);
void save_npy(const std::string& path, ConstView<double> matrix);
void save_npy(const std::string& path, ConstLabels labels);
///@}

}  // namespace nn

#endif  // NN_DATA_NPY_H_
