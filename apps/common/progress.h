#ifndef NN_APPS_COMMON_PROGRESS_H_
#define NN_APPS_COMMON_PROGRESS_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "common/run.h"
#include "nn/types.h"

namespace apps {

struct ProgressPart {
  std::string text;
  int weight = 0;
};

/// The parts one after the other, without the lightest ones if they are longer
/// than `width` together. Nothing if not even the heaviest has room.
std::string progress_line(const std::vector<ProgressPart>& parts,
                          std::size_t width);

/// Tells on standard output how training goes: a bar that is redrawn on a
/// terminal, as far as its width goes; a line an epoch elsewhere, and where
/// TERM is "dumb"; nothing if quiet.
class Progress {
 public:
  Progress(nn::Index epochs, nn::Index steps_per_epoch, bool quiet);
  /// Leaves the cursor on a line of its own.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// A line of its own.
  void line(const std::string& text);

  void start_epoch(nn::Index epoch);
  /// After a step: `images` were seen in this epoch so far, in `seconds`;
  /// `mean_loss` is that of the epoch so far.
  void step(nn::Index step_in_epoch,
            double mean_loss,
            nn::Index images,
            double seconds);
  void end_epoch(const EpochRow& row, nn::Index images);

 private:
  using Clock = std::chrono::steady_clock;
  void clear_bar();

  nn::Index epochs_;
  nn::Index steps_per_epoch_;
  bool quiet_;
  bool is_terminal_;
  nn::Index epoch_ = 0;
  bool bar_shown_ = false;
  Clock::time_point last_drawn_;
};

}  // namespace apps

#endif  // NN_APPS_COMMON_PROGRESS_H_
