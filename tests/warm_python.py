"""A Python that has PyTorch, NumPy and scikit-learn imported already, and runs one script after another, each in a fork of its own.

Importing them takes three seconds, a fork three milliseconds. Run with `python -I`: in there bnviz cannot be imported.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
import traceback
from pathlib import Path


class WarmPython:
    """The process, as the tests see it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def run(self, source: str, folder: Path) -> dict[str, float]:
        """Run `source` as a file of its own in `folder`; returns the numbers among what it prints: the lines `name = value`.

        Raises AssertionError with what the script said on its error stream where it fails.
        """
        script, out, err = folder / "script.py", folder / "script.out", folder / "script.err"
        script.write_text(source, encoding="utf-8")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([str(script), str(folder), str(out), str(err)]), file=self._process.stdin, flush=True)
        if self._process.stdout.readline().strip() != "0":
            raise AssertionError(err.read_text(encoding="utf-8") if err.exists() else "the warm Python is gone")
        said = out.read_text(encoding="utf-8")
        lines = re.findall(r"^(\S+) = (\S+)(?:  # .*)?$", said, flags=re.MULTILINE)
        return {name: float(value) for name, value in lines}

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(120)


def _run(script: str, folder: str, out: str, err: str) -> int:
    """Be the script: in its folder, with nothing to read, and with files for what it says."""
    os.chdir(folder)
    for number, path in enumerate((os.devnull, out, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    try:
        runpy.run_path(script, run_name="__main__")
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
    return 0


def _main() -> None:
    import numpy  # noqa: F401 - this is what it is for
    import sklearn.datasets  # noqa: F401
    import torch  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_run(*json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    _main()
