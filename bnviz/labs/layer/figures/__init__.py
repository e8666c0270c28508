"""Pictures of the lab `layer`; each takes its `Result` and shows the chosen channel."""

from __future__ import annotations

import math
from typing import Final, get_args

import numpy as np

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.layer.result import Floats, Result
from bnviz.plot.numbers import short
from bnviz.plot.scene import Array, Axis, Band, Curve, Layer, Marker, Panel, Readout, Row, Scene, Zone
from bnviz.plot.theme import Role
from bnviz.settings import Activation, Parameter

DUST: Final = 5e-7  # what rounding leaves of a mean that is 0

HEIGHT: Final = 430  # with the page's head and the player's bar, this ends above the fold of a 720 pixel high projector
BEYOND: Final = 0.45  # of the 15th to the 85th percentile: how far a heat map goes on at both ends
LEAST_SHARE: Final = 0.1  # of a shared axis, for x̂: numbers in thousands, as in tables of one's own, leave less
SIGMAS: Final = (-4.0, 1.5)  # exponents of the axis of σ: it stays where it is, so that ε is seen to move
SIGMA_POINTS: Final = 111
BOUNDED: Final = ("sigmoid", "tanh")
ROUNDING: Final = 1e-4  # of a standard deviation: a mean below this is what float32 leaves of 0
ROUND: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
ACTIVATION_NAMES: Final = next(part.names for part in get_args(Activation) if isinstance(part, Parameter))


def stages(result: Result, language: Language = "en") -> Scene:
    """The numbers before batch norm, after it and after the activation, batch by batch; under them, all batches at once."""
    _ = translator(language)
    histograms = [_input_panel(result, _), _norm_panel(result, _)]
    if result.settings.activation != "identity":
        histograms.append(_output_panel(result, _))
    elif result.settings.rescales:
        histograms.append(_scaled_panel(result, _))
    runs = (
        _heat(result, "input", _("Before, batch by batch"), _),
        _heat(result, "scaled", _("After, batch by batch"), _),
        _root(result, _),
    )
    return Scene(
        "stages",
        result.settings.steps,
        _("batch"),
        (Row(tuple(histograms), 1.6), Row(runs)),
        [supplier(result, language)],
        _stages_alt(result, _),
        height=HEIGHT,
        fps=max(8.0, result.settings.steps / 20),
    )


def supplier(result: Result, language: Language = "en") -> str:
    """Who supplied μ and σ², in a sentence."""
    _ = translator(language)
    settings, n = result.settings, result.values_per_statistic
    if result.statistics_source == "running":
        if result.batches_before == 0:
            return _("μ and σ² come from running statistics that were never updated: mean 0, variance 1.")
        return _("μ and σ² come from the running statistics after {count} batches.").format(count=result.batches_before)
    if settings.mode == "eval":
        return _(
            "μ and σ² come from this batch of {n} values even in eval mode: the layer keeps no running statistics."
        ).format(n=n)
    return _("μ and σ² come from this batch: {n} values share one mean and one variance.").format(n=n)


def ceiling(value: float) -> float:
    """The next round number above `value`, so that an axis stays where it is while the data change a little."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in ROUND if step * power >= value)


def _input_panel(result: Result, _: Translate) -> Panel:
    c = result.settings.channel
    used = " · " + _("used")
    from_running = result.statistics_source == "running"
    markers = [Marker("before", result.batch_mean[:, c], _("batch mean") + ("" if from_running else used))]
    if result.settings.track_running_stats:
        known = result.used_mean[:, c] if from_running else result.running_mean[1:, c]
        markers.append(Marker("running", known, _("running mean") + (used if from_running else "")))
    return _panel(result, "input", _("Before batch norm"), "before", _, markers=tuple(markers))


def _norm_panel(result: Result, _: Translate) -> Panel:
    """x̂ over an outline of what came in; γ·x̂ + β takes over the filled part where the activation's panel leaves no other room."""
    before = Layer("before", result.input_density, "line", _("before"))
    if not result.settings.rescales or result.settings.activation == "identity":
        return _panel(result, "normalized", _("Normalized: x̂"), "after", _, (before,))
    title = _("After γ and β: {formula}").format(formula=_scaling(result))
    x_hat = Layer("context", _density(result, "normalized"), "line", "x̂")
    return _panel(result, "scaled", title, "after", _, (x_hat, before))


def _scaled_panel(result: Result, _: Translate) -> Panel:
    return _panel(result, "scaled", _("After γ and β: {formula}").format(formula=_scaling(result)), "after", _)


def _scaling(result: Result) -> str:
    gamma, beta = result.settings.gamma, result.settings.beta
    sign = "−" if beta < 0 else "+"
    return f"{short(gamma)}·x̂ {sign} {short(abs(beta))}" if beta else f"{short(gamma)}·x̂"


def _output_panel(result: Result, _: Translate) -> Panel:
    title = _("After {activation}").format(activation=_(ACTIVATION_NAMES[result.settings.activation]))
    zeros = Readout(_("zeros"), 100 * result.zero_share, "%")
    return _panel(
        result, "output", title, "after", _, readouts=(zeros,) if result.settings.activation == "relu" else ()
    )


def _panel(
    result: Result,
    stage: str,
    title: str,
    role: Role,
    _: Translate,
    layers: tuple[Layer, ...] = (),
    markers: tuple[Marker, ...] = (),
    readouts: tuple[Readout, ...] = (),
) -> Panel:
    c, edges = result.settings.channel, result.stages[stage].edges
    mean, std = result.stage_mean[stage][:, c], result.stage_std[stage][:, c]
    return Panel(
        stage,
        title,
        "histogram",
        Axis("", *_range(result, stage)),
        Axis("", 0.0, _density_ceiling(result, stage)),
        edges,
        (
            Layer("context", result.pooled[stage], label=_("all batches") if stage == "input" else ""),
            Layer(role, _density(result, stage)),
            *layers,
        ),
        markers=markers,
        readouts=(
            Readout(_("mean"), np.where(np.abs(mean) > ROUNDING * std, mean, 0.0)),
            Readout(_("s.d."), std),
            *readouts,
        ),
    )


def _density(result: Result, stage: str) -> Floats:
    return result.batch_density[stage]


def _range(result: Result, stage: str) -> tuple[float, float]:
    """The horizontal axis: of the stage, or one for all that are around 0, unless x̂ would be a needle on it."""
    own, around_zero = _edges(result, stage), _edges(result, "input", "normalized", "scaled")
    x_hat = _edges(result, "normalized")
    legible = x_hat[1] - x_hat[0] >= LEAST_SHARE * (around_zero[1] - around_zero[0])
    alone = stage == "output" and result.settings.activation in BOUNDED
    return around_zero if result.settings.shared_axis and legible and not alone else own


def _edges(result: Result, *stages: str) -> tuple[float, float]:
    edges = [result.stages[stage].edges for stage in stages]
    return min(float(one[0]) for one in edges), max(float(one[-1]) for one in edges)


def _density_ceiling(result: Result, stage: str) -> float:
    """Top of a density axis; a pile of equal values, such as ReLU's zeros, may stand out above it."""
    shape = "scaled" if result.settings.activation in {"relu", "leaky_relu"} and stage == "output" else stage
    return ceiling(float(np.quantile(_density(result, shape).max(axis=1), 0.9)))


def _heat(result: Result, stage: str, title: str, _: Translate) -> Panel:
    c, counts = result.settings.channel, result.stages[stage]
    role: Role = "before" if stage == "input" else "after"
    low, middle, high = result.percentiles[stage][:, c].T
    bands = [Band("ink", high, "85 %"), Band("ink", middle, "50 %"), Band("ink", low, "15 %")]
    if stage == "input" and result.settings.track_running_stats:
        bands.append(Band("running", result.running_mean[1:, c], _("running mean")))
    return Panel(
        f"{stage}_over_time",
        title,
        "heat",
        Axis(_("batch"), 0.5, result.settings.steps + 0.5),
        Axis("", *_heat_range([band.values for band in bands], float(np.max(high - low)))),
        counts.edges,
        (Layer(role, counts.counts[:, c]),),
        bands=tuple(bands),
    )


def _heat_range(lines: list[Array], spread: float) -> tuple[float, float]:
    """Around `lines`, with room for what lies beyond the percentiles, `spread` apart where they are farthest."""
    low, high = min(float(line.min()) for line in lines), max(float(line.max()) for line in lines)
    room = BEYOND * spread or 1.0
    return low - room, high + room


def _root(result: Result, _: Translate) -> Panel:
    """What stands under the root, σ² + ε: how much of it is σ², for every σ, and where this run's σ lies."""
    settings = result.settings
    used = np.sqrt(result.used_var[:, settings.channel])
    exponents = np.linspace(*SIGMAS, SIGMA_POINTS)
    share = 100.0**exponents / (100.0**exponents + settings.eps)
    least = 0.5 * math.log10(settings.eps)
    places = np.log10(np.maximum(used, 10.0 ** SIGMAS[0]))
    zone = (Zone(SIGMAS[0], min(least, SIGMAS[1]), "ε > σ²"),) if least > SIGMAS[0] else ()
    part = 100 * settings.eps / (np.square(used) + settings.eps)
    return Panel(
        "root",
        _("Under the root: σ² + ε"),
        "histogram",
        Axis("σ", *SIGMAS, power=True),
        Axis("", 0.0, 1.0),
        np.array(SIGMAS),
        (),
        zones=zone,
        markers=(Marker("running" if result.statistics_source == "running" else "before", places, _("σ used")),),
        curves=(Curve("after", exponents, share, "σ²/(σ² + ε)", 0.0, 1.0),),
        readouts=(Readout("ε", part, "%"),),
    )


def _stages_alt(result: Result, _: Translate) -> str:
    c = result.settings.channel
    told = [
        _("{stage}: mean {mean}, standard deviation {std}").format(
            stage=_(name),
            mean=short(float(result.stage_mean[stage][-1, c]), DUST),
            std=short(float(result.stage_std[stage][-1, c])),
        )
        for stage, name in (
            ("input", N_("before")),
            ("normalized", N_("normalized")),
            ("output", N_("after the activation")),
        )
    ]
    head = _("Histograms of channel {channel} over {steps} batches. In the last batch: {stages}.")
    return head.format(channel=c, steps=result.settings.steps, stages=_("; ").join(told))
