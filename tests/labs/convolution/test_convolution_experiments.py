"""The lab `convolution` against plain PyTorch: who shares, what leaves the normalizer, and what a mean is worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnviz.core.datasets import digits, photos
from bnviz.core.feature_maps import convolution, tiles
from bnviz.errors import BatchOfOneError, BnvizError, SettingError, UploadError
from bnviz.labs.convolution import effective, maps
from bnviz.labs.convolution.effective.experiment import BATCHES, measure
from bnviz.labs.convolution.effective.result import Result as EffectiveResult
from bnviz.labs.convolution.lab import LAB
from bnviz.labs.convolution.shared.data import draws
from bnviz.labs.convolution.shared.membership import membership_of
from bnviz.labs.convolution.sharing.experiment import SHARING, run, sharing_of
from bnviz.labs.convolution.sharing.result import Result
from bnviz.labs.convolution.sharing.settings import Settings
from bnviz.theory.placement import statistic_count

SHAPE = (3, 4, 2, 2)


def plain(name: str, x: Tensor, groups: int = 2, eps: float = 1e-5) -> Tensor:
    """PyTorch's module for (N, C, H, W), built here and in training mode."""
    _, C, H, W = x.shape
    modules = {
        "batch": lambda: nn.BatchNorm2d(C, eps=eps),
        "layer": lambda: nn.LayerNorm([C, H, W], eps=eps),
        "instance": lambda: nn.InstanceNorm2d(C, eps=eps),
        "group": lambda: nn.GroupNorm(groups, C, eps=eps),
    }
    with torch.no_grad():
        return modules[name]().to(x.dtype)(x)


def white(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def default() -> Result:
    return run(Settings())


@pytest.fixture(scope="module")
def sweep() -> EffectiveResult:
    result: EffectiveResult = effective.run(effective.Settings())
    return result


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("name", SHARING)
def test_changing_one_element_changes_exactly_the_outputs_that_share_its_statistic(name: Any, groups: int) -> None:
    """Every element in turn, through PyTorch's own module."""
    x = white(*SHAPE)
    membership = membership_of(name, SHAPE, groups)
    still = plain(name, x, groups)
    for index in np.ndindex(SHAPE):
        moved = x.clone()
        moved[index] += 2.5
        changed = (plain(name, moved, groups) != still).numpy()
        np.testing.assert_array_equal(changed, membership == membership[index], err_msg=str(index))


@pytest.mark.parametrize("name", SHARING)
def test_gradients_reach_exactly_those_that_share(name: Any) -> None:
    x = white(*SHAPE).requires_grad_()
    membership = membership_of(name, SHAPE, 2)
    _, C, H, W = SHAPE
    module = {
        "batch": nn.BatchNorm2d(C),
        "layer": nn.LayerNorm([C, H, W]),
        "instance": nn.InstanceNorm2d(C),
        "group": nn.GroupNorm(2, C),
    }[name].double()
    (gradient,) = torch.autograd.grad(module(x)[1, 2, 0, 1], x)
    np.testing.assert_array_equal(gradient.numpy() != 0, membership == membership[1, 2, 0, 1])


@pytest.mark.parametrize("name", SHARING)
@pytest.mark.parametrize("shape", [(4, 8, 4, 4), (1, 8, 3, 5), (5, 2, 1, 2), (2, 1, 2, 2)])
def test_counts_and_moments_of_the_statistics(name: Any, shape: tuple[int, int, int, int]) -> None:
    N, C, H, W = shape
    groups = 2 if C % 2 == 0 else 1
    x = white(*shape, seed=3) * 2 + 1
    sharing = sharing_of(name, x, groups, 1e-5)
    known = statistic_count(name, N, C, H, W, groups)
    assert (len(sharing.statistics), sharing.elements_per_statistic) == (known.statistics, known.elements)
    assert (np.bincount(sharing.membership.ravel()) == known.elements).all()
    assert sharing.misplaced == 0
    assert (sharing.reached == known.elements).all()
    for statistic, (mean, variance) in enumerate(sharing.statistics):
        shared = x.numpy()[sharing.membership == statistic]
        assert (mean, variance) == pytest.approx((shared.mean(), shared.var()))
    normalized = (x.numpy() - sharing.statistics[sharing.membership, 0]) / np.sqrt(
        sharing.statistics[sharing.membership, 1] + 1e-5
    )
    np.testing.assert_allclose(plain(name, x, groups).numpy(), normalized, atol=1e-10)
    np.testing.assert_allclose(sharing.output, normalized, atol=1e-10)


def test_a_wrong_rule_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """`misplaced` is measured on the module: with another normalizer's rule it does not stay 0."""
    from bnviz.labs.convolution.sharing import experiment as convolution_sharing

    monkeypatch.setattr(
        convolution_sharing, "membership_of", lambda name, shape, groups: membership_of("batch", shape, 1)
    )
    assert sharing_of("layer", white(*SHAPE), 1, 1e-5).misplaced > 0


def test_the_result_carries_what_is_public(default: Result) -> None:
    N, C, H, W = default.settings.shape
    assert default.membership.shape == default.x.shape == (N, C, H, W)
    assert default.statistics.shape == (C, 2)
    assert default.elements_per_statistic == N * H * W
    assert set(default.sharing) == set(SHARING)
    assert default.group_one_gap < 1e-10
    assert default.group_all_gap < 1e-10
    for name in SHARING:
        result = run(Settings(normalizer=name))
        assert result.membership is result.sharing[name].membership
        np.testing.assert_array_equal(result.statistics, default.sharing[name].statistics)


def test_the_tensor_is_pooled_feature_maps_of_the_first_batch(default: Result) -> None:
    settings = default.settings
    samples = tiles(photos())
    chosen = samples[draws(settings, len(samples), 7)[0]]
    pooled = nn.functional.adaptive_avg_pool2d(convolution("mixed", 3, 8, 0)(chosen), (4, 4))
    np.testing.assert_allclose(default.x, pooled.numpy(), atol=1e-6)


def test_same_settings_same_numbers_and_another_seed_others(default: Result) -> None:
    again, other = run(Settings()), run(Settings(seed=1))
    np.testing.assert_array_equal(default.x, again.x)
    assert not np.array_equal(default.x, other.x)


def test_same_settings_give_the_same_worth(sweep: EffectiveResult) -> None:
    again, other = effective.run(effective.Settings()), effective.run(effective.Settings(seed=1))
    np.testing.assert_array_equal(sweep.effective_samples, again.effective_samples)
    assert not np.array_equal(sweep.effective_samples, other.effective_samples)
    assert sweep.effective_samples.shape == sweep.effective_samples_theory.shape == (8,)


def test_groups_that_do_not_divide_leave_the_others_unharmed(default: Result) -> None:
    result = run(Settings(groups=3))
    assert set(result.sharing) == {"batch", "layer", "instance"}
    np.testing.assert_array_equal(result.statistics, default.statistics)
    with pytest.raises(ValueError, match="divisible"):
        nn.GroupNorm(3, 8)
    with pytest.raises(SettingError, match="groups must be a divisor of the 8 channels; got 3"):
        Settings(normalizer="group", groups=3)
    with pytest.raises(SettingError, match="groups must be a divisor of the 4 channels; got 3"):
        maps.Settings(normalizer="group", groups=3)
    for topic in (maps, effective):
        with pytest.raises(SettingError, match="channel must be"):
            topic.Settings(channels=4, channel=4)


def test_a_single_number_per_statistic_is_refused_in_pytorchs_words() -> None:
    single: dict[str, Any] = {"batch_size": 1, "height": 1, "width": 1}
    with pytest.raises(BatchOfOneError, match="Expected more than 1 value per channel"):
        run(Settings(**single))
    with pytest.raises(BnvizError, match="refuses instance norm of a single number: Expected more than 1 spatial"):
        run(Settings(normalizer="instance", height=1, width=1))
    result = run(Settings(height=1, width=1))
    assert result.sharing["instance"].refusal
    assert np.isnan(result.sharing["instance"].output).all()
    assert np.isnan(result.group_all_gap)
    assert result.group_one_gap < 1e-10
    lone = run(Settings(**single, normalizer="layer"))
    assert not lone.sharing["layer"].refusal
    assert np.isfinite(effective.run(effective.Settings(**single)).effective_samples).all()


# --- feature maps --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHARING)
def test_maps_are_what_pytorchs_modules_make_of_them(name: Any) -> None:
    settings = maps.Settings(normalizer=name, channel=2, gamma=2.0, beta=-1.5, eps=0.01)
    shown = maps.run(settings).maps
    before = convolution("mixed", 3, 4, 0)(photos())
    np.testing.assert_allclose(shown.before, before.numpy(), atol=1e-6)
    wanted = plain(name, before, 2, eps=0.01)
    wanted[:, 2] = 2.0 * wanted[:, 2] - 1.5
    np.testing.assert_allclose(shown.after, wanted.numpy(), atol=1e-5)
    np.testing.assert_allclose(shown.after_mean, shown.predicted_mean, atol=1e-5)
    np.testing.assert_allclose(shown.after_std, shown.predicted_std, atol=1e-5)
    by_hand = (shown.before - shown.mean[..., None, None]) / np.sqrt(shown.variance[..., None, None] + 0.01)
    by_hand[:, 2] = 2.0 * by_hand[:, 2] - 1.5
    np.testing.assert_allclose(shown.after, by_hand, atol=1e-5)


def test_scales_do_not_move_with_gamma_and_histograms_count_what_they_show() -> None:
    base, moved = (maps.run(maps.Settings(gamma=gamma)).maps for gamma in (1.0, 3.0))
    assert base.reach == moved.reach
    np.testing.assert_array_equal(base.histograms_before.edges, base.histograms_after.edges)
    for shown in (base, moved):
        values = np.moveaxis(shown.after, 1, 0).reshape(4, -1)
        span = shown.histograms_after.edges[-1]
        np.testing.assert_array_equal(shown.histograms_after.counts.sum(axis=1), (np.abs(values) <= span).sum(axis=1))
    for part, values in (("before", base.before), ("after", base.after)):
        np.testing.assert_allclose(base.moments[part][1, 3], (values[1, 3].mean(), values[1, 3].std()), atol=1e-6)


def test_maps_of_digits_are_the_first_batch() -> None:
    settings = maps.Settings(source="digits", batch_size=3, channels=2, groups=1)
    shown = maps.run(settings).maps
    np.testing.assert_array_equal(shown.images, digits()[0][draws(settings, 1797, 1)[0]].numpy())


# --- effective sample size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["digits", "photos"])
@pytest.mark.parametrize("kernels", ["edge", "blur", "random"])
def test_measured_and_closed_form_agree_within_four_standard_errors(source: Any, kernels: Any) -> None:
    result = effective.run(effective.Settings(source=source, kernels=kernels, batch_size=6, height=8, width=3))
    assert (
        np.abs(result.effective_samples - result.effective_samples_theory) <= 4 * result.effective_samples_error
    ).all()
    assert (result.effective_samples_error < 0.1 * result.effective_samples).all()


def test_closed_form_is_the_variance_of_image_means(sweep: EffectiveResult) -> None:
    """By another way than ρ̄: with independent images Var[batch mean] = Var[image mean]/N, exactly, over the population."""
    settings, worth = sweep.settings, sweep.effective
    population = convolution("mixed", 3, 8, 0)(tiles(photos()))
    for place, (height, width) in enumerate(zip(worth.heights, worth.widths, strict=True)):
        pooled = nn.functional.adaptive_avg_pool2d(population, (int(height), int(width))).double().numpy()
        of_images = pooled.mean(axis=(2, 3)).var(axis=0)
        of_numbers = np.moveaxis(pooled, 1, 0).reshape(8, -1).var(axis=1)
        np.testing.assert_allclose(worth.theory[place], settings.batch_size * of_numbers / of_images, rtol=1e-6)
    assert worth.numbers.tolist() == [4, 16, 64, 256]
    assert worth.heights[worth.here] == 4
    np.testing.assert_array_equal(sweep.effective_samples, worth.samples[worth.here])


def test_batch_means_are_those_of_separate_batch_norms(sweep: EffectiveResult) -> None:
    population = nn.functional.adaptive_avg_pool2d(convolution("mixed", 3, 8, 0)(tiles(photos())), (4, 4))
    order = draws(sweep.settings, len(population), BATCHES)
    for batch in (0, 1, 500, 999):
        norm = nn.BatchNorm2d(8, momentum=1.0)
        norm(population[order[batch]])
        assert norm.running_mean is not None
        np.testing.assert_allclose(sweep.effective.batch_means[batch], norm.running_mean.numpy(), atol=1e-6)


@pytest.mark.parametrize(("kind", "wanted"), [("white", 4 * 16), ("flat", 4), ("balanced", np.inf)])
def test_known_populations(kind: str, wanted: float) -> None:
    """Independent pixels are worth N·H·W, maps of one value N, and maps whose mean is always 0 no end."""
    population = white(3000, 2, 8, 8).float()
    if kind == "flat":
        population = population[..., :1, :1].expand(-1, -1, 8, 8).contiguous()
    if kind == "balanced":
        sign = torch.tensor([1.0, -1.0]).repeat(4)
        population = population[..., :1, :1] * sign * torch.ones(8, 1)
    settings = effective.Settings(channels=2, height=4, width=4 if kind != "balanced" else 8)
    worth = measure(settings, population)
    if kind == "balanced":
        assert np.isinf(worth.theory[worth.here]).all()
        assert np.isinf(worth.samples[worth.here]).all()
        assert worth.edges.size == 0
        return
    np.testing.assert_allclose(worth.theory[worth.here], wanted, rtol=0.06)
    np.testing.assert_allclose(worth.samples[worth.here], wanted, rtol=0.25)
    nearest = 1.0 if kind == "flat" else 0.0
    np.testing.assert_allclose(worth.by_distance[:, 1:], nearest, atol=0.06)


def test_correlation_by_distance_averages_to_rho(sweep: EffectiveResult) -> None:
    worth = sweep.effective
    row, column = np.divmod(np.arange(16), 4)
    apart = np.hypot(row[:, None] - row, column[:, None] - column)
    pairs = np.array([np.isclose(apart, distance).sum() for distance in worth.distances])
    assert worth.distances[0] == 0
    np.testing.assert_allclose(worth.by_distance[:, 0], 1.0)
    averaged = (worth.by_distance[:, 1:] * pairs[1:]).sum(axis=1) / pairs[1:].sum()
    np.testing.assert_allclose(averaged, worth.correlation[worth.here], atol=1e-10)


def test_the_curves_are_densities_with_the_two_spreads(sweep: EffectiveResult) -> None:
    worth = sweep.effective
    assert (worth.density * np.diff(worth.edges)).sum() == pytest.approx(1)
    step = worth.grid[1] - worth.grid[0]
    for curve, spread in (
        (worth.predicted, np.sqrt(worth.variance[0] / worth.theory[worth.here, 0])),
        (worth.naive, worth.naive_spread[0]),
    ):
        assert curve.sum() * step == pytest.approx(1, abs=1e-3)
        centre = (curve * worth.grid).sum() * step
        assert np.sqrt((curve * (worth.grid - centre) ** 2).sum() * step) == pytest.approx(spread, rel=2e-3)


# --- the visitor's own images --------------------------------------------------------------------------------------


def test_own_images_in_every_topic() -> None:
    data = np.random.default_rng(0).random((1, 3, 40, 56)).astype(np.float32)
    assert np.isfinite(run(Settings(source="upload"), data).x).all()
    assert np.isfinite(effective.run(effective.Settings(source="upload"), data).effective_samples).all()
    np.testing.assert_array_equal(maps.run(maps.Settings(source="upload"), data).maps.images, data)


def test_no_file_or_too_small_a_file_is_told() -> None:
    for topic in LAB.topics:
        settings = topic.settings(source="upload")
        with pytest.raises(UploadError, match="no file yet"):
            topic.compute(settings)
        with pytest.raises(UploadError, match="only one 8×8 tile"):
            topic.compute(settings, np.zeros((1, 1, 8, 15), dtype=np.float32))


def test_many_own_images_stay_within_bounds() -> None:
    data = np.random.default_rng(0).random((600, 1, 8, 8)).astype(np.float32)
    settings = maps.Settings(source="upload")
    assert len(maps.run(settings, data).maps.images) == 4
    wide = np.random.default_rng(0).random((3, 1, 256, 256)).astype(np.float32)
    assert len(maps.run(settings, wide).maps.images) == 1
