#!/usr/bin/env bash
# From nothing to four trained networks and their report, in one command.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: apps/reproduce.sh [--quick]

Installs what is missing (Debian and Ubuntu), builds the programs, gets MNIST,
trains an MLP and a CNN with libnn and with LibTorch, and writes a report:

  results/report.html      all runs side by side
  results/<model>-<backend>/   each run's figures, tables and weights

  --quick   one epoch on 12,000 images: shows that everything works, says
            nothing about how well the networks learn
  --help    this text

Environment:
  NN_DATA_DIR   a folder with the data set's four IDX files, used instead of a
                download
TEXT
}

quick=
while (($#)); do
  case "$1" in
    --quick) quick=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      printf 'reproduce.sh: error: unknown option %s\n\n' "$1" >&2
      usage >&2
      exit 2
      ;;
  esac
  shift
done

# NN_DATA_DIR may be relative to where the script was called from.
if [[ -n "${NN_DATA_DIR:-}" ]]; then
  [[ -d "$NN_DATA_DIR" ]] || {
    printf 'reproduce.sh: error: NN_DATA_DIR is no folder: %s\n' \
      "$NN_DATA_DIR" >&2
    exit 1
  }
  NN_DATA_DIR="$(cd "$NN_DATA_DIR" && pwd)"
  export NN_DATA_DIR
fi

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
# shellcheck source=../cmake/setup.sh
source cmake/setup.sh

bin=build/release/bin

# Gets the data set into data/<name>/ and prints that name.
fetch_data() {
  local log="$nn_logs/fetch-data.log" name
  mkdir -p "$nn_logs"
  cmake -P cmake/FetchMnist.cmake >"$log" 2>&1 || return 1
  name="$(sed -n 's/^\(-- \)\{0,1\}dataset: *//p' "$log" | tail -n 1)"
  [[ -n "$name" && -d "data/$name" ]] || return 1
  printf '%s\n' "$name"
}

get_data() {
  say "getting MNIST"
  if dataset="$(fetch_data)"; then
    return
  fi
  # Debian has a data set of the same form, for machines that no mirror of
  # MNIST can be reached from.
  if [[ -z "${NN_DATA_DIR:-}" ]]; then
    install_optional dataset-fashion-mnist
    if dataset="$(fetch_data)"; then
      return
    fi
  fi
  tail -n 20 "$nn_logs/fetch-data.log" >&2
  die "there is no data set to train on: set NN_DATA_DIR to a folder with" \
    "MNIST's four IDX files, or let this machine reach a mirror"
}

# Said before training and again at the end, pages of output later.
note_stand_in() {
  if [[ "$dataset" != mnist ]]; then
    say "NOTE: no mirror of MNIST was reached; this is Debian's $dataset instead."
    say "      It is harder: its accuracies cannot be compared with MNIST's."
  fi
}

# OpenBLAS, under LibTorch, tells processors by their model and runs those newer
# than itself on kernels of 2004. What the processor says it can do decides.
blas_core=()
if grep -qw avx512f /proc/cpuinfo 2>/dev/null; then
  blas_core=(OPENBLAS_CORETYPE=SKYLAKEX)
elif grep -qw avx2 /proc/cpuinfo 2>/dev/null; then
  blas_core=(OPENBLAS_CORETYPE=HASWELL)
fi

# train RUN PROGRAM [OPTION...]
train() {
  local run="$1" program="$2" status=0
  shift 2
  say ""
  say "== $run"
  local command=("$bin/$program" --data "data/$dataset" --dataset "$dataset"
    --out "results/$run" "$@" "${limits[@]}")
  if [[ "$program" == mnist_torch ]]; then
    # LibTorch at its best: its idle threads sleep instead of spinning, and
    # malloc keeps the memory that it would otherwise return to the system and
    # fault in again at every step.
    local tunables=glibc.malloc.mmap_threshold=1000000000
    tunables+=:glibc.malloc.trim_threshold=4000000000
    tunables+=:glibc.malloc.top_pad=200000000
    command=(env -u OPENBLAS_CORETYPE OMP_WAIT_POLICY=passive
      "GLIBC_TUNABLES=$tunables" "${blas_core[@]}" "${command[@]}")
  fi
  "${command[@]}" || status=$?
  ((status == 0)) || die "$run: this failed: ${command[*]}"
  runs+=("$run")
}

# The last row of a run's history, by column name.
last_of() {
  awk -F, -v name="$2" '
    NR == 1 { for (i = 1; i <= NF; ++i) if ($i == name) column = i }
    END { print $column }' "results/$1/history.csv"
}

install_packages "${nn_packages[@]}"
install_optional "${nn_optional_packages[@]}"
configure release -DNN_BUILD_TESTS=OFF -DNN_BUILD_BENCHMARKS=OFF
build release
get_data
say "data set: $dataset"
note_stand_in

limits=()
if [[ -n "$quick" ]]; then
  limits=(--epochs 1 --train-limit 12000)
fi
runs=()
train mlp-libnn mnist_mlp
train cnn-libnn mnist_cnn
if [[ -x "$bin/mnist_torch" ]]; then
  train mlp-torch mnist_torch --model mlp
  train cnn-torch mnist_torch --model cnn
else
  say ""
  say "NOTE: LibTorch (Debian: libtorch-dev) was not found, so nothing is"
  say "      compared with it."
fi

run_logged report "$bin/mnist_report" --results results

say ""
if [[ -n "$quick" ]]; then
  say "Quick run: one epoch on 12,000 images. Everything works; the accuracies"
  say "of such runs say nothing about the networks."
else
  for run in "${runs[@]}"; do
    printf '%-10s  test accuracy %6.2f %%  (%s)\n' "$run" \
      "$(awk -v a="$(last_of "$run" test_accuracy)" 'BEGIN { print 100 * a }')" \
      "$dataset, epoch $(last_of "$run" epoch)"
  done
fi
note_stand_in
say "runs:    results/{$(IFS=,; echo "${runs[*]}")}/"
say "report:  results/report.html"
if [[ -f results/report.pdf ]]; then
  say "         results/report.pdf"
fi
