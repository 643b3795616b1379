#include "common/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

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

}  // namespace

Progress::Progress(nn::Index epochs, nn::Index steps_per_epoch, bool quiet)
    : epochs_(epochs),
      steps_per_epoch_(steps_per_epoch),
      quiet_(quiet),
      is_terminal_(isatty(STDOUT_FILENO) == 1) {}

Progress::~Progress() {
  clear_bar();
}

void Progress::clear_bar() {
  if (!bar_shown_) return;
  std::printf("\r\033[K");  // to the line's start, and erase to its end
  std::fflush(stdout);
  bar_shown_ = false;
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  clear_bar();
  std::printf("%s\n", text.c_str());
  std::fflush(stdout);
}

void Progress::start_epoch(nn::Index epoch) {
  epoch_ = epoch;
}

void Progress::step(nn::Index step_in_epoch,
                    double mean_loss,
                    nn::Index images,
                    double seconds) {
  if (quiet_ || !is_terminal_) return;
  const Clock::time_point now = Clock::now();
  if (bar_shown_ && now - last_drawn_ < kRedrawInterval) return;
  last_drawn_ = now;
  bar_shown_ = true;

  const double share = static_cast<double>(step_in_epoch) /
                       static_cast<double>(steps_per_epoch_);
  std::string bar(static_cast<std::size_t>(kBarCells), '.');
  bar.replace(0,
              static_cast<std::size_t>(share * kBarCells),
              static_cast<std::size_t>(share * kBarCells),
              '#');
  const double steps_left = static_cast<double>(
      (epochs_ - epoch_) * steps_per_epoch_ + steps_per_epoch_ - step_in_epoch);
  const double seconds_a_step = seconds / static_cast<double>(step_in_epoch);
  std::printf("\r\033[Kepoch %ld/%ld [%s] loss %.4f  %.0f images/s  %s left",
              static_cast<long>(epoch_),
              static_cast<long>(epochs_),
              bar.c_str(),
              mean_loss,
              static_cast<double>(images) / seconds,
              duration(seconds_a_step * steps_left).c_str());
  std::fflush(stdout);
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
