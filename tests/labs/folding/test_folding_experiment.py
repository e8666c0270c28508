"""The lab `folding`: equal to PyTorch's folding, the mistakes as closed forms have them, and every claim at other seeds."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from bnviz.errors import BatchOfOneError, CostError, SettingError
from bnviz.labs.folding import experiment
from bnviz.labs.folding.comparisons import comparisons
from bnviz.labs.folding.experiment import run
from bnviz.labs.folding.lesson import TOPIC
from bnviz.labs.folding.mistakes import predicted_by_channel
from bnviz.labs.folding.result import DTYPES, INT8
from bnviz.labs.folding.settings import Settings
from bnviz.theory.folding import UNIT_ROUNDOFF, affine_rms, folded_bias, folded_scale

KINDS: list[dict[str, Any]] = [
    {"layer": layer, "bias": bias} for layer in ("linear", "conv", "conv_transpose") for bias in (True, False)
]
OTHER_SEEDS = (1, 2, 3, 4, 5)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=str)


@torch.no_grad()
@EVERY_KIND
def test_equals_a_straight_pytorch_folding(kind: dict[str, Any]) -> None:
    """Layer and norm written as anyone would, seeded by `torch.manual_seed`, fused by PyTorch: the same numbers."""
    s = Settings(**kind, seed=3, warmup=7, batch_size=400, channels=4, eps=1e-3)
    state = torch.get_rng_state()
    torch.manual_seed(s.seed)
    pair = experiment.trained_pair(s)
    stem = nn.Flatten() if s.layer == "linear" else nn.Conv2d(1, 4, 3, padding=1)
    cls = {"conv": nn.Conv2d, "conv_transpose": nn.ConvTranspose2d}.get(s.layer)
    layer = nn.Linear(64, 4, bias=s.bias) if cls is None else cls(4, 4, 3, padding=1, bias=s.bias)
    gamma, beta = torch.exp(s.gamma_spread * torch.randn(4)), 0.5 * torch.randn(4)
    torch.set_rng_state(state)
    assert torch.equal(pair.layer.weight, layer.weight)
    assert torch.equal(pair.norm.weight, gamma)
    assert torch.equal(pair.norm.bias, beta)
    assert int(pair.norm.num_batches_tracked) == 7
    assert not pair.norm.training
    assert stem is not None

    result = run(s)
    layer, norm, x = copy.deepcopy(pair.layer).double(), copy.deepcopy(pair.norm).double(), pair.unseen.double()
    fused = (
        fuse_linear_bn_eval(layer, norm)
        if isinstance(layer, nn.Linear)
        else fuse_conv_bn_eval(layer, norm, transpose=s.layer == "conv_transpose")
    )
    truth = norm(layer(x))
    torch.testing.assert_close(fused(x), truth, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(result.bias_after, fused.bias.detach().numpy())
    np.testing.assert_allclose(
        result.output_rms, truth.transpose(0, 1).flatten(1).square().mean(dim=1).sqrt().numpy(), rtol=1e-12
    )
    by_channel = fused.weight.detach().transpose(0, 1 if s.layer == "conv_transpose" else 0).flatten(1)
    np.testing.assert_array_equal(result.largest_after, by_channel.abs().amax(dim=1).numpy())
    assert result.multiply_adds == by_channel.shape[1]
    assert result.pytorch_difference <= 1e-12 * max(1.0, float(by_channel.abs().max()))


@EVERY_KIND
@pytest.mark.parametrize("seed", [0, *OTHER_SEEDS])
def test_every_dtype_is_off_by_its_rounding_and_no_more(kind: dict[str, Any], seed: int) -> None:
    result = run(Settings(**kind, seed=seed))
    assert tuple(result.relative_error) == DTYPES
    assert result.relative_error["float64"] <= 1e-12
    for name in DTYPES:
        assert UNIT_ROUNDOFF[name] / 8 < result.relative_error[name] < 16 * UNIT_ROUNDOFF[name]
    for name in DTYPES[1:]:  # folded or not, the dtype costs as much
        assert 1 / 3 < result.error_folded[name] / result.error_apart[name] < 3
    assert result.pytorch_difference <= 1e-12


@EVERY_KIND
@pytest.mark.parametrize("seed", [0, *OTHER_SEEDS])
@pytest.mark.parametrize("changes", [{}, {"eps": 0.1, "warmup": 3}, {"batch_size": 4}], ids=str)
def test_the_mistakes_cost_what_theory_says(kind: dict[str, Any], seed: int, changes: dict[str, Any]) -> None:
    result = run(Settings(**kind, **changes, seed=seed))
    expected = ["eps_forgotten", "bias_forgotten", *(["bias_unscaled"] if kind["bias"] else []), "train_mode"]
    known = predicted_by_channel(result)
    assert list(known) == expected
    assert list(result.wrong) == expected + (["wrong_axis"] if kind["layer"] == "conv_transpose" else [])
    for name, values in known.items():
        np.testing.assert_allclose(result.wrong_by_channel[name], values, rtol=1e-8, atol=1e-13)
        assert result.wrong[name] > 1e3 * result.relative_error["float64"]
    assert all(row.explained for row in comparisons(result))


@pytest.mark.parametrize("seed", [0, *OTHER_SEEDS])
def test_what_the_presets_promise(seed: int) -> None:
    def preset(name: str) -> Any:
        changes = next(preset.changes for preset in TOPIC.presets if preset.name == name)
        return run(Settings(**{**changes, "seed": seed}))

    opening, keras = run(Settings(seed=seed)), preset("eps_of_keras")
    assert 30 < keras.wrong["eps_forgotten"] / opening.wrong["eps_forgotten"] < 150
    without = preset("no_bias")
    assert "bias_unscaled" not in without.wrong
    assert without.wrong["bias_forgotten"] > 0.3
    assert preset("transposed_convolution").wrong["wrong_axis"] > 0.2
    small = preset("small_batch_baked_in")
    assert small.wrong["train_mode"] > 3 * run(Settings(layer="linear", batch_size=512, seed=seed)).wrong["train_mode"]
    assert small.wrong["train_mode"] > 0.2
    int8 = preset("int8_one_scale").int8_by_channel
    assert int8["per_tensor"].max() > 0.03
    assert int8["per_tensor"].max() > 4 * int8["per_channel"].max()
    fresh = preset("fresh_layer")
    assert fresh.wrong["train_mode"] > 1
    assert (fresh.running_var == 1).all()
    # Ordinary γ: about one per cent either way.
    assert all(0.001 < opening.int8[name] < 0.025 for name in INT8)


def test_int8_rounds_to_at_most_255_values(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = nn.Conv2d(2, 3, 3)
    seen = {}
    real = nn.Conv2d.forward
    monkeypatch.setattr(
        nn.Conv2d, "forward", lambda self, x: (seen.setdefault(len(seen), self.weight.clone()), real(self, x))[1]
    )
    with torch.no_grad():
        rounded = experiment.rounded_to_int8(layer, torch.ones(1, 2, 4, 4))
    assert tuple(rounded) == INT8
    largest = layer.weight.abs().flatten(1).amax(dim=1)
    steps_per_channel = seen[0].flatten(1) / (largest / 127)[:, None]
    torch.testing.assert_close(steps_per_channel, steps_per_channel.round(), rtol=0, atol=1e-3)
    steps_per_tensor = seen[1] / (largest.max() / 127)
    torch.testing.assert_close(steps_per_tensor, steps_per_tensor.round(), rtol=0, atol=1e-3)
    assert (seen[0] - layer.weight).abs().flatten(1).amax(dim=1).le(largest / 254 + 1e-6).all()


def test_the_wrong_axis_is_refused_where_the_numbers_of_channels_differ() -> None:
    layer, norm = nn.ConvTranspose2d(3, 5, 3).eval(), nn.BatchNorm2d(5).eval()
    with pytest.raises(RuntimeError):
        fuse_conv_bn_eval(layer, norm, transpose=False)


def test_pytorch_refuses_to_fold_in_train_mode() -> None:
    with pytest.raises(AssertionError, match="Fusion only for eval"):
        fuse_conv_bn_eval(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


def test_bad_settings_are_refused() -> None:
    with pytest.raises(SettingError, match="channel"):
        Settings(channels=2, channel=2)
    with pytest.raises(BatchOfOneError, match="Expected more than 1 value per channel"):
        run(Settings(layer="linear", batch_size=1))
    with pytest.raises(CostError):
        run(Settings(batch_size=1024, warmup=200, channels=16))
    assert run(Settings(batch_size=1, warmup=3)).relative_error["float64"] <= 1e-12


def test_the_same_settings_give_the_same_numbers_and_leave_the_shared_generator_alone() -> None:
    state = torch.get_rng_state()
    first, second = run(Settings(seed=9)), run(Settings(seed=9))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.relative_error == second.relative_error
    assert first.wrong == second.wrong
    assert run(Settings(seed=10)).wrong != first.wrong


def test_the_closed_forms() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0.3, 2.0, (1000, 3))
    slope, offset = np.array([0.5, -1.0, 0.0]), np.array([1.0, 0.0, -2.0])
    measured = np.sqrt(((slope * x + offset) ** 2).mean(axis=0))
    np.testing.assert_allclose(affine_rms(slope, offset, x.mean(axis=0), x.var(axis=0)), measured, rtol=1e-12)
    assert folded_scale(2.0, 3.0, 1.0) == 1.0
    assert folded_bias(1.0, 3.0, 0.5, 0.25) == -0.75
    for wrong in ((1.0, -1.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, -1e-5)):
        with pytest.raises(ValueError, match="must be"):
            folded_scale(*wrong)
    for name, unit in UNIT_ROUNDOFF.items():
        assert torch.finfo(getattr(torch, name)).eps == 2 * unit
