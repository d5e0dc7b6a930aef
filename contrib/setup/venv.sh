#!/bin/sh
# Makes the virtual environment $VENV with $PYTHON. Called by the Makefile.
#
# It is made in place, since the scripts in its bin folder carry its path. `.unfinished` marks one that was interrupted,
# which is thrown away; `.made` (touched by the Makefile) one that is whole; a folder with neither is not ours to delete.
set -eu

fail() {
    echo "mailward set-up: $1" >&2
    exit 1
}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$PYTHON is not Python 3.11 or newer; say which one is: make PYTHON=python3.13"

if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        fail "$PYTHON cannot make virtual environments; run: sudo apt-get install python3-venv"
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends python3-venv >/dev/null
fi

if [ -e "$VENV/.made" ]; then # only the locked build tools changed
    exit 0
elif [ -e "$VENV/.unfinished" ]; then
    rm -rf "$VENV.tmp"
    mv "$VENV" "$VENV.tmp" # first out of the way: a removal may be interrupted too
    rm -rf "$VENV.tmp"
elif [ -e "$VENV" ]; then
    fail "$VENV exists and was not made by this Makefile; move it away"
fi

mkdir "$VENV"
: >"$VENV/.unfinished"
"$PYTHON" -m venv "$VENV"
