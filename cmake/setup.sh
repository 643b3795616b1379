# shellcheck shell=bash
# What apps/reproduce.sh and tests/run.sh share: the one list of Debian
# packages, and quiet configure and build steps. It is sourced, and expects
# `set -euo pipefail` and $root, the top folder of the project.

# What each package is for: third_party/README.md.
nn_packages=(
  g++ cmake ninja-build pkg-config
  libeigen3-dev libhwy-dev zlib1g-dev libpng-dev libjpeg-dev
  nlohmann-json3-dev libcli11-dev libstb-dev libcairo2-dev
)
nn_test_packages=(catch2 make)
# Used where the distribution has them, done without where it has not.
# LibTorch takes whichever BLAS the system has; without OpenBLAS that is the
# reference one, 20 times slower.
nn_optional_packages=(libtorch-dev libopenblas0-openmp)
nn_optional_test_packages=(
  clang libclang-rt-dev llvm clang-format-14 doxygen python3 python3-numpy
  shellcheck tidy poppler-utils mupdf-tools
)

nn_logs="$root/build/logs"
nn_missing=()
nn_apt_ready=
# What builds and tests are started through, if anything.
nn_launcher=()

# A compiler's earlier work is used again where ccache is installed; a launcher
# of the caller's own stays.
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER="${CMAKE_CXX_COMPILER_LAUNCHER-ccache}"
fi

say() { printf '%s\n' "$*"; }

# Programs and scripts report errors alike: "reproduce.sh: error: ...".
die() {
  printf '%s: error: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# run_logged NAME COMMAND...: the output goes to build/logs/NAME.log, and to the
# terminal if the command fails.
run_logged() {
  local log="$nn_logs/$1.log"
  shift
  mkdir -p "$nn_logs"
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    if ((${#nn_missing[@]})); then
      say "not installed: ${nn_missing[*]}" >&2
    fi
    die "this failed: $* (all of its output: $log)"
  fi
}

nn_installed() {
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# Runs apt-get as root, asking nothing.
nn_apt_get() {
  local as_root=()
  if ((EUID != 0)); then
    as_root=(sudo -n)
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q \
    -o DPkg::Lock::Timeout=300 "$@"
}

nn_can_install() {
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null &&
    { ((EUID == 0)) || sudo -n true 2>/dev/null; }
}

# The package lists are fetched once, and only if something is to be installed.
nn_apt_update() {
  if [[ -z "$nn_apt_ready" ]]; then
    mkdir -p "$nn_logs"
    nn_apt_get update >"$nn_logs/apt-update.log" 2>&1 ||
      say "apt-get update failed; going on with the lists that are there"
    nn_apt_ready=yes
  fi
}

# install_packages PACKAGE...: installs those that are missing. Where it cannot,
# it leaves them in nn_missing and says so: what they hold may have been
# installed in another way, and if not, the configure step names it.
install_packages() {
  local package
  nn_missing=()
  if ! command -v dpkg-query >/dev/null; then
    nn_require_tools
    return
  fi
  for package in "$@"; do
    nn_installed "$package" || nn_missing+=("$package")
  done
  if ((${#nn_missing[@]} == 0)); then
    return
  fi
  if ! nn_can_install; then
    say "not root and no sudo without a password, so not installed:" \
      "${nn_missing[*]}"
    say "if the build fails, run this as root first:"
    say "  apt-get install --no-install-recommends ${nn_missing[*]}"
    nn_require_tools
    return
  fi
  say "installing ${nn_missing[*]}"
  nn_apt_update
  run_logged apt-install \
    nn_apt_get install --no-install-recommends "${nn_missing[@]}"
  nn_missing=()
}

# install_optional PACKAGE...: the same for what can be done without, one by
# one, so that one that is missing does not keep out another.
install_optional() {
  local package policy
  nn_can_install || return 0
  for package in "$@"; do
    if nn_installed "$package"; then
      continue
    fi
    nn_apt_update
    # Without a candidate, apt-cache prints "(none)" or nothing. No pipe into
    # grep -q: it stops reading early, and pipefail takes that for a failure.
    policy="$(LC_ALL=C apt-cache policy "$package" 2>/dev/null || true)"
    if [[ ! "$policy" =~ Candidate:\ [0-9] ]]; then
      say "$package: the package sources do not have it; going on without"
      continue
    fi
    say "installing $package"
    if ! nn_apt_get install --no-install-recommends "$package" \
      >"$nn_logs/apt-install-$package.log" 2>&1; then
      say "$package could not be installed; going on without" \
        "($nn_logs/apt-install-$package.log)"
    fi
  done
}

nn_require_tools() {
  command -v cmake >/dev/null || die "cmake (3.21 or newer) is not installed"
  command -v "${CXX:-c++}" >/dev/null ||
    die "no C++17 compiler is installed (looked for ${CXX:-c++})"
}

# A compiler process of this project takes up to 1.5 GB (those that include
# LibTorch), so the memory bounds how many may run at a time.
nn_build_jobs() {
  local cores available_kb jobs
  cores="$(nproc 2>/dev/null || echo 2)"
  available_kb="$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo \
    2>/dev/null || true)"
  jobs="$cores"
  if [[ -n "$available_kb" ]]; then
    jobs=$((available_kb / 1500000))
  fi
  ((jobs >= 1)) || jobs=1
  ((jobs <= cores)) || jobs="$cores"
  echo "$jobs"
}

# configure PRESET [-DNAME=VALUE...]
configure() {
  local preset="$1" generator=()
  shift
  # A build folder keeps the generator that it was made with.
  if [[ ! -f "$root/build/$preset/CMakeCache.txt" ]] &&
    command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  say "configuring $preset"
  (cd "$root" &&
    run_logged "$preset-configure" cmake --preset "$preset" \
      "${generator[@]}" "$@")
}

# build PRESET [TARGET...]
build() {
  local preset="$1" targets=()
  shift
  if (($#)); then
    targets=(--target "$@")
  fi
  say "building $preset, which takes minutes the first time" \
    "(log: build/logs/$preset-build.log)"
  run_logged "$preset-build" "${nn_launcher[@]}" \
    cmake --build "$root/build/$preset" --parallel "$(nn_build_jobs)" \
    "${targets[@]}"
}
