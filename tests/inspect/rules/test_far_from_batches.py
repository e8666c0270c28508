"""Rule `far_from_batches`: its broken model, and one that is healthy."""

from __future__ import annotations

import torch

from bnviz.inspect.finding import Finding
from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].running_mean.add_(4 * model[1].running_var.sqrt())
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("far_from_batches") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "far_from_batches" not in healthy()


def after_a_jump(momentum: float | None) -> Finding:
    """The finding after a training in which the weights in front of the norm grew fourfold near its end."""
    model = net()
    model[1].momentum = momentum
    trained(model, 40)
    with torch.no_grad():
        model[0].weight.mul_(4)
    trained(model, 10 if momentum is None else 1)
    return next(finding for finding in seen(model).findings if finding.rule == "far_from_batches")


def test_a_plain_average_is_told_as_what_it_is() -> None:
    """`momentum=None` forgets nothing: that is the cause, not stale buffers, and a momentum is the cure."""
    average, usual = after_a_jump(None), after_a_jump(0.1)
    assert "averages all 50 batches" in average.cause.text()
    assert "averages all" not in usual.cause.text()
    assert "module.momentum = 0.1" in average.code
    assert "momentum=cumulative" in average.link
    assert "recalibrate" in usual.code
