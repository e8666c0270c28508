"""Rule `folding_differs`: its broken model, and one that is healthy."""

from __future__ import annotations

from tests.inspect.models import net, seen, severities, trained


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
