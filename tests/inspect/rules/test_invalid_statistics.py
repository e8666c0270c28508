"""Rule `invalid_statistics`: its broken model, and one that is healthy."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from bnviz.inspect import Report, watch
from bnviz.inspect.finding import Finding
from tests.inspect.models import FEATURES, net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].running_var[2] = -0.1
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("invalid_statistics") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "invalid_statistics" not in healthy()


def spoiled(model: nn.Module) -> None:
    """A batch with NaN, which no look sees: after step 20 the next one is at step 27."""
    model(torch.full((32, FEATURES), torch.nan))


def told(report: Report | None) -> Finding | None:
    assert report is not None
    return next((finding for finding in report.findings if finding.rule == "invalid_statistics"), None)


def test_what_comes_behind_the_last_look_is_seen_when_the_watch_is_closed(tmp_path: Path) -> None:
    model = net()
    watcher = watch(model, tmp_path / "run.bnviz", budget=1e9)
    trained(model, 20)
    assert told(watcher.report()) is None
    spoiled(model)
    assert told(watcher.close()) is not None
    healthy = net()
    watcher = watch(healthy, tmp_path / "healthy.bnviz", budget=1e9)
    trained(healthy, 20)
    assert told(watcher.close()) is None


def test_it_is_seen_when_the_training_raises_before_its_first_step(tmp_path: Path) -> None:
    model = net()
    watcher = watch(model, tmp_path / "run.bnviz")

    def training() -> None:
        with watcher:
            spoiled(model)
            raise KeyError

    with pytest.raises(KeyError):
        training()
    assert told(watcher.report()) is not None


def test_while_the_training_goes_on_a_row_tells_and_since_when(tmp_path: Path) -> None:
    model = net()
    watcher = watch(model, tmp_path / "run.bnviz", budget=1e9)
    trained(model, 20)
    spoiled(model)
    trained(model, 3)
    finding = told(watcher.report())
    assert finding is not None
    assert finding.steps == (21, 23)
    model[1].reset_running_stats()
    trained(model, 2)
    assert told(watcher.report()) is None  # mended meanwhile
    watcher.close()
