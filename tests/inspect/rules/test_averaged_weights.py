"""Rule `averaged_weights`: its broken model, and one that is healthy."""

from __future__ import annotations

import pytest
from torch import nn

from bnviz.inspect.setup import setup_of
from tests.inspect.models import net, seen, severities, trained


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
