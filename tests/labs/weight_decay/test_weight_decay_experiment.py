"""The lab `weight_decay` against PyTorch's own optimizers one run after another, and against the closed forms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from bnviz.core.replica_data import batch_indices, digits_data
from bnviz.core.replica_networks import plain_network
from bnviz.errors import BatchOfOneError, CostError, SettingError
from bnviz.labs.weight_decay.experiment import estimated_seconds, network_plan, pairs, run
from bnviz.labs.weight_decay.lesson import CLOSE, TOPIC, settles
from bnviz.labs.weight_decay.result import Result
from bnviz.labs.weight_decay.settings import Settings
from bnviz.study import shipped
from bnviz.theory import decay as theory

SMALL: dict[str, Any] = {
    "learning_rates": (0.2, 0.4),
    "weight_decays": (0.005, 0.01),
    "steps": 60,
    "width": 16,
    "batch_size": 16,
}
"""Four runs of which two have the same η·λ."""


@pytest.fixture(scope="module")
def small() -> Result:
    return run(Settings(**SMALL))


@pytest.fixture(scope="module")
def opening() -> Result:
    return shipped.load(Result, TOPIC.shipped)


def test_shapes_are_as_declared(small: Result) -> None:
    assert small.learning_rate.tolist() == [0.2, 0.2, 0.4, 0.4]
    assert small.weight_decay.tolist() == [0.005, 0.01, 0.005, 0.01]
    points = len(small.steps)
    assert (small.steps[0], small.steps[-1], small.total_steps, small.progress) == (0, 60, 60, 1)
    for name in ("angle_by_point", "angle_by_gradient", "length", "gamma", "error"):
        assert getattr(small, name).shape == (4, points), name
    for name in ("angle", "angle_theory", "length_theory", "drift", "settled", "remaining", "cosine", "halved"):
        assert getattr(small, name).shape == (4,), name
    assert np.isnan(small.angle_by_point[:, 0]).all()
    assert np.isfinite(small.angle_by_point[:, 1:]).all()
    assert small.alike() == {0.002: [1, 2]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"momentum": 0.9, "learning_rates": (0.02, 0.04), "decayed": "all"},
        {"optimizer": "adamw", "learning_rates": (0.002, 0.004), "weight_decays": (0.1, 1.0)},
        {"batch_norm": False, "decayed": "all", "schedule": "drop"},
        {"learning_rates": (0.2,), "depth": 1},
        {"weight_decays": (0.01,), "depth": 3},
    ],
)
def test_every_run_is_what_pytorchs_own_optimizer_does_to_one_network(changes: dict[str, Any]) -> None:
    settings = Settings(**{**SMALL, "steps": 25, **changes})
    result = run(settings)
    data = digits_data((0,))
    batches = batch_indices(data, settings.batch_size, settings.steps)[:, 0]
    for index, (rate, decay) in enumerate(zip(*(values.tolist() for values in pairs(settings)), strict=True)):
        network = plain_network(network_plan(settings), 0)
        weights = [layer.weight for layer in network if isinstance(layer, torch.nn.Linear)]
        everything = settings.decayed == "all"
        groups = [
            {"params": [p], "weight_decay": decay if everything or any(p is w for w in weights[:-1]) else 0.0}
            for p in network.parameters()
        ]
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(groups, lr=rate)
        if settings.optimizer == "sgd":
            optimizer = torch.optim.SGD(groups, lr=rate, momentum=settings.momentum)
        weight, squares = weights[-2], []
        for step, batch in enumerate(batches, start=1):
            for group in optimizer.param_groups:
                group["lr"] = rate * (0.1 if settings.schedule == "drop" and step > settings.steps // 2 else 1)
            optimizer.zero_grad()
            functional.cross_entropy(network(data.features[batch]), data.labels[batch]).backward()  # type: ignore[no-untyped-call]
            before = weight.detach().double().flatten()
            optimizer.step()
            after = weight.detach().double().flatten()
            aside = after - before * (after @ before) / (before @ before)
            squares.append(math.atan2(float(aside.norm()), float(after @ before / before.norm())) ** 2)
        window = math.ceil(0.4 * settings.steps)
        assert result.angle[index] == pytest.approx(math.sqrt(sum(squares[-window:]) / window), rel=2e-3)
        assert result.length[index, -1] == pytest.approx(float(weight.detach().norm()), rel=1e-4)
        with torch.no_grad():
            guesses = network.eval()(data.features[data.test[0]]).argmax(1)
        error = 100 * (guesses != data.labels[data.test[0]]).double().mean().item()
        assert result.error[index, -1] == pytest.approx(error, abs=100 * 2.01 / 450)


def test_single_steps_obey_the_identity_and_the_gradient_is_perpendicular(small: Result) -> None:
    np.testing.assert_allclose(small.angle_by_point[:, 1:], small.angle_by_gradient[:, 1:], rtol=1e-4)
    assert small.identity_error.max() < 1e-4
    assert small.cosine.max() < 1e-4
    without = run(Settings(**{**SMALL, "batch_norm": False}))
    assert without.cosine.min() > 0.02, "it is batch norm that makes it so"
    assert run(Settings(**{**SMALL, "momentum": 0.5})).identity_error.min() > 0.01, "and it is plain SGD's alone"


def test_halving_the_weights_changes_nothing_behind_batch_norm(small: Result) -> None:
    assert small.halved.max() < 1e-3
    assert run(Settings(**{**SMALL, "batch_norm": False})).halved.min() > 0.2


def test_the_length_goes_as_the_identity_says() -> None:
    """‖w‖² ← (1 − ηλ)²‖w‖² + η²‖g‖², summed up with the recorded angles: tan² θ is the second part over the first."""
    result = run(Settings(**{**SMALL, "steps": 50}))  # every step is recorded
    assert result.steps.tolist() == list(range(51))
    kept = (1 - result.product[:, None]) ** 2 * result.length[:, :-1] ** 2
    predicted = kept * (1 + np.tan(result.angle_by_point[:, 1:]) ** 2)
    np.testing.assert_allclose(result.length[:, 1:] ** 2, predicted, rtol=1e-5)


def test_the_opening_shows_what_the_page_claims(opening: Result) -> None:
    assert opening.settings == Settings()
    assert opening.progress == 1
    assert len(opening.product) >= 8
    assert settles(opening)
    assert 6 <= opening.settled.sum() < len(opening.product), "some have settled, some have not"
    np.testing.assert_allclose(opening.angle[opening.settled], opening.angle_theory[opening.settled], rtol=CLOSE)
    away = np.abs(opening.angle / opening.angle_theory - 1)
    assert away[~opening.settled].min() > 0.04
    far = away > 0.06
    assert (opening.remaining[far] > 100).all(), "what is far off is told how long it would take"
    assert (opening.remaining[opening.settled] == 0).all()
    for runs in opening.alike().values():
        settled = [index for index in runs if opening.settled[index]]
        assert np.ptp(opening.angle[settled]) < 0.05 * opening.angle[settled].mean()
        assert np.ptp(opening.length[runs, -1]) > 0.2 * opening.length[runs, -1].mean(), "their lengths differ"
    np.testing.assert_allclose(opening.length[opening.settled, -1], opening.length_theory[opening.settled], rtol=0.05)


@pytest.mark.claim
def test_what_is_told_to_be_left_is_about_what_it_takes(opening: Result) -> None:
    """A run that needs some 1000 steps more has settled when it is given twice as many, and not before."""
    index = int(np.flatnonzero(np.isclose(opening.product, 2e-4))[0])
    assert 500 < opening.remaining[index] < 2000
    longer = run(
        Settings(learning_rates=(0.2,), weight_decays=(0.001,), steps=2000 + 2 * math.ceil(opening.remaining[index]))
    )
    assert (
        abs(longer.angle[0] / longer.angle_theory[0] - 1)
        < 0.06
        < abs(opening.angle[index] / opening.angle_theory[index] - 1)
    )


def test_the_closed_forms() -> None:
    assert theory.equilibrium_angle(0.1, 0.02) == pytest.approx(math.sqrt(0.004))
    assert theory.equilibrium_angle(0.1, 0.02, 0.9) == pytest.approx(math.sqrt(0.004 / 1.9))
    assert theory.equilibrium_angle_adamw(0.1, 0.02) == pytest.approx(math.sqrt(0.004 * 0.1 / 1.9))
    with pytest.raises(ValueError, match="momentum"):
        theory.equilibrium_angle(0.1, 0.1, 1.0)


def test_the_closed_forms_are_where_the_recursion_ends_and_how_it_goes_there() -> None:
    """‖w‖² ← (1 − ηλ)²‖w‖² + η²g̃²/‖w‖² with g̃ fixed, iterated."""
    rate, decay, tilde = 0.2, 0.005, 3.0
    square, start = 100.0, theory.equilibrium_length(rate, decay, tilde**2) ** 2
    times = (square / start) ** 2
    expected = int(theory.steps_to_settle(rate, decay, times))
    distances = []
    for _ in range(4000):
        square = (1 - rate * decay) ** 2 * square + (rate * tilde) ** 2 / square
        distances.append(abs((square / start) ** 2 - 1))
    assert math.sqrt(square) == pytest.approx(float(theory.equilibrium_length(rate, decay, tilde**2)), rel=1e-3)
    assert rate * tilde / square == pytest.approx(float(theory.equilibrium_angle(rate, decay)), rel=2e-3)
    arrived = next(step for step, distance in enumerate(distances) if distance < 0.1)
    assert arrived == pytest.approx(expected, rel=0.02)
    later = distances[arrived + int(theory.relaxation_steps(rate, decay))]
    assert later == pytest.approx(0.1 / math.e, rel=0.1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rates", (0.1,)),
        ("weight_decays", (0.02,)),
        ("optimizer", "adamw"),
        ("momentum", 0.5),
        ("batch_norm", False),
        ("decayed", "all"),
        ("schedule", "drop"),
        ("steps", 40),
        ("batch_size", 8),
        ("depth", 3),
        ("width", 24),
        ("seed", 1),
    ],
)
def test_every_control_changes_the_numbers(name: str, value: Any, small: Result) -> None:
    other = run(small.settings.replace(**{name: value}))
    assert other.angle.shape != small.angle.shape or not np.allclose(other.angle, small.angle, rtol=1e-3)


def test_the_same_settings_give_the_same_numbers(small: Result) -> None:
    np.testing.assert_array_equal(small.angle_by_point, run(small.settings).angle_by_point)


def test_partial_results_grow_and_end_in_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnviz.study.updates.Updates.__init__.__defaults__", (0.0,), raising=False)
    parts: list[Result] = []
    whole = run(Settings(**SMALL), parts.append)
    shares = [part.progress for part in parts]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] < 1
    for part in parts:
        np.testing.assert_array_equal(part.length, whole.length[:, : len(part.steps)])
        assert np.isnan(part.halved).all()
    assert not parts[0].settled.any()


def test_what_cannot_be_run_is_refused_before_any_work() -> None:
    for refuse in (estimated_seconds, run):
        with pytest.raises(BatchOfOneError, match="more than 1 value per channel"):
            refuse(Settings(batch_size=1))
    assert np.isfinite(run(Settings(**{**SMALL, "batch_size": 1, "batch_norm": False, "steps": 20})).length).all()
    with pytest.raises(CostError) as caught:
        estimated_seconds(Settings(steps=20000, width=512, depth=20))
    assert "steps" in caught.value.reduce
    for wrong in (
        {"learning_rates": ()},
        {"weight_decays": (0.0,)},
        {"learning_rates": (1, 2, 3, 4, 5)},
        {"momentum": 1},
    ):
        with pytest.raises(SettingError):
            Settings(**wrong)


def test_divergence_is_told() -> None:
    result = run(Settings(**{**SMALL, "batch_norm": False, "learning_rates": (0.1, 10.0), "steps": 40}))
    assert (result.diverged_at[:2] == -1).all()
    assert np.isfinite(result.error[:2]).all()
    gone = result.diverged_at >= 0
    assert np.isnan(result.error[gone, -1]).all()


def test_a_result_goes_through_a_file(small: Result, tmp_path: Path) -> None:
    shipped.save(small, tmp_path / "x.npz")
    back = shipped.load(Result, tmp_path / "x.npz")
    assert back.settings == small.settings
    np.testing.assert_array_equal(back.settled, small.settled)
