"""Rule `constant_channels`: its broken model, and one that is healthy."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net())
    with torch.no_grad():
        model[0].weight[:5] = 0
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("constant_channels") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "constant_channels" not in healthy()


def with_column(spread: float) -> list[tuple[Tensor, Tensor]]:
    """Batches whose last column has this spread around 3."""
    data = list(batches(150))
    for x, _ in data:
        x[:, 5] = 3 + spread * (x[:, 5] - 1)
    return data


@pytest.mark.parametrize("spread", [0.0, 1e-5])
def test_a_column_of_the_inputs_that_hardly_varies_is_a_warning(spread: float) -> None:
    data = with_column(spread)
    model = trained(nn.Sequential(nn.BatchNorm1d(6), net()), data=data).eval()
    (finding,) = (found for found in seen(model, data[:8]).findings if found.rule == "constant_channels")
    assert finding.severity == "warning"
    assert finding.layers == ("0",)
    with torch.no_grad():  # what it says is what happens
        x = data[0][0]
        change = (model[0](x + torch.eye(6)[5]) - model[0](x))[:, 5] / model[0].weight[5]
    assert finding.measured == pytest.approx(float(change.mean()), rel=0.01)
    assert finding.measured > 200


def test_a_column_that_varied_before_is_a_note_only() -> None:
    data = [*batches(150), *with_column(0.0)[:8]]
    model = trained(nn.Sequential(nn.BatchNorm1d(6), net()), data=data)
    assert severities(seen(model, data[-8:])).get("constant_channels") == "note"


def test_columns_that_vary_are_in_order() -> None:
    data = with_column(0.1)
    model = trained(nn.Sequential(nn.BatchNorm1d(6), net()), data=data)
    assert "constant_channels" not in severities(seen(model, data[:8]))


def test_a_constant_channel_behind_a_layer_is_a_note() -> None:
    model = net()
    with torch.no_grad():
        model[0].weight[0] = 0
    model[0].weight.register_hook(lambda gradient: gradient * (torch.arange(8) > 0).float()[:, None])
    assert severities(seen(trained(model, 150))).get("constant_channels") == "note"
