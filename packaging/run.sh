#!/usr/bin/env bash
# Sets up, then shows the whole main job on the starter project: in the window where there is a display, else without one.
set -euo pipefail
cd "$(dirname "$0")/.."
packaging/setup.sh
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    exec build/bin/prefbench --demo
fi
echo "No display: sampling, labelling and training without one (under three minutes on two cores)."
folder=build/demo-$(date +%Y%m%d-%H%M%S)
exec build/bin/prefbench-cli demo "$folder" --plot "$folder.png"
