"""The topic `mates` of the lab `noise` against plain PyTorch and the closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from bnviz.errors import BatchOfOneError, CostError
from bnviz.labs.noise.mates.experiment import law_cdf, run
from bnviz.labs.noise.mates.result import Result
from bnviz.labs.noise.mates.settings import Settings
from bnviz.theory import output_law

SMALL: dict[str, Any] = {"draws": 500}
# P(√R·D > 2.3) is 5e-5 for R samples of the law itself.
FAR = 2.3


@pytest.fixture(scope="module")
def default() -> Result:
    return run(Settings())


def test_shapes_are_as_declared(default: Result) -> None:
    assert default.samples.shape == (4000,)
    assert default.law_pdf.shape == default.law_x.shape
    assert np.isfinite(default.samples).all()
    assert np.isfinite(default.law_pdf).all()
    assert (default.law_pdf * 0.05).sum() == pytest.approx(1, abs=1e-6)  # bins of 0.05 over −4 … 4


def test_samples_are_what_plain_batch_norm_gives_one_batch_after_another() -> None:
    settings = Settings(batch_size=5, sample_value=-1.5, draws=100)
    mates = torch.randn((4, 100), generator=torch.Generator().manual_seed(0))
    samples = run(settings).samples
    for draw in range(0, 100, 9):
        batch = torch.cat([torch.tensor([[-1.5]]), mates[:, draw, None]])
        assert samples[draw] == pytest.approx(nn.BatchNorm1d(1)(batch)[0].item(), abs=1e-5)


@pytest.mark.parametrize(("size", "value"), [(3, 1.0), (4, -0.5), (8, 3.0), (32, 1.0), (256, 0.0)])
def test_samples_follow_the_law(size: int, value: float) -> None:
    settings = Settings(batch_size=size, sample_value=value, draws=2000, seed=3)
    mates = run(settings)
    known = stats.kstest(mates.samples, lambda x: output_law.fixed_sample_cdf(x, value, size))
    assert mates.distance == pytest.approx(known.statistic, abs=1e-6)
    assert mates.distance < FAR / math.sqrt(2000)
    assert mates.mean == pytest.approx(mates.mean_theory, abs=5 * mates.std / math.sqrt(2000))
    assert mates.std == pytest.approx(mates.std_theory, rel=5 * 1.5 / math.sqrt(2 * 2000))
    assert mates.law_pdf.sum() * 0.05 == pytest.approx(1, abs=1e-6)


def test_in_a_batch_of_two_only_the_order_is_left() -> None:
    mates = run(Settings(batch_size=2, sample_value=0.5, draws=4000))
    assert set(np.round(mates.samples[np.abs(mates.samples) > 0.9])) == {-1.0, 1.0}
    up = stats.norm.cdf(0.5)
    assert (mates.samples > 0).mean() == pytest.approx(up, abs=5 * math.sqrt(up * (1 - up) / 4000))
    np.testing.assert_allclose(law_cdf(np.array([-1.5, 0.0, 1.5]), 0.5, 2), [0, 1 - up, 1])
    assert mates.mean_theory == pytest.approx(2 * up - 1)
    assert mates.distance < FAR / math.sqrt(4000)


def test_other_values_and_fidelity_follow_their_closed_forms(default: Result) -> None:
    mates = default
    np.testing.assert_array_less(
        np.abs(mates.value_mean - mates.value_mean_theory), 5 * mates.value_std_theory / math.sqrt(500)
    )
    np.testing.assert_allclose(mates.value_std, mates.value_std_theory, rtol=5 * 1.5 / math.sqrt(2 * 500))
    assert (np.abs(mates.value_mean) <= np.abs(mates.values) + 0.1).all()
    np.testing.assert_array_less(np.abs(mates.fidelity - mates.fidelity_theory), 6 * mates.fidelity_error)
    assert mates.fidelity_theory[0] == pytest.approx(1 / math.pi)
    np.testing.assert_allclose(mates.rate, 1 - mates.fidelity)
    assert (np.diff(mates.fidelity_theory) > 0).all()


@pytest.mark.parametrize("source", ["digits", "digits_relu"])
def test_for_real_features_the_law_is_an_approximation_and_that_is_measured(source: Any) -> None:
    mates = run(Settings(source=source))
    assert mates.distance > FAR / math.sqrt(4000)
    assert abs(mates.skewness) + abs(mates.excess_kurtosis) > 0.3
    assert mates.mean == pytest.approx(mates.mean_theory, abs=0.05)


@pytest.mark.parametrize(
    "changes", [{"sample_value": 2.0}, {"batch_size": 8}, {"source": "digits"}, {"seed": 1}, {"draws": 501}]
)
def test_every_control_changes_the_samples(changes: dict[str, Any]) -> None:
    plain, other = run(Settings(**SMALL)), run(Settings(**(SMALL | changes)))
    assert not np.array_equal(plain.samples, other.samples)


def test_the_same_settings_give_the_same_numbers(default: Result) -> None:
    np.testing.assert_array_equal(default.samples, run(Settings()).samples)


def test_batches_of_one_are_refused_in_pytorchs_words() -> None:
    with pytest.raises(BatchOfOneError, match="more than 1 value per channel"):
        run(Settings(batch_size=1))


def test_too_much_is_refused_with_what_to_reduce() -> None:
    with pytest.raises(CostError) as caught:
        run(Settings(draws=20_000, batch_size=1024))
    assert "draws" in caught.value.reduce


@pytest.mark.parametrize("changes", [{"batch_size": 1024, "draws": 100}, {"batch_size": 2}])
def test_the_edges_run(changes: dict[str, Any]) -> None:
    assert np.isfinite(run(Settings(**(SMALL | changes))).samples).all()
