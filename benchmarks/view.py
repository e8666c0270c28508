"""How far `bnviz view` is behind a training that runs beside it, in a real browser."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from benchmarks.browser import blank_page, chrome
from benchmarks.report import Bound, Row, percentile
from benchmarks.servers import ROOT, viewing

BEHIND: Final = Bound(2, "s")
BATCH: Final = 8
WRITER: Final = """
import sys, time
from benchmarks.watch import Training
from bnviz.inspect import watch
training = Training(int(sys.argv[2]))
with watch(training.model, sys.argv[1], optimizer=training.optimizer):
    while True:
        training.step()
        print(time.time(), flush=True)
"""
SHOWN: Final = r"""() => {
    window.shown = [];
    const look = () => {
        const [, text] = /optimizer steps ([\d,\u202f]+),/.exec(document.querySelector('[data-testid=stMain]').innerText) ?? [];
        const step = Number((text ?? '0').replace(/\D/g, ''));
        if (step !== window.shown.at(-1)?.[1]) window.shown.push([(performance.timeOrigin + performance.now()) / 1000, step]);
    };
    setInterval(look, 20);
}"""


def measure(quick: bool) -> list[Row]:
    """The age of what the page shows, just before it shows something newer."""
    with tempfile.TemporaryDirectory() as folder, chrome() as browser:
        path = Path(folder) / "run.bnviz"
        with _training(path, Path(folder) / "steps") as steps, viewing(path, Path(folder)) as server:
            page = blank_page(browser)
            page.goto(f"{server.url}/your_model?lang=en")
            page.get_by_text("optimizer steps").first.wait_for()
            shown = _shown(page, 15 if quick else 60)
            at = [float(line) for line in steps.read_text().splitlines()]
    ages = [later - at[step] for (_, step), (later, _) in pairwise(shown)]
    return [
        Row(
            "`bnviz view` beside a training: p95 of the age of what the page shows when something newer comes",
            percentile(ages, 0.95),
            BEHIND,
            "s",
            f"most {max(ages, default=float('nan')):.3g} s of {len(ages)}, {len(at)} steps of a ResNet-20",
        )
    ]


def _shown(page: Page, seconds: float) -> list[tuple[float, int]]:
    """(when, in seconds since 1970, which number of steps the page came to show) for so long."""
    page.evaluate(SHOWN)
    page.wait_for_timeout(1000 * seconds)
    return [(when, step) for when, step in page.evaluate("shown")]


@contextmanager
def _training(path: Path, said: Path) -> Iterator[Path]:
    """A watched training in a process of its own; the file that gets, for each step, the time of its end on a line."""
    with said.open("w") as file:
        command = [sys.executable, "-c", WRITER, str(path), str(BATCH)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=file)
    try:
        while not path.exists() or not said.read_text():
            if process.poll() is not None:
                raise RuntimeError("the training ended")
            time.sleep(0.1)
        yield said
    finally:
        process.kill()
        process.wait()
