#ifndef NN_TESTS_SUPPORT_PIPE_H_
#define NN_TESTS_SUPPORT_PIPE_H_

#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "nn/check.h"
#include "support/catch.h"

namespace nn_test {

/// A pipe that holds a text, under the path of its end.
class Pipe {
 public:
  explicit Pipe(const std::string& text) {
    REQUIRE(::pipe(ends_.data()) == 0);
    write(text);
  }
  ~Pipe() {
    ::close(ends_[0]);
    end();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  std::string path() const { return nn::concat("/dev/fd/", ends_[0]); }
  /// Behind what is there. All together has room in a pipe: 64 KiB.
  void write(const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t now =
          ::write(ends_[1], text.data() + done, text.size() - done);
      REQUIRE(now > 0);
      done += static_cast<std::size_t>(now);
    }
  }
  void end() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }

 private:
  std::array<int, 2> ends_{};
};

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_PIPE_H_
