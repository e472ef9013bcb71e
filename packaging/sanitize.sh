#!/usr/bin/env bash
# Everything that parses input, under AddressSanitizer and UndefinedBehaviorSanitizer (build-asan/). LibTorch itself is not clean under them, so
# only targets without it are built.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
stage "ASan and UBSan (5 minutes)"
torchDir=$(sed -n 's/^Torch_DIR:[A-Z]*=//p' build/CMakeCache.txt)
command -v ccache >/dev/null && export PREFBENCH_COMPILER_LAUNCHER=ccache
/usr/bin/cmake --preset asan -DTorch_DIR="$torchDir" >/dev/null
tests=(tst_durable_file tst_error tst_json tst_json_lines tst_model_folder tst_safetensors tst_sha256 tst_contract
  tst_chat_template tst_conversation tst_golden_templates tst_regex tst_tokenized_pairs tst_tokenizer tst_utf8 tst_golden_tokenizers tst_project tst_import tst_export)
/usr/bin/cmake --build --preset asan --target "${tests[@]}"
/usr/bin/ctest --preset asan --no-tests=error -R "^($(IFS='|'; echo "${tests[*]}"))\$"
