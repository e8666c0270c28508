"""Which rules a watch can see: each that says so finds its fault in a watched training, and the page says the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnviz.inspect import watch
from bnviz.inspect.rule import all_rules
from scripts.make_own_model_page import PAGE, rules_seen, with_rules
from tests.inspect.models import batches, net, trained

STEPS = 60
Each = Callable[[nn.Module, int, Tensor], None]


def nothing(model: nn.Module, step: int, x: Tensor) -> None:
    """After a step of a training in which nothing is done."""


def having(**values: Any) -> nn.Module:
    """A net whose norm has these attributes."""
    model = net()
    for name, value in values.items():
        setattr(model[1], name, value)
    return model


def with_norm(norm: nn.Module) -> nn.Module:
    model = net()
    model[1] = norm
    return model


class Idle(nn.Module):
    """Has a norm that no pass uses."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.idle = net(), nn.BatchNorm1d(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


def two_eps() -> nn.Module:
    return net(nn.ReLU(), nn.Linear(8, 8, bias=False), nn.BatchNorm1d(8, eps=0.1), nn.ReLU())


def scaled(by: float, offset: float = 0.0, bias: bool = False) -> nn.Module:
    """A net whose first layer gives values so many times as large."""
    model = net(bias=bias)
    with torch.no_grad():
        model[0].weight.mul_(by)
        if bias:
            model[0].bias.add_(offset)
    return model


def frozen(model: nn.Module, *, norm: bool) -> nn.Module:
    """γ and β without a gradient, or the norm in eval mode."""
    if norm:
        model[1].eval()
    else:
        model[1].requires_grad_(False)
    return model


def once(step: int, action: Callable[[nn.Module, Tensor], Any]) -> Each:
    """`action` after one step."""
    return lambda model, now, x: action(model, x) if now == step else None


@torch.no_grad()
def validated(model: nn.Module, step: int, x: Tensor) -> None:
    for _ in range(4 if step % 20 == 10 else 0):
        model(x)


@torch.no_grad()
def moved(model: nn.Module, step: int, x: Tensor) -> None:
    if step > STEPS - 8:
        model[0].weight.add_(0.5)


@torch.no_grad()
def without_gamma(model: nn.Module, x: Tensor) -> None:
    model[1].weight[:6] = 0


def run_twice(model: nn.Module, step: int, x: Tensor) -> None:
    model(x)


def of_one_kind(step: int) -> bool:
    return step % 2 == 0


def every_second(count: int) -> list[tuple[Tensor, Tensor]]:
    return [(x + 4 * of_one_kind(step), y) for step, (x, y) in enumerate(batches(count))]


# Rule: what is watched, what happens after each step, and on which data.
CASES: dict[str, tuple[Callable[[], nn.Module], Each, Callable[[], Any]]] = {
    "batch_too_small": (net, nothing, lambda: batches(STEPS, size=3)),
    "cancellation": (lambda: scaled(1, 3e4, bias=True), nothing, lambda: batches(STEPS)),
    "constant_channels": (lambda: scaled(0), nothing, lambda: [(0 * x, y) for x, y in batches(STEPS)]),
    "counter_stands_still": (Idle, nothing, lambda: batches(STEPS)),
    "dead_channels": (net, once(STEPS - 1, without_gamma), lambda: batches(STEPS)),
    "eps_changed": (two_eps, nothing, lambda: batches(STEPS)),
    "eval_while_training": (lambda: frozen(net(), norm=True), nothing, lambda: batches(STEPS)),
    "far_from_batches": (net, moved, lambda: batches(STEPS)),
    "half_frozen": (lambda: frozen(net(), norm=False), nothing, lambda: batches(STEPS)),
    "half_range": (lambda: scaled(1e5), nothing, lambda: batches(STEPS)),
    "invalid_statistics": (net, once(40, lambda model, x: model(x * torch.nan)), lambda: batches(STEPS)),
    "large_eps": (lambda: having(eps=5.0), nothing, lambda: batches(STEPS)),
    "momentum_large": (lambda: having(momentum=0.99), nothing, lambda: batches(STEPS)),
    "momentum_zero": (lambda: having(momentum=0.0), nothing, lambda: batches(STEPS)),
    "moved_without_gradient": (net, validated, lambda: batches(STEPS)),
    "no_statistics": (
        lambda: with_norm(nn.BatchNorm1d(8, track_running_stats=False)),
        nothing,
        lambda: batches(STEPS, size=8),
    ),
    "not_finite": (net, nothing, lambda: [(x * torch.nan, y) for x, y in batches(STEPS)]),
    "one_value": (lambda: with_norm(nn.GroupNorm(8, 8)), nothing, lambda: batches(STEPS)),
    "started_recently": (lambda: having(momentum=0.005), nothing, lambda: batches(STEPS)),
    "two_populations": (net, nothing, lambda: every_second(STEPS)),
    "untracked_buffers": (lambda: having(track_running_stats=False), nothing, lambda: batches(STEPS)),
    "updates_per_step": (net, run_twice, lambda: batches(STEPS)),
    "weight_decay": (net, nothing, lambda: batches(STEPS)),
}
ELSEWHERE = {"ranks_differ", "replica_batch"}  # with several processes, in test_distributed.py and their own tests


def found(rule: str, folder: Path) -> list[str]:
    """What a watch finds where `rule` has its fault."""
    make, each, data = CASES[rule]
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, weight_decay=0.1 if rule == "weight_decay" else 0)
    watcher = watch(model, folder / "run.bnviz", optimizer=optimizer, budget=1e9)
    trained(model, optimizer=optimizer, data=data(), each=lambda step, x: each(model, step, x))
    report = watcher.close()
    assert report is not None
    return [finding.rule for finding in report.findings]


@pytest.mark.parametrize("rule", list(CASES))
def test_a_watch_sees_it(rule: str, tmp_path: Path) -> None:
    assert rule in found(rule, tmp_path)


def test_what_a_rule_says_of_itself_is_what_was_shown() -> None:
    assert {rule.name for rule in all_rules() if "watch" in rule.seen_by} == CASES.keys() | ELSEWHERE


def test_the_page_says_which_rules_a_watch_sees() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_rules(page) == page
    assert rules_seen() in page
