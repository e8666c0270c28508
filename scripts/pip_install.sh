#!/bin/sh
# Install a requirements file with pip, taking the CPU build of PyTorch: the default build for Linux brings gigabytes of CUDA libraries.
#   [TORCH_INDEX=URL] pip_install.sh PYTHON REQUIREMENTS_FILE
# An empty TORCH_INDEX takes whatever build pip chooses by itself. Of a .lock no file is taken whose digest it does not hold.
set -eu
python=$1 requirements=$2
index=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
case $requirements in
*.lock) pinned=$requirements checked=--require-hashes ;;
*) pinned=$(dirname "$requirements")/requirements.txt checked= ;;
esac
torch=$(mktemp)
trap 'rm -f "$torch"' EXIT
awk '/^torch==/ { found = 1 } found { print } found && !/\\$/ { exit }' "$pinned" > "$torch"
pip="$python -m pip install --disable-pip-version-check --no-warn-script-location --quiet $checked"
# A wheel folder that pip already knows comes first, then PyTorch's index; where neither has it, the last line falls back to pip's default.
$pip --no-deps --no-index -r "$torch" 2>/dev/null ||
    { [ -n "$index" ] && $pip --no-deps --retries 1 --timeout 20 --index-url "$index" -r "$torch"; } ||
    echo "No CPU build of $(head -n 1 "$torch") found; pip takes its default build." >&2
$pip -r "$requirements"
