"""Each lab's `run(Settings())` against the same PyTorch work without recording anything; no server, one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Final

import torch

from benchmarks import straight
from benchmarks.report import Bound, Row, number, ratio
from benchmarks.straight import Work
from bnviz.labs import gradient_flow, layer, running_stats

RECORDING: Final = Bound(1.5)
SECONDS: Final = 8.0  # for each lab
FEWEST: Final = 8


def measure(quick: bool) -> list[Row]:
    """The three labs' rows."""
    torch.set_num_threads(1)
    pairs: tuple[tuple[str, Callable[[], object], Work], ...] = (
        ("layer", lambda: layer.run(layer.Settings()), straight.layer_work()),
        ("running_stats", lambda: running_stats.run(running_stats.Settings()), straight.running_stats_work()),
        ("gradient_flow", lambda: gradient_flow.run(gradient_flow.Settings()), straight.gradient_flow_work()),
    )
    return [_row(name, run, work, SECONDS / 4 if quick else SECONDS) for name, run, work in pairs]


def _row(name: str, run: Callable[[], object], work: Work, seconds: float) -> Row:
    turns = alternate(run, work, seconds)
    recorded, plain = (1000 * median(column) for column in zip(*turns, strict=True))
    what = f"`{name}.run(Settings())` against the same PyTorch work unrecorded"
    detail = f"{number(recorded)} ms against {number(plain)} ms of processor time, {len(turns)} turns"
    return Row(what, median(ratio(*turn) for turn in turns), RECORDING, detail=detail)


def alternate(one: Callable[[], object], other: Callable[[], object], seconds: float) -> list[tuple[float, float]]:
    """Processor seconds of each, done in turns for about `seconds`; the first turn warms up and is left out.

    Both work in this thread alone, so processor time is what a clock would show on an idle machine.
    """
    turns: list[tuple[float, float]] = []
    end = time.perf_counter() + seconds
    while len(turns) <= FEWEST or time.perf_counter() < end:
        turns.append((_seconds(one), _seconds(other)))
    return turns[1:]


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
