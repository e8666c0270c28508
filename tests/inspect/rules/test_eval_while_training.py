"""Rule `eval_while_training`: its broken model, and one that is healthy."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bnviz.inspect.report import Report
from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    model[1].eval()
    return severities(seen(model))


def healthy() -> dict[str, str]:
    model = trained(net())
    model[1].eval().requires_grad_(False)
    return severities(seen(model))


def test_found_in_the_broken_model() -> None:
    assert broken().get("eval_while_training") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "eval_while_training" not in healthy()


def forgotten(affine: bool = True) -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """Twenty steps, an evaluation, and a hundred steps in the eval mode that it left behind."""
    model = net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8, affine=affine), nn.ReLU())
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    trained(model, 20, optimizer=optimizer)
    trained(model.eval(), 150, optimizer=optimizer, data=batches(150, seed=5))
    return model, optimizer


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("mode", [True, False])
def test_a_forgotten_train_is_named_from_counters(mode: bool, affine: bool) -> None:
    model, optimizer = forgotten(affine)
    report = seen(model.train(mode), optimizer=optimizer)
    finding = report.findings[0]
    assert finding.rule == "eval_while_training"
    assert (finding.measured, finding.expected) == (20, 170)
    assert set(finding.layers) == {"1", "4"}
    assert "far_from_batches" not in severities(report)


def experiment(model: nn.Module, optimizer: torch.optim.Optimizer) -> Report:
    data = list(batches(8, seed=1))
    return seen(model, data, loss=nn.functional.cross_entropy, optimizer=optimizer, recalibrate=data)


def test_statistics_that_were_counted_again_have_few_updates_and_are_right() -> None:
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    trained(model, 100, optimizer=optimizer)
    torch.optim.swa_utils.update_bn(batches(8, seed=3), model)
    assert int(model[1].num_batches_tracked) == 8
    assert severities(seen(model, optimizer=optimizer)) == {}


def test_the_experiment_tells_stale_statistics_from_those_that_the_weights_have_learned_with() -> None:
    model, optimizer = forgotten()
    assert experiment(model, optimizer).findings[0].rule == "eval_while_training"
    stale = net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())
    optimizer = torch.optim.Adam(stale.parameters(), 0.02)
    trained(stale, 20, optimizer=optimizer)
    early = {name: value.clone() for name, value in stale.named_buffers()}
    trained(stale, 150, optimizer=optimizer, data=batches(150, seed=5))
    stale.load_state_dict(early, strict=False)
    found = severities(experiment(stale, optimizer))
    assert "eval_while_training" not in found
    assert "far_from_batches" in found


def test_eval_mode_from_the_first_step_on_is_told_from_lost_buffers_by_the_experiment() -> None:
    model = net().eval()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    trained(model, 150, optimizer=optimizer)
    assert experiment(model, optimizer).findings[0].rule == "eval_while_training"
    lost = net()
    optimizer = torch.optim.Adam(lost.parameters(), 0.02)
    trained(lost, 150, optimizer=optimizer)
    lost[1].reset_running_stats()
    assert experiment(lost, optimizer).findings[0].rule == "never_updated"
