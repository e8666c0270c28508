"""Where files go that are needed for a moment: the sockets of our processes, PyTorch's caches."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Final

SHARED_MEMORY: Final = "/dev/shm"
"""Containers have it even where their root is read-only."""
TORCH_CACHES: Final = "TORCHINDUCTOR_CACHE_DIR"
"""PyTorch's environment variable; the folder that it names is made where `torch._dynamo` is imported."""

log = logging.getLogger(__name__)


def find_a_folder() -> str | None:
    """The folder for temporary files, shared memory where no usual one can be written to; None, and a word in the log, for none."""
    # One that is there: nothing is compiled, so nothing is written to it. PyTorch would make one of its own and leave it behind.
    os.environ.setdefault(TORCH_CACHES, str(Path(__file__).parent))
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        os.environ["TMPDIR"] = SHARED_MEMORY
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        del os.environ["TMPDIR"]
        log.warning("%s: no long runs; mount a tmpfs at /tmp", error.strerror)
        return None
