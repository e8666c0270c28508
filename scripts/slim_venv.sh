#!/bin/sh
# Remove from a virtual environment what this server never opens.
#   slim_venv.sh DIR
set -eu
dir=$1
cd "$dir"/lib/python3*/site-packages
# Test suites, C headers, static libraries, source maps, pip itself.
find numpy scipy pandas sympy networkx mpmath pyarrow -type d -name tests -prune -exec rm -rf {} +
find . -type f \( -name '*.a' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.js.map' \) -delete
find torch/bin -type f ! -name torch_shm_manager -delete
rm -rf torch/include torch/share torch/test pyarrow/include pyarrow/src pip pip-*.dist-info "$dir"/bin/pip*
# A fifth of PyTorch's largest library are names of what it keeps to itself.
strip --strip-unneeded torch/lib/libtorch_cpu.so
# Notebook extensions, and Arrow's network transport and remote disks: Streamlit uses its tables in memory only.
rm -rf pydeck/nbextension plotly/labextension pyarrow/*_flight* pyarrow/libarrow_s3* pyarrow/_s3fs*
# Babel reads our catalogues; of its 1000 locales only theirs are asked for.
find babel/locale-data -type f ! -name 'root.dat' ! -name 'en*.dat' ! -name 'zh*.dat' -delete
