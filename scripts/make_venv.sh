#!/bin/sh
# Create the virtual environment DIR with the Python interpreter PYTHON.
#   make_venv.sh PYTHON DIR
set -eu
python=$1 dir=$2
if ! command -v "$python" >/dev/null; then
    "$(dirname "$0")/apt_install.sh" python3 python3-venv
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "bnviz needs Python 3.11 or newer; $python is $("$python" -V). Name another one: make PYTHON3=/path/to/python3.11" >&2
    exit 1
fi
# Debian splits venv's pip bootstrap off into a package of its own.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    "$(dirname "$0")/apt_install.sh" python3-venv
fi
"$python" -m venv "$dir"
