#ifndef NN_MACHINE_LIMITS_H_
#define NN_MACHINE_LIMITS_H_

#include <string>

namespace nn {

/// How many cores the process may use: those that its affinity names, or fewer
/// if a control group (a container's limit) grants less of their time. A part
/// of a core counts as one. At least 1.
int usable_cores();

/// How much memory the process may use, in bytes: the machine's, or less if a
/// control group says so.
double usable_memory_bytes();

namespace internal {

/// What the control groups of this process grant, of version 1 or 2; infinity
/// where they say nothing.
struct CgroupLimits {
  /// The time of so many cores.
  double cores;
  /// The most memory.
  double memory_bytes;
};

/// Reads proc/self/cgroup and proc/self/mountinfo under the folder `root`, and
/// the limits of the groups that they name, the least of each group and those
/// around it. What cannot be read or understood limits nothing.
CgroupLimits cgroup_limits(const std::string& root);

}  // namespace internal
}  // namespace nn

#endif  // NN_MACHINE_LIMITS_H_
