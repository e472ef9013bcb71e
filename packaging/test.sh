#!/usr/bin/env bash
# Sets up, then runs every test. PREFBENCH_PEERS=1 adds the checks against transformers, TRL, tokenizers and datasets in a virtual
# environment of their own. Arguments go to ctest (-L golden, -R tst_…).
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
packaging/setup.sh
if [ "${PREFBENCH_PEERS:-0}" = 1 ]; then
    stage "Peers (2 minutes the first time)"
    peers=$PWD/.venv/peers
    if [ ! -e "$peers/ready" ]; then
        rm -rf "$peers"
        python3 -m venv "$peers"
        # torch first and pinned, so that nothing after it pulls in a CUDA build.
        "$peers/bin/pip" install --quiet torch==2.13.0+cpu 2>/dev/null ||
            "$peers/bin/pip" install --quiet --extra-index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu
        "$peers/bin/pip" install --quiet transformers trl peft datasets accelerate sentencepiece
        touch "$peers/ready"
    fi
    export PREFBENCH_PEERS_PYTHON=$peers/bin/python
fi
stage "Tests"
exec /usr/bin/ctest --test-dir build --output-on-failure "$@"
