#include "nn/machine_limits.h"

#include <sched.h>
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "nn/parallel.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

const char* const kUnifiedMount =
    "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";

/// A folder with the files of /proc and /sys that a container shows.
class FakeSystem {
 public:
  FakeSystem() = default;
  /// A process in the group `path` of version 2, all of which is mounted.
  explicit FakeSystem(const std::string& path) {
    groups("0::" + path + "\n");
    mounts(std::string("21 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n") +
           kUnifiedMount);
  }

  const std::string& root() const { return folder_.path(); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  void groups(const std::string& text) const {
    write("/proc/self/cgroup", text);
  }
  void mounts(const std::string& text) const {
    write("/proc/self/mountinfo", text);
  }

  double cores() const { return nn::internal::cgroup_limits(root()).cores; }
  double memory() const {
    return nn::internal::cgroup_limits(root()).memory_bytes;
  }

 private:
  nn_test::TemporaryDirectory folder_;
};

}  // namespace

TEST_CASE("without control groups nothing is limited", "[machine_limits]") {
  const FakeSystem system;
  CHECK(system.cores() == kUnlimited);
  CHECK(system.memory() == kUnlimited);
  system.groups("");
  system.mounts("");
  CHECK(system.cores() == kUnlimited);
  CHECK(system.memory() == kUnlimited);
}

TEST_CASE("the limits of a group of version 2 are found", "[machine_limits]") {
  const FakeSystem system("/app");
  system.write("/sys/fs/cgroup/app/cpu.max", "max 100000\n");
  system.write("/sys/fs/cgroup/app/memory.max", "max\n");
  CHECK(system.cores() == kUnlimited);
  CHECK(system.memory() == kUnlimited);
  system.write("/sys/fs/cgroup/app/cpu.max", "150000 100000\n");
  system.write("/sys/fs/cgroup/app/memory.max", "536870912\n");
  CHECK(system.cores() == 1.5);
  CHECK(system.memory() == 536870912.0);
}

TEST_CASE("of nested groups the least limit holds", "[machine_limits]") {
  for (int least = 0; least < 4; ++least) {
    const FakeSystem system("/a/b/c");
    const std::vector<std::string> groups{"", "/a", "/a/b", "/a/b/c"};
    for (int i = 0; i < 4; ++i) {
      const std::string group =
          "/sys/fs/cgroup" + groups[static_cast<std::size_t>(i)];
      const bool is_least = i == least;
      system.write(group + "/cpu.max",
                   is_least ? "25000 50000" : "400000 50000");
      system.write(group + "/memory.max", is_least ? "1000" : "2000");
    }
    system.write("/sys/fs/cgroup/a/b/c/d/cpu.max", "1 100000");
    system.write("/sys/fs/cgroup/x/cpu.max", "1 100000");
    CHECK(system.cores() == 0.5);
    CHECK(system.memory() == 1000.0);
  }
}

TEST_CASE("the limits of groups of version 1 are found", "[machine_limits]") {
  FakeSystem system;
  system.groups(
      "12:memory:/pod/app\n"
      "5:name=systemd:/other\n"
      "4:cpuset:/\n"
      "3:cpu,cpuacct:/pod/app\n");
  system.mounts(
      "30 22 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
      "31 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
      "32 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 master:2 - cgroup "
      "cgroup rw,cpu,cpuacct\n"
      "33 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  const std::string cpu = "/sys/fs/cgroup/cpu,cpuacct/pod";
  system.write(cpu + "/app/cpu.cfs_quota_us", "-1\n");
  system.write(cpu + "/app/cpu.cfs_period_us", "100000\n");
  system.write("/sys/fs/cgroup/memory/pod/app/memory.limit_in_bytes",
               "9223372036854771712\n");
  CHECK(system.cores() == kUnlimited);
  CHECK(system.memory() > 9e18);
  system.write(cpu + "/app/cpu.cfs_quota_us", "300000\n");
  system.write(cpu + "/cpu.cfs_quota_us", "200000\n");
  system.write(cpu + "/cpu.cfs_period_us", "100000\n");
  system.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
  CHECK(system.cores() == 2.0);
  CHECK(system.memory() == 4096.0);
}

TEST_CASE("both versions may be mounted side by side", "[machine_limits]") {
  FakeSystem system;
  system.groups("2:memory:/m\n0::/u\n");
  system.mounts(
      "33 30 0:30 / /cg/memory rw - cgroup cgroup rw,memory\n"
      "34 30 0:31 / /cg/unified rw - cgroup2 none rw\n");
  system.write("/cg/memory/m/memory.limit_in_bytes", "7000");
  system.write("/cg/unified/u/cpu.max", "70000 10000");
  CHECK(system.cores() == 7.0);
  CHECK(system.memory() == 7000.0);
}

TEST_CASE("a container that sees its own group alone finds its limits",
          "[machine_limits]") {
  // The mount shows the container's group, and the path is the host's or the
  // container's own.
  for (const std::string path : {"/docker/4f3a", "/", "/elsewhere", "/../.."}) {
    FakeSystem system;
    system.groups("3:cpu:" + path + "\n2:memory:" + path + "\n");
    system.mounts(
        "32 30 0:29 /docker/4f3a /cg/cpu ro - cgroup cgroup rw,cpu\n"
        "33 30 0:30 /docker/4f3a /cg/memory ro - cgroup cgroup rw,memory\n");
    system.write("/cg/cpu/cpu.cfs_quota_us", "50000");
    system.write("/cg/cpu/cpu.cfs_period_us", "100000");
    system.write("/cg/memory/memory.limit_in_bytes", "123456");
    INFO(path);
    CHECK(system.cores() == 0.5);
    CHECK(system.memory() == 123456.0);
  }
}

TEST_CASE("a group inside of what a mount shows is found", "[machine_limits]") {
  FakeSystem system;
  system.groups("0::/docker/4f3a/inner\n");
  system.mounts("32 30 0:29 /docker/4f3a /cg rw - cgroup2 cgroup2 rw\n");
  system.write("/cg/inner/cpu.max", "30000 10000");
  CHECK(system.cores() == 3.0);
  // A name that only begins alike is another group.
  system.groups("0::/docker/4f3a-2/inner\n");
  CHECK(system.cores() == kUnlimited);
}

TEST_CASE("mount points may hold blanks", "[machine_limits]") {
  FakeSystem system;
  system.groups("0::/\n");
  system.mounts("32 30 0:29 / /my\\040groups\\134 rw - cgroup2 none rw\n");
  system.write("/my groups\\/cpu.max", "30000 10000");
  CHECK(system.cores() == 3.0);
}

TEST_CASE("a path that leads out of the groups is not followed",
          "[machine_limits]") {
  const FakeSystem system("/../../../secret");
  system.write("/secret/cpu.max", "10000 10000");
  system.write("/sys/fs/cgroup/memory.max", "4096");
  CHECK(system.cores() == kUnlimited);
  CHECK(system.memory() == 4096.0);
}

TEST_CASE("limits that are no numbers limit nothing", "[machine_limits]") {
  const FakeSystem system("/");
  for (const std::string text : {"",
                                 "\n",
                                 "max",
                                 "x 1",
                                 "1",
                                 "100000",
                                 "-5 100000",
                                 "0 100000",
                                 "100000 0",
                                 "100000 -1",
                                 "99999999999999999999 100000",
                                 "nan inf",
                                 "\xff\xfe",
                                 "1e3 1e3",
                                 "+1 +1"}) {
    system.write("/sys/fs/cgroup/cpu.max", text);
    INFO(text);
    CHECK(system.cores() == kUnlimited);
  }
  for (const std::string text :
       {"", "max", "-1", "99999999999999999999", "x"}) {
    system.write("/sys/fs/cgroup/memory.max", text);
    INFO(text);
    CHECK(system.memory() == kUnlimited);
  }
  system.write("/sys/fs/cgroup/memory.max", "0");
  CHECK(system.memory() == 0.0);
  system.write("/sys/fs/cgroup/cpu.max", "9223372036854775807 1");
  CHECK(system.cores() > 1e18);
  system.write("/sys/fs/cgroup/cpu.max", "1 9223372036854775807");
  CHECK(system.cores() > 0.0);
}

TEST_CASE("files that are none limit nothing and are not waited for",
          "[machine_limits]") {
  const FakeSystem system("/");
  const std::string group = system.root() + "/sys/fs/cgroup";
  std::filesystem::create_directories(group + "/memory.max");
  REQUIRE(mkfifo((group + "/cpu.max").c_str(), 0600) == 0);
  CHECK(system.cores() == kUnlimited);
  CHECK(system.memory() == kUnlimited);
  std::filesystem::remove(group + "/cpu.max");
  std::filesystem::create_symlink("cpu.max", group + "/cpu.max");
  CHECK(system.cores() == kUnlimited);
}

TEST_CASE("damaged lists of groups and mounts are harmless",
          "[machine_limits]") {
  const std::string groups = "3:cpu,cpuacct:/a\n2:memory:/a\n0::/a/b\n";
  const std::string mounts =
      "32 30 0:29 / /cg/cpu rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "33 30 0:30 /a /cg/memory rw - cgroup cgroup rw,memory\n"
      "34 30 0:31 / /cg/unified rw - cgroup2 none rw\n";
  FakeSystem system;
  system.write("/cg/cpu/a/cpu.cfs_quota_us", "300000");
  system.write("/cg/cpu/a/cpu.cfs_period_us", "100000");
  system.write("/cg/memory/memory.limit_in_bytes", "1000");
  system.write("/cg/unified/a/cpu.max", "200000 100000");
  const auto damaged = [](std::string text, std::mt19937& random) {
    for (int i = 0; i < 3; ++i) {
      const std::size_t place = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[place] = static_cast<char>(random() % 256);
          break;
        case 1:
          text.erase(place, random() % 8);
          break;
        default:
          text.insert(place, text.substr(random() % text.size(), 5));
      }
      if (text.empty()) text = "\n";
    }
    return text;
  };
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    system.groups(damaged(groups, random));
    system.mounts(damaged(mounts, random));
    INFO("seed " << seed);
    const double cores = system.cores();
    const double memory = system.memory();
    CHECK((cores == 3.0 || cores == 2.0 || cores == kUnlimited));
    CHECK((memory == 1000.0 || memory == kUnlimited));
  }
}

TEST_CASE("long lines and deep groups are read in time", "[machine_limits]") {
  const FakeSystem system("/");
  std::string deep = "0::";
  for (int i = 0; i < 2000; ++i) deep += "/a";
  system.groups(deep + "\n");
  system.write("/sys/fs/cgroup/cpu.max", "30000 10000");
  CHECK(system.cores() == 3.0);
  for (int i = 0; i < 100000; ++i) deep += "/a";
  system.groups(deep + "\n");
  CHECK(system.cores() == kUnlimited);
  system.groups("0::/\n");
  system.mounts(std::string(8 << 20, ' ') + "\n" + kUnifiedMount);
  CHECK(system.cores() == kUnlimited);
}

TEST_CASE("cores and memory are at least one and at most the machine's",
          "[machine_limits]") {
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
  CHECK(nn::usable_cores() >= 1);
  CHECK(nn::usable_cores() <= CPU_COUNT(&before));
  CHECK(nn::usable_memory_bytes() > 1e6);
  CHECK(std::isfinite(nn::usable_memory_bytes()));

  cpu_set_t one;
  CPU_ZERO(&one);
  for (int core = 0; CPU_COUNT(&one) == 0; ++core) {
    if (CPU_ISSET(core, &before)) CPU_SET(core, &one);
  }
  REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
  const int cores = nn::usable_cores();
  REQUIRE(sched_setaffinity(0, sizeof(before), &before) == 0);
  CHECK(cores == 1);
}
