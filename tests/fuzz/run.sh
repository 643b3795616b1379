#!/usr/bin/env bash
# Builds the fuzzers and runs each for a time.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: tests/fuzz/run.sh [OPTION...] [TARGET...]

Builds the fuzzers of tests/fuzz/targets.txt with clang and its libFuzzer, under
AddressSanitizer and UndefinedBehaviorSanitizer, and runs those that are named,
or all. Each begins with the corpus of the repository and with what earlier runs
have found, which is kept in build/fuzz/found. Prints a table, and fails if an
input breaks something: that input is kept in build/fuzz/findings.

  --seconds N   how long each runs (60)
  --runs N      ends a fuzzer after N inputs, if that comes first
  --jobs J      so many run at a time (1)
  --coverage    also builds what counts lines, and tells for every target the
                lines of its files that all found inputs reach
  --help        this text
TEXT
}

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
# shellcheck source=../../cmake/setup.sh
source cmake/setup.sh

seconds=60
runs=-1
jobs=1
coverage=
targets=()
while (($#)); do
  case "$1" in
    --seconds | --runs | --jobs)
      [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || die "$1 expects a number of at least 1"
      declare "${1#--}=$2"
      shift
      ;;
    --coverage) coverage=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    -*)
      printf 'run.sh: error: unknown option %s\n\n' "$1" >&2
      usage >&2
      exit 2
      ;;
    *) targets+=("$1") ;;
  esac
  shift
done

list=tests/fuzz/targets.txt
# column TARGET N: that column of its line; 3: all the rest.
column() {
  awk -v target="$1" -v column="$2" '$1 == target {
    if (column < 3) { print $column; exit }
    for (i = 3; i <= NF; ++i) print $i
  }' "$list"
}
if ((${#targets[@]} == 0)); then
  mapfile -t targets < <(awk '/^[a-z]/ { print $1 }' "$list")
fi
for target in "${targets[@]}"; do
  [[ -n "$(column "$target" 1)" ]] || die "there is no fuzzer $target in $list"
done

folder="$root/build/fuzz"
configure fuzz
build fuzz nn_fuzz_seeds "${targets[@]/#/fuzz_}"
seeds="$folder/seeds"
"$folder/bin/nn_fuzz_seeds" "$seeds"

# A large allocation is a finding: no reader may ask for what its file does not
# hold. The largest is what a compressed file may always unpack to, and half as
# much again while that grows.
options=(-malloc_limit_mb=40 -rss_limit_mb=2048 -timeout=10 -print_final_stats=1
  -max_total_time="$seconds" -runs="$runs" -reload=0)
# The stack's use after return costs more than all that is fuzzed here.
export ASAN_OPTIONS="detect_stack_use_after_return=0:quarantine_size_mb=8:malloc_context_size=4:${ASAN_OPTIONS:-}"

run_target() {
  local target="$1"
  local found="$folder/found/$target" findings="$folder/findings/$target"
  local arguments=("$found")
  mkdir -p "$found" "$findings"
  for place in "tests/fuzz/corpus/$target" "$seeds/$target"; do
    if [[ -d "$place" ]]; then arguments+=("$place"); fi
  done
  if [[ -f "tests/fuzz/dictionaries/$target.dict" ]]; then
    arguments+=("-dict=tests/fuzz/dictionaries/$target.dict")
  fi
  "$folder/bin/fuzz_$target" "${options[@]}" \
    "-max_len=$(column "$target" 2)" "-artifact_prefix=$findings/" \
    "${arguments[@]}" >"$folder/found/$target.log" 2>&1
}

# statistic TARGET NAME
statistic() {
  awk -v name="stat::$2:" '$1 == name { print $2 }' "$folder/found/$1.log"
}

declare -A process
failed=()
finish() {
  wait "${process[$1]}" || failed+=("$1")
}
mkdir -p "$folder/found"
running=()
for target in "${targets[@]}"; do
  if ((${#running[@]} == jobs)); then
    finish "${running[0]}"
    running=("${running[@]:1}")
  fi
  run_target "$target" &
  process[$target]=$!
  running+=("$target")
done
for target in "${running[@]}"; do finish "$target"; done

say ""
printf '%-12s %12s %8s %10s %8s %8s %s\n' \
  target inputs seconds inputs/s edges inputs-kept findings
for target in "${targets[@]}"; do
  log="$folder/found/$target.log"
  inputs="$(statistic "$target" number_of_executed_units)"
  elapsed="$(awk '/^Done / { print $(NF - 1) }' "$log")"
  edges="$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d ' ' -f 2 || true)"
  kept="$(find "$folder/found/$target" -type f | wc -l)"
  findings="$(find "$folder/findings/$target" -type f | wc -l)"
  printf '%-12s %12s %8s %10s %8s %8s %s\n' "$target" "${inputs:--}" \
    "${elapsed:--}" "$(statistic "$target" average_exec_per_sec)" \
    "${edges:--}" "$kept" "$findings"
done

if [[ -n "$coverage" ]]; then
  configure fuzz-coverage
  build fuzz-coverage nn_fuzz_replay
  counted="$root/build/fuzz-coverage"
  # The tools that belong to the compiler.
  version="$(clang++ -dumpversion)"
  tool() {
    command -v "$1-${version%%.*}" || command -v "$1" || die "$1 is missing"
  }
  profdata="$(tool llvm-profdata)"
  cov="$(tool llvm-cov)"
  say ""
  for target in "${targets[@]}"; do
    places=()
    for place in "tests/fuzz/corpus/$target" "$seeds/$target" \
      "$folder/found/$target"; do
      if [[ -d "$place" ]]; then places+=("$place"); fi
    done
    LLVM_PROFILE_FILE="$counted/$target.profraw" run_logged "replay-$target" \
      "$counted/bin/nn_fuzz_replay" --as-they-are "$target" "${places[@]}"
    "$profdata" merge -o "$counted/$target.profdata" "$counted/$target.profraw"
    # The names of files in the list are patterns.
    # shellcheck disable=SC2046
    "$cov" export -summary-only "$counted/bin/nn_fuzz_replay" \
      -instr-profile="$counted/$target.profdata" $(column "$target" 3) |
      python3 -c '
import json, os, sys
for f in json.load(sys.stdin)["data"][0]["files"]:
    lines = f["summary"]["lines"]
    name = os.path.relpath(f["filename"])
    print("%-12s %-32s %5d of %5d lines, %5.1f %%" % (
        sys.argv[1], name, lines["covered"], lines["count"], lines["percent"]))
' "$target"
  done
fi

if ((${#failed[@]})); then
  say ""
  for target in "${failed[@]}"; do
    log="$folder/found/$target.log"
    grep -m 3 -E 'ERROR|SUMMARY|runtime error|not so' "$log" >&2 ||
      tail -n 5 "$log" >&2
    find "$folder/findings/$target" -type f |
      sed "s|^|  again: build/fuzz/bin/fuzz_$target |" >&2
  done
  die "found something: ${failed[*]} (logs: build/fuzz/found/TARGET.log)"
fi
