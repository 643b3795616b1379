#ifndef NN_APPS_COMMON_OUTPUT_H_
#define NN_APPS_COMMON_OUTPUT_H_

#include <functional>
#include <string>

namespace apps {

/// Flushes standard output. That it cannot be written is remembered with its
/// reason, and run_main() tells of it: the work goes on meanwhile.
void flush_output();

/// What main() does around the work of a program, which returns an exit code:
///
/// - An exception ends the program with 1 and the message "<program>: error:
///   ..." on standard error. So does standard output that could not be written:
///   a full device, a pipe whose reader has gone.
/// - A closed pipe or a file-size limit is an error like others and not the end
///   of the process.
/// - If a standard stream is closed, no file that the program opens takes its
///   place.
int run_main(const std::string& program, const std::function<int()>& work);

}  // namespace apps

#endif  // NN_APPS_COMMON_OUTPUT_H_
