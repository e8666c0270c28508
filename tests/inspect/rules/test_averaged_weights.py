"""Rule `averaged_weights`: its broken model, and one that is healthy."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, update_bn

from bnviz.inspect.setup import setup_of
from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    model = trained(net()).requires_grad_(False)
    model[1].running_var.mul_(9)
    return severities(seen(model))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net()).requires_grad_(False)))


def test_found_in_the_broken_model() -> None:
    assert broken().get("averaged_weights") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "averaged_weights" not in healthy()


@pytest.mark.parametrize(
    ("name", "averages"),
    [
        ("ModelEmaV2", True),
        ("EMA", True),
        ("SwaWrapper", True),
        ("MeanTeacher", True),
        ("ExponentialMovingAverage", True),
        ("AdaptiveMaxPool2d", False),
        ("GlobalAveragePooling", False),
        ("SchemaEncoder", False),
    ],
)
def test_classes_that_average_weights_are_known_by_their_words(name: str, averages: bool) -> None:
    model = nn.Sequential(net(), type(name, (nn.Identity,), {})())
    assert (setup_of(model, (), None).averaged == name) == averages


@pytest.fixture(scope="module")
def average() -> AveragedModel:
    """The average of weights that a large learning rate throws about."""
    model = net(nn.ReLU(), nn.Linear(8, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU())
    averaged = AveragedModel(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.5, momentum=0.9)
    trained(model, 80, optimizer=optimizer, each=lambda step, x: step > 20 and averaged.update_parameters(model))
    return averaged.eval()


@pytest.mark.parametrize("tried", [True, False])
def test_an_average_with_the_buffers_of_the_last_weights_is_found(average: AveragedModel, *, tried: bool) -> None:
    options = {"loss": functional.cross_entropy, "recalibrate": list(batches(20))} if tried else {}
    report = seen(average, **options)
    (finding,) = (found for found in report.findings if found.rule == "averaged_weights")
    assert finding.severity == "warning"
    assert "update_bn(loader, model)" in finding.code
    assert "train_eval_gap" not in severities(report)


@pytest.mark.parametrize("tried", [True, False])
def test_it_is_silent_once_they_are_counted_for_the_average(average: AveragedModel, *, tried: bool) -> None:
    model = copy.deepcopy(average)
    update_bn(batches(20), model)
    options = {"loss": functional.cross_entropy, "recalibrate": list(batches(20))} if tried else {}
    assert "averaged_weights" not in severities(seen(model, **options))


def test_weights_that_stood_still_lend_their_average_buffers_that_fit() -> None:
    model = trained(net())
    averaged = AveragedModel(model)
    for _ in range(5):
        averaged.update_parameters(model)
    assert "averaged_weights" not in severities(seen(averaged))
