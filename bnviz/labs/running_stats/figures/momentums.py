"""What the pictures of the lab `running_stats` have in common: how a momentum is called, and the room around the plot."""

from __future__ import annotations

import math
from typing import Any, Final

from bnviz.i18n import Translate
from bnviz.labs.running_stats.result import Result
from bnviz.plot.numbers import short
from bnviz.plot.primitives import key, phone
from bnviz.plot.theme import RAMP, Role
from bnviz.settings import MOMENTUMS, MomentumValue

STOPS: Final = tuple(stop for stop in MOMENTUMS if not isinstance(stop, str))
MARGIN: Final = {"l": 72, "r": 176, "t": 40, "b": 52}


def momentum_name(momentum: MomentumValue, _: Translate) -> str:
    """The label of a momentum: `momentum 0.1`, or the word for the cumulative average."""
    return _("cumulative") if isinstance(momentum, str) else _("momentum {value}").format(value=short(momentum))


def momentum_role(momentum: MomentumValue) -> Role:
    """The colour of a momentum, whatever else is compared: that of the nearest stop of the slider on a log scale."""
    if isinstance(momentum, str):
        return "average"
    return RAMP[min(range(len(RAMP)), key=lambda stop: abs(math.log(STOPS[stop] / momentum)))]


def key_of(text: str, result: Result) -> dict[str, Any]:
    """How to read the line styles, above the plot."""
    return key(text.format(replicas=result.settings.replicas))


def on_a_phone(notes: list[dict[str, Any]], right: int = 124) -> dict[str, Any]:
    """The layout on narrow screens, with `right` pixels for the labels beside the plot."""
    return phone(notes, l=56, r=right)
