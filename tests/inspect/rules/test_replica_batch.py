"""Rule `replica_batch`: its broken model, and one that is healthy."""

from __future__ import annotations

import torch
from torch import nn

from bnviz.inspect.evidence import Evidence, Setup
from bnviz.inspect.layers import describe
from bnviz.inspect.moments import measured
from bnviz.inspect.rules.replica_batch import RULE
from tests.inspect.models import net, seen, severities, trained


def parallel(devices: int) -> nn.DataParallel[nn.Module]:
    """On so many devices, as far as the model knows."""
    model = nn.DataParallel(trained(net()))
    model.device_ids = list(range(devices))
    return model


def broken() -> dict[str, str]:
    return severities(seen(parallel(2)))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("replica_batch") == "note"


def test_silent_on_the_healthy_one() -> None:
    assert "replica_batch" not in healthy()


def test_one_device_has_the_whole_batch() -> None:
    assert "replica_batch" not in severities(seen(parallel(1)))


def test_ranks_bring_a_batch_each() -> None:
    norm = describe("1", nn.BatchNorm1d(8))
    call = measured(torch.randn(16, 8), torch.randn(16, 8), "batch", 0, 0, 0)
    for ranks, told in ((4, [(16, 64)]), (1, [])):
        setup = Setup(wrapper="DistributedDataParallel", ranks=ranks)
        found = list(RULE.find(Evidence((norm,), calls={"1": (call,)}, setup=setup)))
        assert [(finding.measured, finding.expected) for finding in found] == told
        for finding in found:
            compile(finding.code, "cure", "exec")
