"""The lab `layer`: equal to a straight PyTorch loop, held against theory, refusing what it must."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bnviz import settings as table
from bnviz.core.activations import make_activation
from bnviz.core.batch_norm import seeded_layer
from bnviz.core.datasets import digits
from bnviz.errors import BatchOfOneError, BnvizError, CostError, SettingError, UploadError
from bnviz.labs.layer.comparisons import comparisons
from bnviz.labs.layer.experiment import recording as lab
from bnviz.labs.layer.experiment import run
from bnviz.labs.layer.experiment.population import noise_share
from bnviz.labs.layer.result import Result
from bnviz.labs.layer.settings import Settings
from bnviz.theory import running as running_theory


@dataclasses.dataclass
class Loop:
    """What a straight loop saw, one entry per shown batch: stages (m, C, …), running estimates before and after."""

    input: list[torch.Tensor] = dataclasses.field(default_factory=list)
    normalized: list[torch.Tensor] = dataclasses.field(default_factory=list)
    scaled: list[torch.Tensor] = dataclasses.field(default_factory=list)
    output: list[torch.Tensor] = dataclasses.field(default_factory=list)
    running: list[tuple[torch.Tensor, torch.Tensor]] = dataclasses.field(default_factory=list)


def digit_batches(s: Settings) -> Iterator[torch.Tensor]:
    """Epochs of random order, the short last batch dropped, from the generator that made the weights."""
    images, _ = digits()
    while True:
        order = torch.randperm(len(images))
        for start in range(0, len(images) - s.batch_size + 1, s.batch_size):
            batch = images[order[start : start + s.batch_size]]
            yield batch if s.layer == "conv" else batch.flatten(1)


def straight_loop(s: Settings) -> Loop:
    """The lab's run on digits as anyone would write it, twice through batch norm: once without γ and β."""
    state = torch.get_rng_state()
    torch.manual_seed(s.seed)
    layer = nn.Conv2d(1, s.channels, 3, padding=1) if s.layer == "conv" else nn.Linear(64, s.channels)
    kind = nn.BatchNorm2d if s.layer == "conv" else nn.BatchNorm1d
    momentum = None if s.momentum == "cumulative" else s.momentum
    norm = kind(s.channels, s.eps, momentum, s.affine, s.track_running_stats)
    plain = kind(s.channels, s.eps, momentum, False, s.track_running_stats)
    if s.affine:
        nn.init.constant_(norm.weight, s.gamma)
        nn.init.constant_(norm.bias, s.beta)
    seen = Loop()
    with torch.no_grad():
        for t, batch in enumerate(itertools.islice(digit_batches(s), s.warmup + s.steps)):
            shown = t - s.warmup
            for module in (norm, plain):
                module.train(shown < 0 or s.mode == "train")
            x = layer(batch) * s.input_scale + s.input_shift + s.drift * max(shown, 0)
            if shown == 0 and s.track_running_stats:
                seen.running.append((norm.running_mean.clone(), norm.running_var.clone()))
            x_hat, y = plain(x), norm(x)
            if shown < 0:
                continue
            seen.input.append(x)
            seen.normalized.append(x_hat)
            seen.scaled.append(y)
            seen.output.append(make_activation(s.activation)(y))
            if s.track_running_stats:
                seen.running.append((norm.running_mean.clone(), norm.running_var.clone()))
    torch.set_rng_state(state)
    return seen


def rows(tensor: torch.Tensor) -> np.ndarray:
    """(m, C, …) as (C, n)."""
    return tensor.transpose(0, 1).flatten(1).numpy()


def same_bins(measured: np.ndarray, expected: np.ndarray, values: np.ndarray, edges: np.ndarray) -> None:
    """Equal counts, but that a value which rounding puts on either side of an edge may stand on either side."""
    distance = np.abs(values[:, None] - edges[None]).min(axis=1)
    unsure = int((distance < 1e-5).sum())
    assert measured.sum() == expected.sum() == values.size
    assert np.abs(measured - expected).sum() <= 2 * unsure


LOOPS = [
    {"mode": mode, "affine": affine, "track_running_stats": track, "momentum": momentum, "layer": layer}
    for mode, affine, track, momentum, layer in itertools.product(
        ("train", "eval"), (True, False), (True, False), (0.1, "cumulative"), ("linear", "conv")
    )
]


@pytest.mark.parametrize("kind", LOOPS, ids=lambda kind: "-".join(str(value) for value in kind.values()))
@pytest.mark.parametrize("warmup", [0, 7])
def test_equals_a_straight_pytorch_loop(kind: dict[str, Any], warmup: int) -> None:
    s = Settings(
        **kind,
        warmup=warmup,
        steps=5,
        channels=3,
        channel=1,
        batch_size=400,
        eps=1e-3,
        gamma=-1.5,
        beta=0.5,
        activation="tanh",
        input_scale=3.0,
        input_shift=-1.0,
        drift=0.25,
        seed=5,
    )
    result, loop = run(s), straight_loop(s)
    own_statistics = s.mode == "train" or not s.track_running_stats
    assert result.statistics_source == ("batch" if own_statistics else "running")
    assert result.batches_before == (warmup if s.track_running_stats else 0)
    close = {"rtol": 1e-6, "atol": 1e-6}
    for t in range(s.steps):
        x = rows(loop.input[t]).astype(np.float64)
        np.testing.assert_allclose(result.batch_mean[t], x.mean(axis=1), **close)
        np.testing.assert_allclose(result.batch_var[t], x.var(axis=1), **close)
        used = (x.mean(axis=1), x.var(axis=1)) if own_statistics else [part.numpy() for part in loop.running[t]]
        np.testing.assert_allclose(result.used_mean[t], used[0], **close)
        np.testing.assert_allclose(result.used_var[t], used[1], **close)
        for stage in ("input", "normalized", "scaled", "output"):
            values = rows(getattr(loop, stage)[t])
            np.testing.assert_allclose(result.stage_mean[stage][t], values.mean(axis=1, dtype=float), **close)
            np.testing.assert_allclose(result.stage_std[stage][t], values.std(axis=1, dtype=float), **close)
            edges = result.stages[stage].edges
            for c in range(s.channels):
                clipped = np.clip(values[c], edges[0], edges[-1])
                same_bins(result.stages[stage].counts[t, c], np.histogram(clipped, edges)[0], values[c], edges)
            middle = 0 if s.layer == "linear" else 4 * 8 + 4
            np.testing.assert_allclose(result.sample[stage][t], values[:, middle], rtol=1e-5, atol=2e-6)
        for stage in ("input", "scaled"):
            expected = np.percentile(rows(getattr(loop, stage)[t]), (15, 50, 85), axis=1).T
            np.testing.assert_allclose(result.percentiles[stage][t], expected, rtol=1e-5, atol=1e-5)
    if s.track_running_stats:
        for t in range(s.steps + 1):
            np.testing.assert_allclose(result.running_mean[t], loop.running[t][0], **close)
            np.testing.assert_allclose(result.running_var[t], loop.running[t][1], **close)
    else:
        assert (result.running_mean == 0).all()
        assert (result.running_var == 1).all()


def test_weights_are_those_of_the_seeded_constructor_and_nothing_global_moves() -> None:
    for kind, make in (("linear", lambda: nn.Linear(7, 5)), ("conv", lambda: nn.Conv2d(7, 5, 3, padding=1))):
        torch.manual_seed(11)
        wanted = make()
        before = torch.get_rng_state()
        layer = seeded_layer(kind, 7, 5, torch.Generator().manual_seed(11))  # type: ignore[arg-type]
        run(Settings(steps=2, layer=kind))  # type: ignore[arg-type]
        assert torch.equal(before, torch.get_rng_state())
        assert torch.equal(layer.weight, wanted.weight)
        assert torch.equal(layer.bias, wanted.bias)


def test_same_settings_same_numbers_and_the_seed_matters() -> None:
    one, again, other = run(Settings(steps=4)), run(Settings(steps=4)), run(Settings(steps=4, seed=1))
    for stage, found in one.stages.items():
        np.testing.assert_array_equal(found.counts, again.stages[stage].counts)
    assert not np.array_equal(one.batch_mean, other.batch_mean)


def test_shapes_and_shared_edges() -> None:
    s = Settings(channels=5, steps=6, layer="conv", batch_size=9)
    result = run(s)
    assert set(result.stages) == {"input", "normalized", "scaled", "output"}
    for found in result.stages.values():
        assert found.counts.shape == (6, 5, 64)
        assert found.edges.shape == (65,)
        np.testing.assert_allclose(np.diff(found.edges), (found.edges[-1] - found.edges[0]) / 64)
        assert (found.counts.sum(axis=-1) == 9 * 64).all()
    assert result.values_per_statistic == 9 * 64
    assert result.running_mean.shape == result.running_var.shape == (7, 5)
    assert result.percentiles["input"].shape == (6, 5, 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.batch_mean = np.zeros(1)  # type: ignore[misc]


def test_axes_stay_put_unless_the_data_leave_them() -> None:
    ends = {
        shift: run(Settings(steps=20, input_shift=shift)).stages["input"].edges[-1] for shift in (0, 0.2, 1, 1.2, 8)
    }
    assert ends[0] == ends[0.2] == 1
    assert ends[1] == ends[1.2] == 2
    assert ends[8] == 10
    assert run(Settings(steps=20)).stages["normalized"].edges[-1] == 4
    scaled = run(Settings(steps=20, gamma=3.0))
    np.testing.assert_array_equal(scaled.stages["normalized"].edges, scaled.stages["scaled"].edges)
    assert scaled.stages["scaled"].edges[-1] == 10
    assert tuple(run(Settings(activation="sigmoid")).stages["output"].edges[[0, -1]]) == (0, 1)


def test_almost_nothing_lies_beyond_the_axes() -> None:
    for source, layer in (("skewed", "linear"), ("digits", "conv"), ("gaussian", "conv")):
        result = run(Settings(source=source, layer=layer, steps=20, gamma=2.0, activation="gelu"))
        for found in result.stages.values():
            assert found.counts[..., [0, -1]].sum() < 0.01 * found.counts.sum()


def test_fresh_layer_in_eval_normalizes_nothing() -> None:
    result = run(Settings(mode="eval", steps=5, eps=1e-12, activation="identity"))
    np.testing.assert_array_equal(result.used_mean, 0)
    np.testing.assert_array_equal(result.used_var, 1)
    np.testing.assert_allclose(result.stage_mean["output"], result.stage_mean["input"], rtol=1e-6)
    np.testing.assert_allclose(result.stage_std["output"], result.stage_std["input"], rtol=1e-6)


def test_eval_keeps_the_running_estimates_as_the_warm_up_left_them() -> None:
    result = run(Settings(mode="eval", warmup=5, steps=4, momentum=0.5))
    assert (result.running_mean == result.running_mean[0]).all()
    assert not np.allclose(result.running_mean, 0)
    # The warm-up is the same whatever is shown after it.
    trained = run(Settings(mode="train", warmup=5, steps=4, momentum=0.5))
    np.testing.assert_array_equal(trained.running_mean[0], result.running_mean[0])


def test_drift_starts_with_the_first_shown_batch() -> None:
    still, moving = (run(Settings(drift=drift, warmup=3, steps=6)) for drift in (0.0, 0.5))
    np.testing.assert_array_equal(still.running_mean[0], moving.running_mean[0])
    moved = moving.batch_mean - still.batch_mean
    np.testing.assert_allclose(moved, np.broadcast_to(0.5 * np.arange(6)[:, None], moved.shape), atol=1e-6)


def test_batch_of_two_leaves_only_signs() -> None:
    result = run(Settings(batch_size=2, source="gaussian", channel=2, activation="identity", eps=1e-12))
    assert result.normalized_largest == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(np.abs(result.sample["normalized"]), 1, atol=1e-4)


@pytest.mark.parametrize(
    "changes", [{"mode": "train"}, {"mode": "eval", "warmup": 1}, {"mode": "eval", "track_running_stats": False}]
)
def test_batch_of_one_carries_pytorchs_own_words(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as pytorch:
        nn.BatchNorm1d(8)(torch.zeros(1, 8))
    with pytest.raises(BatchOfOneError) as caught:
        run(Settings(batch_size=1, **changes))
    assert str(pytorch.value) in caught.value.text("en")
    assert str(pytorch.value) in caught.value.text("zh")


@pytest.mark.parametrize(
    "changes", [{"layer": "conv"}, {"mode": "eval"}, {"mode": "eval", "layer": "conv", "warmup": 2}]
)
def test_batch_of_one_that_pytorch_allows(changes: dict[str, Any]) -> None:
    result = run(Settings(batch_size=1, steps=3, **changes))
    assert np.isfinite(result.stage_mean["output"]).all()


def test_other_errors_of_pytorch_are_not_called_batch_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("something else")

    monkeypatch.setattr(lab, "record", broken)
    with pytest.raises(ValueError, match="something else") as caught:
        run(Settings(steps=2))
    assert not isinstance(caught.value, BnvizError)


def test_channel_must_exist() -> None:
    with pytest.raises(SettingError, match=r"channel must be a whole number from 0 to 3; got 4") as caught:
        Settings(channels=4, channel=4)
    assert caught.value.name == "channel"
    read, problems = table.from_query(Settings, {"channels": "4", "channel": "9", "batch_size": "8"})
    assert (read.channel, read.channels, read.batch_size) == (0, 4, 8)  # type: ignore[attr-defined]
    assert [str(problem) for problem in problems] == [
        "channel must be a whole number from 0 to 3; got 9, so 0 is used."
    ]


def test_work_is_bounded_and_says_what_to_reduce() -> None:
    with pytest.raises(CostError) as caught:
        run(Settings(layer="conv", batch_size=1024, channels=64, steps=500))
    assert "batch_size" in caught.value.reduce
    with pytest.raises(CostError) as many:
        run(Settings(channels=64, steps=500, batch_size=2))
    assert set(many.value.reduce) == {"steps", "channels"}


@pytest.mark.parametrize("layer", ["linear", "conv"])
@pytest.mark.parametrize("source", ["digits", "gaussian", "skewed", "bimodal", "uniform"])
def test_the_first_picture_shows_that_values_move_and_stretch(source: Any, layer: Any) -> None:
    """The channel that is seen first is neither a needle before batch norm nor there already."""
    result = run(Settings(source=source, layer=layer))
    mean, std = result.batch_mean[:, 0].mean(), result.stage_std["input"][:, 0].mean()
    assert 0.1 < std < 0.8
    assert abs(mean) > 0.2


def test_upload_goes_through_the_layer() -> None:
    data = np.random.default_rng(3).normal(2, 3, (50, 16)).astype(np.float32)
    linear = run(Settings(source="upload", channels=2, batch_size=25, steps=2, seed=0), data)
    torch.manual_seed(0)
    expected = nn.Linear(16, 2)(torch.from_numpy(data)).detach().numpy()
    # Two batches of half the table are one epoch: their average is the table's.
    np.testing.assert_allclose(linear.batch_mean.mean(axis=0), expected.mean(axis=0), rtol=1e-5)
    assert linear.population.mean == pytest.approx(float(expected[:, 0].mean()), rel=1e-5)
    conv = run(Settings(source="upload", layer="conv", batch_size=100, steps=2), data)
    assert conv.values_per_statistic == 100 * 16


def test_upload_without_a_file_or_without_images() -> None:
    with pytest.raises(UploadError, match="link cannot carry"):
        run(Settings(source="upload"))
    for columns in (4, 15):
        with pytest.raises(SettingError, match=f"rows of {columns} values"):
            run(Settings(source="upload", layer="conv"), np.zeros((5, columns), dtype=np.float32))


def test_population_of_digits_and_of_synthetic_sources() -> None:
    images, _ = digits()
    for layer in ("linear", "conv"):
        s = Settings(layer=layer, input_scale=2.0, input_shift=1.0, channel=3)  # type: ignore[arg-type]
        torch.manual_seed(s.seed)
        module = nn.Conv2d(1, 8, 3, padding=1) if layer == "conv" else nn.Linear(64, 8)
        with torch.no_grad():
            values = module(images if layer == "conv" else images.flatten(1))[:, 3].double().reshape(len(images), -1)
        values = values * 2 + 1
        found = run(s.replace(steps=1)).population
        assert found.mean == pytest.approx(float(values.mean()), rel=1e-5)
        assert found.var == pytest.approx(float(values.var(correction=0)), rel=1e-5)
        assert found.sample_mean_var == pytest.approx(float(values.mean(1).var(correction=0)), rel=1e-5)
    for source, layer in itertools.product(("gaussian", "skewed", "bimodal", "uniform"), ("linear", "conv")):
        s = Settings(source=source, layer=layer, batch_size=64, steps=60, channels=4, channel=1, momentum="cumulative")
        result = run(s)
        values = result.batch_mean[:, 1]
        # 60 batches: the average of their means lies within four standard errors of the population's.
        assert abs(values.mean() - result.population.mean) < 4 * math.sqrt(result.population.sample_mean_var / 64 / 60)
        # Variance of 60 independent batch means: its relative standard deviation is √(2/59) = 0.18.
        assert values.var(ddof=1) * 64 == pytest.approx(result.population.sample_mean_var, rel=4 * 0.19)
        assert result.batch_var[:, 1].mean() == pytest.approx(result.population.var, rel=0.1)


@pytest.mark.parametrize("momentum", [0.05, 0.5, "cumulative"])
def test_noise_share_of_epochs_without_replacement(momentum: Any) -> None:
    """Against 20 000 simulated runs of the recursion: a variance estimate's relative standard deviation is 1 %."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=13)
    values = (values - values.mean()) / values.std()
    m, length, runs = 3, 11, 20_000
    estimate = np.zeros(runs)
    share = noise_share(momentum, length, m, 13.0)
    assert share[0] == 0
    for t in range(length):
        place = t % 4
        if place == 0:
            order = np.argsort(rng.random((runs, 13)), axis=1)
        batch = values[order[:, place * m : (place + 1) * m]].mean(axis=1)
        weight = 1 / (t + 1) if momentum == "cumulative" else momentum
        estimate += weight * (batch - estimate)
        assert estimate.var() == pytest.approx(share[t + 1], rel=0.05)
    independent = noise_share(momentum, length, m, math.inf)
    np.testing.assert_allclose(independent, running_theory.mean_variance(momentum, np.arange(length + 1), 1.0, m))


def test_expected_running_variance_knows_that_pixels_of_an_image_belong_together() -> None:
    """Two images per batch, each of one brightness: their common mean swallows about half of the variance."""
    rng = np.random.default_rng(0)
    images = (rng.normal(size=(200, 1)) + 0.1 * rng.normal(size=(200, 64))).astype(np.float32)
    torch.manual_seed(0)
    blurs_most = int(nn.Conv2d(1, 8, 3, padding=1).weight.sum(dim=(1, 2, 3)).abs().argmax())
    s = Settings(source="upload", layer="conv", batch_size=2, steps=500, momentum="cumulative", channel=blurs_most)
    result = run(s, images)
    error = result.batch_var[:, blurs_most].std(ddof=1) / math.sqrt(500)
    expected = result.forecast.var[-1]
    assert abs(result.running_var[-1, blurs_most] - expected) < 4 * error
    assert abs(result.population.var - expected) > 8 * error


def explained(result: Result) -> dict[str, bool]:
    return {row.quantity.template: row.explained for row in comparisons(result)}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mode": "eval"},
        {"mode": "eval", "warmup": 100},
        {"layer": "conv"},
        {"drift": 0.05},
        {"source": "gaussian", "channel": 2, "steps": 300, "activation": "relu", "batch_size": 3},
        {"source": "gaussian", "channel": 2, "steps": 100, "activation": "tanh", "batch_size": 128},
        {"source": "gaussian", "layer": "conv", "momentum": "cumulative"},
        {"eps": 0.1},
        {"momentum": "cumulative"},
        {"source": "uniform", "momentum": 0.02},
        {"input_scale": 0.01, "input_shift": 10.0},
        {"batch_size": 2},
    ],
    ids=str,
)
def test_theory_explains_what_was_measured(changes: dict[str, Any], seed: int) -> None:
    """About 700 rows at four standard errors: one false alarm in 20 such tables; the seeds are fixed."""
    rows_found = comparisons(run(Settings(**changes, seed=seed)))
    assert len(rows_found) >= 3
    for row in rows_found:
        assert row.explained or (row.note is not None and changes.get("source") != "gaussian"), row
        assert np.isfinite([row.measured, row.predicted, row.standard_error]).all()
        assert row.quantity.text("zh")


def test_theory_tells_what_is_not_gaussian() -> None:
    assert not explained(run(Settings(source="skewed", channel=2)))[
        "Mean of x̂⁴ for Gaussian input, ε aside: 3(n − 1)/(n + 1)"
    ]
    assert explained(run(Settings(source="gaussian", channel=2)))[
        "Mean of x̂⁴ for Gaussian input, ε aside: 3(n − 1)/(n + 1)"
    ]


def test_a_wrong_running_estimate_would_be_noticed() -> None:
    """4.5 of its standard deviations off, the running mean is not explained any more."""
    result = run(Settings(steps=200))
    name = "Running mean after {count} batches"
    assert explained(result)[name]
    off = np.tile(result.forecast.mean[:, None] + 4.5 * result.forecast.mean_std[-1], result.running_mean.shape[1])
    assert not explained(dataclasses.replace(result, running_mean=off))[name]


@pytest.mark.parametrize("m", [2, 3, 4, 10])
def test_law_of_x_hat_matches_the_measured_density(m: int) -> None:
    result = run(Settings(source="gaussian", channel=2, batch_size=m, steps=500, eps=1e-12))
    assert result.predicted_density is not None
    width = np.diff(result.stages["normalized"].edges)
    expected, measured = (part * width * m * 500 for part in (result.predicted_density, result.pooled["normalized"]))
    assert expected.sum() == pytest.approx(500 * m, rel=1e-6)
    if m == 2:  # the two atoms lie on bin edges: rounding puts either into either neighbour
        expected, measured = (part.reshape(2, 32).sum(axis=1) for part in (expected, measured))
    # x̂ of one batch depend on each other (n − 2 degrees of freedom), which makes counts scatter less than Poisson's √.
    assert (np.abs(measured - expected) <= 4.5 * np.sqrt(expected) + 1).all()


def test_no_law_where_there_is_none() -> None:
    assert run(Settings(eps=0.1)).predicted_density is None
    assert run(Settings(mode="eval", warmup=10)).predicted_density is None
    moved = run(Settings(mode="eval", warmup=20, source="gaussian", channel=2, steps=200, momentum=0.5))
    assert moved.predicted_density is not None
    counts = 200 * 32 * np.diff(moved.stages["normalized"].edges)
    expected, measured = moved.predicted_density * counts, moved.pooled["normalized"] * counts
    assert (np.abs(measured - expected)[1:-1] <= 4.5 * np.sqrt(expected[1:-1]) + 1).all()


def plausible(field: table.SettingField) -> st.SearchStrategy[Any]:
    """Any value that the parameter table allows."""
    if field.kind == "bool":
        return st.booleans()
    if field.kind == "choice":
        return st.sampled_from(field.choices)
    if field.name == "momentum":
        return st.just("cumulative") | st.floats(0, 1, exclude_min=True)
    if field.integer:
        most = {"steps": 40, "warmup": 40, "batch_size": 200}.get(field.name, int(field.high))
        return st.integers(int(field.low), most)
    return st.floats(field.low, field.high)


@given(st.fixed_dictionaries({name: plausible(field) for name, field in table.fields(Settings).items()}))
def test_whatever_is_allowed_gives_finite_numbers_or_a_clear_error(values: dict[str, Any]) -> None:
    try:
        result = run(Settings(**values))
    except BnvizError as error:
        assert error.text("en")  # noqa: PT017
        return
    for field in dataclasses.fields(result):
        found = getattr(result, field.name)
        for part in found.values() if isinstance(found, dict) else [found]:
            if isinstance(part, np.ndarray):
                assert np.isfinite(part).all(), field.name
    for row in comparisons(result):
        assert math.isfinite(row.measured)
        assert math.isfinite(row.predicted)
