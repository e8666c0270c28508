# By tag: put the digest that your registry shows behind it (python:3.11-slim-bookworm@sha256:…) to build the same image again.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS build

# Where the CPU build of PyTorch comes from; empty: whichever build pip chooses.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# `strip`, for slim_venv.sh.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils

# Debian's own Python refuses pip outside a virtual environment, and one folder is what the second stage copies.
RUN python3 -m venv /opt/venv
COPY requirements.lock scripts/pip_install.sh scripts/slim_venv.sh /build/
RUN TORCH_INDEX="${TORCH_INDEX}" PIP_NO_CACHE_DIR=1 sh /build/pip_install.sh /opt/venv/bin/python /build/requirements.lock \
    && sh /build/slim_venv.sh /opt/venv

FROM ${BASE}

RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin bnviz
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY bnviz bnviz
COPY pages pages
COPY app.py ./
# The root file system may be read-only, so what Python would write at the first start is written now.
# The imports prove that nothing needed was slimmed away.
RUN /opt/venv/bin/python -m compileall -q app.py bnviz pages \
    && /opt/venv/bin/python -c "import app, pyarrow, bnviz.labs.course"

ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    BNVIZ_BASE_PATH=
USER 10001
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import os; from urllib.request import urlopen; base = os.environ['BNVIZ_BASE_PATH'].strip('/'); urlopen(f'http://127.0.0.1:8501/{base}/_stcore/health'.replace('//_', '/_'), timeout=4)"]
# exec, so that SIGTERM reaches the server.
CMD ["sh", "-c", "exec python3 -m bnviz --address 0.0.0.0 --port 8501 --base-path \"$BNVIZ_BASE_PATH\""]
