"""What a card says of its links is what the labs show there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from bnviz.errors import BatchOfOneError
from bnviz.labs.cases.case import Link
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.course import LABS
from bnviz.teaching.lab import Lab

NAMES = {lab.name: lab for lab in LABS}

# What each lab shows at the links of a card: (result at the wrong setting, result at the right one or None) → nothing, or it fails.
Check = Callable[[Any, Any], None]
LINKED: dict[tuple[str, str], Check] = {}


def shows(card: str, lab: str) -> Callable[[Check], Check]:
    """Enter what `lab` must show at the links of `card`."""

    def enter(check: Check) -> Check:
        LINKED[card, lab] = check
        return check

    return enter


@shows("eval_differs", "layer")
def _(wrong: Any, right: Any) -> None:
    assert wrong.stage_std["normalized"][:, 0].mean() > 1.3
    assert right.stage_std["normalized"][:, 0].mean() == pytest.approx(1, abs=0.1)


@shows("eval_differs", "modes")
def _(wrong: Any, right: Any) -> None:
    assert wrong.gap[0, -1] > 3 * wrong.gap[-1, -1]


@shows("averaged_weights", "averages")
def _(wrong: Any, right: Any) -> None:
    error = dict(zip(wrong.variants, wrong.over.mean[:, -1], strict=True))
    assert error["parameters_only"] > error["raw"] + 20
    assert error["refilled"] < error["raw"] + 2


@shows("decay_without_effect", "weight_decay")
def _(wrong: Any, right: Any) -> None:
    assert wrong.halved.max() < 1e-3
    assert right.halved.min() > 0.2


@shows("decay_gamma", "weight_decay")
def _(wrong: Any, right: Any) -> None:
    """The more γ decays, the smaller it is; where the weights decay alone it is larger."""
    assert (wrong.gamma[1:, -1] < wrong.gamma[:-1, -1]).all()
    assert (wrong.gamma[:, -1] < right.gamma[:, -1]).all()


@shows("zero_gamma", "gradient_flow")
def _(wrong: Any, right: Any) -> None:
    """The variance of z grows by one per layer with γ = 1, and stays 1 with γ = 0."""
    assert wrong.preactivation_rms[1, 0, -1] ** 2 == pytest.approx(50, rel=0.1)
    assert right.preactivation_rms[1, 0, -1] ** 2 == pytest.approx(1, rel=0.01)
    assert right.growth[1] == pytest.approx(1, abs=1e-3)


@shows("domain_shift", "adaptation")
def _(wrong: Any, right: Any) -> None:
    assert wrong.error_source > wrong.error_unshifted + 15
    assert wrong.error.min() < wrong.error_unshifted + 2, "re-estimated on shuffled test images"
    assert wrong.error_sorted[0] > 50, "sorted batches make it worse"


@shows("folding", "folding")
def _(wrong: Any, right: Any) -> None:
    assert wrong.wrong["bias_forgotten"] > 0.3
    assert wrong.relative_error["float32"] < 1e-6


@shows("federated", "devices")
def _(wrong: Any, right: Any) -> None:
    assert wrong.eval_error["rank0"] > 1


@shows("devices", "devices")
def _(wrong: Any, right: Any) -> None:
    assert wrong.eval_error["rank0"] > 1
    assert right.eval_error["rank0"] < 0.1


@shows("test_time_batches", "layer")
def _(wrong: Any, right: Any) -> None:
    """The factor by which one and the same value is stretched changes from batch to batch, and does not."""
    assert wrong.used_var[:, 0].std() > 0.1 * wrong.used_var[:, 0].mean()
    assert right.used_var[:, 0].std() == 0


@shows("test_time_batches", "noise")
def _(wrong: Any, right: Any) -> None:
    assert wrong.samples.std() > 0.2


@shows("few_batches", "running_stats")
def _(wrong: Any, right: Any) -> None:
    for result, left in ((wrong, 0.9**5), (right, 0.9**50)):
        variance = result.running_var[0, -1].mean()
        expected = left + (1 - left) * result.population_var
        assert variance == pytest.approx(expected, rel=0.15)
    assert abs(wrong.running_var[0, -1].mean() / wrong.population_var - 1) > 5 * abs(
        right.running_var[0, -1].mean() / right.population_var - 1
    )


@shows("few_batches", "modes")
def _(wrong: Any, right: Any) -> None:
    slowest = wrong.momentums.index(min(value for value in wrong.momentums if value != "cumulative"))
    assert wrong.error[slowest].mean() > wrong.recalibrated.mean() + 0.05


@shows("keras_momentum", "running_stats")
def _(wrong: Any, right: Any) -> None:
    assert wrong.running_mean[0, -1].std() > 5 * right.running_mean[0, -1].std()


@shows("keras_momentum", "builder")
def _(wrong: Any, right: Any) -> None:
    assert [entry.name for entry in wrong.advice] == ["keras_momentum"]
    assert right.advice == ()


@shows("biased_variance", "layer")
@shows("shrinking_chain", "layer")
def _(wrong: Any, right: Any) -> None:
    for result in (wrong, right):
        n = result.values_per_statistic
        ratio = (result.batch_var / result.used_var).mean()
        assert ratio == pytest.approx((n - 1) / n, abs=0.015)


@shows("batch_of_one", "builder")
def _(wrong: Any, right: Any) -> None:
    assert "Expected more than 1 value per channel when training" in wrong.refusal
    assert right.refusal == ""


@shows("batch_of_one", "layer")
def _(wrong: Any, right: Any) -> None:
    assert isinstance(wrong, BatchOfOneError)
    assert right.values_per_statistic == 2


@shows("small_batches", "layer")
def _(wrong: Any, right: Any) -> None:
    def scatter(result: Any) -> float:
        return float((result.batch_var.std(0) / result.batch_var.mean(0)).mean())

    assert scatter(wrong) > 4 * scatter(right)


@shows("small_batches", "batch_size")
def _(wrong: Any, right: Any) -> None:
    small, large = (wrong.settings.batch_sizes.index(size) for size in (2, 64))
    error = wrong.test_error[wrong.settings.normalizers.index("batch")].mean(-1)
    assert error[small] > error[large]


@shows("not_frozen", "modes")
def _(wrong: Any, right: Any) -> None:
    for way, row in zip(wrong.ways, wrong.moved, strict=True):
        statistics = row[wrong.quantities.index("running_mean")]
        if not way.requires_grad and way.track_running_stats and not way.afterwards:
            assert bool(statistics) is not way.eval_mode


@shows("updated_twice", "modes")
def _(wrong: Any, right: Any) -> None:
    counts = dict(zip(wrong.ways, wrong.updates, strict=True))
    assert (counts["plain"], counts["checkpoint"], counts["second_pass"]) == (1, 2, 2)
    assert wrong.corrected_momentum == pytest.approx(0.1, abs=1e-4)


@shows("poisoned", "modes")
def _(wrong: Any, right: Any) -> None:
    assert wrong.bad_outputs[-1] == 1
    assert right.bad_outputs[-1] == 0
    bad = dict(zip(wrong.cures, wrong.cured_bad, strict=True))
    assert bad["more_batches"] == 1
    assert bad["recalibrate"] == 0


@shows("dropout_before_norm", "builder")
def _(wrong: Any, right: Any) -> None:
    assert [entry.name for entry in wrong.advice] == ["dropout"]
    assert right.advice == ()


@shows("dropout_before_norm", "noise")
def _(wrong: Any, right: Any) -> None:
    assert wrong.shift.ratio[0] < 0.6
    assert right.shift.ratio == pytest.approx(1, abs=0.05)


@shows("redundant_bias", "builder")
def _(wrong: Any, right: Any) -> None:
    assert [entry.name for entry in wrong.advice] == ["bias"]
    assert right.advice == ()
    assert wrong.trained - right.trained == wrong.settings.out_channels


@shows("redundant_bias", "placement")
def _(wrong: Any, right: Any) -> None:
    assert wrong.bias_effect < 1e-4
    assert wrong.bias_gradient < 1e-6


@shows("leaking_mates", "modes")
def _(wrong: Any, right: Any) -> None:
    batch, layer = (wrong.normalizers.index(name) for name in ("batch", "layer"))
    assert wrong.others_that_move[batch] == wrong.settings.batch_size - 1
    assert wrong.others_that_move[layer] == 0
    assert right.others_that_move[batch] == 0


@shows("leaking_mates", "noise")
def _(wrong: Any, right: Any) -> None:
    assert wrong.samples.std() > 0.05


@shows("padded_sequences", "recurrence")
def _(wrong: Any, right: Any) -> None:
    late = -2
    assert wrong.padded.share[late] > 0.3
    assert abs(wrong.padded.mean[late]) != pytest.approx(abs(wrong.padded.real_mean[late]), rel=0.05)
    assert right.padded.share.max() == 0
    assert right.padded.mean == pytest.approx(right.padded.real_mean, abs=1e-5)


@shows("keras_epsilon", "layer")
def _(wrong: Any, right: Any) -> None:
    assert wrong.batch_var[:, 0].mean() == pytest.approx(1e-4, rel=0.2)
    assert wrong.stage_std["normalized"][:, 0].mean() < 0.4
    assert right.stage_std["normalized"][:, 0].mean() > 0.8


@shows("never_updated", "layer")
def _(wrong: Any, right: Any) -> None:
    before = wrong.stage_std["input"][:, 0].mean()
    assert wrong.stage_std["normalized"][:, 0].mean() == pytest.approx(
        before, rel=1e-3
    )  # mean 0, variance 1 change nothing
    assert right.stage_std["normalized"][:, 0].mean() == pytest.approx(1, abs=0.1)


@shows("momentum_zero", "running_stats")
def _(wrong: Any, right: Any) -> None:
    assert abs(wrong.running_mean[0, -1].mean()) < 0.1 * abs(wrong.population_mean)
    assert right.running_mean[0, -1].mean() == pytest.approx(right.population_mean, rel=0.2)


@shows("shared_module", "recurrence")
def _(wrong: Any, right: Any) -> None:
    assert abs(wrong.var - wrong.shared_var).max() > 0.5 * wrong.shared_var  # no step is like the average
    assert abs(right.var - right.running_var).max() < 0.2 * right.shared_var


@shows("accumulation", "modes")
def _(wrong: Any, right: Any) -> None:
    assert dict(zip(wrong.ways, wrong.updates, strict=True))["accumulation"] == wrong.settings.accumulation > 1


@shows("teacher_passes", "modes")
def _(wrong: Any, right: Any) -> None:
    counts = dict(zip(wrong.ways, wrong.updates, strict=True))
    assert counts["second_pass"] == 2 * counts["plain"]


@shows("mc_dropout", "modes")
def _(wrong: Any, right: Any) -> None:
    """Forward passes in train mode move the running mean whatever is frozen; in eval mode they do not."""
    LINKED["not_frozen", "modes"](wrong, right)


@shows("gradient_penalty", "modes")
@shows("per_sample_gradients", "modes")
def _(wrong: Any, right: Any) -> None:
    batch, layer = (wrong.normalizers.index(name) for name in ("batch", "layer"))
    others = [sample for sample in range(wrong.settings.batch_size) if sample != wrong.changed]
    assert (abs(wrong.gradient_change[batch][others]) > 0).all()
    assert (wrong.gradient_change[layer][others] == 0).all()
    assert (right.gradient_change[batch][others] == 0).all()


@shows("before_or_after", "placement")
def _(wrong: Any, right: Any) -> None:
    before, after = (wrong.positions.index(position) for position in ("before", "after"))
    assert wrong.passed_mean[before].mean() == pytest.approx(0.4, abs=0.1)
    assert wrong.passed_mean[after].mean() == pytest.approx(0, abs=0.05)


@shows("sorted_batches", "batch_size")
def _(wrong: Any, right: Any) -> None:
    batch, layer = (wrong.settings.normalizers.index(name) for name in ("batch", "layer"))
    assert (wrong.test_error[batch].mean(-1) > 0.5).all()
    assert wrong.test_error[batch].mean() > wrong.test_error[layer].mean() + 0.2
    assert right.test_error[batch, -1].mean() < 0.2


PAIRS = sorted({(case.name, link.lab) for case in CASES for link in case.links})
LINKS = [
    pytest.param(link, id=f"{case.name}-{link.lab}-{number}")
    for case in CASES
    for number, link in enumerate(case.links)
]
SMALLER: dict[str, dict[str, Any]] = {
    "placement": {"epochs": 1, "seeds": 3},
    "batch_size": {"epochs": 4, "seeds": 3, "batch_sizes": (2, 64), "normalizers": ("batch", "layer")},
    "averages": {"seeds": 3},
    "weight_decay": {"steps": 200, "learning_rates": (0.4,)},
}


def lab_of(name: str) -> Lab:
    """The lab; skips where the course does not have it yet, which mends itself once the lab is merged."""
    if name not in NAMES:
        pytest.skip(f"the lab {name} is not in the course yet")
    return NAMES[name]


@pytest.mark.parametrize("link", LINKS)
def test_every_link_is_understood_and_brings_its_settings(link: Link) -> None:
    topic, _, problems = lab_of(link.lab).from_query(link.query)
    assert problems == []
    assert topic.name == link.query.get("topic", topic.name)
    assert set(link.query) - {"topic"} <= {*topic.controls, *topic.more}


def test_every_pair_of_links_is_checked() -> None:
    assert sorted(LINKED) == PAIRS


@functools.cache
def shown(lab: str, query: tuple[tuple[str, str], ...]) -> Any:
    """What the lab shows at a link, in small: the result, or the error that it tells of. Several cards have the same links."""
    topic, settings, _ = lab_of(lab).from_query(dict(query))
    smaller = {name: value for name, value in SMALLER.get(lab, {}).items() if name in settings.names()}
    try:
        return topic.compute(settings.replace(**smaller))
    except BatchOfOneError as error:
        return error


@pytest.mark.parametrize(("card", "lab"), PAIRS)
def test_the_lab_shows_what_the_card_says(card: str, lab: str) -> None:
    found: dict[str, Any] = {}
    for link in next(case for case in CASES if case.name == card).links:
        if link.lab == lab and link.kind not in found:  # a card may show the wrong thing in two ways
            found[link.kind] = shown(lab, tuple(sorted(link.query.items())))
    LINKED[card, lab](found["wrong"], found.get("right"))
