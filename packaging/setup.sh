#!/usr/bin/env bash
# Installs what is missing, configures and builds into build/ (programs in build/bin/). Run it again at any time: it skips what is there.
#   packaging/setup.sh [--cuda] [--preset release|debug|asan]
#   --cuda      LibTorch with CUDA even where no NVIDIA driver and CUDA toolkit were found
# LibTorch: Torch_DIR or CMAKE_PREFIX_PATH where set, else a wheel of our own choice in .venv/.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh

preset=release
cuda=auto
while [ $# -gt 0 ]; do
    case $1 in
        --cuda) cuda=yes ;;
        --preset) preset=${2:?--preset needs a name}; shift ;;
        *) echo "setup.sh: unknown option $1" >&2; exit 2 ;;
    esac
    shift
done

packages=(
    build-essential cmake ninja-build ccache git pkg-config ca-certificates python3 python3-venv python3-pip
    qt6-base-dev qt6-base-dev-tools qt6-svg-dev libqt6svg6 libqt6sql6-sqlite qt6-qpa-plugins libgl1-mesa-dev libvulkan-dev libqcustomplot-dev
    nlohmann-json3-dev libcli11-dev libsentencepiece-dev libpcre2-dev libutf8proc-dev zlib1g-dev
    fonts-dejavu-core
)

stage "1/4  System packages (3 minutes on a fresh machine, none when they are there)"
installPackages "${packages[@]}"

stage "2/4  LibTorch (1 minute, 200 MB to fetch; none when it is there)"
chooseTorch() {
    if [ -n "${Torch_DIR:-}" ]; then
        say "LibTorch: $Torch_DIR, as Torch_DIR says"
        return
    fi
    if [ -n "${CMAKE_PREFIX_PATH:-}" ]; then
        local prefix
        IFS=':;' read -ra prefixes <<<"$CMAKE_PREFIX_PATH"
        for prefix in "${prefixes[@]}"; do
            if [ -e "$prefix/Torch/TorchConfig.cmake" ] || [ -e "$prefix/share/cmake/Torch/TorchConfig.cmake" ]; then
                say "LibTorch: $prefix, as CMAKE_PREFIX_PATH says"
                return
            fi
        done
    fi
    local wheel=torch==2.13.0+cpu why="no NVIDIA driver with a CUDA toolkit here" size="200 MB to fetch, 800 MB on disk"
    if [ "$cuda" = yes ] || { [ -e /proc/driver/nvidia/version ] && command -v nvcc >/dev/null; }; then
        wheel=torch==2.11.0 size="3 GB to fetch, 7 GB on disk"
        why=$([ "$cuda" = yes ] && echo "--cuda was given" || echo "an NVIDIA driver and a CUDA toolkit are here")
    fi
    local venv=.venv/$wheel
    if [ ! -e "$venv/ready" ]; then
        say "LibTorch: $wheel ($why), $size, into $venv"
        rm -rf "$venv"
        python3 -m venv "$venv"
        # The C++ libraries need none of the wheel's Python dependencies; a CUDA wheel's are its CUDA libraries.
        local options=(--quiet --disable-pip-version-check)
        [ "$wheel" = torch==2.11.0 ] || options+=(--no-deps)
        "$venv/bin/pip" install "${options[@]}" "$wheel" 2>/dev/null ||
            "$venv/bin/pip" install "${options[@]}" --index-url https://download.pytorch.org/whl/cpu "$wheel"
        touch "$venv/ready"
    else
        say "LibTorch: $wheel in $venv"
    fi
    Torch_DIR=$(echo "$PWD/$venv"/lib/python3*/site-packages/torch/share/cmake/Torch)
    export Torch_DIR
}
chooseTorch

stage "3/4  Configure"
command -v ccache >/dev/null && export PREFBENCH_COMPILER_LAUNCHER=ccache
export CCACHE_SLOPPINESS=pch_defines,time_macros
/usr/bin/cmake --preset "$preset" ${Torch_DIR:+-DTorch_DIR="$Torch_DIR"} >"/tmp/prefbench-configure.$$" 2>&1 || {
    cat "/tmp/prefbench-configure.$$"
    exit 1
}
rm -f "/tmp/prefbench-configure.$$"

stage "4/4  Build (12 minutes on two cores the first time, then only what changed)"
/usr/bin/cmake --build --preset "$preset"
