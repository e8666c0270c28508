#!/bin/sh
# Install a requirements file with pip, taking the CPU build of PyTorch: the default build for Linux brings gigabytes of CUDA libraries.
#   [TORCH_INDEX=URL] pip_install.sh PYTHON REQUIREMENTS_FILE
# An empty TORCH_INDEX takes whatever build pip chooses by itself.
set -eu
python=$1 requirements=$2
index=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
torch=$(grep '^torch==' "$(dirname "$requirements")/requirements.txt")
pip="$python -m pip install --disable-pip-version-check --no-warn-script-location --quiet"
# A wheel folder that pip already knows comes first, then PyTorch's index; where neither has it, the last line falls back to pip's default.
$pip --no-deps --no-index "$torch" 2>/dev/null ||
    { [ -n "$index" ] && $pip --no-deps --retries 1 --timeout 20 --index-url "$index" "$torch"; } ||
    echo "No CPU build of $torch found; pip takes its default build." >&2
$pip -r "$requirements"
