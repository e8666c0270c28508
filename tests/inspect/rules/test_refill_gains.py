"""Rule `refill_gains`: its broken model, and one that is healthy."""

from __future__ import annotations

import math

import pytest
from torch import nn

from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].running_mean.add_(4 * model[1].running_var.sqrt())
    data = list(batches(8, seed=1))
    return severities(seen(model, data, loss=nn.functional.cross_entropy, recalibrate=data))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("refill_gains") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "refill_gains" not in healthy()


@pytest.mark.parametrize(("spoil", "gains"), [(math.nan, True), (math.inf, True), (None, False)])
def test_statistics_that_are_no_numbers_gain_and_whole_ones_come_without_code(spoil: float | None, gains: bool) -> None:
    model = trained(net())
    data = list(batches(8, seed=1))
    if spoil is not None:
        model[1].running_var.fill_(spoil)
    report = seen(model, data, loss=nn.functional.cross_entropy, recalibrate=data)
    (finding,) = (one for one in report.findings if one.rule == "refill_gains")
    assert finding.cause.text().startswith(
        "The weights are better" if gains else "Counting the statistics again changes nothing"
    )
    assert bool(finding.code) is gains
