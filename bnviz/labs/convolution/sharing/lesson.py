"""The topic `sharing` of the lesson `convolution`: which numbers share one mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.convolution.shared.parameters import SETS, SharingName
from bnviz.labs.convolution.shared.sources import BATCH_NORM, PHOTOGRAPHS
from bnviz.labs.convolution.sharing import figures
from bnviz.labs.convolution.sharing.experiment import run
from bnviz.labs.convolution.sharing.result import Result
from bnviz.labs.convolution.sharing.script import script
from bnviz.labs.convolution.sharing.settings import Settings
from bnviz.plot.numbers import latex, latex_signed
from bnviz.settings import NORMALIZERS
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source
from bnviz.theory.placement import statistic_count

CHANNEL, IMAGE, MAP, GROUP = range(4)
COUNTS: Final = {
    "batch": r"N\cdot H\cdot W",
    "layer": r"C\cdot H\cdot W",
    "instance": r"H\cdot W",
    "group": r"\frac{C}{G}\cdot H\cdot W",
}
WU_HE: Final = Source(
    N_("The four ways to share, as boxes with N, C and (H, W) as edges (Figure 2)"),
    "Wu & He 2018, arXiv:1803.08494",
    "https://arxiv.org/abs/1803.08494",
)


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The picked number on its way through the chosen normalizer, and the table of all four."""
    _ = translator(language)
    settings, chosen = result.settings, result.sharing[result.settings.normalizer]
    step = min(max(step, 0), result.x.size - 1)
    n, c, h, w = (int(index) for index in np.unravel_index(step, result.x.shape))
    x, x_hat = float(result.x[n, c, h, w]), float(chosen.output[n, c, h, w])
    mean, variance = (float(value) for value in chosen.statistics[chosen.membership[n, c, h, w]])
    elements = chosen.elements_per_statistic
    first = _(
        "The number picked is x[n = {n}, c = {c}, h = {h}, w = {w}] = {x}. In {normalizer} it shares mean and variance with "
        "{what}: E = {elements} numbers."
    )
    sentence = first.format(
        n=n,
        c=c,
        h=h,
        w=w,
        x=f"${latex(x)}$",
        normalizer=_(NORMALIZERS[settings.normalizer]),
        what=_(SETS[settings.normalizer]),
        elements=f"${COUNTS[settings.normalizer]} = {elements}$",
    )
    return "\n\n".join(
        (
            sentence,
            rf"$$\mu = \frac1E\sum x = {latex(mean)}\qquad\sigma^2 = \frac1E\sum (x - \mu)^2 = {latex(variance)}$$",
            rf"$$\hat x = \frac{{x - \mu}}{{\sqrt{{\sigma^2 + \varepsilon}}}} = \frac{{{latex(x)} - {latex_signed(mean)}}}"
            rf"{{\sqrt{{{latex(variance)} + {latex(settings.eps)}}}}} = {latex(x_hat)}$$",
            count_table(result, language),
        )
    )


def count_table(result: Result, language: Language = "en") -> str:
    """Statistics × elements per statistic, for every normalizer, as Markdown."""
    _ = translator(language)
    N, C, H, W = result.settings.shape
    G = result.settings.groups
    lines = [
        "| "
        + " | ".join((_("Normalizer"), _("means S"), _("numbers per mean E"), "S · E", _("which numbers share")))
        + " |",
        "|:--|--:|--:|--:|:--|",
    ]
    letters = {
        "batch": ("C", "N·H·W"),
        "layer": ("N", "C·H·W"),
        "instance": ("N·C", "H·W"),
        "group": ("N·G", "C/G·H·W"),
    }
    for name, sharing in result.sharing.items():
        known = statistic_count(name, N, C, H, W, G)
        s, e = letters[name]
        lines.append(
            f"| {_(NORMALIZERS[name])} | {s} = {known.statistics} | {e} = {known.elements} "
            f"| {len(sharing.statistics) * sharing.elements_per_statistic} | {_(SETS[name])} |"
        )
    return "\n".join(lines)


def comparisons(result: Result) -> list[Comparison]:
    """PyTorch's modules, touched at one number per statistic, against the rule; group norm's two ends against its relatives."""
    N, C, H, W = result.settings.shape
    rows = []
    for name, sharing in result.sharing.items():
        known = statistic_count(name, N, C, H, W, result.settings.groups)
        label = {"normalizer": Phrase(NORMALIZERS[name])}
        rows.append(
            Comparison(Phrase(N_("{normalizer}: means kept"), label), len(sharing.statistics), known.statistics)
        )
        if not sharing.refusal and known.elements > 1:
            moved = Phrase(N_("{normalizer}: outputs that move when one number does"), label)
            rows.append(Comparison(moved, float(sharing.reached.mean()), known.elements))
    misplaced = sum(sharing.misplaced for sharing in result.sharing.values() if sharing.elements_per_statistic > 1)
    rows.append(
        Comparison(Phrase(N_("outputs that moved outside, or stood still inside, over all statistics")), misplaced, 0.0)
    )
    pairs = (
        (N_("GroupNorm(1) against LayerNorm: largest difference"), result.group_one_gap),
        (N_("GroupNorm(C) against InstanceNorm: largest difference"), result.group_all_gap),
    )
    rows += [Comparison(Phrase(text), gap, 0.0) for text, gap in pairs if np.isfinite(gap)]
    return rows


def headline(result: Result) -> dict[str, float]:
    """What the chosen normalizer does to the very first number, by the names that the script prints."""
    chosen = result.sharing[result.settings.normalizer]
    mean, variance = chosen.statistics[chosen.membership[0, 0, 0, 0]]
    numbers = {
        "statistics": float(len(chosen.statistics)),
        "elements_per_statistic": float(chosen.elements_per_statistic),
        "mean": float(mean),
        "variance": float(variance),
        "normalized": float(chosen.output[0, 0, 0, 0]),
        "moved": float(chosen.reached[0]),
    }
    gaps = {"group_one_gap": result.group_one_gap, "group_all_gap": result.group_all_gap}
    return numbers | {name: gap for name, gap in gaps.items() if np.isfinite(gap)}


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per number of the tensor: where it stands, its value, its statistic in each normalizer, and x̂ in the chosen one."""
    indices = np.unravel_index(np.arange(result.x.size), result.x.shape)
    columns: dict[str, NDArray[Any]] = dict(zip(("n", "c", "h", "w"), indices, strict=True))
    columns["x"] = result.x.ravel()
    columns |= {f"statistic_{name}": sharing.membership.ravel() for name, sharing in result.sharing.items()}
    columns["normalized"] = result.sharing[result.settings.normalizer].output.ravel()
    return columns


def outcome(result: Result) -> int:
    """Which set is lit in the chosen normalizer; group norm may be layer norm or instance norm in disguise."""
    settings = result.settings
    if settings.normalizer == "group":
        return {1: IMAGE, settings.channels: MAP}.get(settings.groups, GROUP)
    return {"batch": CHANNEL, "layer": IMAGE, "instance": MAP}[settings.normalizer]


def finding(result: Result, language: Language = "en") -> str:
    """How many means the chosen normalizer takes of the tensor that is shown, and from how many numbers."""
    _ = translator(language)
    count, elements = len(result.statistics), result.elements_per_statistic
    return _("{normalizer} takes {count} means here, each of {elements} numbers: {count} · {elements} = {all}.").format(
        normalizer=_(NORMALIZERS[result.settings.normalizer]).capitalize(),
        count=count,
        elements=elements,
        all=count * elements,
    )


def _alike(result: Result, one: SharingName, other: SharingName) -> bool:
    """Whether two normalizers share the same numbers."""
    return np.array_equal(result.sharing[one].membership, result.sharing[other].membership)


TOPIC: Final = InstantTopic(
    lab="convolution",
    name="sharing",
    folder=Path(__file__).parent,
    title=N_("Shared means"),
    question=N_("Which numbers share one mean?"),
    answer=N_(
        "In batch norm a channel of all images; in layer, group and instance norm numbers of one image. Click one and see."
    ),
    settings=Settings,
    run=run,
    controls=("normalizer", "batch_size", "channels", "height", "width", "groups"),
    more=("source", "kernels", "eps", "seed"),
    pictures=(figures.cubes, figures.values),
    theory=(figures.counts,),
    comparisons=comparisons,
    finding=finding,
    holds=lambda result: outcome(result) == CHANNEL and all(row.explained for row in comparisons(result)),
    presets=(
        Preset(
            "batch_of_1",
            N_("Batch of 1"),
            N_(
                "With N = 1, batch norm and instance norm light up the same numbers: a batch of one image is an image by itself."
            ),
            {"batch_size": 1},
            holds=lambda result: _alike(result, "batch", "instance"),
        ),
        Preset(
            "with_1_group",
            N_("1 group"),
            N_(
                "Group norm with G = 1 lights up what layer norm does. “Against theory” runs both modules: the outputs agree."
            ),
            {"groups": 1},
            holds=lambda result: _alike(result, "group", "layer") and result.group_one_gap < 1e-5,
        ),
        Preset(
            "with_8_groups",
            N_("8 groups"),
            N_("Group norm with G = C lights up what instance norm does: a single map."),
            {"groups": 8},
            holds=lambda result: _alike(result, "group", "instance") and result.group_all_gap < 1e-5,
        ),
        Preset(
            "with_1_pixel",
            N_("1 pixel"),
            N_(
                "With H = W = 1 the tensor is a feature vector per sample. Batch norm is left with N numbers, instance norm with "
                "one, which PyTorch refuses to train."
            ),
            {"height": 1, "width": 1},
            holds=lambda result: (
                result.sharing["batch"].elements_per_statistic == len(result.x)
                and bool(result.sharing["instance"].refusal)
            ),
        ),
        Preset(
            "with_3_groups",
            N_("3 groups"),
            N_("Eight channels do not divide by three. PyTorch refuses that group norm; the other three stand."),
            {"groups": 3},
            holds=lambda result: set(result.sharing) == {"batch", "layer", "instance"},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "A batch of N images has C feature maps of H×W pixels each. One number is picked. With which numbers does it share its "
            "mean in the chosen normalizer (batch norm, unless you chose another)?"
        ),
        options=(
            N_("its channel in all images: N·H·W numbers"),
            N_("all channels of its image: C·H·W numbers"),
            N_("its channel in its image: H·W numbers"),
            N_("its group of channels in its image: C/G·H·W numbers"),
        ),
        correct=outcome,
        explanation=N_(
            "Batch norm treats every pixel of a channel as one more sample, whichever image it comes from. The other three never "
            "look at another image."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    upload="images",
    sources=(
        WU_HE,
        BATCH_NORM,
        Source(
            N_("Layer normalization"), "Ba, Kiros & Hinton 2016, arXiv:1607.06450", "https://arxiv.org/abs/1607.06450"
        ),
        Source(
            N_("Instance normalization"),
            "Ulyanov, Vedaldi & Lempitsky 2016, arXiv:1607.08022",
            "https://arxiv.org/abs/1607.08022",
        ),
        Source(
            N_("Group norm as PyTorch computes it, one group and C groups among its examples"),
            "torch.nn.GroupNorm",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html",
        ),
        PHOTOGRAPHS,
    ),
)
