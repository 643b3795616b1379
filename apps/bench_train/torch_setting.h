#ifndef NN_APPS_BENCH_TRAIN_TORCH_SETTING_H_
#define NN_APPS_BENCH_TRAIN_TORCH_SETTING_H_

namespace apps {

// LibTorch's fastest setting, for the programs that compare with it. Where they
// are built without LibTorch, the same setting is libnn's alone.

/// Starts the program anew, with the same arguments, unless it already runs in
/// LibTorch's fastest setting; then it does not return.
/// Throws std::runtime_error if that fails.
void enter_fastest_setting(char** argv);

/// Writes the variables of that setting as they are, libnn's instruction set
/// and the BLAS of LibTorch's matrix products to standard output.
void print_setting();

/// Throws std::runtime_error unless LibTorch's BLAS is one made to be fast;
/// where `allow_slow` is set, prints a warning instead.
void require_fast_blas(bool allow_slow);

/// For libnn and for LibTorch's BLAS, which may have threads that LibTorch does
/// not count. LibTorch itself is told by whoever links it.
void set_rival_threads(int threads);

}  // namespace apps

#endif  // NN_APPS_BENCH_TRAIN_TORCH_SETTING_H_
