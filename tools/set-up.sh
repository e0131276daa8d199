#!/usr/bin/env bash
# Make .venv where it is missing and install a list of pinned, hashed requirements and edgeadm itself into it.
# Needs nothing but Python 3.11 or later. Usage: tools/set-up.sh REQUIREMENTS
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
    local name
    for name in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [ -n "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "error: no Python 3.11 or later found" >&2
    echo "hint: install python3, or name yours: make PYTHON=/path/to/python3 …" >&2
    exit 1
}

need_venv() {
    local python=$1
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        local package
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        echo "installing Debian's $package: this Python cannot make virtual environments without it"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null
        return
    fi
    echo "error: this Python has no venv module" >&2
    echo "hint: install your distribution's python3-venv" >&2
    exit 1
}

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(find_python)
    need_venv "$python"
    echo "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
echo "installing $1"
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)
# Without looking at what the pinned ones need: the list is whole, and pip takes `name[extra]` for one unpinned.
"${pip[@]}" install --no-deps --require-hashes -r "$1"
"${pip[@]}" install --no-deps --no-build-isolation -e .
