#!/bin/sh
# Makes docs/images/label.png and train.png from a demo project: tests/gui/screenshots.sh [BUILD_FOLDER] [OUTPUT_FOLDER]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build}
output=${2:-$root/docs/images}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
QT_QPA_PLATFORM=offscreen
export QT_QPA_PLATFORM
"$build/bin/prefbench-cli" demo "$work/demo"
project=$(find "$work/demo" -maxdepth 1 -name '*.prefbench' | head -n 1)
QT_SCALE_FACTOR=${QT_SCALE_FACTOR:-1.5} "$build/bin/prefbench-screenshots" --size 1280x800 "$project" "$output"
