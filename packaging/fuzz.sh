#!/usr/bin/env bash
# Hostile files: each fuzz target reads its whole corpus, then makes RUNS inputs of its own (docs/hostile-files.md).
#   packaging/fuzz.sh [RUNS [TARGET…]]      20000 runs of every target where nothing is said
# A finding stays as build-fuzz/findings/TARGET/crash-… (or leak-, oom-, timeout-…), and the script fails once all have run.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh

runs=${1:-20000}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(safetensors config tokenizer_json tokenizer_model chat_template json_lines)

stage "1/3  System packages"
installPackages cmake ninja-build pkg-config clang qt6-base-dev nlohmann-json3-dev libsentencepiece-dev libpcre2-dev libutf8proc-dev
# The package of Clang's own libraries has its version in its name.
installPackages "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"

stage "2/3  Build (5 minutes on two cores the first time)"
command -v ccache >/dev/null && export PREFBENCH_COMPILER_LAUNCHER=ccache
/usr/bin/cmake --preset fuzz >/dev/null
/usr/bin/cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"

stage "3/3  Fuzz ($runs runs a target)"
failed=0
fuzz() {
    local target=$1 findings=build-fuzz/findings/$1 grown=build-fuzz/corpus/$1 log=build-fuzz/$1.log
    mkdir -p "$findings" "$grown"
    # Without -entropic=0 a third of the time goes into choosing what to change next.
    local options=(-timeout=5 -rss_limit_mb=2048 -max_len=2048 -entropic=0 -print_final_stats=1
        -artifact_prefix="$findings/" -dict="tests/fuzz/dictionaries/$target.dict")
    # The corpus alone first: its files may be longer than the inputs that are made.
    if build-fuzz/fuzz/"fuzz_$target" "${options[@]}" tests/fuzz/corpus/"$target"/* >"$log" 2>&1 &&
        build-fuzz/fuzz/"fuzz_$target" "${options[@]}" -runs="$runs" "$grown" tests/fuzz/corpus/"$target" >"$log" 2>&1; then
        say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") executions, $(sed -n 's/^stat::peak_rss_mb: *//p' "$log") MB"
    else
        tail -n 60 "$log"
        say "$target: failed; the input lies in $findings, the report in $log"
        return 1
    fi
}
for target in "${targets[@]}"; do
    fuzz "$target" || failed=1
done
exit $failed
