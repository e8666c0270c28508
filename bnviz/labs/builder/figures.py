"""Pictures of the page `builder`; each takes its `Result`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bnviz.i18n import N_, Language, Translate, closed_up, translator
from bnviz.labs.builder.result import Result
from bnviz.plot.chart import Chart
from bnviz.plot.listing import Code, Listing, Note, Table, Tone
from bnviz.plot.numbers import grouped, short
from bnviz.plot.primitives import PHONE_FONT, key, line, log_axis, log_range, note, phone, points, power_ticks
from bnviz.plot.theme import Role, axis, color, layout

HEIGHT: Final = 380  # as high as the controls beside it: there is no gap below
BOX: Final = 1.5  # width of a module's box along the way of the data
GAP: Final = 0.85  # and of the way between two
TALL_ROW: Final = 112  # pixels of a module and the shape after it on a phone
LONG: Final = 9  # characters of a shape from which it stands in two lines
WIDE_LINE: Final = 110  # characters of PyTorch's words in a line
TALL_LINE: Final = 46  # and on a phone
ROLES: Final[Mapping[str, Role]] = {
    "layer": "ink",
    "normalizer": "after",
    "activation": "context",
    "dropout": "context",
}
TONES: Final[Mapping[str, Tone]] = {"refused": "error", "warning": "warning", "note": "info"}
AXES: Final = {"linear": "N, C", "conv1d": "N, C, L", "conv2d": "N, C, H, W"}
OTHER_FRAMEWORKS: Final = N_(
    "Not run here: written from the documentation. There momentum is the weight of the old estimate, 1 − PyTorch's. "
    "Defaults: PyTorch momentum 0.1, ε 1e-5; Keras 0.99, 1e-3; Flax 0.99, 1e-5."
)


def trace(result: Result, language: Language = "en") -> Chart:
    """The block, module by module, and the shape of what passes between them."""
    _ = translator(language)
    wide, tall = _drawn(result, language, tall=False), _drawn(result, language, tall=True)
    hidden = {"visible": False, "fixedrange": True}
    end = len(result.stages) * (BOX + GAP) + GAP
    middles = [GAP + index * (BOX + GAP) + BOX / 2 for index in range(len(result.stages))]
    modules = points(middles, [0.5] * len(middles), "ink", "", size=40, text=[stage.code for stage in result.stages])
    modules |= {"hovertemplate": "%{text}<extra></extra>", "opacity": 0.0}
    rows = len(result.stages) + 1
    return Chart(
        "trace",
        [modules],
        {
            **layout({**hidden, "range": [-0.05, end + 0.05]}, {**hidden, "range": [0, 1]}),
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            **wide,
        },
        _trace_alt(result, _),
        height=HEIGHT,
        phone_height=round(TALL_ROW * (rows + 0.5)),
        phone_layout={
            "xaxis": {**hidden, "range": [0, 1]},
            "yaxis": {**hidden, "range": [-(rows - 0.05), 0.55]},
            **tall,
        },
    )


def code(result: Result, listings: Mapping[str, str], language: Language = "en") -> Listing:
    """The block in every framework, under everything that one has to know before using it."""
    _ = translator(language)
    notes = [
        Note(
            TONES[advice.gravity],
            advice.what.text(language),
            closed_up(f"{advice.why.text(language)} {advice.cure.text(language)}"),
        )
        for advice in result.advice
    ]
    if not notes:
        notes = [Note("success", _("Nothing to warn about."))]
    if result.refusal:
        notes.insert(0, Note("error", _("PyTorch refuses this block:"), result.refusal))
    about = {name: "" if name == "PyTorch" else _(OTHER_FRAMEWORKS) for name in listings}
    return Listing(
        "code",
        _("Framework"),
        {name: Code(text, about=about[name]) for name, text in listings.items()},
        _("The block as code for {frameworks}.").format(frameworks=_(", ").join(listings)),
        tuple(notes),
    )


def tensors(result: Result, language: Language = "en") -> Listing:
    """The block's `state_dict()`, as its modules hold it."""
    _ = translator(language)
    entries = result.tensors
    columns: dict[str, Sequence[str | int | float]] = {
        _("Name"): [entry.name for entry in entries],
        _("Module"): [result.stages[int(entry.name.split(".")[0])].module for entry in entries],
        _("Shape"): [str(entry.shape) for entry in entries],
        _("Type"): [entry.dtype for entry in entries],
        _("Numbers"): [entry.count for entry in entries],
        _("Moved by"): [
            _("the optimizer") if entry.trained else _("forward passes in train mode") for entry in entries
        ],
    }
    title = _("state_dict: {trained} numbers in parameters, {kept} in buffers").format(
        trained=grouped(result.trained), kept=grouped(result.kept)
    )
    return Listing("tensors", _("Parameters and buffers"), {title: Table(columns)}, title)


def counts(result: Result, language: Language = "en") -> Chart:
    """How many numbers each tensor holds: as the modules have it, and by arithmetic."""
    _ = translator(language)
    names = [f"{entry.name} " for entry in result.tensors][::-1]
    held = [entry.count for entry in result.tensors][::-1]
    low, high = -0.1, max(log_range(held or [1])[1], 1.0)
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": held,
        "width": 0.6,
        "marker": {"color": [color("after") if entry.trained else color("running") for entry in result.tensors][::-1]},
        "hovertemplate": "%{y}: %{x}<extra></extra>",
    }
    wanted = points(list(result.expected)[::-1], names, "theory", _("by arithmetic"), size=14, symbol="line-ns-open")
    wanted["marker"] |= {"line": {"width": 3}}
    words = key(_("blue: parameters · green: buffers · ink: by arithmetic"))
    x = log_axis(_("numbers (log scale)"), low, high)
    return Chart(
        "counts",
        [bars, wanted],
        {**layout(x, axis("", automargin=True)), "annotations": [words]},
        _("Numbers in each tensor: {told}.").format(
            told=_("; ").join(f"{entry.name} {entry.count}" for entry in result.tensors) or _("none")
        ),
        height=330,
        phone_layout=phone([words], l=20, r=10, t=60, b=50) | {"xaxis": {**x, **power_ticks(low, high)}},
    )


def variances(result: Result, language: Language = "en") -> Chart:
    """What the normalizer makes of each channel's variance, over what its formula says."""
    _ = translator(language)
    before, after = result.before_var, result.after_var
    shown = before > 0
    low, high = log_range(before[shown]) if shown.any() else (-1.0, 1.0)
    low, high = math.floor(min(low, high - 1)), math.ceil(high)
    traces = [points(before[shown], after[shown], "after", _("one channel"))] if shown.any() else []
    notes = [] if shown.any() else [note(_("no normalizer ran"), xref="paper", yref="paper", x=0.5, y=0.5)]
    top = float(after.max()) if after.size else 1.0
    if result.law.size:
        fixed = result.settings.mode == "eval" and result.settings.track_running_stats
        name = "σ²/(1 + ε)" if fixed else "σ²/(σ² + ε)"
        traces.insert(0, line(result.law[0], result.law[1], "theory", name, dash="dash"))
        notes.append(key(_("dashed: {law} · points: the channels of this block").format(law=name)))
    y = axis(_("variance after the normalizer"), range=[0, 1.15 * max(top, 1.0)])
    return Chart(
        "variances",
        traces,
        {**layout(log_axis(_("variance before the normalizer"), low, high), y), "annotations": notes},
        _("Variance per channel before the normalizer {before}, after it {after}, on average.").format(
            before=short(float(before.mean()) if before.size else math.nan),
            after=short(float(after.mean()) if after.size else math.nan),
        ),
        height=330,
        phone_layout=phone(notes, r=16),
    )


def _trace_alt(result: Result, _: Translate) -> str:
    told = [str(result.shapes[0])]
    for stage, shape in zip(result.stages, result.shapes[1:], strict=False):
        told.append(f"{stage.module} → {shape}")
    text = _("Shapes on the way through the block: {told}.").format(told=_(", ").join(told))
    return text + (" " + _("PyTorch refuses this block:") + " " + result.refusal if result.refusal else "")


def _drawn(result: Result, language: Language, *, tall: bool) -> dict[str, Any]:
    """Shapes and annotations of the trace: along x, or (phone) from the top down."""
    _ = translator(language)
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for index, stage in enumerate(result.stages):
        refused = index == result.refused
        role: Role = "error" if refused else ROLES[stage.role]
        if tall:
            x0, x1, y0, y1 = 0.12, 0.88, -index - 0.72, -index - 0.2
        else:
            x0 = GAP + index * (BOX + GAP)
            x1, y0, y1 = x0 + BOX, 0.26, 0.86
        frame = {"color": color(role), "width": 2.5, "dash": "dot" if refused else "solid"}
        shapes.append(
            {"type": "rect", "x0": x0, "x1": x1, "y0": y0, "y1": y1, "line": frame, "fillcolor": color(role, 0.1)}
        )
        words = f"<b>{stage.module}</b><br>" + (" · " if tall else "<br>").join(_held(result, index, _))
        notes.append(note(words, "ink", x=(x0 + x1) / 2, y=(y0 + y1) / 2))
        notes[-1]["font"] |= {"size": 16 if tall else 20 if len(result.stages) < 4 else 14}
    notes += [_between(result, index, tall=tall) for index in range(len(result.stages) + 1)]
    shapes += [_arrow(index, tall=tall) for index in range(len(result.stages) + 1)]
    shapes = [shape for shape in shapes if shape]
    axes = note(f"({AXES[result.settings.layer]})", x=0, y=0, xanchor="left")
    axes |= {"x": 0.88, "xanchor": "right", "y": 0.42} if tall else {"x": GAP / 2, "xanchor": "center", "y": 0.51}
    axes["font"] |= {"size": PHONE_FONT if tall else 14}
    notes.append(axes)
    notes.append(_foot(result, language, tall=tall))
    return {"shapes": shapes, "annotations": [entry for entry in notes if entry]}


def _held(result: Result, index: int, _: Translate) -> list[str]:
    """What module `index` holds, in words."""
    mine = [entry for entry in result.tensors if entry.name.split(".")[0] == str(index)]
    trained, kept = (sum(entry.count for entry in mine if entry.trained is side) for side in (True, False))
    told = [_("{count} parameters").format(count=grouped(trained))] if trained else []
    told += [_("{count} in buffers").format(count=grouped(kept))] if kept else []
    return [f"<span style='font-size:14px'>{words}</span>" for words in told]


def _between(result: Result, index: int, *, tall: bool) -> dict[str, Any]:
    """The shape that stands on arrow `index`; "–" after what was refused."""
    shape = "(" + ", ".join(map(str, result.shapes[index])) + ")" if index < len(result.shapes) else "–"
    if not tall and len(shape) > LONG:
        head, tail = shape.split(", ")[:2], shape.split(", ")[2:]
        shape = ", ".join(head) + ",<br>" + ", ".join(tail)
    where = {"x": 0.5, "y": -index + (0.15 if index == 0 else 0.06), "xanchor": "left", "xshift": 8} if tall else {}
    if not tall:
        where = {"x": index * (BOX + GAP) + GAP / 2, "y": 0.6, "yanchor": "bottom"}
    entry = note(f"<b>{shape}</b>", "ink", **where)
    entry["font"] |= {"size": 14 if tall or len(result.stages) > 3 else 16}
    return entry


def _arrow(index: int, *, tall: bool) -> dict[str, Any]:
    """A line with a head: a path in the picture's own coordinates."""
    if tall:
        y0, y1 = -index + 0.5 if index == 0 else -index + 0.28, -index - 0.2
        path = f"M 0.5 {y0} L 0.5 {y1} M 0.48 {y1 + 0.09} L 0.5 {y1} L 0.52 {y1 + 0.09}"
    else:
        x0 = index * (BOX + GAP) + 0.08
        x1 = x0 + GAP - 0.16
        path = f"M {x0} 0.56 L {x1} 0.56 M {x1 - 0.07} 0.58 L {x1} 0.56 L {x1 - 0.07} 0.54"
    return {"type": "path", "path": path, "line": {"color": color("context"), "width": 2.5}}


def _foot(result: Result, language: Language, *, tall: bool) -> dict[str, Any]:
    """The gravest thing to know, or PyTorch's own words, under the trace."""
    _ = translator(language)
    where = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.0, "yanchor": "bottom"}
    if result.refusal:
        entry = note(_broken(result.refusal, TALL_LINE if tall else WIDE_LINE), "error", **where)
    elif result.advice:
        more = len(result.advice) - 1
        words = "⚠ " + result.advice[0].what.text(language)
        entry = note(
            closed_up(words + (" " + _("… and {count} more below").format(count=more) if more else "")), "ink", **where
        )
    else:
        return {}
    entry["font"] |= {"size": PHONE_FONT if tall else 15}
    return entry


def _broken(text: str, length: int) -> str:
    """`text` in lines of about `length` characters."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > length:
            lines.append("")
        lines[-1] += f"{word} "
    return "<br>".join(line.strip() for line in lines)
