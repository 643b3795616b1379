#ifndef NN_APPS_COMMON_OUTPUT_H_
#define NN_APPS_COMMON_OUTPUT_H_

#include <functional>
#include <string>

namespace apps {

/// Flushes standard output. That it cannot be written is remembered with its
/// reason, and run_main() tells of it: the work goes on meanwhile.
void flush_output();

/// The signal that asks the program to end: of SIGINT, SIGTERM and SIGHUP the
/// one that came first since catch_signals(), or SIGPIPE if standard output is
/// a pipe whose reader has gone, as far as flush_output() has noticed. 0: none.
int interruption();

/// Lets the first of those signals be remembered in place of ending the
/// process; the second ends it. One that is ignored, as under nohup, stays so.
void catch_signals();

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
