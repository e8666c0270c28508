#!/bin/sh
# Remove from a virtual environment what a server never opens: test suites, C headers, static libraries, build tools and pip.
#   slim_venv.sh DIR
set -eu
dir=$1
cd "$dir"/lib/python3*/site-packages
rm -rf torch/include torch/bin torch/share torch/test pyarrow/include pyarrow/src pyarrow/tests \
    pip pip-*.dist-info "$dir"/bin/pip*
find . -type d -name tests \( -path './numpy/*' -o -path './scipy/*' -o -path './pandas/*' -o -path './sympy/*' \
    -o -path './networkx/*' -o -path './mpmath/*' \) -prune -exec rm -rf {} +
find . \( -name '*.a' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.hpp' \) -type f -delete
