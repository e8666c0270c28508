"""Pictures of the lab `devices`; each takes its `Result`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bnviz.i18n import N_, Language, translator
from bnviz.labs.devices.comparisons import expected_between
from bnviz.labs.devices.result import BUFFERS, Result
from bnviz.plot.chart import Chart
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, line, log_axis, phone, points, theory_line, vertical_line
from bnviz.plot.theme import Role, axis, color, layout
from bnviz.theory.noise import fidelity

BUFFER_NAMES: Final = {
    "rank0": N_("rank 0's"),
    "averaged": N_("averaged"),
    "synchronized": N_("SyncBatchNorm's"),
}
LARGEST_BATCH: Final = 4096


def shares(result: Result, language: Language = "en") -> Chart:
    """Mean ± standard deviation of every device's share of the last batch, and of the whole batch below them."""
    _ = translator(language)
    s, c = result.settings, result.settings.channel
    means, deviations = result.device_mean[:, c], np.sqrt(result.device_var[:, c])
    whole, spread = float(means.mean()), float(np.sqrt(result.total[c]))
    places = list(range(s.devices, 0, -1))
    names = [f"rank {rank}" for rank in range(s.devices)]
    traces = [
        _intervals(means, deviations, places, "before", _("device")),
        _intervals([whole], [spread], [0], "after", _("whole batch")),
    ]
    notes = [key(_("point: mean · bar: ± one standard deviation · dotted: mean of the whole batch"))]
    y = axis(
        "", range=[-0.6, s.devices + 0.6], tickvals=[*places, 0], ticktext=[*names, _("whole batch")], showgrid=False
    )
    return Chart(
        "shares",
        traces,
        layout(
            axis(_("what enters batch norm, channel {channel}").format(channel=c)),
            y,
            annotations=notes,
            shapes=[vertical_line(whole, "context")],
        ),
        _(
            "Mean and standard deviation of channel {channel} on each device. Within devices the variance is {within}, between "
            "their means {between}, of the whole batch {total}."
        ).format(
            channel=c,
            within=short(float(result.within[c])),
            between=short(float(result.between[c])),
            total=short(float(result.total[c])),
        ),
        height=400,
        phone_layout=phone(notes, r=14, t=84),
    )


def split(result: Result, language: Language = "en") -> Chart:
    """The whole batch's variance by channel: what varies within devices, and on top of it what varies between them."""
    _ = translator(language)
    channels = np.arange(result.settings.channels)
    traces: list[dict[str, Any]] = [
        _bars(channels, result.within, "before", _("within")),
        _bars(channels, result.between, "running", _("between")),
        points(channels, result.total, "theory", _("whole batch"), size=26, symbol="line-ew-open"),
    ]
    lost = float((result.between / np.maximum(result.total, 1e-30)).mean())
    notes = [key(_("orange: within devices · green: between them · line: variance of the whole batch"))]
    return Chart(
        "split",
        traces,
        layout(
            axis(_("channel"), dtick=1, showgrid=False),
            axis(_("variance"), rangemode="tozero"),
            annotations=notes,
            barmode="stack",
        ),
        _("Variance by channel, within and between devices. On average {lost} % of it is seen by no device.").format(
            lost=short(100 * lost)
        ),
        height=340,
        phone_layout=phone(notes, r=14, t=84),
    )


def buffers(result: Result, language: Language = "en") -> Chart:
    """Error of the outputs in eval mode by whose buffers it takes, for held-out samples of all devices."""
    _ = translator(language)
    names = [_(BUFFER_NAMES[name]) for name in BUFFERS]
    values = [result.eval_error[name] for name in BUFFERS]
    trace = points(
        names,
        values,
        "running",
        _("error"),
        size=16,
        mode="markers+text",
        text=[f"  {short(value)}" for value in values],
        textposition="middle right",
        cliponaxis=False,
        hovertemplate="%{x}: %{y:.3g}",
    )
    notes = [key(_("outputs have standard deviation 1"))]
    return Chart(
        "buffers",
        [trace],
        layout(
            axis(_("running statistics that eval mode takes"), range=[-0.5, 2.7]),
            axis(_("error of the outputs (s.d.)"), range=[-0.08 * max(*values, 1e-3), 1.15 * max(*values, 1e-3)]),
            annotations=notes,
        ),
        _("Error of eval mode's outputs: {told}.").format(
            told=_(", ").join(f"{name} {short(value)}" for name, value in zip(names, values, strict=True))
        ),
        height=340,
        phone_layout=phone(notes, r=14),
    )


def trajectories(result: Result, language: Language = "en") -> Chart:
    """Running mean of the chosen channel over the steps: every device on its own, synchronized, and the true mean."""
    _ = translator(language)
    s, c = result.settings, result.settings.channel
    steps = np.arange(s.steps + 1)
    traces = [_own_mean(result, rank) for rank in range(s.devices)]
    traces.append(line(steps, result.sync_mean[:, c], "running", "SyncBatchNorm"))
    traces.append(theory_line([0, s.steps], [float(result.true_mean[c])] * 2, _("theory")))
    notes = [key(_("orange: each device, rank 0 bold · green: SyncBatchNorm · dashed: mean of all samples"))]
    return Chart(
        "trajectories",
        traces,
        layout(
            axis(_("step"), range=[0, s.steps]),
            axis(_("running mean, channel {channel}").format(channel=c)),
            annotations=notes,
        ),
        _(
            "Running mean of channel {channel}: rank 0's ends at {rank0}, SyncBatchNorm's at {sync}; all samples have {truth}."
        ).format(
            channel=c,
            rank0=short(float(result.running_mean[-1, 0, c])),
            sync=short(float(result.sync_mean[-1, c])),
            truth=short(float(result.true_mean[c])),
        ),
        height=360,
        phone_layout=phone(notes, r=14, t=84),
    )


def between_steps(result: Result, language: Language = "en") -> Chart:
    """Variance of the devices' means step by step, over its expectation where theory has one."""
    _ = translator(language)
    s, c = result.settings, result.settings.channel
    seen = result.between_by_step[:, c]
    traces = [points(np.arange(1, s.steps + 1), seen, "before", _("measured"), size=6)]
    expected = expected_between(result)
    if expected is not None:
        traces.append(theory_line([0, s.steps + 1], [expected] * 2, _("theory")))
    notes = [key(_("dot: one step · dashed: σ²(shift² + (K − 1)/(K·m)); none for sorted shards"))]
    return Chart(
        "between_steps",
        traces,
        layout(axis(_("step")), axis(_("variance between devices"), rangemode="tozero"), annotations=notes),
        _("Variance of the devices' means by step, on average {mean}.").format(mean=short(float(seen.mean()))),
        height=340,
        phone_layout=phone(notes, r=14, t=72),
    )


def effective(result: Result, language: Language = "en") -> Chart:
    """The fidelity R²(m) of batch norm by batch size: where one device stands, and where all of them together do."""
    _ = translator(language)
    s = result.settings
    sizes = np.unique(np.geomspace(2, LARGEST_BATCH, 80).round())
    marks: tuple[tuple[int, Role, str], ...] = (
        (s.per_device, "before", _("one device")),
        (s.batch, "after", _("synchronized")),
    )
    traces = [theory_line(sizes, fidelity(sizes), "R²(m)")]
    for size, role, name in marks:
        traces.append(points([size], [float(fidelity(size))], role, name, size=15))
    notes = [key(_("dashed: closed form for Gaussian input · orange: one device · blue: synchronized"))]
    return Chart(
        "effective",
        traces,
        layout(
            log_axis(_("values in one mean"), 0.2, float(np.log10(LARGEST_BATCH))),
            axis(_("R² of output and true value"), range=[0, 1.05]),
            annotations=notes,
        ),
        _(
            "Fidelity of batch norm: {one} with one device's {m} samples, {all} with all {total}, for shuffled data."
        ).format(
            one=short(float(fidelity(s.per_device))), m=s.per_device, all=short(float(fidelity(s.batch))), total=s.batch
        ),
        height=340,
        phone_layout=phone(notes, r=14, t=84),
    )


def _intervals(means: Any, deviations: Any, places: list[int], role: Role, name: str) -> dict[str, Any]:
    bars = {"type": "data", "array": deviations, "thickness": 5, "width": 0, "color": color(role, 0.4)}
    return points(means, places, role, name, size=12, error_x=bars, hovertemplate="%{x:.3g}")


def _bars(x: Any, y: Any, role: Role, name: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": x,
        "y": y,
        "name": name,
        "marker": {"color": color(role)},
        "hovertemplate": "%{x}: %{y:.3g}",
    }


def _own_mean(result: Result, rank: int) -> dict[str, Any]:
    """A device's running mean over the steps, rank 0's bold."""
    values = result.running_mean[:, rank, result.settings.channel]
    width, opacity = (3.0, 1.0) if rank == 0 else (1.2, 0.55)
    return line(np.arange(len(values)), values, "before", f"rank {rank}", width=width, opacity=opacity)
