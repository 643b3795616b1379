#include "common/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "common/output.h"
#include "nn/check.h"

namespace apps {
namespace {

constexpr int kBarCells = 20;
// Often enough to look alive, rarely enough to cost nothing.
constexpr std::chrono::milliseconds kRedrawInterval(100);

std::string duration(double seconds) {
  char text[32];
  const long rounded = std::lround(seconds);
  if (rounded >= 3600) {
    std::snprintf(text,
                  sizeof text,
                  "%ld:%02ld:%02ld",
                  rounded / 3600,
                  rounded / 60 % 60,
                  rounded % 60);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", rounded / 60, rounded % 60);
  }
  return text;
}

/// Whether a line can be redrawn on standard output.
bool is_capable_terminal() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && terminal != nullptr &&
         *terminal != '\0' && std::string_view(terminal) != "dumb";
}

/// The terminal's width now: it may change at any time.
std::size_t columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return kUsual;
  }
  return size.ws_col;
}

}  // namespace

std::string progress_line(const std::vector<ProgressPart>& parts,
                          std::size_t width) {
  std::string line;
  // The least weight that is shown: all that weigh as much have room.
  for (int least = 0;; ++least) {
    line.clear();
    bool all_weigh_less = true;
    for (const ProgressPart& part : parts) {
      if (part.weight < least) continue;
      line += part.text;
      all_weigh_less = false;
    }
    if (line.size() <= width || all_weigh_less) return line;
  }
}

Progress::Progress(nn::Index epochs, nn::Index steps_per_epoch, bool quiet)
    : epochs_(epochs),
      steps_per_epoch_(steps_per_epoch),
      quiet_(quiet),
      is_terminal_(is_capable_terminal()) {}

Progress::~Progress() {
  clear_bar();
}

void Progress::clear_bar() {
  if (!bar_shown_) return;
  std::printf("\r\033[K");  // to the line's start, and erase to its end
  flush_output();
  bar_shown_ = false;
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  clear_bar();
  std::printf("%s\n", text.c_str());
  flush_output();
}

void Progress::step(const nn::StepReport& report,
                    double mean_loss,
                    double images_per_second) {
  if (quiet_ || !is_terminal_) return;
  const Clock::time_point now = Clock::now();
  if (bar_shown_ && now - last_drawn_ < kRedrawInterval) return;
  last_drawn_ = now;
  bar_shown_ = true;

  const double share = static_cast<double>(report.step_in_epoch) /
                       static_cast<double>(steps_per_epoch_);
  std::string bar(static_cast<std::size_t>(kBarCells), '.');
  bar.replace(0,
              static_cast<std::size_t>(share * kBarCells),
              static_cast<std::size_t>(share * kBarCells),
              '#');
  const double images_left =
      static_cast<double>((epochs_ - report.epoch + 1) * steps_per_epoch_ -
                          report.step_in_epoch) *
      static_cast<double>(report.samples);
  char loss[64];
  std::snprintf(loss, sizeof loss, " loss %.4f", mean_loss);
  char speed[64];
  std::snprintf(speed, sizeof speed, "  %.0f images/s", images_per_second);
  // A line that reaches the last column wraps on some terminals, and then only
  // a part of it can be erased.
  const std::string line = progress_line(
      {{nn::concat("epoch ", report.epoch, '/', epochs_), 4},
       {" [" + bar + "]", 0},
       {loss, 3},
       {speed, 1},
       {"  " + duration(images_left / images_per_second) + " left", 2}},
      columns() - 1);
  std::printf("\r\033[K%s", line.c_str());
  flush_output();
}

void Progress::end_epoch(const EpochRow& row, nn::Index images) {
  char text[256];
  std::snprintf(text,
                sizeof text,
                "epoch %d/%ld  train: loss %.4f accuracy %.2f %%  "
                "test: loss %.4f accuracy %.2f %%  %.2f s  %.0f images/s",
                row.epoch,
                static_cast<long>(epochs_),
                row.train_loss,
                100.0 * row.train_accuracy,
                row.test_loss,
                100.0 * row.test_accuracy,
                row.train_seconds,
                static_cast<double>(images) / row.train_seconds);
  line(text);
}

}  // namespace apps
