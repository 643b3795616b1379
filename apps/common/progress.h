#ifndef NN_APPS_COMMON_PROGRESS_H_
#define NN_APPS_COMMON_PROGRESS_H_

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "common/run.h"
#include "nn/training/trainer.h"
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

  /// After a step: `mean_loss` and the images a second are those of the epoch
  /// so far.
  void step(const nn::StepReport& report,
            double mean_loss,
            double images_per_second);
  void end_epoch(const EpochRow& row, nn::Index images);

 private:
  using Clock = std::chrono::steady_clock;
  void clear_bar();

  nn::Index epochs_;
  nn::Index steps_per_epoch_;
  bool quiet_;
  bool is_terminal_;
  bool bar_shown_ = false;
  Clock::time_point last_drawn_;
};

}  // namespace apps

#endif  // NN_APPS_COMMON_PROGRESS_H_
