"""`running_stats` against PyTorch run plainly, against its closed forms, and at its edges."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import load_digits
from torch import nn

from bnviz.errors import BatchOfOneError, BnvizError, CostError, SettingError
from bnviz.labs.running_stats.comparisons import comparisons
from bnviz.labs.running_stats.experiment import run
from bnviz.labs.running_stats.experiment.data import draw_batches, make_batches, make_population, mean_shift
from bnviz.labs.running_stats.result import Result
from bnviz.labs.running_stats.settings import Settings
from bnviz.theory import running

MOMENTUMS = (0.01, 0.1, 0.5, 1.0, "cumulative")


def batches_of(settings: Settings) -> torch.Tensor:
    population = make_population(settings)
    return make_batches(settings, population, mean_shift(settings, math.sqrt(population.var))[0])


@pytest.mark.parametrize("source", ["gaussian", "digits"])
@pytest.mark.parametrize("disturbance", ["none", "jump", "ramp"])
def test_equals_a_straight_pytorch_loop(source: str, disturbance: str) -> None:
    settings = Settings(
        momentums=MOMENTUMS,
        batch_size=7,
        steps=12,
        replicas=3,
        source=source,
        disturbance=disturbance,
        disturbance_at=5,
        seed=3,
    )
    result = run(settings)
    batches = batches_of(settings)
    for index, momentum in enumerate(MOMENTUMS):
        for replica in range(3):
            layer = nn.BatchNorm1d(1, momentum=None if momentum == "cumulative" else momentum)
            for step in range(12):
                layer(batches[step, :, replica : replica + 1])
                assert result.running_mean[index, step + 1, replica] == pytest.approx(
                    layer.running_mean.item(), abs=1e-6
                )
                assert result.running_var[index, step + 1, replica] == pytest.approx(
                    layer.running_var.item(), rel=1e-6, abs=1e-6
                )
    assert (result.running_mean[:, 0] == 0).all()
    assert (result.running_var[:, 0] == 1).all()


def test_digits_population_is_one_output_of_pytorchs_own_linear() -> None:
    torch.manual_seed(4)
    linear = nn.Linear(64, 16)
    with torch.no_grad():
        outputs = linear(torch.from_numpy(load_digits().data / 16).float()).double().numpy()
    distance = np.abs(outputs.mean(0) / outputs.std(0))
    feature = outputs[:, np.abs(distance - 1).argmin()]
    result = run(Settings(seed=4, steps=2, replicas=2))
    assert result.population_size == 1797
    assert result.population_mean == pytest.approx(feature.mean(), rel=1e-5)
    assert result.population_var == pytest.approx(feature.var(), rel=1e-5)
    assert result.excess_kurtosis == pytest.approx(stats.kurtosis(feature), abs=1e-4)
    assert result.truth_var == pytest.approx(feature.var(ddof=1), rel=1e-5)


def test_every_subset_is_equally_likely() -> None:
    rows = draw_batches(20_000, 3, 5, seed=1)
    assert (np.diff(rows, axis=1) > 0).all()
    subsets = dict.fromkeys(itertools.combinations(range(5), 3), 0)
    for row in rows.tolist():
        subsets[tuple(row)] += 1
    # One draw in a thousand would be less even than this by chance; the seed is fixed.
    assert stats.chisquare(list(subsets.values())).pvalue > 0.001


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_batches_have_no_repeats_and_differ(size: int) -> None:
    rows = draw_batches(6, size, 1797, seed=0)
    assert rows.shape == (6, size)
    assert all(len(set(row)) == size for row in rows.tolist())
    assert rows.min() >= 0
    assert rows.max() < 1797
    assert len({tuple(row) for row in rows.tolist()}) == 6


@pytest.mark.parametrize("momentum", MOMENTUMS)
@pytest.mark.parametrize(("source", "batch_size"), [("gaussian", 4), ("gaussian", 64), ("digits", 8), ("digits", 700)])
def test_closed_forms_hold(momentum: float | str, source: str, batch_size: int) -> None:
    settings = Settings(
        momentums=(momentum,), source=source, batch_size=batch_size, steps=40, replicas=150, mean=-2.0, std=3.0, seed=1
    )
    result = run(settings)
    replicas = settings.replicas
    for step in (1, 10, 40):
        mean, var = result.running_mean[0, step].astype(float), result.running_var[0, step].astype(float)
        # Averages over R replicas: four standard errors.
        assert abs(mean.mean() - result.expected_mean[0, step]) < 4 * mean.std() / math.sqrt(replicas) + 1e-6
        assert abs(var.mean() - result.expected_var[0, step]) < 4 * var.std() / math.sqrt(replicas) + 1e-6
        # A s.d. over R = 150 replicas has a relative error of 6 %; 10 % for the skewed variances of small batches.
        assert mean.std(ddof=1) == pytest.approx(result.expected_mean_std[0, step], rel=0.24)
        assert var.std(ddof=1) == pytest.approx(result.expected_var_std[0, step], rel=0.4 if batch_size < 50 else 0.24)


def test_finite_population_shows_at_large_batches() -> None:
    result = run(Settings(batch_size=1024, steps=40, replicas=100, momentums=(1.0,)))
    infinite = math.sqrt(result.population_var / 1024)
    measured = result.batch_mean.std()
    # 4000 batch means: 1.1 % standard error of a s.d.; without the factor the difference would be 34 %.
    assert measured == pytest.approx(infinite * math.sqrt((1797 - 1024) / 1796), rel=0.045)
    assert result.noise_theory[0] == pytest.approx(infinite * math.sqrt((1797 - 1024) / 1796))


def test_running_variance_is_fed_with_the_unbiased_variance() -> None:
    result = run(Settings(momentums=(1.0,), batch_size=5, steps=6, replicas=4, source="gaussian"))
    np.testing.assert_allclose(result.running_var[0, 1:], result.batch_var * 5 / 4, rtol=1e-5)
    np.testing.assert_allclose(result.running_mean[0, 1:], result.batch_mean, rtol=1e-5, atol=1e-6)


def test_steps_to_are_the_closed_forms_where_noise_is_negligible() -> None:
    quiet = {"source": "gaussian", "mean": 10.0, "std": 0.01, "steps": 500}
    result = run(Settings(momentums=(0.013, 0.1, 0.37, 1.0, "cumulative"), **quiet))
    np.testing.assert_array_equal(result.steps_to_5pct, result.steps_to_5pct_theory)
    np.testing.assert_array_equal(result.steps_to_1pct, result.steps_to_1pct_theory)
    assert result.steps_to_5pct[1] == 29
    assert result.steps_to_1pct[1] == 44


def test_steps_to_are_nan_where_the_truth_is_not_reached() -> None:
    short = run(Settings(momentums=(0.01,), source="gaussian", mean=10.0, std=0.01, steps=298))
    assert math.isnan(short.steps_to_5pct[0])
    # The jump comes before 5 % are reached: what comes after it is no approach to the first truth.
    early = run(
        Settings(
            momentums=(0.1,),
            source="gaussian",
            mean=10.0,
            std=0.01,
            disturbance="jump",
            disturbance_at=28,
            disturbance_size=-5.0,
        )
    )
    assert math.isnan(early.steps_to_5pct[0])
    assert run(Settings(momentums=(0.5,), source="gaussian", mean=0.0)).steps_to_5pct[0] == 0


def test_jump_moves_the_truth_by_standard_deviations() -> None:
    result = run(Settings(disturbance="jump", disturbance_at=30, disturbance_size=3.0, steps=60, momentums=(1.0,)))
    moved = 3 * math.sqrt(result.population_var)
    assert result.truth_mean[30] == result.population_mean
    assert result.truth_mean[31] == pytest.approx(result.population_mean + moved)
    # 30 × 50 batch means on either side: standard error of the difference 0.0065 σ.
    jump = result.batch_mean[30:].mean() - result.batch_mean[:30].mean()
    assert jump == pytest.approx(moved, abs=4 * 0.0065 * math.sqrt(result.population_var))
    assert result.drift == 0


@pytest.mark.parametrize("momentum", [0.05, 0.2, 0.5])
def test_ramp_lag(momentum: float) -> None:
    result = run(
        Settings(
            momentums=(momentum,),
            disturbance="ramp",
            disturbance_at=100,
            disturbance_size=8.0,
            steps=300,
            batch_size=64,
            replicas=100,
        )
    )
    std = math.sqrt(result.population_var)
    assert result.drift == pytest.approx(8 * std / 200)
    assert result.truth_mean[-1] == pytest.approx(result.population_mean + 8 * std)
    lag = result.truth_mean[-1] - result.mean_spread.average[0, -1]
    assert lag == pytest.approx(
        result.drift * (1 - momentum) / momentum, abs=4 * result.noise_theory[0] / 10 + 1e-4 * std
    )


@pytest.mark.parametrize("at", [20, 21, 2000])
def test_a_disturbance_after_the_run_changes_nothing(at: int) -> None:
    still = run(Settings(steps=20))
    late = run(Settings(steps=20, disturbance="jump", disturbance_at=at))
    np.testing.assert_array_equal(still.running_mean, late.running_mean)
    np.testing.assert_array_equal(still.truth_mean, late.truth_mean)


def test_eval_error_is_that_of_pytorchs_eval_mode() -> None:
    settings = Settings(momentums=(0.1,), steps=9, replicas=4, batch_size=16, eps=0.01)
    result, population = run(settings), make_population(settings)
    layer = nn.BatchNorm1d(4, momentum=0.1, eps=0.01)
    for batch in batches_of(settings):
        layer(batch)
    layer.eval()
    assert population.values is not None
    feature = population.values[:, None].expand(-1, 4)
    with torch.no_grad():
        output = layer(feature)
    ideal = (feature - result.population_mean) / math.sqrt(result.population_var + 0.01)
    assert result.eval_error[0, -1] == pytest.approx((output - ideal).square().mean().sqrt().item(), rel=1e-4)


def test_eval_error_follows_its_expansion() -> None:
    result = run(Settings(batch_size=64, replicas=200))
    # The relative error of an RMS over 200 replicas is 5 %; first order in noise of 0.1 adds less than 2 %.
    np.testing.assert_allclose(result.eval_error[:, 100], result.eval_error_theory[:, 100], rtol=0.2)


def test_bands_and_averages() -> None:
    result = run(Settings(steps=15, replicas=23))
    for summary, values in ((result.mean_spread, result.running_mean), (result.var_spread, result.running_var)):
        np.testing.assert_allclose(summary.low, np.quantile(values.astype(float), 0.15, axis=-1), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(summary.high, np.quantile(values.astype(float), 0.85, axis=-1), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(summary.average, values.mean(axis=-1), rtol=1e-5, atol=1e-6)


def test_noise_is_the_sample_standard_deviation_over_replicas() -> None:
    result = run(Settings(steps=4, replicas=6))
    np.testing.assert_allclose(result.replica_std, result.running_mean.astype(float).std(axis=-1, ddof=1), rtol=1e-9)
    np.testing.assert_array_equal(result.noise, result.replica_std[:, -1])
    assert np.isnan(run(Settings(steps=4, replicas=1)).noise).all()


def test_spread_counts_every_replica_and_follows_the_normal_law() -> None:
    result = run(Settings(replicas=200, steps=120, momentums=(0.1, 0.5)))
    assert (result.spread.counts.sum(axis=-1) == 200).all()
    np.testing.assert_allclose(result.spread_theory.sum(axis=-1), 1)
    np.testing.assert_allclose(result.spread_share, result.spread.counts / 200)
    # Kolmogorov distance of 200 draws: 1.63/√200 is its 99 % point; the seed is fixed.
    distance = np.abs(np.cumsum(result.spread_share[:, -1] - result.spread_theory[:, -1], axis=-1)).max()
    assert distance < 1.63 / math.sqrt(200)
    assert (result.spread_share[0, 0] > 0).sum() == 1


def test_the_histograms_hold_every_running_mean_and_the_truth() -> None:
    for changes in ({}, {"batch_size": 2}, {"disturbance": "jump", "disturbance_size": -4.0}):
        result = run(Settings(steps=120, **changes))
        low, high = result.spread.edges[[0, -1]]
        assert low < min(0.0, result.running_mean.min(), result.truth_mean.min())
        assert high > max(0.0, result.running_mean.max(), result.truth_mean.max())


def test_trade_off_curve_passes_through_the_points() -> None:
    result = run(Settings(momentums=(0.1,)))
    noise = np.interp(
        math.log(-math.log(0.05) * running.time_constant(0.1)),
        np.log(result.curve_steps[::-1]),
        result.curve_noise[::-1],
    )
    assert noise == pytest.approx(result.noise_theory[0], rel=0.02)


def test_run_is_pure() -> None:
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    first, second, other = (run(Settings(steps=5, seed=seed)) for seed in (7, 7, 8))
    assert torch.rand(1) == expected  # the generator that all sessions share is left alone
    np.testing.assert_array_equal(first.running_mean, second.running_mean)
    assert not np.array_equal(first.running_mean, other.running_mean)
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.drift = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("source", ["gaussian", "digits"])
def test_batch_of_one_carries_pytorchs_own_words(source: str) -> None:
    with pytest.raises(BatchOfOneError, match="Expected more than 1 value per channel when training"):
        run(Settings(batch_size=1, source=source))


def test_cost_is_bounded_and_names_what_to_reduce() -> None:
    with pytest.raises(CostError) as caught:
        run(Settings(batch_size=1024, steps=2000, replicas=200))
    assert caught.value.reduce == ("steps", "replicas", "batch_size")
    with pytest.raises(CostError):
        run(Settings(batch_size=1024, steps=2000, replicas=200, source="gaussian"))
    assert run(Settings(batch_size=1024, steps=100)).settings.batch_size == 1024


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"momentum": 0.0}, "momentum"),
        ({"compare": "nothing"}, "compare"),
        ({"momentums": (0.0,)}, "momentums"),
        ({"momentums": (0.1,) * 7}, "momentums"),
        ({"steps": 2001}, "steps"),
        ({"replicas": 201}, "replicas"),
        ({"disturbance": "wobble"}, "disturbance"),
        ({"std": 0.0}, "std"),
        ({"source": "upload"}, "source"),
    ],
)
def test_bounds(changes: dict[str, object], name: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings(**changes)
    assert caught.value.name == name


CASES = [
    {},
    {"source": "gaussian", "mean": -4.0},
    {"batch_size": 2, "replicas": 200},
    {"disturbance": "jump"},
    {"disturbance": "ramp", "disturbance_at": 50, "momentums": (0.1, 0.5, "cumulative")},
    {"momentums": (1.0,), "replicas": 1},
    {"batch_size": 900, "steps": 50},
]


@pytest.mark.parametrize("changes", CASES)
def test_theory_explains_the_measurements(changes: dict[str, object]) -> None:
    rows = comparisons(run(Settings(**changes)))
    assert rows
    for row in rows:
        assert math.isfinite(row.measured)
        assert math.isfinite(row.standard_error)
        assert row.explained, f"{row.quantity}: {row.measured} against {row.predicted} ± {row.standard_error}"


@pytest.mark.parametrize(
    ("field", "word"),
    [("expected_mean", "running mean after"), ("expected_var", "running variance after"), ("batch_var", "m/(m − 1)")],
)
def test_a_wrong_closed_form_is_found(field: str, word: str) -> None:
    result = run(Settings(batch_size=16))
    wrong = dataclasses.replace(result, **{field: getattr(result, field) * 1.05})
    assert any(word in str(row.quantity) and not row.explained for row in comparisons(wrong))


def test_lag_row_stands_only_where_the_start_is_forgotten() -> None:
    ramp = run(Settings(disturbance="ramp", disturbance_at=100))
    lags = [str(row.quantity) for row in comparisons(ramp) if "lag" in str(row.quantity)]
    assert [text.rsplit(" ", 1)[1] for text in lags] == ["0.1"]


@given(
    momentums=st.lists(st.one_of(st.just("cumulative"), st.floats(1e-6, 1.0, allow_nan=False)), min_size=1, max_size=3),
    batch_size=st.integers(1, 40),
    steps=st.integers(1, 12),
    replicas=st.integers(1, 5),
    source=st.sampled_from(["gaussian", "digits"]),
    mean=st.floats(-10, 10),
    std=st.floats(0.01, 10),
    disturbance=st.sampled_from(["none", "jump", "ramp"]),
    disturbance_at=st.integers(0, 20),
    disturbance_size=st.floats(-10, 10),
    eps=st.floats(1e-12, 1),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_settings_give_finite_numbers_or_an_error_of_ours(**values: object) -> None:
    settings = Settings(**values)
    try:
        result = run(settings)
    except BnvizError:
        assert settings.batch_size == 1
        return
    count, frames = len(settings.compared), settings.steps + 1
    assert result.running_mean.shape == result.running_var.shape == (count, frames, settings.replicas)
    for array in finite_arrays(result):
        assert np.isfinite(array).all()
    for array in (result.expected_mean, result.expected_mean_std, result.expected_var, result.eval_error):
        assert array.shape == (count, frames)
    assert comparisons(result)


def finite_arrays(result: Result) -> list[np.ndarray]:
    may_be_nan = {"steps_to_5pct", "steps_to_1pct", "replica_std"}
    names = [field.name for field in dataclasses.fields(result) if field.name not in may_be_nan]
    arrays = [getattr(result, name) for name in names if isinstance(getattr(result, name), np.ndarray)]
    return [*arrays, *dataclasses.astuple(result.mean_spread), *dataclasses.astuple(result.var_spread)]
