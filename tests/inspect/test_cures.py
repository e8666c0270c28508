"""The code of every cure runs as it stands, with the names that it may use, and most of it cures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

import bnviz
from bnviz.inspect import check
from bnviz.inspect.rule import all_rules
from tests.inspect.models import batches, net, trained

Made = nn.Module | tuple[nn.Module, Any]
Make = Callable[[], Made]
LOADER = DataLoader(TensorDataset(*(torch.cat(part) for part in zip(*batches(20), strict=True))), 32, shuffle=True)


def changed(change: Callable[[Any], Any], model: nn.Module | None = None) -> nn.Module:
    """A trained model, and then this."""
    made = trained(net() if model is None else model)
    change(made)
    return made


def deep(*middle: nn.Module) -> nn.Sequential:
    """Two norms with `middle` between the first and the next layer."""
    return net(*(middle or (nn.ReLU(),)), nn.Linear(8, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU())


class Always(nn.BatchNorm1d):
    """training=True written into the layer."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, True)


class Recomputed(nn.Module):
    """Its norm is run again by the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.body = net()

    def forward(self, x: Tensor) -> Any:
        return checkpoint(self.body, x, use_reentrant=False)


class Tokens(nn.Module):
    """(N, L, C) into a norm that takes L for the channels."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.embed, self.norm = nn.Linear(6, 16), norm

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.embed(x[:, None].expand(-1, 5, -1)))  # type: ignore[no-any-return]


def counted() -> tuple[nn.Module, Any]:
    """Two updates for each step that Adam remembers."""
    model = trained(net())
    optimizer = torch.optim.Adam(model.parameters())
    return trained(model, optimizer=optimizer), optimizer


def decayed() -> tuple[nn.Module, Any]:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-3)
    return trained(model, optimizer=optimizer), optimizer


def forgotten() -> tuple[nn.Module, Any]:
    """Adam remembers more steps than the statistics have updates."""
    model = deep()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    trained(model, 20, optimizer=optimizer)
    return trained(model.eval(), 150, optimizer=optimizer, data=batches(150, seed=5)), optimizer


@torch.no_grad()
def small_weights(model: Any) -> None:
    model[0].weight.mul_(1e-4)
    torch.optim.swa_utils.update_bn(LOADER, model)


def offset(model: Any) -> None:
    model[0].bias.data.fill_(1e5)
    model[1].running_mean.add_(1e5)


CASES: dict[str, tuple[Make, bool]] = {
    # rule: the model, and whether its cure is a cure at once
    "averaged_weights": (
        lambda: changed(lambda m: (m.requires_grad_(False), m[1].running_mean.add_(3 * m[1].running_var.sqrt()))),
        True,
    ),
    "bias_before": (lambda: trained(net(bias=True)), True),
    "cancellation": (lambda: changed(offset, net(bias=True)), False),
    "constant_channels": (lambda: changed(lambda m: m[0].weight.data[:5].zero_()), False),
    "counter_zero": (lambda: changed(lambda m: m[1].num_batches_tracked.zero_()), True),
    "dead_channels": (lambda: changed(lambda m: m[1].weight.data[:5].zero_()), True),
    "dropout_before": (lambda: trained(net(nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 8), nn.BatchNorm1d(8))), False),
    "eps_changed": (lambda: trained(net(nn.ReLU(), nn.Linear(8, 8, bias=False), nn.BatchNorm1d(8, eps=0.5))), True),
    "eval_while_training": (forgotten, False),
    "far_from_batches": (lambda: changed(lambda m: m[1].running_mean.add_(3 * m[1].running_var.sqrt())), True),
    "foldable": (lambda: trained(deep(nn.Identity())), True),
    "folding_differs": (lambda: changed(offset, net(bias=True)).eval(), False),
    "half_frozen": (lambda: changed(lambda m: m[1].requires_grad_(False)), True),
    "half_range": (lambda: changed(lambda m: m[0].weight.data.mul_(1e6)), False),
    "invalid_statistics": (lambda: changed(lambda m: m[1].running_var.fill_(torch.nan)), True),
    "large_eps": (lambda: changed(small_weights), True),
    "momentum_large": (lambda: changed(lambda m: setattr(m[1], "momentum", 0.99)), True),
    "momentum_zero": (lambda: changed(lambda m: setattr(m[1], "momentum", 0.0)), True),
    "never_updated": (lambda: changed(lambda m: m[1].reset_running_stats()), True),
    "no_statistics": (
        lambda: trained(net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8, track_running_stats=False))),
        True,
    ),
    "norm_after_norm": (lambda: trained(net(nn.BatchNorm1d(8))), True),
    "norm_at_output": (lambda: trained(nn.Sequential(net(), nn.BatchNorm1d(2))), True),
    "not_finite": (lambda: changed(lambda m: m[0].weight.data.fill_(torch.nan)), False),
    "one_value": (lambda: trained(nn.Sequential(nn.Linear(6, 8), nn.GroupNorm(8, 8), nn.Linear(8, 2))), True),
    "refill_gains": (lambda: changed(lambda m: m[1].running_mean.add_(3 * m[1].running_var.sqrt())), False),
    "started_recently": (lambda: trained(net(), 5), True),
    "training_in_eval": (lambda: changed(lambda m: (m.eval(), m[1].train())), True),
    "untracked_buffers": (lambda: changed(lambda m: setattr(m[1], "track_running_stats", False)), True),
    "updates_per_step": (lambda: trained(Recomputed()), False),
    "weight_decay": (decayed, True),
    "wrong_axis": (lambda: Tokens(nn.BatchNorm1d(5)), False),
}
# Only a watch, or another rule's data, shows them; or a file of theirs has the test.
ELSEWHERE = {
    "batch_too_small",
    "counter_stands_still",
    "moved_without_gradient",
    "ranks_differ",
    "replica_batch",
    "train_eval_gap",
    "two_populations",
}


def test_every_rule_has_its_code_run() -> None:
    assert {rule.name for rule in all_rules()} == CASES.keys() | ELSEWHERE


def found(model: nn.Module, optimizer: Any, rule: str) -> Any:
    data = list(batches(8, seed=1))
    options = {"loss": functional.cross_entropy, "recalibrate": data} if rule == "refill_gains" else {}
    report = check(model, data, optimizer=optimizer, **options)
    return next((finding for finding in report.findings if finding.rule == rule), None)


@pytest.mark.parametrize("rule", list(CASES))
def test_the_code_of_a_cure_runs(rule: str) -> None:
    make, cures = CASES[rule]
    made = make()
    model, optimizer = made if isinstance(made, tuple) else (made, None)
    finding = found(model, optimizer, rule)
    assert finding is not None
    assert finding.code
    names = {
        "torch": torch,
        "bnviz": bnviz,
        "model": model,
        "optimizer": optimizer,
        "loader": LOADER,
        "loss": functional.cross_entropy,
        "inputs": torch.randn(32, 6),
        "x": torch.randn(4, 5, 16),
    }
    exec(finding.code, names)
    if cures:
        assert found(model, optimizer, rule) is None


@pytest.mark.parametrize("parallel", [False, True])
def test_names_start_at_the_model_inside_a_parallel_one(parallel: bool) -> None:
    model: Any = trained(deep())
    model[1].momentum = 0.9
    outer = nn.DataParallel(model) if parallel else model
    exec(found(outer, None, "momentum_large").code, {"model": outer})
    assert (model[1].momentum, model[4].momentum) == (0.1, 0.1)


def test_a_layer_that_was_built_with_training_written_in_is_told_to_ask_its_mode() -> None:
    model: Any = trained(net())
    norm = Always(8)
    norm.load_state_dict(model[1].state_dict())
    model[1] = norm
    finding = found(model.eval(), None, "training_in_eval")
    names: dict[str, Any] = {"torch": torch}
    exec(finding.code, names)
    Always.forward, kept = names["forward"], Always.forward
    try:
        assert found(model, None, "training_in_eval") is None
    finally:
        Always.forward = kept


def test_a_bias_that_is_taken_out_changes_no_answer() -> None:
    model: Any = trained(net(bias=True)).eval()
    model[0].bias.data.add_(0.5)
    model[1].running_mean.add_(0.5)
    x = next(batches(1, seed=3))[0]
    before = model(x)
    exec(found(model, None, "bias_before").code, {"model": model})
    assert model[0].bias is None
    torch.testing.assert_close(model(x), before)


def test_statistics_are_refilled_without_dropout() -> None:
    model = trained(net(nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU()))
    exec(found(model, None, "dropout_before").code, {"model": model, "torch": torch, "loader": LOADER})
    model.eval()
    with torch.no_grad():
        inputs = torch.cat([model[:5](x) for x, _ in LOADER])
    norm: Any = model[5]
    torch.testing.assert_close(norm.running_var, inputs.var(dim=0), rtol=0.1, atol=1e-3)
    assert norm.momentum == 0.1
