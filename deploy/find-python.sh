#!/bin/sh
# Prints the path of a Python 3.12 or newer, the project's own first. Each candidate is run, since a name on the PATH proves
# nothing: pyenv leaves shims of versions that are not installed, and Debian's python3 comes without venv.
cd "$(dirname "$0")/.." || exit 1

TEST='import sys
if sys.version_info < (3, 12): sys.exit(3)
try:
    import ctypes, ensurepip, ssl, venv
except ImportError:
    sys.exit(4)
print(sys.executable)'
bare=

try() {
    [ -f "$1" ] && [ -x "$1" ] || return 0
    found=$("$1" -I -c "$TEST" 2>/dev/null </dev/null)
    case $? in
        0) printf '%s\n' "$found"; exit 0 ;;
        4) bare=$1 ;;
    esac
}

if [ -n "$PYTHON" ]; then
    try "$(command -v "$PYTHON")"
    echo "PYTHON is set to $PYTHON, which is not a Python 3.12 or newer with venv." >&2
    exit 1
fi

try .venv/bin/python
for name in python3.12 python3.13 python3.14 python3 python; do
    saved=$IFS; IFS=:
    for directory in $PATH; do try "$directory/$name"; done
    IFS=$saved
done
for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python3 "$HOME"/.local/share/uv/python/*/bin/python3 \
    "$HOME"/.local/bin/python3* /usr/local/bin/python3* /opt/homebrew/bin/python3* /opt/python*/bin/python3; do
    try "$candidate"
done

if [ -n "$bare" ]; then
    echo "$bare has no venv module: install it (Debian and Ubuntu: apt-get install python3-venv) and try again." >&2
else
    echo "No Python 3.12 or newer was found: install one (python.org, pyenv or your system's packages) or set PYTHON to its path." >&2
fi
exit 1
