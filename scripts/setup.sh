#!/usr/bin/env bash
# Creates the virtual environment $1: every dependency by hash from requirements.lock, then this project, editable. With
# `dev` as $2 the tools of tests and linters are added to it, from requirements-dev.lock.
# Nothing is compiled: only wheels are installed. Safe to run again; what is installed already is kept.
set -euo pipefail
venv=$1 part=${2:-}
cd "$(dirname "$0")/.."

# Without a terminal the output goes to a file or another program: no colours, no progress bars.
plain=()
if [ ! -t 1 ] || [ ! -t 2 ]; then
    plain=(--color never --no-progress)
    export NO_COLOR=1
    unset FORCE_COLOR CLICOLOR_FORCE
fi

say() {
    if [ ${#plain[@]} -gt 0 ]; then
        echo "==> $*" >&2
    else
        printf '\033[1m==> %s\033[0m\n' "$*" >&2
    fi
}

suitable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; }

find_python() {
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if suitable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    cat >&2 <<'MESSAGE'
No Python 3.11, 3.12 or 3.13 was found on PATH.
  Debian, Ubuntu:  sudo apt-get install python3 python3-venv
  macOS:           brew install python@3.12
MESSAGE
    exit 1
}

make_environment() {
    local python
    python=$(find_python)
    say "Making $venv with $("$python" --version) ($python)"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "Installing python3-venv"
            apt-get update -qq
            apt-get install -y -qq "$(basename "$(readlink -f "$python")")-venv" || apt-get install -y -qq python3-venv
        else
            echo "This Python cannot create virtual environments. Run sudo apt-get install python3-venv, then try again." >&2
            exit 1
        fi
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

# The lock's own lines about uv, so that the installer is also checked by hash.
lines_of_uv() { awk '/^[^ #]/ {uv = /^uv==/} uv && !/^ *#/' requirements.lock; }

if ! suitable "$venv/bin/python"; then
    make_environment
fi
if [ ! -x "$venv/bin/uv" ]; then
    say "Installing the installer (uv)"
    lines_of_uv >"$venv/uv.lock"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps -r "$venv/uv.lock"
fi
install() { "$venv/bin/uv" pip install ${plain[@]+"${plain[@]}"} --python "$venv/bin/python" "$@"; }

if [ "$part" = dev ]; then
    say "Installing the tools of tests and linters"
    install --require-hashes --no-build -r requirements-dev.lock
    exit
fi
say "Installing dependencies (about 400 MB to download the first time)"
install --require-hashes --no-build -r requirements.lock
install --quiet --no-deps --no-index --no-build-isolation --editable .
say "Rewriting the local language model's weights for speed"
"$venv/bin/python" -m infra.system.weights
say "Ready: $venv/bin/daredevil"
