"""Rule `cancellation`: its broken model, and one that is healthy."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from tests.inspect.models import batches, net, seen, severities, trained, watched


def broken() -> dict[str, str]:
    data = [(x + 1e5, y) for x, y in batches(80)]
    return severities(seen(trained(net(), data=data), data[:8]))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("cancellation") == "error"


def test_silent_on_the_healthy_one() -> None:
    assert "cancellation" not in healthy()


def moved(x: Tensor, by: float, spread: float = 1.0) -> Tensor:
    """`x` with one column that is far from zero."""
    x = x.clone()
    x[:, 0] = x[:, 0] * spread + by
    return x


@pytest.mark.parametrize("offset", [2e6, 1e7, 1.7e7, 1e9])
def test_one_column_beyond_what_float32_resolves_is_named_first(offset: float) -> None:
    data = [(moved(x, offset), y) for x, y in batches(80)]
    findings = seen(trained(nn.Sequential(nn.BatchNorm1d(6), net()), data=data), data[:8]).findings
    assert (findings[0].rule, findings[0].severity) == ("cancellation", "error")
    assert "constant_channels" not in [finding.rule for finding in findings]


def test_it_is_named_in_a_watched_training() -> None:
    class Offset(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return moved(x, 1.7e7)

    assert watched(nn.Sequential(Offset(), nn.BatchNorm1d(6), net()), None).get("cancellation") == "error"


@pytest.mark.parametrize(("offset", "spread"), [(1.7e7, 1e6), (3.0, 0.0), (0.0, 0.0)])
def test_neither_a_wide_column_nor_a_constant_one_is_meant(offset: float, spread: float) -> None:
    data = [(moved(x, offset, spread), y) for x, y in batches(80)]
    assert "cancellation" not in severities(seen(trained(nn.Sequential(nn.BatchNorm1d(6), net()), data=data), data[:8]))


def test_double_precision_holds_such_a_column() -> None:
    data = [(moved(x.double(), 5e6), y) for x, y in batches(80)]
    model = trained(nn.Sequential(nn.BatchNorm1d(6), net()).double(), data=data)
    assert "cancellation" not in severities(seen(model, data[:8]))
