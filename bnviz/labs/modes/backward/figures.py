"""Pictures of the topic `backward` of the lab `modes`. Nothing is computed here: arrays arrive finished."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.modes.backward.result import WAYS, Floats, Result, WayName
from bnviz.labs.modes.shared.figures import Label, finite, line_chart, phone_labels_above
from bnviz.plot.chart import Chart
from bnviz.plot.label_layout import end_labels
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, largest, line, points, theory_line
from bnviz.plot.theme import Role, axis

NAMES: Final[dict[WayName, str]] = {
    "train": N_("gradient of train mode"),
    "constants": N_("gradient of eval mode"),
}
ROLES: Final[dict[WayName, Role]] = {"train": "after", "constants": "before"}


def backward_cosine(result: Result, language: Language = "en") -> Chart:
    """Cosine between the gradients of the two modes, layer by layer: with the statistics of the batch and with the running ones."""
    _ = translator(language)
    layers = np.arange(1, result.settings.depth + 1)
    rows: list[tuple[str, Floats, Role, str]] = [
        (_("statistics of this batch"), result.cosine_same, "after", "circle"),
        (_("running statistics"), result.cosine_running, "running", "diamond"),
    ]
    traces = [
        line(layers, values, role, name, marker={"size": 11, "symbol": symbol}) for name, values, role, symbol in rows
    ]
    traces.append(theory_line([0.5, layers[-1] + 0.5], [1, 1], _("the same direction")))
    labels: list[Label] = [(_("the same direction"), "theory", 1.0)]
    labels += [(name, role, float(values[-1])) for name, values, role, _symbol in rows]
    low = min(0.0, -1.1 * largest(-result.cosine_same, -result.cosine_running))
    words = _("eval mode against train mode, same weights and batch · 1 = same direction")
    alt = _(
        "Cosine between the gradients of the weights in train and in eval mode. In the first layer: {same} where eval mode has the "
        "statistics of the batch, so that loss {loss_train} and {loss_same} agree; {running} with the running statistics."
    )
    return line_chart(
        "backward_cosine",
        traces,
        (_layer_axis(result, _), axis(_("Cosine"), range=[low, 1.08])),
        [key(words), *end_labels(finite(labels), low, 1.08)],
        alt.format(
            same=short(result.cosine_same[0]),
            running=short(result.cosine_running[0]),
            loss_train=short(result.batch_loss),
            loss_same=short(result.batch_loss_same),
        ),
        margin={"r": 240},
        height=380,
        phone_height=420,
        phone_layout=phone_labels_above(words, labels),
    )


def backward_loss(result: Result, language: Language = "en") -> Chart:
    """Training loss over the steps, with either gradient."""
    _ = translator(language)
    return _courses(
        "backward_loss",
        result.loss,
        np.arange(1, result.settings.steps + 1),
        result.loss_end,
        (
            _("Training loss in nats"),
            _(
                "the outputs of train mode in both trainings, only the gradient differs · numbers: mean of the last quarter"
            ),
        ),
        _,
    )


def backward_weights(result: Result, language: Language = "en") -> Chart:
    """Length of the first layer's weights over the steps, with either gradient."""
    _ = translator(language)
    return _courses(
        "backward_weights",
        result.weight_norm,
        np.arange(result.settings.steps + 1),
        result.weight_norm[:, -1],
        (_("Length of the weights, layer 1"), _("batch norm takes this length away again: growing it gains nothing")),
        _,
    )


def backward_kept(result: Result, language: Language = "en") -> Chart:
    """What passes of the squared gradient, layer by layer, measured over the closed form; dotted 1 − 2/m."""
    _ = translator(language)
    layers = np.arange(1, result.settings.depth + 1)
    traces: list[dict[str, Any]] = [
        points(layers, result.kept, "after", _("passes"), size=13),
        theory_line(layers, result.kept_theory, _("theory")),
        line([0.5, layers[-1] + 0.5], [result.kept_anywhere] * 2, "context", "1 − 2/m", dash="dot", width=2),
    ]
    labels: list[Label] = [
        (_("passes {share}").format(share=short(result.kept[-1])), "after", float(result.kept[-1])),
        ("1 − 2/m", "context", result.kept_anywhere),
    ]
    words = _("dots: measured · dashed: without the mean and without x̂ · dotted: a gradient in a random direction")
    parts = _("; ").join(f"{layer}" + _(": ") + short(value) for layer, value in zip(layers, result.kept, strict=True))
    return line_chart(
        "backward_kept",
        traces,
        (_layer_axis(result, _), axis(_("Share of the squared gradient"), range=[-0.03, 1.08])),
        [key(words), *end_labels(finite(labels), -0.03, 1.08)],
        _(
            "Share of the squared gradient that passes the batch norm of each layer: {parts}. 1 − 2/m is {share}."
        ).format(parts=parts, share=short(result.kept_anywhere)),
        phone_layout=phone_labels_above(words, labels),
    )


def _courses(
    name: str, values: Floats, steps: NDArray[np.int64], ends: Floats, words: tuple[str, str], _: Translate
) -> Chart:
    """One line per way of training, with `ends` (W,) as labels; `words`: title of the axis, and how to read it."""
    title, how_to_read = words
    traces = [line(steps, row, ROLES[way], _(NAMES[way]), width=2.5) for way, row in zip(WAYS, values, strict=True)]
    labels: list[Label] = [
        (f"{_(NAMES[way])} {short(end)}", ROLES[way], float(end)) for way, end in zip(WAYS, ends, strict=True)
    ]
    top = 1.06 * largest(values) or 1.0
    parts = _("; ").join(text for text, *_rest in labels)
    return line_chart(
        name,
        traces,
        (axis(_("Training steps"), range=[0, steps[-1]]), axis(title, range=[0, top])),
        [key(how_to_read), *end_labels(finite(labels), 0.0, top)],
        _("{title} over {steps} steps. At the end: {parts}.").format(title=title, steps=int(steps[-1]), parts=parts),
        margin={"r": 220},
        phone_layout=phone_labels_above(how_to_read, labels),
    )


def _layer_axis(result: Result, _: Translate) -> dict[str, Any]:
    depth = result.settings.depth
    ticks = sorted({round(float(layer)) for layer in np.linspace(1, depth, min(depth, 8))})
    return axis(_("Layer"), range=[0.5, depth + 0.5], tickvals=ticks)
