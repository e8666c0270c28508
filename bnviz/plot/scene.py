"""A played picture as plain data: histograms, heat maps, cubes and grey images that one playhead moves through the frames.

Every array is finished: nothing is binned, averaged or scaled after this. T frames, K bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bnviz.plot.chart import Chart
from bnviz.plot.panels import Panels, heading
from bnviz.plot.shown import Shown
from bnviz.plot.theme import Role, axis, color

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[np.floating] | NDArray[np.integer]
Style = Literal["fill", "line", "dash"]


@dataclass(frozen=True, slots=True)
class Axis:
    """Label (with its unit) and fixed range of an axis; `power`: positions are exponents of ten, and ticks say the powers."""

    label: str
    low: float
    high: float
    power: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """Step heights: `values` (T, K), or (K,) when they do not change; over `edges` (K+1,), else the panel's. `faint`: another run's."""

    role: Role
    values: Array
    style: Style = "fill"
    label: str = ""
    edges: Array | None = None
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Marker:
    """A vertical line at `values` (T,) or (1,)."""

    role: Role
    values: Array
    label: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A shaded interval of the x axis."""

    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A line `y(x)` on its own right-hand scale from `low` to `high`."""

    role: Role
    x: Array
    y: Array
    label: str
    low: float
    high: float
    style: Style = "line"


@dataclass(frozen=True, slots=True)
class Band:
    """A line over time on a heat map: `values` (T,)."""

    role: Role
    values: Array
    label: str
    style: Style = "line"


@dataclass(frozen=True, slots=True)
class Readout:
    """A number in the panel's corner: `values` (T,)."""

    label: str
    values: Array
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `histogram`: steps over `edges` (K+1,). `heat`: frames along x, `edges` along y, strength = first layer."""

    name: str
    title: str
    kind: Literal["histogram", "heat"]
    x: Axis
    y: Axis
    edges: Array
    layers: tuple[Layer, ...]
    subtitle: str = ""
    markers: tuple[Marker, ...] = ()
    zones: tuple[Zone, ...] = ()
    curves: tuple[Curve, ...] = ()
    bands: tuple[Band, ...] = ()
    readouts: tuple[Readout, ...] = ()


@dataclass(frozen=True, slots=True)
class Cube:
    """A tensor of `shape` (N, C, H, W) as a box of elements, of which frame t picks the t-th (w counting fastest).

    `membership` (N, C, H, W): which statistic each element belongs to; all that share the picked one's are lit in `role`.
    Every cube of a scene is turned with the others, by hand or by itself. `chosen`: its title is underlined.
    """

    name: str
    title: str
    shape: tuple[int, int, int, int]
    membership: Array
    role: Role
    chosen: bool = False
    subtitle: str = ""
    readouts: tuple[Readout, ...] = ()
    kind: Literal["cube"] = "cube"

    def flat(self, frame: int) -> dict[str, Any]:
        """The box unrolled as a Plotly heat map: a row per image and channel, a column per pixel, 1 where it is lit."""
        N, C, H, W = self.shape
        lit = self.membership.ravel() == self.membership.ravel()[frame]
        return {
            "z": lit.reshape(N * C, H * W).astype(int),
            "zmin": 0,
            "zmax": 1,
            "colorscale": [[0, color("grid")], [1, color(self.role)]],
        }


@dataclass(frozen=True, slots=True)
class Map:
    """A grey image per frame: `values` (T, H, W), black at `low`, white at `high` and beyond. `bar`: explain the scale below."""

    name: str
    title: str
    values: Array
    low: float
    high: float
    subtitle: str = ""
    readouts: tuple[Readout, ...] = ()
    bar: bool = False
    kind: Literal["map"] = "map"

    def levels(self) -> NDArray[np.uint8]:
        """The grey levels (T, H, W) that are drawn."""
        share = (np.asarray(self.values, dtype=np.float32) - self.low) / (self.high - self.low)
        levels: NDArray[np.uint8] = np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
        return levels

    def flat(self, frame: int) -> dict[str, Any]:
        """One frame as a Plotly heat map."""
        return {
            "z": self.values[frame],
            "zmin": self.low,
            "zmax": self.high,
            "colorscale": "Greys",
            "reversescale": True,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side; `weight` is the row's share of the height."""

    panels: tuple[Panel | Cube | Map, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Scene(Shown):
    """A run as it is played. `captions`: one per frame, or one for all. `alt` says what the whole picture shows.

    `unit` is the translated name of one frame ("batch"), `first` the number of the first (0 where nothing has happened yet).
    `fps`: frames of the run per second at speed 1. `ambient`: plays by itself, over and over, with the fewest controls (still
    where the visitor wants no motion). `growing`: the run goes on, and a playhead that stands on its last frame goes along.
    """

    name: str
    frames: int
    unit: str
    rows: tuple[Row, ...]
    captions: Sequence[str]
    alt: str
    height: int = 460
    fps: float = 8
    first: int = 1
    ambient: bool = False
    growing: bool = False

    def still(self, frame: int = -1) -> Chart:
        """The histograms, cubes or images of one frame as a Plotly chart, for print."""
        if any(isinstance(panel, Cube | Map) for row in self.rows for panel in row.panels):
            return self._flat(frame)
        shown = [panel for row in self.rows for panel in row.panels if panel.kind == "histogram" and panel.layers]
        panels = Panels()
        width = 1 / max(len(shown), 1)
        for number, panel in enumerate(shown, start=1):
            wide = [(number - 0.92) * width, (number - 0.08) * width]
            x = axis(panel.x.label, range=[panel.x.low, panel.x.high], domain=wide)
            traces = [_stairs(layer, panel, frame) for layer in panel.layers]
            panels.add(traces, x, axis(panel.y.label, range=[panel.y.low, panel.y.high]))
        return Chart(self.name, panels.traces, panels.layout(), self.alt, self.height)

    def _flat(self, frame: int) -> Chart:
        """Cubes and images side by side as heat maps, titled."""
        panels = Panels()
        bare = {"showticklabels": False, "ticks": ""}
        for line, row in enumerate(self.rows):
            tall = [1 - (line + 1) / len(self.rows), 1 - line / len(self.rows) - 0.08]
            for place, panel in enumerate(panel for panel in row.panels if isinstance(panel, Cube | Map)):
                wide = [(place + 0.02) / len(row.panels), (place + 0.98) / len(row.panels)]
                trace = {"type": "heatmap", "name": panel.title, "showscale": False, **panel.flat(frame)}
                y = axis("", domain=tall, autorange="reversed", **bare)
                panels.add([trace], axis("", domain=wide, **bare), y)
                panels.notes.append(heading(panel.title, wide[0], tall[1]))
        return Chart(self.name, panels.traces, panels.layout(), self.alt, self.height)


def _stairs(layer: Layer, panel: Panel, frame: int) -> dict[str, Any]:
    """One frame of a histogram as a staircase."""
    heights = layer.values[frame] if layer.values.ndim == 2 else layer.values
    dash = "dash" if layer.style == "dash" else "solid"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": layer.label or panel.title,
        "x": panel.edges,
        "y": np.append(heights, heights[-1]),
        "line": {"shape": "hv", "color": color(layer.role), "dash": dash},
        "fill": "tozeroy" if layer.style == "fill" else "none",
    }
