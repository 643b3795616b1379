#ifndef NN_TESTS_SUPPORT_FILE_FAULTS_H_
#define NN_TESTS_SUPPORT_FILE_FAULTS_H_

#include <string>
#include <vector>

namespace nn_test {

/// The calls of the system that can be made to fail.
const std::vector<std::string>& faulty_calls();

/// In its scope the `nth` call (counted from 1) of one kind fails with an
/// error number, on whatever thread it comes. Does nothing where the linker
/// cannot put itself before the calls.
class FileFault {
 public:
  FileFault(const std::string& call, int nth, int error);
  ~FileFault();
  FileFault(const FileFault&) = delete;
  FileFault& operator=(const FileFault&) = delete;

  /// Whether there were as many calls.
  bool happened() const;
};

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_FILE_FAULTS_H_
