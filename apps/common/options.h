#ifndef NN_APPS_COMMON_OPTIONS_H_
#define NN_APPS_COMMON_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/data/augmentation.h"
#include "nn/optimizers/schedule.h"
#include "nn/optimizers/sgd.h"
#include "nn/types.h"

namespace apps {

/// Wrong usage of a program: it prints the message and exits with 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What tells the training programs apart.
struct Program {
  std::string name;     ///< "mnist_mlp"
  std::string purpose;  ///< one line for --help
  std::string backend;  ///< "libnn" or "torch"
  /// The one model that the program trains, "mlp" or "cnn"; empty for a program
  /// that takes --model.
  std::string model;
};

/// Everything that a run can be told, checked.
struct Options {
  std::string program;
  std::string model;  ///< "mlp" or "cnn"
  std::string backend;

  std::string dataset = "mnist";  ///< of dataset_names(), or a folder's
  std::string data;               ///< folder of the IDX files
  std::string out;                ///< the run folder
  std::string save;               ///< further copy of the weights, or empty
  std::string load;               ///< initial weights, or empty

  std::vector<nn::Index> hidden = {256, 128};  ///< MLP
  std::vector<nn::Index> channels = {16, 32};  ///< CNN
  nn::Index kernel = 5;                        ///< CNN
  nn::Index padding = 2;                       ///< CNN

  nn::Index epochs = 0;
  nn::Index batch_size = 128;
  double learning_rate = 0.0;
  double momentum = 0.9;
  double weight_decay = 5e-4;
  bool nesterov = false;
  std::string schedule = "cosine";  ///< or "constant", "step"
  nn::Index warmup_epochs = 0;      ///< cosine
  double final_learning_rate = 0;   ///< cosine
  nn::Index step_epochs = 5;        ///< step
  double step_factor = 0.1;         ///< step

  nn::AugmentationOptions augmentation;  ///< of the training images

  std::uint64_t seed = 1;
  int threads = 1;
  nn::Index train_limit = 0;  ///< 0: all images
  nn::Index test_limit = 0;   ///< 0: all images
  bool quiet = false;
  /// The training is saved after every epoch, and when so many seconds have
  /// passed since it last was; never if there is no number.
  std::optional<double> checkpoint = 60.0;
  bool resume = false;  ///< from where it was saved

  nn::SgdOptions sgd() const;
  /// The learning rate of every step, for epochs of `steps_per_epoch` steps.
  std::unique_ptr<nn::Schedule> make_schedule(nn::Index steps_per_epoch) const;
  /// By the options' names without dashes in front, for summary.json. Those of
  /// interruptions are left out: they change no result.
  nlohmann::json to_json() const;
  /// Those of them that decide what is trained: a training that is resumed must
  /// have the same.
  nlohmann::json deciding() const;
};

/// Reads a command line. If it asks for --help or --version, writes the answer
/// to standard output and returns nothing.
/// Throws UsageError with option, what was expected and what was found.
std::optional<Options> parse_options(const Program& program,
                                     int argc,
                                     const char* const* argv);

/// Sizes as --hidden and --channels take them: "256,128".
std::string to_text(const std::vector<nn::Index>& sizes);

}  // namespace apps

#endif  // NN_APPS_COMMON_OPTIONS_H_
