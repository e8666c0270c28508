"""Rule `eps_changed`: its broken model, and one that is healthy."""

from __future__ import annotations

from torch import nn

from tests.inspect.models import net, seen, severities, trained


def broken() -> dict[str, str]:
    model = net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8, eps=0.5))
    return severities(seen(trained(model)))


def healthy() -> dict[str, str]:
    model = net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8))
    return severities(seen(trained(model)))


def test_found_in_the_broken_model() -> None:
    assert broken().get("eps_changed") == "warning"


def test_silent_on_the_healthy_one() -> None:
    assert "eps_changed" not in healthy()


def test_the_one_that_disagrees_is_named_and_cured() -> None:
    def block(eps: float = 1e-5) -> list[nn.Module]:
        return [nn.Linear(8, 8, bias=False), nn.BatchNorm1d(8, eps=eps), nn.ReLU()]

    model = trained(net(nn.ReLU(), *block(), *block(0.5), *block()))
    found = {finding.rule: finding for finding in seen(model).findings}
    assert found["eps_changed"].layers == ("7",)
    exec(found["eps_changed"].code, {"model": model})
    assert model[7].eps == 1e-5
