"""Rule `refill_gains`: its broken model, and one that is healthy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from torch import Tensor, nn

from bnviz.inspect.evidence import Refill
from bnviz.inspect.finding import Finding
from bnviz.inspect.outcome import outcome
from bnviz.inspect.rules.refill_gains import find
from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].running_mean.add_(4 * model[1].running_var.sqrt())
    data = list(batches(8, seed=1))
    return severities(seen(model, data, loss=nn.functional.cross_entropy, recalibrate=data))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("refill_gains") == "warning"


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
        "The weights are better" if gains else "Re-estimating the statistics changes nothing"
    )
    assert bool(finding.code) is gains


def told(model: nn.Module, count: int = 8, size: int = 32, loss: Callable[[Any, Any], Tensor] | None = None) -> Finding:
    """The finding on so many batches, with the loss unless another is given."""
    data = list(batches(count, seed=1, size=size))
    report = seen(model, data, loss=loss or nn.functional.cross_entropy, recalibrate=list(batches(8, seed=2)))
    return next(finding for finding in report.findings if finding.rule == "refill_gains")


def test_statistics_that_the_weights_have_learned_with_are_left() -> None:
    """Trained in eval mode, with statistics that are no batch's."""
    model = net()
    model[1].running_mean.fill_(1.0)
    model[1].running_var.fill_(0.1)
    finding = told(trained(model.eval(), 300).train())
    assert finding.measured < finding.expected
    assert finding.cause.text().startswith("With re-estimated statistics the evaluation is worse")
    assert not finding.code


def test_too_few_samples_are_told_from_no_difference() -> None:
    """The same model and the same statistics: whether it can be told hangs on the samples."""
    model = trained(net(), 300)
    model[1].running_mean.add_(1.2 * model[1].running_var.sqrt())
    assert told(model, count=8, size=64).cause.text().startswith("The weights are better")
    few = told(model, count=1, size=6)
    assert abs(few.measured - few.expected) > 0.1 * max(few.measured, few.expected)
    assert few.cause.text().startswith("The evaluation changes, by no more than chance may do")


def test_its_code_gives_what_was_measured_where_the_model_draws_by_itself() -> None:
    """`update_bn` would have the noise of train mode in the statistics."""

    class Noisy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + 2 * torch.randn_like(x) if self.training else x

    model = trained(nn.Sequential(Noisy(), *net()), 200)
    data = list(batches(8, seed=1))
    report = seen(model, data, loss=nn.functional.cross_entropy, recalibrate=data)
    finding = next(one for one in report.findings if one.rule == "refill_gains")
    exec(finding.code, {"torch": torch, "model": model, "loader": data})
    with torch.no_grad():
        after = sum(float(nn.functional.cross_entropy(model(x), y)) for x, y in data) / len(data)
    assert not model.training
    assert after == pytest.approx(finding.expected, rel=1e-5)


def test_one_batch_is_judged_by_its_samples_unless_its_loss_is_no_average() -> None:
    model = trained(net(), 300)
    model[1].running_mean.add_(4 * model[1].running_var.sqrt())
    assert told(model, count=1, size=256).cause.text().startswith("The weights are better")

    def whole(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs, targets, reduction="sum")

    finding = told(model, count=1, size=256, loss=whole)
    assert "standard error of the difference –" in finding.evidence()
    assert finding.cause.text().startswith("The evaluation changes")


def test_without_a_loss_outputs_are_compared_sample_by_sample() -> None:
    model = trained(net())
    model[1].running_mean.add_(4 * model[1].running_var.sqrt())
    report = seen(model, next(batches(1, seed=1, size=64))[0], recalibrate=list(batches(8, seed=2)))
    finding = next(one for one in report.findings if one.rule == "refill_gains")
    assert finding.measured > finding.expected + 0.5
    assert finding.cause.text().startswith("The weights are better")


def test_a_loss_that_is_asked_about_one_sample_warns_nobody() -> None:
    def spread(outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.std(0).mean() + nn.functional.cross_entropy(outputs, targets)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told(trained(net()), loss=spread)


@pytest.mark.parametrize(
    ("before", "after", "error", "found"),
    [
        (0.109, 0.056, 0.006, "better"),
        (0.0047, 0.0025, 0.0002, "better"),
        (0.109, 0.056, 0.02, "unclear"),
        (0.5, 0.47, 1e-6, "same"),
        (0.0005, 0.3, 0.01, "worse"),
        (0.0, 0.3, 0.01, "worse"),
        (-100.0, -80.0, 0.1, "worse"),
        (0.3, 0.3, 0.0, "same"),
        (1.0, 0.5, None, "unclear"),
        (0.3, math.nan, math.nan, "worse"),
        (math.nan, math.nan, math.nan, "same"),
    ],
)
def test_size_and_chance_decide_alike_in_both_directions(
    before: float, after: float, error: float | None, found: str
) -> None:
    assert outcome(Refill(before, after, error, degrees=255, is_loss=True)) == found
    if found in {"better", "worse"} and math.isfinite(before + after):
        turned = outcome(Refill(after, before, error, degrees=255, is_loss=True))
        assert turned == ("worse" if found == "better" else "better")


def test_what_asks_for_nothing_comes_last() -> None:
    model = trained(net(bias=True))
    data = list(batches(8, seed=1))
    report = seen(model, data, loss=nn.functional.cross_entropy, recalibrate=data)
    assert [finding.rule for finding in report.findings] == ["bias_before", "refill_gains"]
    assert "\n\n  See" not in str(report)
    assert report.to_html().count("<pre") == 1


@pytest.mark.parametrize(("after", "severity"), [(0.5, "warning"), (0.51, "note"), (math.nan, "note")])
def test_a_gain_is_a_warning_where_the_loss_is_halved(after: float, severity: str) -> None:
    refill = Refill(before=1.0, after=after, is_loss=True, error=0.001, degrees=100)
    (finding,) = find(Mock(refill=refill))
    assert finding.severity == severity
