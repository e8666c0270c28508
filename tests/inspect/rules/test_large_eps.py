"""Rule `large_eps`: its broken model, and one that is healthy."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bnviz.inspect import check
from tests.inspect.models import batches, net, seen, severities, trained


def broken() -> dict[str, str]:
    model = net()
    model[1].eps = 1.0
    return severities(seen(trained(model)))


def healthy() -> dict[str, str]:
    return severities(seen(trained(net())))


def test_found_in_the_broken_model() -> None:
    assert broken().get("large_eps") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "large_eps" not in healthy()


def scaled(factor: float) -> nn.Sequential:
    """The variance that the first norm takes becomes `factor` times its ε."""
    model = trained(net())
    x = torch.cat([x for x, _ in batches(8, seed=1)])
    with torch.no_grad():
        spread = float(model[0](x).var(dim=0).median())
        model[0].weight.mul_((factor * model[1].eps / spread) ** 0.5)
    torch.optim.swa_utils.update_bn(batches(20), model)
    return model


@pytest.mark.parametrize(("factor", "severity"), [(0.5, "warning"), (3.0, "note"), (1000.0, None)])
def test_a_warning_where_the_denominator_is_more_eps_than_variance(factor: float, severity: str | None) -> None:
    assert severities(seen(scaled(factor))).get("large_eps") == severity


def test_the_cure_is_an_eps_that_is_small() -> None:
    """Also where ε is PyTorch's default already."""
    model = scaled(0.5)
    found = {finding.rule: finding for finding in seen(model).findings}
    exec(found["large_eps"].code, {"model": model, "torch": torch})
    assert model[1].eps < 1e-6
    assert "large_eps" not in severities(seen(model))


def decayed(decay: float, *, norms_too: bool, eps: float = 1e-5, scale: float = 1.0) -> dict[str, str]:
    """Weights trained with so much decay, on inputs of this scale: severity by rule, in order."""
    model = net(nn.ReLU(), nn.Linear(8, 8, bias=False), nn.BatchNorm1d(8, eps=eps), nn.ReLU())
    model[1].eps = eps
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    rest = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    optimizer = torch.optim.SGD(
        [{"params": weights}, {"params": rest, "weight_decay": decay if norms_too else 0.0}],
        0.1,
        momentum=0.9,
        weight_decay=decay,
    )
    trained(model, 200, optimizer=optimizer, data=((scale * x, y) for x, y in batches(200)))
    data = [(scale * x, y) for x, y in batches(8, seed=1)]
    report = check(model, data, optimizer=optimizer)
    for finding in report.findings:
        compile(finding.code, finding.rule, "exec")
        if finding.rule == "large_eps":
            assert ("decay" in finding.cause.text()) is (scale == 1.0)
    return severities(report)


def test_variances_that_decay_has_shrunk_are_told_as_that() -> None:
    assert decayed(0.3, norms_too=False, eps=1e-3).get("large_eps") == "note"
    found = decayed(0.5, norms_too=True)
    assert next(iter(found)) == "weight_decay"
    assert found["weight_decay"] == "warning"
    assert "large_eps" not in found
    assert "eps_changed" not in found


def test_decay_is_not_blamed_for_inputs_in_another_unit() -> None:
    """With a decay that cannot have done it, and with one that has had no weights to shrink."""
    found = decayed(1e-5, norms_too=True, scale=1e-4)
    assert found["large_eps"] == "warning"
    assert found["weight_decay"] == "note"
