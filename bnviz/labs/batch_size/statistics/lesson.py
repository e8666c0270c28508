"""The lesson `batch_size`, topic `statistics`: why small batches hurt the MLP and not the CNN."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.batch_size.error.experiment import Result, run
from bnviz.labs.batch_size.statistics.experiment import Statistics
from bnviz.labs.batch_size.statistics.figures import effective, fidelity, noise, outputs
from bnviz.labs.batch_size.statistics.script import script
from bnviz.labs.batch_size.statistics.settings import Settings
from bnviz.plot.numbers import latex, latex_signed
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source

KEPT: Final = 0.9
NEITHER, ONLY_CNN, BOTH = range(3)
NAMES: Final = {"mlp": "MLP", "cnn": "CNN"}
QUANTITIES: Final = {
    "mean_noise": N_("{network}, batch {size}: error of the batch mean, in σ"),
    "variance_noise": N_("{network}, batch {size}: error of the batch variance, in σ²"),
    "fidelity": N_("{network}, batch {size}: R² of output and true value"),
}


def formula(result: Result, step: int, language: Language = "en") -> str:
    """What survives of a value, what a batch of images is worth, and what one class does, with this page's numbers."""
    _ = translator(language)
    both = result.both_statistics()
    one_class = result.settings.sampling == "one_class"
    return "\n\n".join(
        [
            "**1. " + _("What is left of a value") + "**",
            _left(both["mlp"], one_class, _),
            "**2. " + _("What a batch of images is worth") + "**",
            _worth(both["cnn"], one_class, _),
            "**3. " + _("How far the batch mean is off") + "**",
            *(_off(part) for part in both.values()),
        ]
    )


def _left(part: Statistics, one_class: bool, _: Translate) -> str:
    size, measured, theory = part.batch_size, part.batch_fidelity, part.batch_fidelity_theory
    if not math.isfinite(measured):
        return f"`ValueError: {part.refusal}`"
    text = _(
        "The correlation of batch norm's output x̂ with the true value z is E[s]/σ, s being the batch's standard deviation. For "
        "m independent normal values, in the MLP at m = {size}:"
    ).format(size=size)
    law = r"R^2 = \frac{2}{m}\left[\frac{\Gamma(m/2)}{\Gamma((m-1)/2)}\right]^2 \approx 1 - \frac{1.5}{m}"
    plain = 2 / size * math.exp(2 * (math.lgamma(size / 2) - math.lgamma((size - 1) / 2)))
    told = _("Measured on the digits: {measured}.").format(measured=f"${latex(measured)}$")
    if one_class:
        told = _(
            "That is for batches drawn at random. From one class, theory says {theory}; measured: {measured}."
        ).format(theory=f"${latex(theory)}$", measured=f"${latex(measured)}$")
    return f"{text}\n\n$$\n{law},\\qquad R^2({size}) = {latex(plain)}\n$$\n\n{told}"


def _worth(part: Statistics, one_class: bool, _: Translate) -> str:
    size, pixels = part.batch_size, part.pixels
    worth = size * pixels / (1 + (pixels - 1) * part.correlation)
    rows = [
        _("Each channel's mean is taken over N·H·W values. Those of one image are not independent; with ρ̄ their mean "
          "correlation (measured: {correlation}) they are worth").format(correlation=f"${latex(part.correlation)}$"),
        "$$\nm_{\\text{eff}} = \\frac{N\\,HW}{1 + (HW - 1)\\bar\\rho} = \\frac{"
        f"{size}\\cdot{pixels}}}{{1 + {pixels - 1}\\cdot{latex_signed(part.correlation)}}} = {latex(worth)}\n$$",
        _("A negative ρ̄ makes the mean of an image steadier than that of as many independent values: where some pixels are high, "
          "others are low. Behind the variance, where ρ² counts, a batch is worth another number; see “Against theory”."),
    ]  # fmt: skip
    if one_class:
        rows += [
            _("All images of one class: of the variance of image means a share ρ_c = {share} lies between the classes, and does "
              "not average out. The batch is worth").format(share=f"${latex(part.class_share)}$"),
            f"$$\n\\frac{{m_{{\\text{{eff}}}}}}{{1 + (N - 1)\\rho_c}} = {latex(worth / (1 + (size - 1) * part.class_share))}\n$$",
        ]  # fmt: skip
    return "\n\n".join(rows)


def _off(part: Statistics) -> str:
    known = np.flatnonzero(np.isfinite(part.mean_noise))
    place = int(known[np.argmin(part.batch_sizes[known])]) if known.size else 0
    effective_size, measured = float(part.effective_theory[place]), float(part.mean_noise[place])
    return (
        f"$$\n\\text{{{NAMES[part.network]}, }} N = {int(part.batch_sizes[place])}:\\quad "
        f"\\frac{{\\sigma}}{{\\sqrt{{m_{{\\text{{eff}}}}}}}} = "
        f"\\frac{{\\sigma}}{{\\sqrt{{{latex(effective_size)}}}}} = {latex(float(part.mean_noise_theory[place]))}\\,\\sigma,\\qquad "
        f"\\text{{PyTorch: }} {latex(measured)}\\,\\sigma\n$$"
    )


def comparisons_of(part: Statistics) -> list[Comparison]:
    """Noise and fidelity at the smallest and at the largest batch size that PyTorch takes."""
    known = np.flatnonzero(np.isfinite(part.fidelity))
    if not known.size:
        return []
    ends = dict.fromkeys((known[np.argmin(part.batch_sizes[known])], known[np.argmax(part.batch_sizes[known])]))
    normal = Phrase(N_("predicted for normal values, which those of digits nearly are"))
    scaled = Phrase(N_("predicted from the images' own means and variances, the batch variance taken for a scaled χ²"))
    notes = {"fidelity": normal if part.pixels == 1 else scaled}
    return [
        Comparison(
            Phrase(template, {"network": NAMES[part.network], "size": int(part.batch_sizes[place])}),
            float(getattr(part, name)[place]),
            float(getattr(part, f"{name}_theory")[place]),
            float(getattr(part, f"{name}_error")[place]),
            notes.get(name),
        )
        for name, template in QUANTITIES.items()
        for place in ends
    ]


def comparisons(result: Result) -> list[Comparison]:
    """Both networks'."""
    return [row for part in result.both_statistics().values() for row in comparisons_of(part)]


def headline(result: Result) -> dict[str, float]:
    """Error of the batch mean and R² of both networks, by the names that the script prints."""
    numbers: dict[str, float] = {}
    for network, part in result.both_statistics().items():
        for place, size in enumerate(result.settings.batch_sizes):
            numbers[f"{network}_mean_noise_{size}"] = float(part.mean_noise[place])
            numbers[f"{network}_fidelity_{size}"] = float(part.fidelity[place])
    return numbers


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per network and batch size."""
    parts = list(result.both_statistics().values())
    columns: dict[str, NDArray[Any]] = {
        "network": np.repeat([part.network for part in parts], [len(part.batch_sizes) for part in parts]),
        "batch_size": np.concatenate([part.batch_sizes for part in parts]),
        "values_per_channel": np.concatenate([part.batch_sizes * part.pixels for part in parts]),
    }
    for name in ("mean_noise", "variance_noise", "fidelity", "effective", "effective_variance"):
        for ending in ("", "_theory"):
            columns[name + ending] = np.concatenate([getattr(part, name + ending) for part in parts])
    return columns


def outcome(result: Result) -> int:
    """Which of the two keeps 90 % of the variation in batches of the chosen size."""
    kept = {network: part.batch_fidelity > KEPT for network, part in result.both_statistics().items()}
    return BOTH if kept["mlp"] and kept["cnn"] else ONLY_CNN if kept["cnn"] else NEITHER


TOPIC: Final = InstantTopic(
    lab="batch_size",
    name="statistics",
    folder=Path(__file__).parent,
    title=N_("Noisy statistics"),
    question=N_("What does a small batch do to a value, and why is the CNN spared?"),
    answer=N_(
        "In batches of 2 the MLP's batch norm leaves hardly more than a sign. In the CNN the same two images bring 128 values "
        "to every mean, and nearly all of a value survives."
    ),
    settings=Settings,
    run=run,
    controls=("batch_size", "batch_sizes", "sampling", "hidden_layer"),
    more=("seed",),
    pictures=(outputs, fidelity),
    theory=(noise, effective),
    comparisons=comparisons,
    presets=(
        Preset(
            "batch_of_2",
            N_("Batch of 2"),
            N_("MLP: nearly every output is +1 or −1. CNN: the outputs lie along the dashed line."),
            {},
        ),
        Preset(
            "batch_of_3",
            N_("Batch of 3"),
            N_("MLP: no output beyond ±√2, the bound √(m − 1), and nowhere are they denser than at these two ends."),
            {"batch_size": 3, "batch_sizes": (2, 3, 4, 8, 16, 32, 64)},
        ),
        Preset(
            "batch_of_32",
            N_("Batch of 32"),
            N_(
                "Both clouds lie along the dashed line: 32 samples are enough for the MLP too, though the CNN's line is still "
                "the thinner one."
            ),
            {"batch_size": 32},
        ),
        Preset(
            "one_image",
            N_("One image"),
            N_(
                "PyTorch refuses the MLP's batch of one. The CNN's has 64 values per channel, and nearly all of a value "
                "survives."
            ),
            {"batch_size": 1, "batch_sizes": (1, 2, 4, 8, 16, 32, 64)},
        ),
        Preset(
            "from_one_class",
            N_("From one class"),
            N_(
                "The MLP's curve flattens: what tells the classes apart is the same in the whole batch, and batch norm "
                "takes it away, however large the batch."
            ),
            {"sampling": "one_class", "batch_size": 32},
        ),
        Preset(
            "second_layer",
            N_("Second layer"),
            N_(
                "Only 4×4 values per image and channel are left in the CNN: a little more is lost than in the first layer, "
                "and still far less than in the MLP."
            ),
            {"hidden_layer": 2},
        ),
    ),
    prediction=Prediction(
        question=N_(
            "Batches of the chosen size pass through the first batch norm of an MLP, and of a CNN. Which of them keeps at least "
            "90 % of a value's variation (R² of its output and the true value)?"
        ),
        options=(N_("neither"), N_("only the CNN"), N_("both")),
        correct=outcome,
        explanation=N_(
            "It depends on how many values share a mean: m in the MLP, N·H·W in the CNN, and how independent they are."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    sources=(
        Source(
            N_("Batch norm as PyTorch computes it: one mean per channel over N, H and W"),
            "torch.nn.BatchNorm2d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
        ),
        Source(
            N_("Design effect: what correlated values are worth"),
            "Kish 1965, Survey Sampling; see Wikipedia",
            "https://en.wikipedia.org/wiki/Design_effect",
        ),
        Source(
            N_("Degrees of freedom that a variance is worth"),
            "Satterthwaite 1946, Biometrics Bulletin 2",
            "https://doi.org/10.2307/3002019",
        ),
        Source(
            N_("Batch norm in the first place"),
            "Ioffe & Szegedy 2015, arXiv:1502.03167",
            "https://arxiv.org/abs/1502.03167",
        ),
    ),
)
