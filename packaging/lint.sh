#!/usr/bin/env bash
# Style: clang-format over everything of ours, clang-tidy over what needs no LibTorch and over the LibTorch files given or changed since
# the commit in $PREFBENCH_LINT_BASE (they take a minute each). Configures a build of its own without precompiled headers, which clang
# cannot read; packaging/setup.sh must have run. With --format, clang-format alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh

stage "clang-format"
installPackages clang-format clang-tidy
git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror

[ "${1:-}" = --format ] && exit

stage "clang-tidy"
torchDir=$(sed -n 's/^Torch_DIR:[A-Z]*=//p' build/CMakeCache.txt)
/usr/bin/cmake -S . -B build-tidy -G Ninja -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DTorch_DIR="$torchDir" >/dev/null
torchFolders='^(core/(model|sampling|training)|app/engine/commands|tests/(model|sampling|training))/'
files=$(git ls-files '*.cpp' | grep -Ev "$torchFolders" | grep -Ev '^tests/')
changed=$(git diff --name-only --diff-filter=d "${PREFBENCH_LINT_BASE:-HEAD}" -- '*.cpp' | grep -E "$torchFolders" || true)
printf '%s\n' $files $changed | xargs -P "$(nproc)" -n 4 clang-tidy -p build-tidy --quiet 2>/dev/null
