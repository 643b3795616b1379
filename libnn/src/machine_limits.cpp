#include "nn/machine_limits.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cmath>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace nn {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// The start of a regular file, empty where there is none. A list of mounts may
// be long; nothing else here is.
std::string start_of_file(const std::string& path) {
  constexpr std::size_t kMostBytes = std::size_t{4} << 20;
  constexpr std::size_t kChunkBytes = 4096;
  // A FIFO opens at once this way, to be found out below.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return {};
  std::string text;
  struct stat status {};
  if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    ssize_t got = 0;
    do {
      const std::size_t size = text.size();
      text.resize(size + kChunkBytes);
      got = read(file, &text[size], kChunkBytes);
      text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    } while (got > 0 && text.size() < kMostBytes);
  }
  close(file);
  return text;
}

// The lines of a file, without those that are longer than paths allow.
std::vector<std::string> lines_of(const std::string& path) {
  constexpr std::size_t kLongest = std::size_t{4} * PATH_MAX;
  std::vector<std::string> lines;
  std::istringstream in(start_of_file(path));
  for (std::string line; std::getline(in, line);) {
    if (line.size() <= kLongest) lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

bool lists(const std::string& commas, const std::string& name) {
  const auto parts = split(commas, ',');
  return std::find(parts.begin(), parts.end(), name) != parts.end();
}

// Mount points hold blanks, tabs, line feeds and backslashes as \040.
std::string unescaped(const std::string& text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) &&
        octal(text[i + 2]) && octal(text[i + 3])) {
      result += static_cast<char>((text[i + 1] - '0') * 64 +
                                  (text[i + 2] - '0') * 8 + text[i + 3] - '0');
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

// The numbers at the start of a file, at most two. Stops at what is none, such
// as "max", and at what 64 bits do not hold.
std::vector<double> numbers_in(const std::string& path) {
  const std::string text = start_of_file(path);
  std::vector<double> numbers;
  std::string_view rest = text;
  while (numbers.size() < 2) {
    while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\n')) {
      rest.remove_prefix(1);
    }
    long long number = 0;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc()) break;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    numbers.push_back(static_cast<double>(number));
  }
  return numbers;
}

// A limit of less than nothing is none: version 1 writes -1.
double share_of_cores(double quota, double period) {
  return quota > 0.0 && period > 0.0 ? quota / period : kUnlimited;
}

double cores_of(const std::string& group, bool unified) {
  if (unified) {
    const auto max = numbers_in(group + "/cpu.max");
    return max.size() == 2 ? share_of_cores(max[0], max[1]) : kUnlimited;
  }
  const auto quota = numbers_in(group + "/cpu.cfs_quota_us");
  const auto period = numbers_in(group + "/cpu.cfs_period_us");
  return quota.empty() || period.empty() ? kUnlimited
                                         : share_of_cores(quota[0], period[0]);
}

double memory_of(const std::string& group, bool unified) {
  const auto limit =
      numbers_in(group + (unified ? "/memory.max" : "/memory.limit_in_bytes"));
  return limit.empty() || limit[0] < 0.0 ? kUnlimited : limit[0];
}

// The process's group in one hierarchy, as mounted somewhere.
struct Mounted {
  std::string mount_point;
  std::string group;  // below it: "" or "/a/b"
};

// `controller` is empty for version 2, whose hierarchy is one for all.
std::vector<Mounted> mounted_groups(const std::string& root,
                                    const std::string& controller) {
  // A line "4:cpu,cpuacct:/a/b", of version 2 "0::/a/b".
  std::optional<std::string> path;
  for (const auto& line : lines_of(root + "/proc/self/cgroup")) {
    const std::size_t first = line.find(':');
    if (first == std::string::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : lists(names, controller)) {
      path = line.substr(second + 1);
      break;
    }
  }
  std::vector<Mounted> groups;
  if (!path) return groups;

  // A line "36 35 98:0 <root> <mount point> <options> <any number of fields>
  // - <type> <source> <options>".
  for (const auto& line : lines_of(root + "/proc/self/mountinfo")) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 5 || fields.end() - dash < 4) continue;
    const bool fits = controller.empty()
                          ? dash[1] == "cgroup2"
                          : dash[1] == "cgroup" && lists(dash[3], controller);
    if (!fits) continue;
    Mounted mounted{unescaped(fields[4]), ""};
    // Where the mount shows a part of the hierarchy, what lies below that. In
    // a container, a path that the mount does not hold is seen from outside,
    // and the mount is the container's own group.
    const std::string top = unescaped(fields[3]);
    const std::string inside = top == "/" ? "" : top;
    if (path->compare(0, inside.size(), inside) == 0 &&
        (path->size() == inside.size() || (*path)[inside.size()] == '/')) {
      mounted.group = path->substr(inside.size());
    }
    const auto steps = split(mounted.group, '/');
    if (std::find(steps.begin(), steps.end(), "..") != steps.end()) {
      mounted.group.clear();
    }
    groups.push_back(std::move(mounted));
  }
  return groups;
}

// The least that `limit_of` says of the group and those around it.
template <typename Limit>
double least_limit(const std::string& root,
                   const std::string& controller,
                   Limit limit_of) {
  double least = kUnlimited;
  for (const bool unified : {true, false}) {
    for (const Mounted& mounted :
         mounted_groups(root, unified ? "" : controller)) {
      std::string group = mounted.group;
      while (!group.empty() && group.back() == '/') group.pop_back();
      for (;;) {
        least = std::min(least,
                         limit_of(root + mounted.mount_point + group, unified));
        if (group.empty()) break;
        group.erase(group.rfind('/'));
      }
    }
  }
  return least;
}

int cores_of_affinity() {
  cpu_set_t sets[8];  // 8,192 cores; the kernel refuses what is too small
  if (sched_getaffinity(0, sizeof(sets), sets) == 0) {
    const int count = CPU_COUNT_S(sizeof(sets), sets);
    if (count >= 1) return count;
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

namespace internal {

CgroupLimits cgroup_limits(const std::string& root) {
  return {least_limit(root, "cpu", cores_of),
          least_limit(root, "memory", memory_of)};
}

}  // namespace internal

int usable_cores() {
  const double granted = std::ceil(internal::cgroup_limits("").cores);
  const int cores = cores_of_affinity();
  return granted < cores ? std::max(1, static_cast<int>(granted)) : cores;
}

double usable_memory_bytes() {
  const double physical = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                          static_cast<double>(sysconf(_SC_PAGE_SIZE));
  return std::min(physical, internal::cgroup_limits("").memory_bytes);
}

}  // namespace nn
