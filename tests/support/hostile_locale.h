#ifndef NN_TESTS_SUPPORT_HOSTILE_LOCALE_H_
#define NN_TESTS_SUPPORT_HOSTILE_LOCALE_H_

#include <clocale>
#include <cstdlib>
#include <locale>
#include <string>

#include "support/temporary_directory.h"

namespace nn_test {

/// In its scope the program's locale, that of C++ and that of C, writes numbers
/// as nobody reads them: every digit a group of its own, and a decimal comma.
class HostileLocale {
 public:
  HostileLocale() : before_(std::locale()), c_before_(now()) {
    // A C locale cannot be made within a program. Where none with a comma is
    // installed, one is built, if that is possible.
    const char* const kNames[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    for (const char* name : kNames) {
      if (!has_comma()) std::setlocale(LC_ALL, name);
    }
    if (!has_comma()) {
      const std::string build = "localedef -i de_DE -f UTF-8 " +
                                directory_.file("de_DE.UTF-8") +
                                " >/dev/null 2>&1";
      if (std::system(build.c_str()) == 0) {
        setenv("LOCPATH", directory_.path().c_str(), 1);
        std::setlocale(LC_ALL, "de_DE.UTF-8");
        unsetenv("LOCPATH");
      }
    }
    std::locale::global(std::locale(std::locale::classic(), new Grouping));
  }
  ~HostileLocale() {
    std::locale::global(before_);
    std::setlocale(LC_ALL, c_before_.c_str());
  }
  HostileLocale(const HostileLocale&) = delete;
  HostileLocale& operator=(const HostileLocale&) = delete;

  /// Whether the C locale has a decimal comma too.
  static bool has_comma() {
    return std::string(std::localeconv()->decimal_point) == ",";
  }

 private:
  class Grouping final : public std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '\''; }
    std::string do_grouping() const override { return "\1"; }
    std::string do_truename() const override { return "wahr"; }
    std::string do_falsename() const override { return "falsch"; }
  };

  static std::string now() {
    const char* const name = std::setlocale(LC_ALL, nullptr);
    return name == nullptr ? "C" : name;
  }

  std::locale before_;
  std::string c_before_;
  TemporaryDirectory directory_;
};

}  // namespace nn_test

#endif  // NN_TESTS_SUPPORT_HOSTILE_LOCALE_H_
