"""Subnormal numbers are 0 inside, and only there."""

from __future__ import annotations

import pytest
import torch

from bnviz.core.subnormals import subnormals_flushed


def _product() -> float:
    return float(torch.tensor([2e-38]) * torch.tensor([0.1]))


def _inside(seen: list[float]) -> None:
    with subnormals_flushed():
        seen.append(_product())
        raise ZeroDivisionError


def test_they_are_zero_inside_and_come_back_after_an_error() -> None:
    assert _product() > 0
    seen: list[float] = []
    with pytest.raises(ZeroDivisionError):
        _inside(seen)
    assert seen == [0.0]
    assert _product() > 0
