"""The topic `steps` of the lab `recurrence` against plain PyTorch loops and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.core.recurrent_networks import build_recurrent
from bnviz.core.replica_data import batch_indices, digits_data
from bnviz.labs.recurrence.shared.network import plan_of
from bnviz.labs.recurrence.steps.comparisons import comparisons
from bnviz.labs.recurrence.steps.experiment import batches as batches_before_the_look
from bnviz.labs.recurrence.steps.experiment import run
from bnviz.labs.recurrence.steps.experiment.batches import PASSES
from bnviz.labs.recurrence.steps.experiment.modules import Kept
from bnviz.labs.recurrence.steps.experiment.padding import lengths, padded_statistics
from bnviz.labs.recurrence.steps.result import Result
from bnviz.labs.recurrence.steps.settings import Settings
from bnviz.theory.running import initial_weight


def made(**changes: Any) -> Result:
    return run(Settings(**changes))


@pytest.fixture(scope="module")
def steps() -> Result:
    return made(warmup=20, width=16)


def test_steps_are_what_a_plain_loop_over_nn_lstm_gives() -> None:
    """Fresh weights, so that PyTorch's own LSTM can be used; W_h h from its states. Float32 rounding of sums of 64."""
    settings = Settings(warmup=0, width=16, batch_size=32)
    result: Any = run(settings)
    layer = build_recurrent(plan_of(settings, "none"), (0,)).replica(0)[0]
    lstm = nn.LSTM(8, 16, batch_first=True)
    lstm.load_state_dict(
        {
            "weight_ih_l0": layer.inputs.weight,
            "bias_ih_l0": layer.inputs.bias,
            "weight_hh_l0": layer.hidden.weight,
            "bias_hh_l0": layer.hidden.bias,
        }
    )
    data = digits_data((0,))

    def terms(indices: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            states = lstm(data.features[indices].view(-1, 8, 8))[0]
            before = torch.cat((torch.zeros(len(indices), 1, 16), states[:, :-1]), dim=1)
            return layer.hidden(before).transpose(0, 1)  # (T, B, G)

    population = terms(data.train[0])[..., result.unit].double().numpy()
    np.testing.assert_allclose(result.mean, population.mean(1), atol=1e-6)
    np.testing.assert_allclose(result.var, population.var(1), rtol=1e-3, atol=1e-9)
    batches = np.stack([terms(batch)[..., result.unit].numpy() for batch in batch_indices(data, 32, PASSES)[:, 0]])
    np.testing.assert_allclose(result.batch_mean, batches.mean(2), atol=1e-6)
    np.testing.assert_allclose(result.batch_var, batches.var(2), rtol=1e-3, atol=1e-9)
    kept, per_step = 0.0, np.zeros(8)
    for batch in batches.mean(2):
        per_step = 0.9 * per_step + 0.1 * batch
        for mean in batch:
            kept = 0.9 * kept + 0.1 * mean
    np.testing.assert_allclose(result.running_mean, per_step, atol=1e-6)
    assert result.shared_mean == pytest.approx(kept, abs=1e-6)


@pytest.mark.parametrize("momentum", [0.02, 0.5, 1.0, "cumulative"])
def test_weights_are_the_closed_forms(momentum: Any) -> None:
    result = made(warmup=0, width=8, cell="rnn", momentum=momentum, batch_size=8)
    np.testing.assert_allclose(result.weights, result.weights_theory, rtol=0, atol=1e-12)
    left = float(initial_weight(momentum, PASSES * 8))
    assert result.weights.sum() == pytest.approx(1 - left, abs=1e-12)
    if momentum == "cumulative":
        np.testing.assert_allclose(result.weights, 1 / 8)


def test_the_shared_variance_leaves_the_steps_distance_out() -> None:
    """It is an average of the steps' own variances; as one heap, the numbers vary by clearly more."""
    result = made(warmup=20, width=16, momentum="cumulative", batch_size=256)
    assert result.mean.var() > 8 * result.shared_var_error
    assert result.shared_var == pytest.approx(result.var.mean(), abs=4 * result.shared_var_error)


def test_predictions_hold_over_seeds() -> None:
    """Standardized errors of the shared mean over 12 seeds: mean square 1 ± √(2/12); four such widths."""
    results = [made(warmup=0, cell="rnn", width=8, seed=seed, term="input") for seed in range(12)]
    scores = np.array([(entry.shared_mean - entry.shared_mean_theory) / entry.shared_mean_error for entry in results])
    assert (scores**2).mean() < 1 + 4 * math.sqrt(2 / 12)
    assert (scores**2).mean() > 0.1
    ratio = np.array([entry.fluctuation.mean() / entry.fluctuation_theory for entry in results])
    assert ratio.mean() == pytest.approx(1, abs=0.04)


def test_every_row_of_the_table_is_explained(steps: Result) -> None:
    rows = comparisons(steps)
    assert len(rows) == 9
    assert all(row.explained for row in rows)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cell": "gru"}, "mean"), ({"term": "input"}, "mean"), ({"batch_size": 16}, "fluctuation"), ({"momentum": 0.3}, "weights"),
        ({"padding": 0.1}, "padded"), ({"warmup": 0}, "mean"), ({"normalizer": "layer"}, "mean"), ({"width": 24}, "mean"),
        ({"learning_rate": 0.005}, "mean"), ({"seed": 4}, "mean"),
    ],
)  # fmt: skip
def test_every_control_of_steps_changes_what_it_says(steps: Result, change: dict[str, Any], field: str) -> None:
    other = made(**({"warmup": 20, "width": 16} | change))
    before, after = getattr(steps, field), getattr(other, field)
    if field == "padded":
        before, after = before.share, after.share
    assert not np.allclose(before, after, equal_nan=True)


def test_a_batch_normalized_state_has_a_steady_mean() -> None:
    """Batch norm before the tanh fixes the batch mean of what goes in, so W_h h scatters by less than σ/√m; the table says so."""
    result = made(normalizer="batch_per_step", warmup=42)
    assert np.nanmax(result.fluctuation) < 0.6 * result.fluctuation_theory
    row = next(row for row in comparisons(result) if "batch mean" in row.quantity.template)
    assert not row.explained
    assert row.note is not None
    assert row.note.template.startswith("does not hold")


@pytest.mark.parametrize("padding", [0.0, 0.1, 0.4, 0.8])
@pytest.mark.parametrize("count", [8, 64])
def test_lengths_miss_the_share_that_is_asked_for(padding: float, count: int) -> None:
    """20 000 lengths, whose share has an s.d. of at most ½/√20000; rounding to whole steps adds less than half a step's tenth."""
    drawn = lengths(20_000, count, padding, 0)
    assert drawn.min() >= 1
    assert drawn.max() <= count
    assert 1 - drawn.double().mean().item() / count == pytest.approx(padding, abs=0.015)


def test_padded_statistics_are_those_of_plain_arrays() -> None:
    generator = torch.Generator().manual_seed(0)
    values = 2 + torch.randn(5, 3, 12, generator=generator)
    real = torch.ones(5, 3, 12, dtype=torch.bool)
    real[:, 1, 4:] = False
    real[:, 2, 1:] = False
    result = padded_statistics(values, -1.0, real)
    np.testing.assert_allclose(result.share, [0, 2 / 3, 11 / 12])
    filled = torch.where(real, values, torch.tensor(-1.0)).numpy()
    np.testing.assert_allclose(result.mean[:2], filled[:, :2].mean((0, 2)), rtol=1e-5)
    np.testing.assert_allclose(result.var[:2], filled[:, :2].var(2, ddof=1).mean(0), rtol=1e-5)
    np.testing.assert_allclose(result.real_var[1], values[:, 1, :4].numpy().var(1, ddof=1).mean(), rtol=1e-5)
    np.testing.assert_allclose(result.var[:2], result.var_theory[:2], rtol=1e-5)
    np.testing.assert_allclose(result.mean[:2], result.mean_theory[:2], rtol=1e-5)
    assert np.isnan(result.var[2])  # one real sample: batch norm would refuse it


def test_padded_statistics_are_those_of_a_module_for_each_step() -> None:
    """Batches of four, in which a step often has no two real samples: such a batch is left out, at that step alone."""
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(30, 6, 4, generator=generator)
    real = torch.arange(6)[:, None] < torch.randint(1, 7, (30, 1, 4), generator=generator)
    result = padded_statistics(values, 0.5, real)
    usable = real.sum(2) > 1
    assert len(set(usable.sum(0).tolist())) > 3
    for step in range(4):
        naive, masked = (nn.BatchNorm1d(1, momentum=None) for _ in range(2))
        for batch in usable[:, step].nonzero().flatten():
            kept = values[batch, step][real[batch, step]]
            naive(torch.cat((kept, torch.full((4 - len(kept),), 0.5))).unsqueeze(1))
            masked(kept.unsqueeze(1))
        found = (result.mean[step], result.var[step], result.real_mean[step], result.real_var[step])
        running: Any = (naive.running_mean, naive.running_var, masked.running_mean, masked.running_var)
        np.testing.assert_allclose(found, [float(part) for part in running], rtol=1e-5)


def test_what_is_handed_on_is_what_the_modules_of_the_steps_make_of_it() -> None:
    generator = torch.Generator().manual_seed(2)
    batches = torch.randn(5, 3, 8, 4, generator=generator) + torch.arange(3.0)[:, None, None]
    kept, shared = Kept(4, 3, 0.3), nn.BatchNorm1d(4, momentum=0.3, affine=False)
    per_step = [nn.BatchNorm1d(4, momentum=0.3, affine=False) for _ in range(3)]
    for batch in batches:
        kept.add(batch)
        for norm, values in zip(per_step, batch, strict=True):
            norm(values)
            shared(values)
    population = batches.transpose(0, 1).flatten(1, 2)
    means, deviations = kept.handed_on(population.mean(1), population.var(1, unbiased=False))
    for row, norms in enumerate((per_step, [shared] * 3)):
        for step, norm in enumerate(norms):
            made_of_it = norm.eval()(population[step])
            assert means[row, step] == pytest.approx(
                float(made_of_it.mean(0).square().mean().sqrt()), rel=1e-4, abs=1e-6
            )
            assert deviations[row, step] == pytest.approx(float(made_of_it.std(0, unbiased=False).mean()), rel=1e-4)
    running: Any = [norm.running_var for norm in per_step]
    np.testing.assert_array_equal(kept.of_unit(2)[1], [float(var[2]) for var in running])


def test_padding_spoils_the_spread_and_masking_cures_it() -> None:
    """Against the same run without padding: masked, the last steps' statistics are those of fewer samples, not of zeros."""
    full = made(padding=0.0, term="input", warmup=0, batch_size=256).padded
    cut = made(padding=0.5, term="input", warmup=0, batch_size=256).padded
    late = slice(4, 7)
    np.testing.assert_allclose(full.var, full.real_var, rtol=1e-6)
    images = 1797 * (1 - cut.share[late])
    assert (np.abs(cut.real_var[late] / full.var[late] - 1) < 4 * np.sqrt(2 / images)).all()
    assert (np.abs(cut.var[late] / full.var[late] - 1) > 0.2).all()


def test_what_is_said_to_have_no_effect_on_the_training_before_the_look_has_none() -> None:
    base = Settings(normalizer="batch_per_step", width=8, warmup=3, cell="rnn")
    others: dict[str, Any] = {"term": "input", "batch_size": 8, "momentum": 0.5, "padding": 0.0}
    assert set(others) == set(batches_before_the_look.WITHOUT_EFFECT)
    train = batches_before_the_look._trained.__wrapped__

    def weights(settings: Settings) -> dict[str, Any]:
        return {name: values for name, values in train(settings) if "running" not in name and "tracked" not in name}

    for name, value in weights(base.replace(**others)).items():
        np.testing.assert_array_equal(value, weights(base)[name])
    for change in ({"seed": 1}, {"learning_rate": 0.01}, {"warmup": 4}, {"gamma": 0.5}, {"sequence": "pixels"}):
        assert any((value != weights(base)[name]).any() for name, value in weights(base.replace(**change)).items()), (
            change
        )
