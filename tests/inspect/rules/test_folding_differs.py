"""Rule `folding_differs`: its broken model, and one that is healthy."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    # A mean far beyond the spread: the folded bias drowns the rest.
    model = trained(net(bias=True))
    model[0].bias.data.fill_(1e6)
    model[1].running_mean.fill_(1e6)
    return severities(seen(model.eval()))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("folding_differs") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "folding_differs" not in healthy()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_rounding_of_half_precision_is_no_fault(dtype: torch.dtype) -> None:
    model = trained(net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())).to(dtype)
    assert "folding_differs" not in severities(seen(model, [x.to(dtype) for x, _ in batches(4, seed=1)]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_digits_that_an_offset_eats_are_found_in_half_precision_too(dtype: torch.dtype) -> None:
    model = trained(net(bias=True))
    model[0].bias.data.fill_(1e4)
    model[1].running_mean.fill_(1e4)
    found = severities(seen(model.to(dtype).eval(), [x.to(dtype) for x, _ in batches(4, seed=1)]))
    assert found.get("folding_differs") == "warning"


def test_statistics_are_folded_as_they_are() -> None:
    """The passes in train mode would have replaced them: the newest batch weighs 0.9."""
    model = trained(net())
    model[1].running_var.zero_()
    model[1].eps = 1e-12
    model[1].momentum = 0.9
    assert severities(seen(model)).get("folding_differs") == "warning"
