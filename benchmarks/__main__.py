"""`python -m benchmarks`: measure, print the table as it grows, and say by the exit code whether every bound holds."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final

from benchmarks import (
    classroom,
    costs,
    drag,
    engine,
    first_visit,
    live,
    load,
    playing,
    runs,
    silence,
    slider,
    topics,
    view,
    watch,
)
from benchmarks.report import Row, heading

MEASUREMENTS: Final[dict[str, Callable[[bool], list[Row]]]] = {
    "slider": slider.measure,
    "drag": drag.measure,
    "load": load.measure,
    "memory": load.memory,
    "live": live.live_rows,
    "classroom": classroom.measure,
    "playing": playing.measure,
    "first_visit": first_visit.measure,
    "runs": runs.measure,
    "topics": topics.measure,
    "costs": costs.measure,
    "silence": silence.measure,
    "engine": engine.engine_rows,
    "watch": watch.measure,
    "view": view.measure,
}


def main() -> int:
    """0 if every bound that was measured holds, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", help=f"comma-separated: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: for trying out, not for quoting")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else list(MEASUREMENTS)
    unknown = set(chosen) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    print(heading("quick, not for quoting" if arguments.quick else "medians unless said otherwise"), flush=True)
    fine = True
    for name in chosen:
        start = time.monotonic()
        try:
            rows = MEASUREMENTS[name](arguments.quick)
        except Exception:  # the others are measured all the same
            traceback.print_exc()
            rows, fine = [], False
        for row in rows:
            print(row.markdown(), flush=True)
            fine &= row.passed
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
