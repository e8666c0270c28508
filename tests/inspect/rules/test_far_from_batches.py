"""Rule `far_from_batches`: its broken model, and one that is healthy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from bnviz.inspect import watch
from bnviz.inspect.finding import Finding
from tests.inspect.models import batches, net, seen, severities, trained


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


def watched(tmp_path: Path, momentum: float, each: Callable[[int], float] | None = None) -> Finding | None:
    """The finding about a watched training whose weights in front of the norm `each` may move, by step."""
    model = net()
    model[1].momentum = momentum

    def move(step: int, _: Tensor) -> None:
        with torch.no_grad():
            model[0].weight.add_(0.0 if each is None else each(step))

    with watch(model, tmp_path / f"{momentum}{each is None}.bnviz", budget=1e9) as watcher:
        trained(model, 100, each=move)
    report = watcher.report()
    assert report is not None
    return next((finding for finding in report.findings if finding.rule == "far_from_batches"), None)


def test_a_watch_judges_by_how_the_training_ended_and_names_the_lag(tmp_path: Path) -> None:
    """The last look is at step 92 of 100: weights that stand still by then, or move only afterwards, are judged by the last batches."""
    moving_late = watched(tmp_path, 0.05, lambda step: 0.1 if step > 92 else 0.0)
    settled = watched(tmp_path, 0.2, lambda step: 0.1 if 80 < step < 88 else 0.0)
    healthy = watched(tmp_path, 0.1)
    assert moving_late is not None
    assert "last 20 batches" in moving_late.cause.text()
    assert "learning rate" in moving_late.cure.text()
    assert settled is None
    assert healthy is None


def test_where_the_outputs_do_not_show_it_it_is_a_note() -> None:
    """The layer behind takes no notice of the channel that is off."""
    model = trained(net())
    with torch.no_grad():
        model[1].running_mean[0] -= 9 * model[1].running_var[0].sqrt()
        assert severities(seen(model)).get("far_from_batches") == "error"
        model[3].weight[:, 0] = 0
    assert severities(seen(model)).get("far_from_batches") == "note"


def tried(model: torch.nn.Module) -> Finding:
    """The finding with the experiment beside it."""
    data = list(batches(8, seed=1))
    report = seen(model, data, loss=functional.cross_entropy, recalibrate=data)
    return next(finding for finding in report.findings if finding.rule == "far_from_batches")


def test_what_the_experiment_said_is_the_cure() -> None:
    """One gap of the statistics three times: it does harm, the weights have learned with it, and it makes no difference."""
    stale = trained(net(), 200)
    stale[1].running_mean.add_(2 * stale[1].running_var.sqrt())
    learned = net()
    learned[1].running_mean.fill_(1.0)
    learned[1].running_var.fill_(0.1)
    learned = trained(learned.eval(), 300)
    without = trained(net(), 200)
    without[1].running_mean.add_(2 * without[1].running_var.sqrt())
    without[3].weight.data.mul_(0.01)
    assert tried(stale).severity == "error"
    assert "reset_running_stats()" in tried(stale).code
    finding = tried(learned)
    assert finding.severity == "warning"
    assert "learned with them" in finding.cause.text()
    assert finding.code == "model.train()"
    assert (tried(without).severity, tried(without).code) == ("note", "")
