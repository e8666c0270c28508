"""The topic `update_count` of the lab `modes`: how often the running statistics move per optimizer step."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.modes.shared.sources import PYTORCH_BATCH_NORM
from bnviz.labs.modes.update_count import figures
from bnviz.labs.modes.update_count.experiment import run
from bnviz.labs.modes.update_count.figures import NAMES
from bnviz.labs.modes.update_count.result import Result
from bnviz.labs.modes.update_count.script import script
from bnviz.labs.modes.update_count.settings import Settings
from bnviz.plot.numbers import alike, latex, latex_signed, short
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.teaching.sources import DIGITS

NEVER, ONCE, TWICE, OFTEN = range(4)


def formula(result: Result, step: int, language: Language = "en") -> str:
    """One update with its numbers, k of them, and the momentum that makes up for it."""
    _ = translator(language)
    momentum, k = result.settings.momentum, result.settings.accumulation
    if isinstance(momentum, str):
        return _(
            "`momentum=None` is the plain average: each forward pass counts once, whether or not the optimizer steps after it. There "
            "is no momentum to correct."
        )
    paragraphs = [
        "**" + _("One forward pass in train mode is one update") + "**",
        _("First unit of the first layer, first batch:"),
        f"$$\n(1 - {latex(momentum)})\\cdot 0 + {latex(momentum)}\\cdot {latex_signed(result.batch_mean)} = "
        f"{latex(result.running_mean)}\n$$",
        "**" + _("k forward passes per optimizer step") + "**",
        _("After k updates (1 − α)ᵏ of the old value is left. Counted in optimizer steps, the momentum is"),
        f"$$\n1 - (1 - \\alpha)^k = 1 - (1 - {latex(momentum)})^{{{k}}} = {latex(1 - (1 - momentum) ** k)}\n$$",
        _("measured: {measured}.").format(measured=short(result.momentum[result.ways.index("accumulation")])),
    ]
    if math.isfinite(result.corrected_momentum):
        paragraphs += [
            "**" + _("To keep the old pace") + "**",
            f"$$\n\\alpha' = 1 - (1 - \\alpha)^{{1/k}} = {latex(result.corrected)}\n$$",
            _("With this momentum one optimizer step of {k} passes brings {measured}, measured.").format(
                k=k, measured=short(result.corrected_momentum)
            ),
        ]
    return "\n\n".join(paragraphs)


def comparisons(result: Result) -> list[Comparison]:
    """Updates per step and the momentum that they make, for every way, and the corrected momentum."""
    rows = []
    for index, way in enumerate(result.ways):
        name = {"way": Phrase(NAMES[way], {"k": result.settings.accumulation})}
        rows.append(
            Comparison(
                Phrase(N_("updates per optimizer step: {way}"), name),
                float(result.updates[index]),
                float(result.updates_theory[index]),
            )
        )
        rows.append(
            Comparison(
                Phrase(N_("momentum per optimizer step: {way}"), name),
                float(result.momentum[index]),
                float(result.momentum_theory[index]),
            )
        )
    momentum = result.settings.momentum
    if not isinstance(momentum, str):
        numbers = {"corrected": short(result.corrected)}
        rows.append(
            Comparison(
                Phrase(N_("momentum per optimizer step: accumulation with momentum {corrected}"), numbers),
                result.corrected_momentum,
                momentum,
            )
        )
    return rows


def headline(result: Result) -> dict[str, float]:
    """Updates and momentum per optimizer step, by the names that the script prints."""
    numbers: dict[str, float] = {}
    for index, way in enumerate(result.ways):
        numbers[f"updates[{way}]"] = float(result.updates[index])
        numbers[f"momentum[{way}]"] = float(result.momentum[index])
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per optimizer step."""
    measured = {f"old_weight[{way}]": result.old_weight[index] for index, way in enumerate(result.ways)}
    theory = {f"theory[{way}]": result.old_weight_theory[index] for index, way in enumerate(result.ways)}
    return {"optimizer_step": np.arange(result.settings.steps + 1), **measured, **theory}


def finding(result: Result, language: Language = "en") -> str:
    """How often the statistics move with accumulation and checkpointing, and what momentum that makes, for the run that is shown."""
    _ = translator(language)
    way, again = result.ways.index("accumulation"), result.ways.index("checkpoint")
    text = _(
        "Updates per optimizer step: {first} when {count} batches are accumulated, {second} with checkpointing."
    ).format(
        first=short(float(result.updates[way])),
        count=result.settings.accumulation,
        second=short(float(result.updates[again])),
    )
    if isinstance(result.settings.momentum, str):
        return text
    first, second = alike(float(result.momentum[way]), float(result.momentum[again]))
    return (
        text
        + " "
        + _("So a momentum of {momentum} acts like {first} and {second} per step.").format(
            momentum=short(result.settings.momentum),
            first=first,
            second=second,
        )
    )


def outcome(result: Result) -> int:
    """How often checkpointing really moves the statistics."""
    count = round(float(result.updates[result.ways.index("checkpoint")]))
    return min(count, OFTEN)


TOPIC: Final = InstantTopic(
    lab="modes",
    name="update_count",
    folder=Path(__file__).parent,
    title=N_("Update count"),
    question=N_("How often do the running statistics move per optimizer step?"),
    answer=N_(
        "Once per forward pass in train mode, gradient or not, step or not. Gradient accumulation, a second forward pass, checkpointing "
        "and a validation loop without eval() all make the momentum larger than the one that was set."
    ),
    finding=finding,
    holds=lambda result: bool(np.array_equal(result.updates, result.updates_theory)),
    settings=Settings,
    run=run,
    controls=("accumulation", "momentum", "steps", "batch_size"),
    more=("depth", "width", "learning_rate", "seed"),
    pictures=(figures.update_counts, figures.update_pace),
    theory=(figures.update_momentum,),
    comparisons=comparisons,
    presets=(
        Preset(
            "accumulate_16",
            N_("Accumulate 16"),
            N_(
                "Sixteen updates per step: a momentum of 0.1 becomes 0.815, and the running statistics remember little more than one step."
            ),
            {"accumulation": 16},
            lambda result: abs(float(result.momentum[result.ways.index("accumulation")]) - 0.815) < 0.001,
        ),
        Preset(
            "momentum_0_01",
            N_("Momentum 0.01"),
            N_("While α is small, k updates simply make it k times as large: 0.01 becomes 0.0394 with four."),
            {"momentum": 0.01},
            lambda result: abs(float(result.momentum[result.ways.index("accumulation")]) - 0.0394) < 0.0001,
        ),
        Preset(
            "plain_average",
            N_("Plain average"),
            N_(
                "The plain average counts forward passes too, but has no pace to lose: after the first batch the old value is gone."
            ),
            {"momentum": "cumulative"},
            lambda result: (
                bool(np.array_equal(result.updates, result.updates_theory))
                and float(abs(result.old_weight[:, 1:]).max()) < 1e-6
            ),
        ),
    ),
    prediction=Prediction(
        question=N_(
            "The hidden layers are wrapped in torch.utils.checkpoint, which computes them again in the backward pass to save memory. How "
            "often do the running statistics move per optimizer step?"
        ),
        options=(N_("never"), N_("once, as without it"), N_("twice"), N_("more often")),
        correct=outcome,
        explanation=N_(
            "Counted by num_batches_tracked. The second computation is a forward pass in train mode like any other, with both values "
            "of use_reentrant, in the PyTorch that runs here."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("A request that checkpointing should not update the statistics twice"),
            "pytorch #96136",
            "https://github.com/pytorch/pytorch/issues/96136",
        ),
        Source(
            N_("Another library's checkpointing leaves one of the two updates out, and what that led to"),
            "fairscale #1035",
            "https://github.com/facebookresearch/fairscale/issues/1035",
        ),
        Source(
            N_("Checkpointing in PyTorch: the forward pass is run again during backward"),
            "torch.utils.checkpoint",
            "https://docs.pytorch.org/docs/stable/checkpoint.html",
        ),
        PYTORCH_BATCH_NORM,
        DIGITS,
    ),
)
