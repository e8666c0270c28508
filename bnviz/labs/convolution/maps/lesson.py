"""The topic `maps` of the lesson `convolution`: feature maps before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator
from bnviz.labs.convolution.maps import figures
from bnviz.labs.convolution.maps.experiment import run
from bnviz.labs.convolution.maps.result import Result
from bnviz.labs.convolution.maps.script import script
from bnviz.labs.convolution.maps.settings import Settings
from bnviz.labs.convolution.shared.parameters import SETS
from bnviz.labs.convolution.shared.sources import BATCH_NORM, PHOTOGRAPHS
from bnviz.plot.numbers import between, latex, latex_signed
from bnviz.settings import NORMALIZERS
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import InstantTopic, Prediction, Preset, Source

ALIKE, SAME, OTHER = range(3)
CLOSE: Final = 0.02  # of the largest: standard deviations nearer than this look alike


def formula(result: Result, step: int, language: Language = "en") -> str:
    """The middle pixel of the chosen channel in image `step`: normalized, then scaled and shifted."""
    _ = translator(language)
    maps, settings, c = result.maps, result.settings, result.settings.channel
    n = min(max(step, 0), len(maps.before) - 1)
    H, W = maps.before.shape[2:]
    h, w = H // 2, W // 2
    x, y = float(maps.before[n, c, h, w]), float(maps.after[n, c, h, w])
    mean, variance = float(maps.mean[n, c]), float(maps.variance[n, c])
    x_hat = (x - mean) / (variance + settings.eps) ** 0.5
    sentence = _(
        "The middle pixel of channel {c} in image {n} is x = {x}. {normalizer} takes mean and variance over {what}."
    )
    scaled = rf"{latex(settings.gamma)}\cdot {latex_signed(x_hat)} + {latex_signed(settings.beta)}"
    return "\n\n".join(
        (
            sentence.format(
                c=c,
                n=n,
                x=f"${latex(x)}$",
                normalizer=_(NORMALIZERS[settings.normalizer]).capitalize(),
                what=_(SETS[settings.normalizer]),
            ),
            rf"$$\hat x = \frac{{x - \mu}}{{\sqrt{{\sigma^2 + \varepsilon}}}} = \frac{{{latex(x)} - {latex_signed(mean)}}}"
            rf"{{\sqrt{{{latex(variance)} + {latex(settings.eps)}}}}} = {latex(x_hat)}$$",
            _("Then γ and β of its channel:"),
            rf"$$y = \gamma\,\hat x + \beta = {scaled} = {latex(y)}$$",
        )
    )


def comparisons(result: Result) -> list[Comparison]:
    """Mean and standard deviation of the shown channels, as PyTorch left them, against the formula."""
    maps = result.maps
    rows = []
    for channel in figures.shown(result):
        label = {"channel": channel}
        rows += [
            Comparison(
                Phrase(N_("channel {channel}: mean after"), label),
                float(maps.after_mean[channel]),
                round(float(maps.predicted_mean[channel]), 9),  # float64's dust is no prediction
            ),
            Comparison(
                Phrase(N_("channel {channel}: standard deviation after"), label),
                float(maps.after_std[channel]),
                float(maps.predicted_std[channel]),
            ),
        ]
    return rows


def headline(result: Result) -> dict[str, float]:
    """The chosen channel before and after, by the names that the script prints."""
    maps, c = result.maps, result.settings.channel
    return {
        "before_mean": float(maps.before_mean[c]),
        "before_std": float(maps.before_std[c]),
        "after_mean": float(maps.after_mean[c]),
        "after_std": float(maps.after_std[c]),
    }


def table(result: Result) -> dict[str, NDArray[Any]]:
    """One row per image and channel."""
    maps = result.maps
    N, C = maps.mean.shape
    return {
        "image": np.repeat(np.arange(N), C),
        "channel": np.tile(np.arange(C), N),
        "used_mean": maps.mean.ravel(),
        "used_var": maps.variance.ravel(),
        **{
            f"{place}_{name}": moments[..., number].ravel()
            for place, moments in maps.moments.items()
            for number, name in enumerate(("mean", "std"))
        },
    }


def outcome(result: Result) -> int:
    """Which channel has the strongest contrast after the normalizer."""
    maps = result.maps
    if np.ptp(maps.after_std) <= CLOSE * maps.after_std.max():
        return ALIKE
    return SAME if maps.after_std.argmax() == maps.before_std.argmax() else OTHER


def applies(settings: Settings, name: str) -> bool:
    """Whether the control `name` changes anything now."""
    rules = {"groups": settings.normalizer == "group", "batch_size": settings.source == "digits"}
    return rules.get(name, True)


def finding(result: Result, language: Language = "en") -> str:
    """How unlike the channels' contrasts are before and after, for the run that is shown."""
    _ = translator(language)
    maps = result.maps
    before, after = (_between(values) for values in (maps.before_std, maps.after_std))
    return _(
        "The contrast of the {count} channels, their standard deviation over the batch, is {before} before {normalizer} and {after} "
        "after it."
    ).format(
        count=len(maps.before_std), before=before, after=after, normalizer=_(NORMALIZERS[result.settings.normalizer])
    )


def _between(values: NDArray[np.float64]) -> str:
    """The least and the largest of `values`, or both at once where they read the same."""
    return between(float(values.min()), float(values.max()))


def _channel_0_only(result: Result) -> bool:
    """Whether channel 0 has twice the contrast and lies 1 lower, and the others are as batch norm leaves them."""
    wanted = np.where(np.arange(len(result.maps.after_std)) == 0, 2.0, 1.0)
    return np.allclose(result.maps.after_std, wanted, rtol=0.01) and abs(result.maps.after_mean[0] + 1) < 1e-3


def _the_order_of_channels_stays(result: Result) -> bool:
    """Whether within each image the channels have the same order before and after, in brightness and in contrast."""
    before, after = (result.maps.moments[stage].argsort(axis=1) for stage in ("before", "after"))
    return np.array_equal(before, after)


TOPIC: Final = InstantTopic(
    lab="convolution",
    name="maps",
    folder=Path(__file__).parent,
    title=N_("Feature maps"),
    question=N_("What does a normalizer do to a feature map?"),
    answer=N_("Batch norm gives every channel the same contrast; γ and β then set contrast and brightness anew."),
    settings=Settings,
    run=run,
    controls=("source", "kernels", "normalizer", "channel", "gamma", "beta"),
    more=("channels", "groups", "batch_size", "eps", "seed"),
    applies=applies,
    pictures=(figures.feature_maps, figures.histograms),
    theory=(figures.moments,),
    comparisons=comparisons,
    finding=finding,
    holds=lambda result: outcome(result) == ALIKE,
    presets=(
        Preset(
            "gamma_2_beta_1",
            N_("γ = 2, β = −1"),
            N_("Channel 0 only: twice the contrast, and darker. The other channels stay as they are."),
            {"gamma": 2.0, "beta": -1.0},
            holds=_channel_0_only,
        ),
        Preset(
            "layer_norm",
            N_("Layer norm"),
            N_(
                "All channels of an image are moved together: what was darker or weaker than another channel before is so "
                "after. Batch norm makes them equal, layer norm does not."
            ),
            {"normalizer": "layer"},
            holds=_the_order_of_channels_stays,
        ),
        Preset(
            "instance_norm",
            N_("Instance norm"),
            N_(
                "Every map by itself: σ is 1 in every image. In batch norm the image with more contrast keeps more; step through "
                "the images and compare σ."
            ),
            {"normalizer": "instance"},
            holds=lambda result: abs(result.maps.moments["after"][..., 1] - 1).max() < 0.01,
        ),
        Preset(
            "eps_1",
            N_("ε = 1"),
            N_("ε is now far larger than the variances: no channel reaches contrast 1, and the weak ones stay weak."),
            {"eps": 1.0},
            holds=lambda result: (
                result.maps.after_std.max() < 0.8 and result.maps.after_std.argmin() == result.maps.before_std.argmin()
            ),
        ),
        Preset(
            "digits",
            N_("Digits"),
            N_(
                "The same kernels on handwritten digits, 8×8 pixels. Step through the batch: μ and σ belong to all of it."
            ),
            {"source": "digits", "batch_size": 8},
            holds=lambda result: float(np.ptp(result.maps.mean, axis=0).max()) == 0.0,
        ),
    ),
    prediction=Prediction(
        question=N_(
            "A blur, two edge detectors and a random kernel make four channels of unequal contrast. Which has the largest standard "
            "deviation after the chosen normalizer (batch norm, unless you chose another)?"
        ),
        options=(
            N_("they are all alike"),
            N_("the one that had it before"),
            N_("another one than before"),
        ),
        correct=outcome,
        explanation=N_(
            "Batch norm divides each channel by its own standard deviation, so without γ all end at 1, ε aside. Layer norm divides "
            "each image by a number of its own: within an image the proportions of its channels stay; over the whole batch another "
            "channel may come out first."
        ),
    ),
    formula=formula,
    script=script,
    headline=headline,
    table=table,
    upload="images",
    sources=(
        BATCH_NORM,
        Source(
            N_("γ and β per channel, biased variance"),
            "torch.nn.BatchNorm2d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
        ),
        Source(
            N_("Every map of every image by itself"),
            "torch.nn.InstanceNorm2d",
            "https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html",
        ),
        Source(
            N_("The edge kernels: one detector turned in steps of 45°"),
            "Robinson 1977, Computer Graphics and Image Processing 6",
            "https://doi.org/10.1016/S0146-664X(77)80024-5",
        ),
        PHOTOGRAPHS,
    ),
)
