"""Rule `ranks_differ`: two ranks with shifted and with like data. Two real processes are in `test_distributed.py`."""

from __future__ import annotations

from pathlib import Path

from bnviz.inspect import watch
from bnviz.inspect.recording import read
from bnviz.inspect.report import Report
from tests.inspect.models import batches, net, severities, trained


def report(folder: Path, shift: float) -> Report:
    """The report over two recordings, the second of data moved by `shift`."""
    for name, data in (("a", batches(80)), ("b", [(x + shift, y) for x, y in batches(80, seed=2)])):
        with watch(model := net(), folder / name, budget=1e9):
            trained(model, data=data)
    return read(folder / "a", [folder / "b"]).report()


def test_found_in_the_broken_model(tmp_path: Path) -> None:
    assert severities(report(tmp_path, 3.0)).get("ranks_differ") == "warning"


def test_silent_on_the_healthy_one(tmp_path: Path) -> None:
    assert "ranks_differ" not in severities(report(tmp_path, 0.0))
