// A run appears whole or not at all, whatever becomes of the process, the disk
// and the folder. Environment, for more than continuous integration has time
// for:
//
//   NN_KILLS   how many processes are killed (40; at least 8)
//   NN_FAULTS  how many calls of the system fail, and how often the disk is
//              full (12 each); 0: at every call, and at every 4096th byte
//   NN_SEED    of the moments (printed if a test fails)

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/mount.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "common/partial_folder.h"
#include "common/run_files.h"
#include "common/sha256.h"
#include "nn/files/file.h"
#include "nn/files/model.h"
#include "nn/random.h"
#include "support/catch.h"
#include "support/environment.h"
#include "support/program.h"
#include "support/temporary_directory.h"
#include "support/tiny_mnist.h"

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Clock = std::chrono::steady_clock;
using nn_test::execute;
using nn_test::from_environment;
using nn_test::names_in;
using nn_test::Outcome;
using nn_test::Process;
using Files = std::map<std::string, std::string>;

/// A tiny data set, and a folder of results with one run folder.
struct Place {
  Place() {
    fs::create_directory(root + "/data");
    fs::create_directory(results);
    nn_test::TinyMnist tiny;
    tiny.training = 32;
    tiny.test = 10;
    nn_test::write_tiny_mnist(root + "/data", tiny);
  }

  std::vector<std::string> arguments(
      int run_seed, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {
        "--data", root + "/data", "--threads", "1", "--quiet"};
    const auto add_unless_given = [&](const char* option, std::string value) {
      if (std::find(more.begin(), more.end(), option) == more.end()) {
        all.insert(all.end(), {option, std::move(value)});
      }
    };
    add_unless_given("--out", out);
    add_unless_given("--epochs", "1");
    add_unless_given("--hidden", "8");
    all.insert(all.end(), {"--seed", std::to_string(run_seed)});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Outcome run(int run_seed, const std::vector<std::string>& more = {}) const {
    return execute(NN_MNIST_MLP, arguments(run_seed, more));
  }

  /// With tests/support/faulty_system.cpp in between, told by `faults`.
  Outcome run_with(std::vector<std::string> faults,
                   int run_seed,
                   const std::vector<std::string>& more = {}) const {
    const char* asan = std::getenv("ASAN_OPTIONS");
    faults.insert(faults.end(),
                  {"NN_FAULT_FOLDER=" + results,
                   std::string("LD_PRELOAD=") + NN_FAULTY_SYSTEM,
                   "ASAN_OPTIONS=" + std::string(asan ? asan : "") +
                       ":verify_asan_link_order=0",
                   NN_MNIST_MLP});
    const std::vector<std::string> all = arguments(run_seed, more);
    faults.insert(faults.end(), all.begin(), all.end());
    return execute("env", faults);
  }

  /// The calls and bytes of a whole run.
  std::pair<long, long> count(int run_seed) const {
    const std::string report = root + "/report";
    const Outcome outcome = run_with({"NN_FAULT_REPORT=" + report}, run_seed);
    INFO(outcome.errors);
    REQUIRE(outcome.exit_code == 0);
    std::pair<long, long> counts;
    std::ifstream(report) >> counts.first >> counts.second;
    REQUIRE(counts.first > 10);
    REQUIRE(counts.second > 1000);
    return counts;
  }

  nn_test::TemporaryDirectory folder;
  std::string root = fs::canonical(folder.path()).string();
  std::string results = root + "/results";
  std::string out = results + "/mlp";
};

/// What a run folder holds. A run that was broken off leaves its checkpoint
/// there, and nothing else.
std::vector<std::string> names_but_checkpoint(const std::string& out) {
  std::vector<std::string> names = names_in(out);
  names.erase(std::remove(names.begin(), names.end(), apps::kCheckpointFile),
              names.end());
  return names;
}

/// The run's files, as a reader finds them.
Files files_of(const std::string& out) {
  Files files;
  for (const std::string& name : apps::run_file_names()) {
    const std::string path = apps::run_file(out, name);
    if (fs::exists(path)) files[name] = nn::read_file(path);
  }
  return files;
}

/// All files of one run that drew all its figures, by its manifest.
bool is_whole(const Files& files) {
  if (files.size() != apps::run_file_names().size()) return false;
  std::string expected;
  for (const auto& [name, bytes] : files) {
    if (name != apps::kManifestFile) {
      expected += apps::sha256(bytes) + "  " + name + "\n";
    }
  }
  return files.at(apps::kManifestFile) == expected;
}

int seed_of(const Files& files) {
  return nlohmann::json::parse(files.at(apps::kSummaryFile)).at("seed");
}

/// The run is still the old one, or it is the new one. Returns it.
Files check_old_or_new(const std::string& out, const Files& old, int new_seed) {
  const Files files = files_of(out);
  if (files == old) return files;
  REQUIRE(is_whole(files));
  CHECK(seed_of(files) == new_seed);
  return files;
}

/// The report shows this run, and complains of nothing.
void check_report(const Place& place, const Files& files) {
  const Outcome outcome = execute(
      NN_MNIST_REPORT, {"--results", place.results, "--out", place.root});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.errors.empty());
  const std::string html = nn::read_file(place.root + "/report.html");
  const auto summary = nlohmann::json::parse(files.at(apps::kSummaryFile));
  CHECK_THAT(html,
             ContainsSubstring(summary.at("finished").get<std::string>()) &&
                 ContainsSubstring("--seed " + std::to_string(seed_of(files))));
}

/// A run that nothing disturbs leaves itself and nothing else.
void check_next_run_tidies(const Place& place,
                           std::vector<std::string> others = {}) {
  REQUIRE(place.run(9999).exit_code == 0);
  const Files files = files_of(place.out);
  CHECK(is_whole(files));
  CHECK(seed_of(files) == 9999);
  CHECK(names_in(place.results) == std::vector<std::string>{"mlp"});
  others.insert(others.end(),
                apps::run_file_names().begin(),
                apps::run_file_names().end());
  std::sort(others.begin(), others.end());
  CHECK(names_in(place.out) == others);
}

/// About `count` numbers in 1 .. last, spread evenly from a random one on; all
/// of them if `count` is 0.
std::vector<long> spread(long count, long last, nn::Rng& rng) {
  std::vector<long> numbers;
  if (count == 0 || count > last) count = last;
  const double step = static_cast<double>(last) / static_cast<double>(count);
  const double first = rng.uniform() * step;
  for (long i = 0; i < count; ++i) {
    const double at = first + step * static_cast<double>(i);
    numbers.push_back(std::min(last, 1 + static_cast<long>(at)));
  }
  return numbers;
}

bool has_partial_folder(const std::string& directory) {
  const std::vector<std::string> names = names_in(directory);
  return std::any_of(names.begin(), names.end(), apps::is_partial_folder);
}

/// Kills runs at their n-th change of the folder.
void kill_at_calls(Place& place, long kills, nn::Rng& rng) {
  REQUIRE(place.run(1).exit_code == 0);
  Files old = files_of(place.out);
  const long calls = place.count(2).first;
  old = files_of(place.out);
  int new_seed = 10;
  for (const long at : spread(kills, calls, rng)) {
    ++new_seed;
    CAPTURE(at, calls);
    const Outcome outcome =
        place.run_with({"NN_FAULT_AT=" + std::to_string(at)}, new_seed);
    CHECK(outcome.exit_code != 0);
    old = check_old_or_new(place.out, old, new_seed);
    if (new_seed % 10 == 0) check_report(place, old);
  }
  check_report(place, old);
}

}  // namespace

TEST_CASE("a killed run leaves the run before it or itself, whole",
          "[apps][publishing]") {
  const long kills = from_environment("NN_KILLS", 40);
  const std::uint64_t rng_seed = nn_test::seed_from_environment();
  CAPTURE(rng_seed);
  nn::Rng rng(rng_seed);
  Place place;

  SECTION("at every change of a folder that can be exchanged") {
    kill_at_calls(place, kills / 4, rng);
    // No kill left a part of a run in the folder itself.
    CHECK(names_but_checkpoint(place.out) == apps::run_file_names());
    check_next_run_tidies(place);
  }
  SECTION("at every change of a folder that others use too") {
    fs::create_directory(place.out);
    nn::write_file_atomically(place.out + "/notes.txt", "mine");
    kill_at_calls(place, kills / 4, rng);
    check_next_run_tidies(place, {"notes.txt"});
    CHECK(nn::read_file(place.out + "/notes.txt") == "mine");
  }
  SECTION("at any moment") {
    REQUIRE(place.run(1).exit_code == 0);
    Files old = files_of(place.out);
    const auto seconds_since = [](Clock::time_point start) {
      return std::chrono::duration<double>(Clock::now() - start).count();
    };
    const auto sleep = [](double seconds) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    };
    double training = 0.05;
    double publishing = 0.5;
    long killed = 0;
    int new_seed = 10;
    while (killed < kills - kills / 4 * 2) {
      ++new_seed;
      const bool while_published = killed % 2 == 0;
      const Clock::time_point start = Clock::now();
      Process process(NN_MNIST_MLP, place.arguments(new_seed));
      if (while_published) {
        // A left-over of the last kill goes first.
        while (has_partial_folder(place.results) && seconds_since(start) < 2) {
        }
        while (!has_partial_folder(place.results) &&
               seconds_since(start) < 20) {
        }
        training = seconds_since(start);
        sleep(rng.uniform() * 1.2 * publishing);
      } else {
        sleep(rng.uniform() * (training + publishing));
      }
      if (WIFSIGNALED(process.end(SIGKILL))) {
        ++killed;
      } else {
        publishing *= 0.9;
      }
      old = check_old_or_new(place.out, old, new_seed);
      CHECK(names_but_checkpoint(place.out) == apps::run_file_names());
      if (killed % 10 == 0) check_report(place, old);
    }
    check_next_run_tidies(place);
  }
}

TEST_CASE("a call that fails leaves the run before it or itself, whole",
          "[apps][publishing][errors]") {
  const std::uint64_t rng_seed = nn_test::seed_from_environment();
  CAPTURE(rng_seed);
  nn::Rng rng(rng_seed);
  Place place;
  const bool shared = GENERATE(false, true);
  if (shared) {
    fs::create_directory(place.out);
    nn::write_file_atomically(place.out + "/notes.txt", "mine");
  }
  REQUIRE(place.run(1).exit_code == 0);
  const long calls = place.count(2).first;
  Files old = files_of(place.out);
  int new_seed = 10;
  for (const long at : spread(from_environment("NN_FAULTS", 12), calls, rng)) {
    ++new_seed;
    const Outcome outcome =
        place.run_with({"NN_FAULT_AT=" + std::to_string(at),
                        "NN_FAULT_ERRNO=" + std::to_string(EIO)},
                       new_seed);
    CAPTURE(at, calls, shared, outcome.errors);
    old = check_old_or_new(place.out, old, new_seed);
    if (outcome.exit_code == 0) {
      CHECK(seed_of(old) == new_seed);
    } else {
      CHECK(outcome.exit_code == 1);
      CHECK_THAT(outcome.errors,
                 ContainsSubstring("mnist_mlp: error: ") &&
                     ContainsSubstring("Input/output error") &&
                     ContainsSubstring(place.results));
    }
  }
  for (const std::string& in : {place.results, place.out}) {
    for (const std::string& name : names_in(in)) {
      if (name.find("unpublished-") != name.npos) fs::remove(in + "/" + name);
    }
  }
  std::vector<std::string> others;
  if (shared) others.push_back("notes.txt");
  check_next_run_tidies(place, others);
}

namespace {

/// What a run has left on a full disk, beside the run before it.
struct Left {
  bool checkpoint;
  bool model;
};

void check_full_disk(const Place& place,
                     const Outcome& outcome,
                     const Files& old,
                     const std::string& model,
                     const Left& expected) {
  INFO(outcome.errors);
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.errors,
             ContainsSubstring("mnist_mlp: error: ") &&
                 ContainsSubstring(place.results) &&
                 ContainsSubstring("No space left on device"));
  CHECK(files_of(place.out) == old);
  CHECK(names_but_checkpoint(place.out) == apps::run_file_names());
  const std::string checkpoint = place.out + "/" + apps::kCheckpointFile;
  CHECK(fs::exists(checkpoint) == expected.checkpoint);
  CHECK((outcome.errors.find("the training is not saved") !=
         outcome.errors.npos) == !expected.checkpoint);
  std::vector<std::string> kept;
  for (const std::string& name : names_in(place.results)) {
    if (name != "mlp") kept.push_back(name);
  }
  CHECK(kept.size() == (expected.model ? 1 : 0));
  for (const std::string& name : kept) {
    const std::string path = place.results + "/" + name;
    CHECK_THAT(outcome.errors,
               ContainsSubstring("the trained weights are in " + path));
    CHECK(nn::read_file(path) == model);
    CHECK(nn::load_model<float>(path).size() == 4);
    fs::remove(path);
  }
  if (!expected.model) {
    CHECK_THAT(
        outcome.errors,
        ContainsSubstring(expected.checkpoint
                              ? "the same command with --resume goes on from " +
                                    checkpoint
                              : "the trained weights are lost"));
  }
  fs::remove(checkpoint);
}

/// The bytes of the checkpoint that a run leaves when there is no room for
/// anything else.
long checkpoint_bytes(const Place& place, long bytes, int run_seed) {
  const Outcome outcome =
      place.run_with({"NN_FAULT_ROOM=" + std::to_string(bytes)}, run_seed);
  REQUIRE(outcome.exit_code == 1);
  const std::string path = place.out + "/" + apps::kCheckpointFile;
  const auto size = static_cast<long>(fs::file_size(path));
  for (const std::string& name : names_in(place.results)) {
    if (name != "mlp") fs::remove(place.results + "/" + name);
  }
  fs::remove(path);
  return size;
}

}  // namespace

TEST_CASE("a disk that is full at any byte loses neither weights nor old run",
          "[apps][publishing][errors]") {
  const std::uint64_t rng_seed = nn_test::seed_from_environment();
  CAPTURE(rng_seed);
  nn::Rng rng(rng_seed);
  const Place place;
  const long bytes = place.count(7).second;
  const std::string model = nn::read_file(place.out + "/model.safetensors");
  const long model_bytes = static_cast<long>(model.size());
  REQUIRE(place.run(1).exit_code == 0);
  const Files old = files_of(place.out);

  // The summary and the figure of the layers' times hold times, of more or
  // fewer digits.
  const long last = bytes - 8192;
  REQUIRE(last > 0);
  const long steps = from_environment("NN_FAULTS", 12);
  const long checkpoint = checkpoint_bytes(place, last, 7);
  const long both = checkpoint + model_bytes;
  // The times in a checkpoint have more or fewer digits, too.
  constexpr long kDigits = 256;
  std::vector<long> rooms = spread(steps == 0 ? last / 4096 : steps, last, rng);
  for (long& room : rooms) {
    for (const long size : {checkpoint, both}) {
      if (std::abs(room - size) < kDigits) room = size + kDigits;
    }
  }
  rooms.insert(rooms.end(),
               {0,
                1,
                checkpoint - kDigits,
                checkpoint + kDigits,
                both - kDigits,
                both + kDigits,
                last});
  for (const long room : rooms) {
    CAPTURE(room, bytes, checkpoint, model_bytes);
    const Outcome outcome =
        place.run_with({"NN_FAULT_ROOM=" + std::to_string(room)}, 7);
    check_full_disk(
        place, outcome, old, model, {room >= checkpoint, room >= both});
  }
  // A checkpoint that fitted is a run, once there is room.
  REQUIRE(place
              .run_with(
                  {"NN_FAULT_ROOM=" + std::to_string(checkpoint + kDigits)}, 7)
              .exit_code == 1);
  REQUIRE(place.run(7, {"--resume"}).exit_code == 0);
  CHECK(nn::read_file(place.out + "/model.safetensors") == model);
  CHECK(names_in(place.out) == apps::run_file_names());
  REQUIRE(place.run(1).exit_code == 0);
  const Files again = files_of(place.out);

  // Where --save has room, the weights are there and nowhere else.
  const std::string save = place.root + "/weights.safetensors";
  for (const long room : {0L, both + 1, last}) {
    const Outcome outcome = place.run_with(
        {"NN_FAULT_ROOM=" + std::to_string(room)}, 7, {"--save", save});
    CHECK(outcome.exit_code == 1);
    CHECK_THAT(outcome.errors,
               ContainsSubstring("the trained weights are in " + save));
    CHECK(nn::read_file(save) == model);
    fs::remove(save);
    CHECK(files_of(place.out) == again);
    CHECK(names_in(place.results) == std::vector<std::string>{"mlp"});
  }
  // And the other way round: a full disk for --save keeps no run back.
  const Outcome outcome = place.run_with(
      {"NN_FAULT_ROOM=0"},
      7,
      {"--save", place.results + "/saved", "--out", place.root + "/elsewhere"});
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.errors,
             ContainsSubstring("saved") &&
                 ContainsSubstring("the trained weights are in " + place.root +
                                   "/elsewhere"));
  CHECK(is_whole(files_of(place.root + "/elsewhere")));
  CHECK(names_in(place.results) == std::vector<std::string>{"mlp"});
  CHECK(place.run(7).exit_code == 0);
}

#ifdef __linux__
namespace {

/// A file system in memory, or another folder, at a place; until the end of the
/// scope.
class Mount {
 public:
  Mount(const std::string& source,
        const std::string& at,
        const char* type,
        unsigned long flags,
        const std::string& options)
      : at_(at),
        mounted_(
            mount(source.c_str(), at.c_str(), type, flags, options.c_str()) ==
            0) {}
  ~Mount() {
    if (mounted_) umount2(at_.c_str(), MNT_DETACH);
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  bool mounted() const { return mounted_; }

 private:
  std::string at_;
  bool mounted_;
};

}  // namespace

TEST_CASE("a full tmpfs loses neither weights nor old run",
          "[apps][publishing][errors]") {
  const std::uint64_t rng_seed = nn_test::seed_from_environment();
  CAPTURE(rng_seed);
  nn::Rng rng(rng_seed);
  const Place place;
  const Mount disk("tmpfs", place.results, "tmpfs", 0, "size=16m");
  if (!disk.mounted()) {
    WARN("not tested: only root may mount a tmpfs");
    return;
  }
  REQUIRE(place.run(7).exit_code == 0);
  const std::string model = nn::read_file(place.out + "/model.safetensors");
  const long most = place.count(7).second - 8192;
  REQUIRE(place.run(1).exit_code == 0);
  const Files old = files_of(place.out);
  const long page = sysconf(_SC_PAGESIZE);
  const auto pages = [page](std::size_t bytes) {
    return (static_cast<long>(bytes) + page - 1) / page;
  };
  long used = 0;
  for (const auto& [name, bytes] : old) used += pages(bytes.size());
  std::vector<long> rooms =
      spread(from_environment("NN_FAULTS", 12) / 2, used - 1, rng);
  const long model_pages = pages(model.size());
  const long checkpoint =
      pages(static_cast<std::size_t>(checkpoint_bytes(place, most, 7)));
  rooms.insert(
      rooms.end(),
      {0, model_pages, checkpoint, checkpoint + model_pages, used - 1});
  for (const long room : rooms) {
    CAPTURE(room, used);
    const std::string size = "size=" + std::to_string((used + room) * page);
    REQUIRE(mount("tmpfs",
                  place.results.c_str(),
                  "tmpfs",
                  MS_REMOUNT,
                  size.c_str()) == 0);
    const bool has_checkpoint = room >= checkpoint;
    const long left = room - (has_checkpoint ? checkpoint : 0);
    check_full_disk(
        place, place.run(7), old, model, {has_checkpoint, left >= model_pages});
  }
  REQUIRE(
      mount("tmpfs", place.results.c_str(), "tmpfs", MS_REMOUNT, "size=16m") ==
      0);
  check_next_run_tidies(place);
}

TEST_CASE("a run folder may be a mount point", "[apps][publishing]") {
  const Place place;
  fs::create_directory(place.out);
  SECTION("of another file system") {
    const Mount disk("tmpfs", place.out, "tmpfs", 0, "size=16m");
    if (!disk.mounted()) {
      WARN("not tested: only root may mount a tmpfs");
      return;
    }
    REQUIRE(place.run(1).exit_code == 0);
    check_next_run_tidies(place);
  }
  SECTION("of a folder of the same file system") {
    const Mount again(place.out, place.out, nullptr, MS_BIND, "");
    if (!again.mounted()) {
      WARN("not tested: only root may mount a folder");
      return;
    }
    REQUIRE(place.run(1).exit_code == 0);
    check_next_run_tidies(place);
  }
}
#endif

TEST_CASE("a run keeps what is the user's of its folder",
          "[apps][publishing]") {
  const Place place;
  REQUIRE(place.run(1).exit_code == 0);
  SECTION("its mode") {
    fs::permissions(place.out, fs::perms::owner_all | fs::perms::group_read);
    check_next_run_tidies(place);
    CHECK(fs::status(place.out).permissions() ==
          (fs::perms::owner_all | fs::perms::group_read));
  }
  SECTION("a symbolic link to it") {
    fs::create_directory(place.root + "/far");
    fs::rename(place.out, place.root + "/far/mlp");
    fs::create_symlink(place.root + "/far/mlp", place.out);
    check_next_run_tidies(place);
    CHECK(fs::is_symlink(place.out));
    CHECK(names_in(place.root + "/far") == std::vector<std::string>{"mlp"});
  }
  SECTION("files and folders of others") {
    fs::create_directory(place.out + "/drafts");
    nn::write_file_atomically(place.out + "/drafts/a", "b");
    nn::write_file_atomically(place.out + "/notes.txt", "mine");
    check_next_run_tidies(place, {"drafts", "notes.txt"});
    CHECK(nn::read_file(place.out + "/notes.txt") == "mine");
    CHECK(nn::read_file(place.out + "/drafts/a") == "b");
  }
  SECTION("that somebody works in it") {
    // The shell's folder is the same one before and after.
    const std::string text =
        "cd " + nn_test::quoted(place.out) + " && " +
        nn_test::quoted(NN_MNIST_MLP) +
        " --out . --quiet --epochs 1 --seed 3 " + "--hidden 8 --data " +
        nn_test::quoted(place.root + "/data") + " && cat summary.json";
    const Outcome outcome = execute("sh", {"-c", text});
    CHECK(outcome.exit_code == 0);
    CHECK_THAT(outcome.output, ContainsSubstring("\"seed\": 3,"));
    CHECK(is_whole(files_of(place.out)));
  }
}

TEST_CASE("a run is published though its folder is removed meanwhile",
          "[apps][publishing]") {
  const Place place;
  std::string command = nn_test::quoted(NN_MNIST_MLP);
  for (const std::string& argument : place.arguments(5, {"--epochs", "2000"})) {
    if (argument != "--quiet") command += " " + nn_test::quoted(argument);
  }
  // Training has begun with the first line of output. It cannot end before the
  // folder is removed: its output is more than a pipe holds.
  const std::string code = nn_test::quoted(place.root + "/code");
  const Outcome outcome = execute(
      "sh",
      {"-c",
       "{ " + command + "; echo $? >" + code + "; } | { read -r line; rm -r " +
           nn_test::quoted(place.results) + "; cat; }; exit $(cat " + code +
           ")"});
  INFO(outcome.errors);
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.output.size() > 65536 * 2);
  CHECK(is_whole(files_of(place.out)));
}

TEST_CASE("two programs and a report share a folder at the same time",
          "[apps][publishing]") {
  const Place place;
  REQUIRE(place.run(1).exit_code == 0);
  for (int round = 0; round < 3; ++round) {
    const bool in_place = round == 1;
    if (in_place) nn::write_file_atomically(place.out + "/notes.txt", "mine");
    const int first = 10 + 2 * round;
    Process one(NN_MNIST_MLP, place.arguments(first));
    Process other(NN_MNIST_MLP, place.arguments(first + 1));
    for (int i = 0; i < 2; ++i) {
      const Outcome report = execute(
          NN_MNIST_REPORT, {"--results", place.results, "--out", place.root});
      CHECK(report.exit_code == 0);
      CHECK(report.errors.empty());
    }
    CHECK(one.end() == 0);
    CHECK(other.end() == 0);
    const Files files = files_of(place.out);
    CHECK(is_whole(files));
    CHECK(seed_of(files) / 2 * 2 == first);
    if (in_place) fs::remove(place.out + "/notes.txt");
  }
  check_next_run_tidies(place);
}

TEST_CASE("a figure that cannot be drawn costs neither run nor network",
          "[apps][publishing]") {
  const Place place;
  std::string hidden = "4";
  for (int i = 0; i < 500; ++i) hidden += ",4";
  const std::vector<std::string> deep = {"--hidden", hidden};
  const Outcome outcome = place.run(3, deep);
  INFO(outcome.errors);
  CHECK(outcome.exit_code == 0);
  CHECK_THAT(outcome.errors,
             ContainsSubstring("mnist_mlp: warning: feature_maps.png is "
                               "missing from the run: ") &&
                 ContainsSubstring("no PNG can hold a figure so large"));
  std::vector<std::string> expected = apps::run_file_names();
  expected.erase(
      std::find(expected.begin(), expected.end(), "feature_maps.png"));
  CHECK(names_in(place.out) == expected);
  CHECK(apps::check_manifest(place.out).empty());
  const auto summary =
      nlohmann::json::parse(nn::read_file(place.out + "/summary.json"));
  REQUIRE(summary.at("missing_figures").size() == 1);
  CHECK(summary.at("/missing_figures/0/name"_json_pointer) ==
        "feature_maps.png");
  CHECK(nn::load_model<float>(place.out + "/model.safetensors").size() == 1004);
  const Outcome report = execute(
      NN_MNIST_REPORT, {"--results", place.results, "--out", place.root});
  CHECK(report.exit_code == 0);
  // The figure of an earlier run does not stay, where files are moved in.
  REQUIRE(place.run(1).exit_code == 0);
  nn::write_file_atomically(place.out + "/notes.txt", "mine");
  CHECK(place.run(3, deep).exit_code == 0);
  CHECK_FALSE(fs::exists(place.out + "/feature_maps.png"));
  CHECK(apps::check_manifest(place.out).empty());
}

TEST_CASE("a manifest tells a mix of two runs, and names it",
          "[apps][publishing][errors]") {
  const nn_test::TemporaryDirectory folder;
  for (const char* name : {"summary.json", "steps.csv", "loss.png"}) {
    nn::write_file_atomically(folder.file(name), name);
  }
  apps::write_manifest(folder.path());
  CHECK(apps::check_manifest(folder.path()).empty());
  CHECK(apps::names_in_manifest(apps::read_manifest(folder.path())) ==
        std::vector<std::string>{"loss.png", "steps.csv", "summary.json"});
  CHECK(execute("sh",
                {"-c",
                 "cd " + nn_test::quoted(folder.path()) +
                     " && sha256sum -c run.sha256"})
            .exit_code == 0);
  const auto problem = [&folder] {
    const auto problems = apps::check_manifest(folder.path());
    return problems.size() == 1 ? problems[0] : "(not one problem)";
  };

  SECTION("a file of another run") {
    nn::write_file_atomically(folder.file("steps.csv"), "another's");
    CHECK_THAT(problem(),
               ContainsSubstring(folder.file("steps.csv")) &&
                   ContainsSubstring("of another run, or changed since"));
  }
  SECTION("a missing file") {
    fs::remove(folder.file("loss.png"));
    CHECK_THAT(problem(),
               ContainsSubstring("loss.png: missing, although the run"));
  }
  SECTION("a pipe, which nobody writes to") {
    fs::remove(folder.file("loss.png"));
    REQUIRE(mkfifo(folder.file("loss.png").c_str(), 0600) == 0);
    CHECK_THAT(problem(), ContainsSubstring("loss.png: expected the file"));
  }
  SECTION("an empty manifest") {
    nn::write_file_atomically(folder.file("run.sha256"), "");
    CHECK_THAT(problem(), ContainsSubstring("run.sha256: expected"));
  }
  SECTION("a manifest that lists what is no run's file") {
    nn::write_file_atomically(
        folder.file("run.sha256"),
        nn::read_file(folder.file("run.sha256")) + std::string(64, '0') +
            "  ../../etc/passwd\n" + "x\n\n" + std::string(70, ' ') + "\n");
    CHECK(apps::check_manifest(folder.path()).empty());
  }
  SECTION("no manifest, as in runs of earlier versions") {
    fs::remove(folder.file("run.sha256"));
    CHECK(apps::check_manifest(folder.path()).empty());
  }
  SECTION("a run that is being moved to its place") {
    const std::string moving = folder.file(".publishing");
    fs::create_directory(moving);
    nn::write_file_atomically(moving + "/steps.csv", "new steps");
    nn::write_file_atomically(folder.file("summary.json"), "new summary");
    nn::write_file_atomically(folder.file("loss.png"), "new loss");
    // Files that are moved already count, and the manifest is the new one.
    nn::write_file_atomically(
        moving + "/run.sha256",
        apps::sha256("new loss") + "  loss.png\n" + apps::sha256("new steps") +
            "  steps.csv\n" + apps::sha256("new summary") + "  summary.json\n");
    CHECK(apps::check_manifest(folder.path()).empty());
    CHECK(apps::run_file(folder.path(), "steps.csv") == moving + "/steps.csv");
  }
}

TEST_CASE("left-overs of dead processes are removed, and of no others",
          "[apps][publishing]") {
  const nn_test::TemporaryDirectory folder;
  const auto make = [&folder](const std::string& name,
                              const std::string& file) {
    fs::create_directory(folder.file(name));
    if (!file.empty()) {
      nn::write_file_atomically(folder.file(name) + "/" + file, "x");
    }
  };
  make(".a.partial-dead01", "steps.csv");
  make(".a.partial-dead02", ".steps.csv.12-3.tmp");
  make(".a.partial-dead03", "");
  make(".a.partial-notes1", "notes.txt");
  make(".b.partial-dead01", "steps.csv");
  make(".a.partial-1", "steps.csv");
  nn::write_file_atomically(folder.file(".a.partial-file01"), "x");
  {
    apps::PartialFolder live(folder.path(), ".a.partial-");
    nn::write_file_atomically((live.path() / "steps.csv").string(), "mine");
    const apps::PartialFolder other(folder.path(), ".a.partial-");
    CHECK(fs::exists(live.path() / "steps.csv"));
    CHECK(names_in(folder.path()).size() == 6);
  }
  CHECK(names_in(folder.path()) ==
        std::vector<std::string>{".a.partial-1",
                                 ".a.partial-file01",
                                 ".a.partial-notes1",
                                 ".b.partial-dead01"});
}
