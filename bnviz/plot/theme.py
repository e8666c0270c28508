"""Every colour and font by role. A role means the same on every page; figures are written with the light palette.

`before`, `after`, `running` and `theory` are the four roles of the course; `context` is quiet grey; `error` is for errors only.
`series_1` … `series_6` tell up to six compared values of one setting apart (a ramp around `running`). `ramp_1` … `ramp_13` are the
stops of a momentum slider, `average` the cumulative average: a value has its colour whatever else is compared.
"""

from __future__ import annotations

from typing import Any, Final, Literal

Role = Literal[
    "before", "after", "running", "theory", "context", "error", "ink", "grid", "paper",
    "series_1", "series_2", "series_3", "series_4", "series_5", "series_6",
    "ramp_1", "ramp_2", "ramp_3", "ramp_4", "ramp_5", "ramp_6", "ramp_7", "ramp_8", "ramp_9", "ramp_10", "ramp_11", "ramp_12",
    "ramp_13", "average",
]  # fmt: skip
Palette = dict[Role, str]

LIGHT: Final[Palette] = {
    "before": "#bf6900",
    "after": "#0b62b0",
    "running": "#0a8564",
    "theory": "#1b1f27",
    "context": "#8b919b",
    "error": "#c81e1e",
    "ink": "#2a2f38",
    "grid": "#e4e6ea",
    "paper": "#ffffff",
    "series_1": "#440154",
    "series_2": "#3b528b",
    "series_3": "#21808d",
    "series_4": "#2f9e6e",
    "series_5": "#8a9a1f",
    "series_6": "#c28a00",
    "ramp_1": "#42115f",
    "ramp_2": "#3f3074",
    "ramp_3": "#3b4f89",
    "ramp_4": "#32628c",
    "ramp_5": "#28748c",
    "ramp_6": "#238389",
    "ramp_7": "#288f7e",
    "ramp_8": "#2d9b72",
    "ramp_9": "#489d59",
    "ramp_10": "#6a9b3a",
    "ramp_11": "#8c991e",
    "ramp_12": "#a29312",
    "ramp_13": "#b48a03",
    "average": "#a3297a",
}
DARK: Final[Palette] = {
    "before": "#f2a33c",
    "after": "#5fb0f5",
    "running": "#3ecf9f",
    "theory": "#f4f5f7",
    "context": "#8f96a3",
    "error": "#ff7070",
    "ink": "#e4e6ea",
    "grid": "#343a45",
    "paper": "#11151c",
    "series_1": "#c78be0",
    "series_2": "#8fa8ee",
    "series_3": "#4fc3d4",
    "series_4": "#5fd9a0",
    "series_5": "#c9d95a",
    "series_6": "#ffc94d",
    "ramp_1": "#bc91e3",
    "ramp_2": "#a79ce8",
    "ramp_3": "#91a7ed",
    "ramp_4": "#79b1e5",
    "ramp_5": "#60bcdb",
    "ramp_6": "#51c6ce",
    "ramp_7": "#57ceba",
    "ramp_8": "#5dd6a6",
    "ramp_9": "#7cd98d",
    "ramp_10": "#a4d972",
    "ramp_11": "#cbd85a",
    "ramp_12": "#e0d254",
    "ramp_13": "#f5cc50",
    "average": "#ff8fd0",
}
PALETTES: Final = {"light": LIGHT, "dark": DARK}
SERIES: Final[tuple[Role, ...]] = ("series_1", "series_2", "series_3", "series_4", "series_5", "series_6")
RAMP: Final[tuple[Role, ...]] = (
    "ramp_1", "ramp_2", "ramp_3", "ramp_4", "ramp_5", "ramp_6", "ramp_7", "ramp_8", "ramp_9", "ramp_10", "ramp_11", "ramp_12",
    "ramp_13",
)  # fmt: skip

FONT: Final = "Source Sans, Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif"
FONT_SIZE: Final = 15


def color(role: Role, opacity: float = 1.0) -> str:
    """The light palette's colour of `role`, with `opacity` in [0, 1] as an 8-digit hex value."""
    return LIGHT[role] if opacity >= 1 else f"{LIGHT[role]}{round(opacity * 255):02x}"


def axis(title: str, **options: Any) -> dict[str, Any]:
    """One Plotly axis in the house style: quiet grid, no zero line, readable from the last row."""
    return {
        "title": {"text": title, "standoff": 8},
        "gridcolor": color("grid"),
        "linecolor": color("context"),
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "tickcolor": color("context"),
        "automargin": True,
        **options,
    }


def layout(x: dict[str, Any], y: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A Plotly layout with axes `x` and `y` (from `axis`) in the house style."""
    return {
        "font": {"family": FONT, "size": FONT_SIZE, "color": color("ink")},
        "paper_bgcolor": color("paper", 0),
        "plot_bgcolor": color("paper", 0),
        "margin": {"l": 64, "r": 24, "t": 36, "b": 52},
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": x,
        "yaxis": y,
        **options,
    }
