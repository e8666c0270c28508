"""What to know before using the block: every rule in one place, each with why it matters and what to do.

A rule says nothing where it does not apply, and otherwise the numbers that its words want.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.labs.builder.plan import has_bias, norm_follows, output_positions
from bnviz.labs.builder.result import Advice, Gravity
from bnviz.labs.builder.settings import Settings
from bnviz.theory.noise import output_variance
from bnviz.theory.running import initial_weight

Words = Mapping[str, object]

FEW_VALUES: Final = 16  # √(2/(n − 1)) of a Gaussian variance's scatter: 37 % at 16
FORGOTTEN: Final = 0.05  # weight of the initial 0 and 1 that is too much at the end of training
KERAS: Final = 0.9  # momentums from here on look like Keras' convention
LOST: Final = 0.01  # share of the variance that ε may take


@dataclass(frozen=True, slots=True)
class Seen:
    """What the trial showed."""

    values: int
    """Per statistic."""
    variance: float
    """Mean variance of what enters the normalizer; NaN where it is not known."""
    refusal: str = ""
    """PyTorch's."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`finds(settings, seen)`: the numbers that the words want where the rule applies, else None.

    A rule of gravity `refused` is a warning where PyTorch lets the block pass all the same.
    """

    name: str
    gravity: Gravity
    finds: Callable[[Settings, Seen], Words | None]
    what: str
    why: str
    cure: str


def advice(settings: Settings, seen: Seen) -> tuple[Advice, ...]:
    """Everything that applies to the block, gravest first."""
    found = [(rule, rule.finds(settings, seen)) for rule in RULES]
    return tuple(
        Advice(
            rule.name, _gravity(rule, seen), Phrase(rule.what, words), Phrase(rule.why, words), Phrase(rule.cure, words)
        )
        for rule, words in found
        if words is not None
    )


def _gravity(rule: Rule, seen: Seen) -> Gravity:
    return "warning" if rule.gravity == "refused" and not seen.refusal else rule.gravity


def _if(condition: bool, **words: object) -> Words | None:
    return words if condition else None


def _is(settings: Settings, *normalizers: str) -> bool:
    return settings.normalizes and settings.normalizer in normalizers


def _by_batch(settings: Settings) -> bool:
    """Whether batch norm takes its statistics from the batch at hand."""
    return _is(settings, "batch") and (settings.mode == "train" or not settings.track_running_stats)


def _kernel(settings: Settings, seen: Seen) -> Words | None:
    too_large = min(output_positions(settings), default=1) < 1
    return _if(
        too_large, kernel=settings.kernel_size, padded=min(settings.input_positions or (0,)) + 2 * settings.padding
    )


def _groups(settings: Settings, seen: Seen) -> Words | None:
    uneven = _is(settings, "group") and settings.out_channels % settings.groups > 0
    divisors = [str(g) for g in range(1, settings.out_channels + 1) if settings.out_channels % g == 0]
    few = divisors if len(divisors) <= 8 else [*divisors[:4], "…", *divisors[-3:]]
    return _if(uneven, groups=settings.groups, channels=settings.out_channels, divisors=tuple(few))


def _instance_on_rows(settings: Settings, seen: Seen) -> Words | None:
    return _if(_is(settings, "instance") and settings.layer == "linear", channels=settings.out_channels)


def _instance_of_one(settings: Settings, seen: Seen) -> Words | None:
    by_sample = settings.mode == "train" or not settings.track_running_stats
    return _if(_is(settings, "instance") and settings.layer != "linear" and by_sample and seen.values == 1)


def _batch_of_one(settings: Settings, seen: Seen) -> Words | None:
    return _if(_by_batch(settings) and seen.values == 1)


def _group_of_one(settings: Settings, seen: Seen) -> Words | None:
    return _if(_is(settings, "layer", "group") and seen.values == 1)


def _few_values(settings: Settings, seen: Seen) -> Words | None:
    few = _by_batch(settings) and 1 < seen.values < FEW_VALUES
    return _if(few, n=seen.values, scatter=f"{100 * (2 / max(seen.values - 1, 1)) ** 0.5:.0f}")


def _bias(settings: Settings, seen: Seen) -> Words | None:
    return _if(norm_follows(settings) and has_bias(settings), channels=settings.out_channels)


def _no_shift(settings: Settings, seen: Seen) -> Words | None:
    centred = norm_follows(settings) and settings.position == "before" and settings.activation != "identity"
    return _if(centred and not settings.affine)


def _dropout(settings: Settings, seen: Seen) -> Words | None:
    in_front = settings.dropout > 0 and settings.dropout_place != "end"
    return _if(settings.keeps_estimates and in_front, p=f"{settings.dropout:g}")


def _untracked(settings: Settings, seen: Seen) -> Words | None:
    return _if(_is(settings, "batch") and settings.mode == "eval" and not settings.track_running_stats)


def _fresh(settings: Settings, seen: Seen) -> Words | None:
    return _if(settings.keeps_estimates and settings.mode == "eval")


def _last_batch_only(settings: Settings, seen: Seen) -> Words | None:
    return _if(settings.keeps_estimates and settings.momentum == 1)


def _keras_momentum(settings: Settings, seen: Seen) -> Words | None:
    if not settings.keeps_estimates or settings.momentum == "cumulative" or not KERAS <= settings.momentum < 1:
        return None
    return {"momentum": f"{settings.momentum:g}", "other": f"{1 - settings.momentum:.3g}"}


def _slow_momentum(settings: Settings, seen: Seen) -> Words | None:
    if not settings.keeps_estimates or settings.momentum == "cumulative":
        return None
    left = float(initial_weight(settings.momentum, settings.training_steps))
    return _if(left > FORGOTTEN, left=f"{100 * left:.3g}", steps=settings.training_steps)


def _eps(settings: Settings, seen: Seen) -> Words | None:
    if not settings.normalizes or not seen.variance >= 0:
        return None
    lost = 1 - float(output_variance(seen.variance, settings.eps))
    return _if(lost > LOST, lost=f"{100 * lost:.3g}", variance=f"{seen.variance:.2g}", eps=f"{settings.eps:g}")


RULES: Final = (
    Rule(
        "kernel",
        "refused",
        _kernel,
        N_("The kernel is larger than the image"),
        N_("With its padding the input is {padded} wide, the kernel {kernel}: no place is left to put it."),
        N_("Take a smaller kernel or more padding."),
    ),
    Rule(
        "groups",
        "refused",
        _groups,
        N_("{groups} groups do not divide {channels} channels"),
        N_("Group norm deals the channels out evenly, so many to each group."),
        N_("Take one of {divisors} groups."),
    ),
    Rule(
        "instance_on_rows",
        "refused",
        _instance_on_rows,
        N_("Instance norm after nn.Linear"),
        N_(
            "A feature vector has one value per channel, so there is nothing to average. Given (N, C), nn.InstanceNorm1d takes "
            "N for the channels: it refuses, or (affine off, nothing tracked) quietly becomes a layer norm over the {channels} features."
        ),
        N_("Take layer norm or batch norm."),
    ),
    Rule(
        "instance_of_one",
        "refused",
        _instance_of_one,
        N_("Instance norm over a single position"),
        N_("One sample and channel has one value here; its variance is 0."),
        N_("Keep more than one position per channel, or take layer or group norm."),
    ),
    Rule(
        "batch_of_one",
        "refused",
        _batch_of_one,
        N_("Batch norm over a single value"),
        N_(
            "Each channel has one value in this batch: it is its own mean, and its variance is 0. The last, short "
            "batch of an epoch can be such a batch, too."
        ),
        N_("Take a batch of 2 or more (drop_last=True in the DataLoader), or layer or group norm."),
    ),
    Rule(
        "group_of_one",
        "refused",
        _group_of_one,
        N_("One value per statistic: everything is normalized away"),
        N_("Each value is its own mean, so x̂ is 0 and only β leaves the block."),
        N_("Take fewer groups, or more channels."),
    ),
    Rule(
        "few_values",
        "warning",
        _few_values,
        N_("Only {n} values per channel and batch"),
        N_(
            "The batch's variance scatters by about {scatter} % of itself, and training sees that as noise. Eval mode does not."
        ),
        N_("Take a larger batch, or a normalizer that does not look across the batch (layer norm, group norm)."),
    ),
    Rule(
        "bias",
        "warning",
        _bias,
        N_("A bias right before a normalizer"),
        N_(
            "The normalizer subtracts each channel's mean, and the bias with it: {channels} parameters whose gradient is 0."
        ),
        N_("Set bias=False; β does that work."),
    ),
    Rule(
        "no_shift",
        "warning",
        _no_shift,
        N_("Nothing can shift what the activation receives"),
        N_(
            "The normalizer centres every channel on 0, a bias before it has no effect, and without affine there is no β after it."
        ),
        N_("Switch affine on."),
    ),
    Rule(
        "dropout",
        "warning",
        _dropout,
        N_("Dropout before batch norm"),
        N_(
            "In training, Dropout with p = {p} raises the variance that the running statistics learn. In eval mode it is off, "
            "and what comes in varies less than they say."
        ),
        N_("Put Dropout after the last normalizer, or re-estimate the running statistics with Dropout off."),
    ),
    Rule(
        "untracked",
        "warning",
        _untracked,
        N_("track_running_stats=False: eval mode uses the batch, too"),
        N_(
            "There are no estimates to fall back on. One sample's output depends on its batch-mates, and a batch of "
            "one fails."
        ),
        N_("Keep track_running_stats=True, unless you mean it."),
    ),
    Rule(
        "last_batch_only",
        "warning",
        _last_batch_only,
        N_("momentum=1: the estimates are the last batch's"),
        N_(
            "PyTorch's momentum is the weight of the newest batch. With 1, nothing earlier is left, and eval mode depends on which "
            "batch happened to be last."
        ),
        N_("Take 0.1 (PyTorch's default) or less, or None for the plain average."),
    ),
    Rule(
        "keras_momentum",
        "warning",
        _keras_momentum,
        N_("momentum={momentum} looks like Keras' convention"),
        N_("Keras and Flax give the weight of the old estimate, PyTorch that of the newest batch."),
        N_("If it comes from there, write {other} here."),
    ),
    Rule(
        "slow_momentum",
        "warning",
        _slow_momentum,
        N_("After {steps} batches, {left} % of the estimates are still the initial 0 and 1"),
        N_("The initial mean 0 and variance 1 keep the weight (1 − momentum)^steps, and eval mode uses them."),
        N_("Take a larger momentum or None (the plain average), train for longer, or re-estimate at the end."),
    ),
    Rule(
        "eps",
        "warning",
        _eps,
        N_("ε takes {lost} % of the variance away"),
        N_("What enters the normalizer has variance {variance}; with ε = {eps} the result has σ²/(σ² + ε), not 1."),
        N_("Take a smaller ε, or scale the input."),
    ),
    Rule(
        "fresh",
        "note",
        _fresh,
        N_("Fresh and in eval mode: nothing is normalized yet"),
        N_(
            "The running statistics start at mean 0 and variance 1, and only forward passes in training mode move them."
        ),
        N_("Train first, or load a state_dict."),
    ),
)
