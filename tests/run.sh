#!/usr/bin/env bash
# Builds everything and runs all tests: the release build first, then the
# sanitizers.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tests/run.sh [--release-only] [--fuzz]

Installs what is missing (Debian and Ubuntu), builds the presets and runs their
tests:

  release   all tests, among them those against LibTorch where it is found
  asan      AddressSanitizer and UndefinedBehaviorSanitizer: all tests but
            those on real data
  tsan      ThreadSanitizer: the tests in which threads meet
  fuzz      with --fuzz: the fuzzers of tests/fuzz for some seconds each. The
            tests of release and asan replay their corpus in any case.

  --release-only   no sanitizers
  --fuzz           also searches on from the fuzzers' corpus; needs clang
  --help           this text

Environment:
  NN_DATA_DIR   a folder with MNIST's four IDX files; without it the tests that
                train on real data are skipped
TEXT
}

release_only=
fuzz=
while (($#)); do
  case "$1" in
    --release-only) release_only=yes ;;
    --fuzz) fuzz=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      printf 'run.sh: error: unknown option %s\n\n' "$1" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done

if [[ -n "${NN_DATA_DIR:-}" ]]; then
  [[ -d "$NN_DATA_DIR" ]] || {
    printf 'run.sh: error: NN_DATA_DIR is no folder: %s\n' "$NN_DATA_DIR" >&2
    exit 1
  }
  NN_DATA_DIR="$(cd "$NN_DATA_DIR" && pwd)"
  export NN_DATA_DIR
fi

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
# shellcheck source=../cmake/setup.sh
source cmake/setup.sh

# run_tests PRESET [CTEST OPTION...]
run_tests() {
  local preset="$1"
  shift
  say ""
  say "== $preset"
  "${nn_launcher[@]}" ctest --test-dir "build/$preset" --output-on-failure --no-tests=error \
    --parallel "$(nproc)" "$@"
}

install_packages "${nn_packages[@]}" "${nn_test_packages[@]}"
install_optional "${nn_optional_packages[@]}" "${nn_optional_test_packages[@]}"
if [[ -z "${NN_DATA_DIR:-}" ]]; then
  say "NN_DATA_DIR is not set: the tests that train on real data are skipped"
fi

configure release -DNN_BUILD_TESTS=ON -DNN_BUILD_APPS=ON
build release
run_tests release --timeout 900

if [[ -z "$release_only" ]]; then
  # Training on real data takes minutes under a sanitizer and runs no line that
  # the small data set does not.
  unset NN_DATA_DIR
  configure asan
  build asan
  # The release build has killed programs at many more moments already.
  export NN_KILLS="${NN_KILLS:-8}" NN_FAULTS="${NN_FAULTS:-3}"
  export LSAN_OPTIONS="suppressions=$root/tests/leaks.supp:print_suppressions=0"
  run_tests asan --timeout 900
  # ThreadSanitizer of g++ 12 does not start where the kernel spreads addresses
  # over many bits. The build needs it too: it asks nn_tests for its tests.
  if setarch "$(uname -m)" -R true 2>/dev/null; then
    nn_launcher=(setarch "$(uname -m)" -R)
  fi
  configure tsan
  build tsan
  run_tests tsan --timeout 900
fi

if [[ -n "$fuzz" ]]; then
  say ""
  say "== fuzz"
  tests/fuzz/run.sh --seconds 5 --jobs "$(nproc)"
fi
