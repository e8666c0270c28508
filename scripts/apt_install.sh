#!/bin/sh
# Install Debian packages, or say exactly which ones a person has to install.
#   apt_install.sh PACKAGE...
set -eu
if ! command -v apt-get >/dev/null; then
    echo "bnviz needs these packages, and this system has no apt-get to install them with: $*" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then as_root=
elif command -v sudo >/dev/null; then as_root=sudo
else
    echo "bnviz needs these packages; as root, run:  apt-get update && apt-get install $*" >&2
    exit 1
fi
# Standard output belongs to the caller, which may be read by another program.
$as_root apt-get update -qq >&2
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
