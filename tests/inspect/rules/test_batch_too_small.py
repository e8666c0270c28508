"""Rule `batch_too_small`: its broken model, and one that is healthy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from bnviz.inspect import Report, watch
from bnviz.inspect.moments import measured
from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    return severities(seen(trained(net()), next(batches(1, size=3))[0]))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("batch_too_small") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "batch_too_small" not in healthy()


def pictures(n: int, alike: float) -> Tensor:
    """(n, 3, 8, 8), of whose variance the share `alike` lies between the samples."""
    generator = torch.Generator().manual_seed(3)
    own = torch.randn(n, 3, 1, 1, generator=generator) * alike**0.5
    return own + torch.randn(n, 3, 8, 8, generator=generator) * (1 - alike) ** 0.5


def of_pictures(n: int, alike: float) -> Report:
    return seen(nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 2, 8)).train(), pictures(n, alike))


def told(report: Report) -> Any:
    return next((finding for finding in report.findings if finding.rule == "batch_too_small"), None)


def test_its_code_puts_group_norms_in_the_place_of_the_layers_named() -> None:
    model = nn.Sequential(nn.Conv2d(3, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 2, 6)).train()
    finding = told(seen(model, pictures(2, 1.0)))
    exec(finding.code, {"torch": torch, "model": model})
    assert (model[1].num_groups, model[1].num_channels) == (4, 12)


def test_two_pictures_whose_values_are_alike_are_worth_two_values() -> None:
    """Of two samples each channel's variance between them strays so far that the median of its inverse says twice too many."""
    assert told(of_pictures(2, 0.9)).severity == "warning"


def test_two_pictures_whose_values_differ_are_worth_more_and_only_a_note() -> None:
    finding = told(of_pictures(2, 0.02))
    assert finding.severity == "note"
    assert finding.measured == 2
    assert "64 values" in finding.cause.text()
    assert told(of_pictures(32, 0.02)) is None


def test_of_few_samples_the_effective_number_is_not_overestimated() -> None:
    """Many channels, two samples, a fifth of the variance between them: 2/0.2 values, give or take what the ratio's mean strays."""
    generator = torch.Generator().manual_seed(0)
    x = (
        torch.randn(2, 400, 1, generator=generator) * 0.2**0.5
        + torch.randn(2, 400, 100, generator=generator) * 0.8**0.5
    )
    call = measured(x, x, "batch", 0, 0, 0)
    assert 8 < call.effective < 13


def epochs(sizes: tuple[int, ...], times: int = 20) -> list[tuple[Tensor, Tensor]]:
    """Epochs of batches of these sizes."""
    return [batch for seed in range(times) for size in sizes for batch in batches(1, seed * 10 + size, size)]


def watched_epochs(*sizes: int) -> dict[str, Any]:
    """The findings of a watched training, by rule."""
    model = net()
    with tempfile.TemporaryDirectory() as folder:
        watcher = watch(model, Path(folder) / "run.bnviz", budget=1e9)
        trained(model, data=epochs(sizes))
        report = watcher.close()
    assert report is not None
    return {finding.rule: finding for finding in report.findings}


def test_a_short_last_batch_is_named_in_a_watched_training_and_taken_for_no_other_kind() -> None:
    findings = watched_epochs(40, 40, 40, 40, 2)
    finding = findings["batch_too_small"]
    assert finding.severity == "warning"
    assert finding.layers == ("1",)
    assert finding.cause.parameters["n"] == 2
    assert "batch_size=40" in finding.code
    assert "drop_last=True" in finding.code
    assert "two_populations" not in findings


def test_a_last_batch_that_is_large_enough_or_not_there_is_no_fault() -> None:
    for sizes in ((40, 40, 40, 40, 12), (40, 40, 40, 40), (40, 24, 33, 2)):
        assert "batch_too_small" not in watched_epochs(*sizes)


def test_a_short_last_batch_of_a_loader_that_is_checked_is_named_and_taken_for_no_other_kind() -> None:
    x, y = (torch.cat(part) for part in zip(*batches(3, size=54), strict=True))
    x[-2:] = x[-2:].mean(dim=0) + 2.0 + 0.1 * x[-2:]  # two that happen to be alike
    for drop in (False, True):
        loader = DataLoader(TensorDataset(x, y), 40, drop_last=drop)
        found = {finding.rule for finding in seen(trained(net()), loader).findings}
        assert ("batch_too_small" in found) is not drop
        assert "two_populations" not in found
