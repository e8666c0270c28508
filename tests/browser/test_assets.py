"""The browser side on its own: the JavaScript modules on a plain page in a real Chromium, without Streamlit."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, WebSocketRoute, expect

from bnviz.i18n import translator
from bnviz.plot import theme
from bnviz.plot.numbers import glued
from bnviz.ui import keys
from bnviz.ui.pictures_route import pack
from tests.browser.conftest import PHONE

ASSETS = Path(__file__).parents[2] / "bnviz" / "ui" / "assets"
PLOTLY = ASSETS.parent / "vendor" / "plotly-cartesian.min.js"
PALETTE = {"light": theme.LIGHT, "dark": theme.DARK}
THEMES = {
    "light": {"background-color": "#ffffff", "text-color": "#1f2430", "secondary-background-color": "#f1f3f6"},
    "dark": {"background-color": "#11151c", "text-color": "#e8eaee", "secondary-background-color": "#1e242e"},
}
FRAMES, BINS = 60, 64
SHELL = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>assets</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"></head>
<body style="margin:0;background:var(--st-background-color)">
<main id="ancestor" style="padding:16px"><h1 style="position:absolute;left:-999px">x</h1></main>
<script type="module">
import player from "/player.js";
import chart from "/chart.js";
import share from "/share.js";
import code from "/code.js";
import drag from "/drag.js";
import page from "/page.js";
import * as common from "/common.js";
window.common = common;
const modules = {player, chart, share, code, drag, page};
window.sent = [];
window.cleanups = {};
window.hosted = (id) => {
  const host = Object.assign(document.createElement("div"), {id});
  host.attachShadow({mode: "open"});
  return host;
};
window.mount = (kind, id, data) => {
  let host = document.getElementById(id);
  if (!host) {
    host = hosted(id);
    document.getElementById("ancestor").append(host);
  }
  if (typeof data === "string") data = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  window.cleanups[id] = modules[kind]({
    data, key: id, parentElement: host.shadowRoot,
    setStateValue: (name, value) => window.sent.push([name, value, window.__bnviz.playheads.get("run")?.playing]),
  });
};
window.inside = (id, selector) => document.getElementById(id).shadowRoot.querySelector(selector);
window.ready = true;
</script></body></html>"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        pages: dict[str, Callable[[], bytes]] = {"/": SHELL.encode, "/plotly.min.js": PLOTLY.read_bytes}
        pages |= dict.fromkeys(
            ("/favicon.ico", "/_stcore/health"), bytes
        )  # what a window that is used again asks for first
        content = pages.get(self.path.split("?")[0])
        if content is None:
            super().do_GET()
            return
        body = content()
        self.send_response(200)
        self.send_header(
            "Content-Type", "text/html" if self.path.startswith("/?") or self.path == "/" else "text/javascript"
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(ASSETS))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Bench:
    """A page with components mounted on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", self._wrong)
        page.on("console", self._listen)

    def _wrong(self, error: Error) -> None:
        self.errors.append(str(error))

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def leave(self) -> None:
        """The page becomes another's."""
        self.page.remove_listener("pageerror", self._wrong)
        self.page.remove_listener("console", self._listen)

    def theme(self, name: str) -> None:
        values = {**THEMES[name], "primary-color": "#0b62b0", "font": theme.FONT, "base-font-size": "16px"}
        self.page.evaluate(
            "values => { for (const [n, v] of Object.entries(values)) document.documentElement.style.setProperty(`--st-${n}`, v) }",
            values,
        )

    def mount(self, kind: str, data: Any, name: str = "one") -> None:
        content = base64.b64encode(data).decode() if isinstance(data, bytes) else data
        self.page.evaluate("([kind, name, data]) => mount(kind, name, data)", [kind, name, content])

    def head(self, attribute: str) -> Any:
        return self.page.evaluate(f"__bnviz.playheads.get('run').{attribute}")

    def seek(self, step: int) -> None:
        self.page.evaluate("step => __bnviz.playheads.get('run').seek(step)", step)
        self.frame()

    def frame(self) -> None:
        """Wait until two animation frames have gone by, so that what was scheduled is painted."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def painted(self, digest: str, name: str = "one") -> None:
        self.page.wait_for_function(
            "([n, d]) => document.getElementById(n).dataset.paintedDigest === d", arg=[name, digest]
        )

    @property
    def sent(self) -> list[list[Any]]:
        return self.page.evaluate("sent")

    def pixel(self, x: float, y: float) -> tuple[int, ...]:
        """RGB of the player's canvas at CSS pixels."""
        return tuple(
            self.page.evaluate(
                """([x, y]) => { const c = inside("one", ".stage canvas"), r = c.width / c.clientWidth;
                return [...c.getContext("2d").getImageData(x * r, y * r, 1, 1).data.slice(0, 3)] }""",
                [x, y],
            )
        )

    def mean_color(self) -> list[float]:
        return self.page.evaluate(
            """() => { const c = inside("one", ".stage canvas");
            const {data} = c.getContext("2d").getImageData(0, 0, c.width, c.height), sum = [0, 0, 0];
            for (let i = 0; i < data.length; i += 4) for (let j = 0; j < 3; j++) sum[j] += data[i + j];
            return sum.map(s => s * 4 / data.length) }"""
        )


OpenBench = Callable[..., Bench]


@pytest.fixture
def open_bench(visitor: Callable[..., Page], address: str) -> Iterator[OpenBench]:
    """Another visitor's bench, with the options of `Windows.visitors`; nothing may be logged as an error."""
    benches: list[Bench] = []

    def new(**options: Any) -> Bench:
        bench = Bench(visitor(address.rstrip("/"), **options))
        benches.append(bench)
        bench.page.goto(address)
        bench.page.wait_for_function("window.ready")
        bench.theme("light")
        return bench

    yield new
    for bench in benches:
        bench.leave()
        assert bench.errors == []


@pytest.fixture
def bench(open_bench: OpenBench) -> Bench:
    """A bench of the usual size."""
    return open_bench()


class Block:
    """The binary block behind a header: arrays in, references out."""

    def __init__(self) -> None:
        self.data = bytearray()

    def put(self, array: Any, dtype: str = "f4") -> dict[str, Any]:
        array = np.ascontiguousarray(array, dtype=f"<{dtype}")
        self.data += b"\0" * (-len(self.data) % 8)
        offset = len(self.data)
        self.data += array.tobytes()
        return {"dtype": dtype, "shape": list(array.shape), "offset": offset}


WORDS = {
    "play": "Play", "pause": "Pause", "back": "One step back", "forward": "One step forward", "speed": "Speed",
    "scrub": "Position in the run", "download": "Download", "png": "Picture (PNG)", "svg": "Drawing (SVG)",
    "position": "{unit} {step} of {frames}",
}  # fmt: skip


def density(edges: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Normal density at bin centres, shape (T, K)."""
    z = ((edges[1:] + edges[:-1]) / 2 - mean[:, None]) / std[:, None]
    return np.exp(-(z**2) / 2) / (std[:, None] * np.sqrt(2 * np.pi))


def scene(frames: int = FRAMES, **over: Any) -> bytes:
    """Three histograms and two heat maps of a drifting normal distribution."""
    block = Block()
    rng = np.random.default_rng(0)
    edges, unit_edges = np.linspace(-6, 10, BINS + 1), np.linspace(-4, 4, BINS + 1)
    mean = np.linspace(0, 4, frames) + rng.normal(0, 0.15, frames)
    std = 1 + 0.3 * np.sin(np.arange(frames) / 6) ** 2
    before = np.maximum(density(edges, mean, std) + rng.normal(0, 0.006, (frames, BINS)), 0)
    after = np.maximum(density(unit_edges, 0 * mean, 0 * std + 1) + rng.normal(0, 0.012, (frames, BINS)), 0)
    running = np.zeros(frames)
    for t in range(1, frames):
        running[t] = 0.9 * running[t - 1] + 0.1 * mean[t]
    grid = np.linspace(-4, 4, 81)
    edge, unit_edge = block.put(edges), block.put(unit_edges)
    one = block.put(np.zeros(1))
    panels = [
        {
            "id": "input", "title": "Before: h = Wx + b", "subtitle": "channel 3", "kind": "histogram",
            "x": {"label": "value", "range": [-6, 10]}, "y": {"label": "density", "range": [0, 0.5]}, "edges": edge,
            "layers": [{"role": "before", "values": block.put(before), "style": "fill"}],
            "markers": [{"role": "before", "values": block.put(mean), "label": "batch mean"},
                        {"role": "running", "values": block.put(running), "label": "running mean"}],
            "readouts": [{"label": "mean", "values": block.put(mean)}, {"label": "std", "values": block.put(std)}],
        },
        {
            "id": "normalized", "title": "Normalized: x̂", "kind": "histogram", "subtitle": "",
            "x": {"label": "value", "range": [-4, 4]}, "y": {"label": "density", "range": [0, 0.5]}, "edges": unit_edge,
            "layers": [{"role": "after", "values": block.put(after), "style": "fill", "label": "this batch"},
                       {"role": "theory", "values": block.put(density(unit_edges, np.zeros(1), np.ones(1))[0]),
                        "style": "dash", "label": "normal law"}],
            "markers": [{"role": "after", "values": one, "label": "mean"}],
            "readouts": [{"label": "m", "values": block.put(np.full(frames, 32), "u2")}],
        },
        {
            "id": "output", "title": "Into the sigmoid", "kind": "histogram", "subtitle": "with φ and φ′",
            "x": {"label": "pre-activation z", "range": [-4, 4]}, "y": {"label": "", "range": [0, 0.5]}, "edges": unit_edge,
            "layers": [{"role": "after", "values": block.put(np.rint(after * 60_000), "u2"), "style": "fill"}],
            "zones": [{"from": -4, "to": -2.5, "label": "saturated"}, {"from": 2.5, "to": 4, "label": "saturated"}],
            "curves": [{"role": "theory", "x": block.put(grid), "y": block.put(1 / (1 + np.exp(-grid))), "label": "φ(z)",
                        "range": [0, 1], "style": "line"},
                       {"role": "context", "x": block.put(grid), "y": block.put(np.exp(-grid) / (1 + np.exp(-grid)) ** 2),
                        "label": "φ′(z)", "range": [0, 1], "style": "dash"}],
        },
    ]  # fmt: skip
    panels[2]["y"]["range"] = [0, 30_000]
    heats = [
        {
            "id": f"{name}_time", "title": title, "kind": "heat", "subtitle": "",
            "x": {"label": "batch", "range": [1, frames]}, "y": {"label": "value", "range": [float(e[0]), float(e[-1])]},
            "edges": ref, "layers": [{"role": role, "values": block.put(values), "style": "fill"}],
            "bands": [{"role": "running", "values": block.put(line), "label": "running mean", "style": "line"},
                      {"role": role, "values": block.put(line + 1), "label": "85 %", "style": "dash"},
                      {"role": role, "values": block.put(line - 1), "label": "15 %", "style": "dash"}],
        }
        for name, title, e, ref, role, values, line in (
            ("input", "Before, over the whole run", edges, edge, "before", before, running),
            ("output", "After, over the whole run", unit_edges, unit_edge, "after", after, 0 * running),
        )
    ]  # fmt: skip
    header = {
        "version": 1, "digest": "first", "group": "run", "frames": frames, "fps": 8, "autoplay": False, "start": 0, "unit": "batch",
        "captions": [f"Batch {t + 1}: this batch supplies μ and σ²; the running mean has caught up {t} %." for t in range(frames)],
        "alt": "Histograms of one channel before and after batch norm.", "height": 520, "words": WORDS, "lang": "en",
        "rows": [{"weight": 1.2, "panels": panels}, {"weight": 1.0, "panels": heats}], "palette": PALETTE, "filename": "layer", **over,
    }  # fmt: skip
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return len(text).to_bytes(4, "little") + text + bytes(block.data)


def in_player(bench: Bench, selector: str) -> Any:
    return bench.page.locator(f"#one {selector}")


def test_player_paints_at_once_and_reserves_its_height(bench: Bench) -> None:
    content = base64.b64encode(scene()).decode()
    height, painted = bench.page.evaluate(
        "data => { mount('player', 'one', data); const h = document.getElementById('one');"
        " return [inside('one', '.stage').clientHeight, h.dataset.paintedDigest] }",
        content,
    )
    assert (height, painted) == (520, "first")
    corner = bench.pixel(5, 515)
    assert corner == (255, 255, 255)
    assert max(abs(a - b) for a, b in zip(bench.mean_color(), corner, strict=True)) > 5


def test_play_pause_and_report_only_at_rest(bench: Bench) -> None:
    bench.mount("player", scene())
    in_player(bench, ".play").click()
    bench.page.wait_for_function("__bnviz.playheads.get('run').step >= 3")
    expect(in_player(bench, ".play")).to_have_attribute("aria-label", "Pause")
    assert bench.sent == []
    in_player(bench, ".play").click()
    step = bench.head("step")
    assert step >= 3
    assert bench.sent == [["step", step, False]]
    expect(in_player(bench, ".position span:last-child")).to_have_text(f"Batch {step + 1} of {FRAMES}")


def test_slow_playing_paints_between_the_frames(bench: Bench) -> None:
    bench.mount("player", scene())
    in_player(bench, ".speed").select_option("0.25")
    before = bench.page.evaluate("__bnviz.stats.painted")
    bench.page.evaluate("__bnviz.playheads.get('run').play()")
    bench.page.wait_for_function("__bnviz.playheads.get('run').step >= 2")
    # Two frames of the run last a second at this speed; without interpolation two paints would do.
    assert bench.page.evaluate("__bnviz.stats.painted") - before > 8


def test_playing_stops_at_the_end_and_starts_over(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.seek(FRAMES - 3)
    in_player(bench, ".speed").select_option("8")
    in_player(bench, ".play").click()
    bench.page.wait_for_function("!__bnviz.playheads.get('run').playing")
    assert bench.head("step") == FRAMES - 1
    assert bench.sent == [["step", FRAMES - 1, False]]
    in_player(bench, ".speed").select_option("0.25")
    in_player(bench, ".play").click()
    assert bench.head("playing")
    assert bench.head("step") < FRAMES - 1


def test_a_loop_starts_over_and_tells_nobody_until_it_is_paused(bench: Bench) -> None:
    bench.mount("player", scene(autoplay=True, loop=True, compact=True))
    bench.page.evaluate("__bnviz.playheads.get('run').setSpeed(8)")
    bench.page.wait_for_function(f"__bnviz.playheads.get('run').step > {FRAMES - 12}")
    bench.page.wait_for_function("__bnviz.playheads.get('run').step < 6")
    assert bench.head("playing")
    assert bench.sent == []
    expect(in_player(bench, ".speed")).to_be_hidden()
    expect(in_player(bench, ".back")).to_be_hidden()
    in_player(bench, ".play").click()
    assert not bench.head("playing")
    assert len(bench.sent) == 1


def test_code_is_shown_as_it_is_and_copied(bench: Bench) -> None:
    bench.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    text = 'import torch\n\nblock = "<b>x</b>"  # a "comment" & more\n'
    bench.mount("code", {"text": text, "label": "PyTorch", "words": {"copy": "Copy", "copied": "Copied"}})
    assert bench.page.evaluate("inside('one', 'code').textContent") == text
    assert bench.page.evaluate("inside('one', '.comment').textContent") == '# a "comment" & more'
    button = in_player(bench, "button")
    button.click()
    expect(button).to_have_text("Copied")
    assert bench.page.evaluate("navigator.clipboard.readText()") == text
    expect(button).to_have_text("Copy")
    bench.mount("code", {"text": "x", "label": "Keras", "words": {"copy": "复制", "copied": "已复制"}})
    assert bench.page.evaluate("inside('one', 'code').textContent") == "x"
    expect(button).to_have_text("复制")


def test_keyboard_drives_from_the_page_and_reports_once(bench: Bench) -> None:
    bench.mount("player", scene())
    press = bench.page.keyboard.press
    for key, step in (
        ("ArrowRight", 1),
        ("Shift+ArrowRight", 11),
        ("ArrowLeft", 10),
        ("End", FRAMES - 1),
        ("Home", 0),
        ("ArrowRight", 1),
    ):
        press(key)
        assert bench.head("step") == step, key
    bench.page.wait_for_function("sent.length > 0")
    assert bench.sent == [["step", 1, False]]
    press("Space")
    assert bench.head("playing")
    press("Space")
    assert not bench.head("playing")


def test_keyboard_within_the_component_and_not_in_other_fields(bench: Bench) -> None:
    bench.mount("player", scene())
    in_player(bench, "input[type=range]").focus()
    bench.page.keyboard.press("Shift+ArrowRight")
    assert bench.head("step") == 10
    in_player(bench, ".forward").focus()
    bench.page.keyboard.press("Space")  # the button's own key, not the playhead's
    assert (bench.head("step"), bench.head("playing")) == (11, False)
    bench.page.evaluate("document.body.append(Object.assign(document.createElement('input'), {id: 'field'}))")
    bench.page.locator("#field").focus()
    bench.page.keyboard.press("ArrowRight")
    bench.page.keyboard.press("Space")
    assert (bench.head("step"), bench.head("playing")) == (11, False)


def test_scrubbing_reports_on_release(bench: Bench) -> None:
    bench.mount("player", scene())
    box = in_player(bench, "input[type=range]").bounding_box()
    y = box["y"] + box["height"] / 2
    bench.page.mouse.move(box["x"] + box["width"] * 0.2, y)
    bench.page.mouse.down()
    bench.page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=4)
    step = bench.head("step")
    assert abs(step - FRAMES / 2) <= 2
    assert bench.sent == []
    bench.page.mouse.up()
    assert bench.sent == [["step", step, False]]


def test_heat_map_scrubs(bench: Bench) -> None:
    bench.mount("player", scene())
    box = in_player(bench, ".stage canvas").bounding_box()
    y = box["y"] + 450
    bench.page.mouse.move(box["x"] + 264, y)
    bench.page.mouse.down()
    middle = bench.head("step")
    assert abs(middle - FRAMES / 2) <= 2  # 264 px is the middle of the first heat map, give or take the axis numbers
    bench.page.mouse.move(box["x"] + 620, y, steps=3)
    assert bench.head("step") == FRAMES - 1
    assert bench.sent == []
    bench.page.mouse.up()
    assert bench.sent == [["step", FRAMES - 1, False]]
    bench.page.mouse.click(box["x"] + 264, box["y"] + 150)  # a histogram: nothing to scrub
    assert bench.head("step") == FRAMES - 1


def test_rerun_keeps_playing_where_it_was(bench: Bench) -> None:
    bench.mount("player", scene(start=5))
    assert bench.head("step") == 5
    in_player(bench, ".stage canvas").evaluate("canvas => { window.canvas = canvas }")
    in_player(bench, ".play").click()
    bench.page.wait_for_function("__bnviz.playheads.get('run').step >= 8")
    bench.mount("player", scene(digest="second", start=2))
    assert bench.head("playing")
    assert bench.head("step") >= 8
    bench.painted("second")
    assert bench.page.evaluate("inside('one', '.stage canvas') === window.canvas")
    assert bench.sent == []


def test_rerun_ignores_the_echo_and_clamps_a_shorter_run(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.seek(30)
    bench.mount("player", scene(start=17, digest="echo"))
    assert bench.head("step") == 30
    bench.mount("player", scene(20, digest="short"))
    assert bench.head("step") == 19
    expect(in_player(bench, ".position span:last-child")).to_have_text("Batch 20 of 20")


def test_a_growing_run_takes_along_who_stands_on_its_last_frame(bench: Bench) -> None:
    bench.mount("player", scene(growing=True))
    bench.seek(30)
    bench.mount("player", scene(60, digest="longer", growing=True))
    assert bench.head("step") == 30
    bench.seek(59)
    bench.mount("player", scene(70, digest="longest", growing=True))
    assert bench.head("step") == 69


def test_rerun_with_the_same_digest_paints_nothing(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.frame()
    before = bench.page.evaluate("__bnviz.stats.painted")
    bench.mount("player", scene())
    bench.frame()
    assert bench.page.evaluate("__bnviz.stats.painted") == before


def test_cleanup_of_an_overtaken_rerun_leaves_the_player_alive(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.page.evaluate("cleanups.one()")
    bench.frame()
    bench.page.keyboard.press("ArrowRight")
    assert bench.head("step") == 1
    bench.page.evaluate("() => { document.getElementById('one').remove(); cleanups.one() }")
    bench.page.wait_for_function("__bnviz.playheads.get('run').members.size === 0")
    bench.page.keyboard.press("ArrowRight")
    assert bench.head("step") == 1


def test_unaligned_bytes_are_read_too(bench: Bench) -> None:
    content = base64.b64encode(b"\0" + scene()).decode()
    bench.mount("player", scene(digest="aligned"))
    aligned = bench.mean_color()
    bench.page.evaluate(
        "data => mount('player', 'one', Uint8Array.from(atob(data), c => c.charCodeAt(0)).subarray(1))", content
    )
    bench.painted("first")
    assert bench.mean_color() == aligned


def test_picture_depends_on_the_frame_and_interpolates(bench: Bench) -> None:
    bench.mount("player", scene())
    colors = []
    for position in (3, 3.5, 4):
        bench.page.evaluate(
            "p => { const h = __bnviz.playheads.get('run'); h.position = p; h.dispatchEvent(new Event('step')) }",
            position,
        )
        bench.frame()
        colors.append(bench.page.evaluate("inside('one', '.stage canvas').toDataURL()"))
    assert len(set(colors)) == 3


def test_reduced_motion_neither_starts_nor_interpolates(open_bench: OpenBench) -> None:
    bench = open_bench(reduced_motion="reduce")
    bench.mount("player", scene(autoplay=True))
    assert not bench.head("playing")
    pictures = []
    for position in (3, 3.5):
        bench.page.evaluate(
            "p => Object.assign(__bnviz.playheads.get('run'), {step: 3, position: p}).dispatchEvent(new Event('step'))",
            position,
        )
        bench.frame()
        pictures.append(bench.page.evaluate("inside('one', '.stage canvas').toDataURL()"))
    assert pictures[0] == pictures[1]


def test_autoplay_starts_without_reduced_motion(bench: Bench) -> None:
    bench.mount("player", scene(autoplay=True))
    assert bench.head("playing")


def rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))


def has_color(bench: Bench, color: str) -> bool:
    return bench.page.evaluate(
        """([r, g, b]) => { const c = inside("one", ".stage canvas"), {data} = c.getContext("2d").getImageData(0, 0, c.width, c.height);
        for (let i = 0; i < data.length; i += 4) if (data[i] === r && data[i + 1] === g && data[i + 2] === b) return true;
        return false }""",
        rgb(color),
    )


def test_theme_changes_colours_in_place(bench: Bench) -> None:
    bench.mount("player", scene())
    assert bench.pixel(5, 515) == rgb(THEMES["light"]["background-color"])
    for role in ("before", "after", "running"):
        assert has_color(bench, theme.LIGHT[role])
        assert not has_color(bench, theme.DARK[role])
    bench.theme("dark")
    bench.mount("player", scene())
    assert bench.pixel(5, 515) == rgb(THEMES["dark"]["background-color"])
    for role in ("before", "after", "running"):
        assert has_color(bench, theme.DARK[role])
        assert not has_color(bench, theme.LIGHT[role])


def test_where_a_picture_is_too_high_for_the_screen_a_line_of_panels_ends_there(bench: Bench) -> None:
    cells = """async ([width, room]) => {
        const {buildScene} = await import('/scene.js');
        const panel = {
            kind: 'histogram', title: 'one', x: {label: 'x', range: [0, 1]}, y: {label: '', range: [0, 1]},
            edges: {array: [0, 1]}, layers: [],
        };
        const rows = [3, 5].map((count) => ({panels: Array(count).fill(panel)}));
        return buildScene({height: 560, frames: 1, rows}, {font: 'sans-serif'}, width, room).panels.map(({cell}) => cell);
    }"""
    for width, fitted in ((735, 360), (735, 480), (1200, 400)):
        laid = bench.page.evaluate(cells, [width, {"fitted": fitted}])
        ends = [cell["y"] + cell["height"] for cell in laid]
        assert len(laid) == 8
        assert any(end == pytest.approx(fitted) for end in ends)
        assert all(end <= fitted + 1 or cell["y"] >= fitted for end, cell in zip(ends, laid, strict=True))
    for fold in (330, 400, 520):  # on a phone, where all panels follow one another
        laid = bench.page.evaluate(cells, [366, {"fold": fold}])
        ends = [cell["y"] + cell["height"] for cell in laid]
        assert any(end == pytest.approx(fold) for end in ends)
        assert laid[-1]["height"] == laid[-2]["height"]  # what comes later is as high as ever
    free = bench.page.evaluate(cells, [366, {}])
    assert bench.page.evaluate(cells, [366, {"fold": 60}]) == free  # too flat to be read
    assert bench.page.evaluate(cells, [366, {"fold": 100_000}]) == free


def test_four_small_panels_share_the_height_that_there_is(bench: Bench) -> None:
    cells = """async (fitted) => {
        const {buildScene} = await import('/scene.js');
        const panel = {kind: 'cube', title: 'one', shape: [2, 2, 2, 2], membership: {array: new Int32Array(16)}};
        const rows = [{panels: Array(4).fill(panel)}];
        return buildScene({height: 400, frames: 1, rows}, {font: 'sans-serif'}, 557, {fitted}).panels.map(({cell}) => cell);
    }"""
    ends = [cell["y"] + cell["height"] for cell in bench.page.evaluate(cells, 470)]
    assert max(ends) == pytest.approx(470)
    assert len(set(ends)) == 2
    assert bench.page.evaluate(cells, 170)[0]["height"] == pytest.approx(
        170
    )  # a phone held sideways: the first line alone


def test_phone_stacks_the_panels(open_bench: OpenBench) -> None:
    bench = open_bench(size=PHONE, has_touch=True, is_mobile=True)
    bench.mount("player", scene())
    assert in_player(bench, ".stage").bounding_box()["height"] > 5 * 170
    assert bench.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in in_player(bench, ".bar button").all():
        if button.is_visible():
            box = button.bounding_box()
            assert min(box["width"], box["height"]) >= 40


def test_resize_redraws_for_the_new_width(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.page.set_viewport_size({"width": 500, "height": 720})
    bench.page.wait_for_function("inside('one', '.stage canvas').clientWidth === 468")
    assert in_player(bench, ".stage").bounding_box()["height"] > 5 * 170


def choose(bench: Bench, item: str, name: str = "one") -> Path:
    menu = bench.page.locator(f"#{name} .menu")
    menu.get_by_role("button").click()
    with bench.page.expect_download() as download:
        menu.get_by_role("menuitem", name=item).click()
    expect(menu.get_by_role("menu")).to_be_hidden()
    path = Path(download.value.path())
    return path.rename(path.with_name(f"{path.name}-{download.value.suggested_filename}"))


def test_svg_download_holds_every_panel(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.seek(40)
    path = choose(bench, "Drawing (SVG)")
    assert path.name.endswith("layer.svg")
    picture = path.read_text(encoding="utf-8")
    assert bench.page.evaluate(
        "t => !new DOMParser().parseFromString(t, 'image/svg+xml').querySelector('parsererror')", picture
    )
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    for title in (
        "Before: h = Wx + b",
        "Normalized: x̂",
        "Into the sigmoid",
        "Before, over the whole run",
        "After, over the whole run",
    ):
        assert title in texts
    assert {"batch mean", "running mean", "normal law", "this batch", "saturated", "φ(z)", "φ′(z)", "85 %"} <= set(
        texts
    )
    assert "32" in texts  # a count stays a whole number
    assert "2.52" in texts  # the mean of frame 41 of this seeded run, as drawn in the panel's corner
    assert picture.count("<image ") == 2
    assert "NaN" not in picture
    assert theme.LIGHT["before"] in picture


def test_png_download_is_twice_as_large(bench: Bench) -> None:
    bench.mount("player", scene())
    content = choose(bench, "Picture (PNG)").read_bytes()
    assert content[:4] == b"\x89PNG"
    assert (int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == (2 * 1248, 2 * 520)


def test_menu_closes_with_escape_and_moves_with_arrows(bench: Bench) -> None:
    bench.mount("player", scene())
    button = in_player(bench, ".menu > button")
    button.click()
    press = bench.page.keyboard.press
    press("ArrowDown")
    assert bench.page.evaluate("inside('one', '.root').getRootNode().activeElement.textContent") == "Drawing (SVG)"
    press("ArrowDown")
    assert bench.page.evaluate("inside('one', '.root').getRootNode().activeElement.textContent") == "Picture (PNG)"
    press("Escape")
    expect(in_player(bench, "[role=menu]")).to_be_hidden()
    expect(button).to_be_focused()
    assert bench.head("step") == 0


def test_text_alternative_follows_when_paused(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.seek(9)
    canvas = in_player(bench, ".stage canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile(r"^Histograms of one channel.*Batch 10: this batch"))
    expect(in_player(bench, ".caption p:last-child")).to_have_attribute("aria-live", "polite")
    bench.page.evaluate("__bnviz.playheads.get('run').play()")
    expect(in_player(bench, ".caption p:last-child")).to_have_attribute("aria-live", "off")
    expect(canvas).to_have_attribute("aria-label", re.compile("Batch 10:"))


CHART_WORDS = {"download": "Download", "png": "Picture (PNG)", "svg": "Drawing (SVG)", "html": "Page (HTML)"}


def chart(digest: str = "first", shift: float = 0, **over: Any) -> dict[str, Any]:
    x = np.arange(1, FRAMES + 1)
    rise = base64.b64encode((1 - 0.9**x + shift).astype("<f4").tobytes()).decode()
    data = [
        {"type": "scatter", "mode": "lines", "name": "running mean", "x": x.tolist(), "y": {"dtype": "f4", "bdata": rise},
         "line": {"color": theme.LIGHT["running"]}},
        {"type": "scatter", "mode": "lines", "name": "truth", "x": x.tolist(), "y": [1 + shift] * FRAMES,
         "line": {"color": theme.LIGHT["theory"].upper(), "dash": "dash"}},
    ]  # fmt: skip
    layout = theme.layout(theme.axis("batch"), theme.axis("value"), showlegend=True)
    return {
        "figure": {"data": data, "layout": layout}, "phone_layout": {"showlegend": False}, "plotly": "/plotly.min.js", "group": "run",
        "playhead": {"axis": "x", "first": 1}, "unit": "batch", "palette": PALETTE, "words": CHART_WORDS,
        "alt": "The running mean approaches </script> the truth.", "height": 420, "phone_height": 360, "digest": digest,
        "filename": "running_stats", "lang": "en", **over,
    }  # fmt: skip


def zoom(bench: Bench) -> list[float]:
    """Drag over the middle of the plot, return the new x range."""
    plot = bench.page.locator("#two .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    bench.page.mouse.move(box["x"] + 300, box["y"] + 100)
    bench.page.mouse.down()
    bench.page.mouse.move(box["x"] + 700, box["y"] + 300, steps=5)
    bench.page.mouse.up()
    bench.page.wait_for_function("inside('two', '.js-plotly-plot')._fullLayout.xaxis.autorange === false")
    return x_range(bench)


def x_range(bench: Bench) -> list[float]:
    return bench.page.evaluate("inside('two', '.js-plotly-plot')._fullLayout.xaxis.range.slice()")


def test_chart_reserves_its_height_before_plotly_is_there(bench: Bench) -> None:
    height = bench.page.evaluate(
        "data => { mount('chart', 'two', data); return inside('two', '.plot').clientHeight }", chart()
    )
    assert height == 420
    assert bench.page.evaluate("typeof window.Plotly") == "undefined"
    bench.painted("first", "two")
    assert bench.page.locator("#two .plot").bounding_box()["height"] == 420
    # Plotly's own rules have reached the shadow root, without which its layers would stand below each other.
    assert bench.page.evaluate("getComputedStyle(inside('two', '.main-svg')).position") == "absolute"


def test_chart_keeps_zoom_and_hidden_traces(bench: Bench) -> None:
    bench.mount("chart", chart(), "two")
    bench.painted("first", "two")
    whole = x_range(bench)
    zoomed = zoom(bench)
    assert zoomed[1] - zoomed[0] < 0.6 * (whole[1] - whole[0])
    bench.page.locator("#two .legendtoggle").nth(1).click()
    bench.page.wait_for_function("inside('two', '.js-plotly-plot')._fullData[1].visible === 'legendonly'")
    bench.mount("chart", chart("second", shift=0.2), "two")
    bench.painted("second", "two")
    assert x_range(bench) == zoomed
    assert bench.page.evaluate("inside('two', '.js-plotly-plot')._fullData.map(t => t.visible)") == [True, "legendonly"]
    last = bench.page.evaluate("inside('two', '.js-plotly-plot')._fullData[0].y.at(-1)")
    assert last == pytest.approx(1.2 - 0.9**FRAMES, rel=1e-6)


def test_chart_same_digest_draws_nothing(bench: Bench) -> None:
    bench.mount("chart", chart(), "two")
    bench.painted("first", "two")
    before = bench.page.evaluate("__bnviz.stats.painted")
    bench.mount("chart", chart(), "two")
    bench.frame()
    assert bench.page.evaluate("__bnviz.stats.painted") == before


ORDER = """([names, data]) => new Promise((done) => {
    const painted = [];
    const watcher = new MutationObserver((changes) => {
        for (const {target} of changes) if (target.dataset.paintedDigest === data.digest) painted.push(target.id);
        if (painted.length === names.length) done(painted);
    });
    for (const name of names) {
        if (!document.getElementById(name)) document.getElementById("ancestor").append(hosted(name));
        watcher.observe(document.getElementById(name), {attributeFilter: ["data-painted-digest"]});
    }
    for (const name of names.toReversed()) mount("chart", name, data);
})"""


def test_the_chart_in_view_is_drawn_before_those_below(bench: Bench) -> None:
    names = ("one", "two", "three")
    for digest in ("first", "second"):  # at the first visit, and again
        order = bench.page.evaluate(ORDER, [names, chart(digest)])
        assert order[-1] == "three"
    assert bench.page.evaluate("innerHeight") < 3 * chart()["height"]


def test_a_chart_that_left_the_page_while_it_waited_is_not_drawn(bench: Bench) -> None:
    for name in ("one", "two", "three"):
        bench.mount("chart", chart(), name)
        bench.painted("first", name)
    bench.frame()
    painted = bench.page.evaluate(
        """data => new Promise((done) => {
            const {stats} = window.__bnviz, before = stats.painted;
            const busy = setInterval(() => { const until = performance.now() + 18; while (performance.now() < until); }, 20);
            mount("chart", "three", data);
            document.getElementById("three").remove();
            cleanups.three();
            setTimeout(() => { clearInterval(busy); done(stats.painted - before); }, 1200);
        })""",
        chart("second"),
    )
    assert painted == 0


def test_chart_takes_the_dark_palette(bench: Bench) -> None:
    bench.mount("chart", chart(), "two")
    bench.painted("first", "two")
    lines = "[...inside('two', '.scatterlayer').querySelectorAll('path.js-line')].map(p => common.rgb(p.style.stroke))"
    assert bench.page.evaluate(lines) == [list(rgb(theme.LIGHT[role])) for role in ("running", "theory")]
    bench.theme("dark")
    bench.mount("chart", chart(), "two")
    bench.page.wait_for_function(f"({lines})[0].join() === '{','.join(map(str, rgb(theme.DARK['running'])))}'")
    assert bench.page.evaluate(lines) == [list(rgb(theme.DARK[role])) for role in ("running", "theory")]


def test_playhead_line_follows_and_hides_outside_the_zoom(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.mount("chart", chart(), "two")
    bench.painted("first", "two")
    line = bench.page.locator("#two .playhead")

    def center() -> float:
        box = line.bounding_box()
        return box["x"] + box["width"] / 2

    def pixel_of(number: int) -> float:
        return bench.page.evaluate(
            "n => { const g = inside('two', '.js-plotly-plot'), a = g._fullLayout.xaxis;"
            " return g.getBoundingClientRect().left + a._offset + a.l2p(n) }",
            number,
        )

    bench.seek(9)
    assert center() == pytest.approx(pixel_of(10), abs=1)
    bench.seek(49)
    assert center() == pytest.approx(pixel_of(50), abs=1)
    low, high = zoom(bench)
    bench.seek(round((low + high) / 2))
    expect(line).to_be_visible()
    bench.seek(FRAMES - 1)
    expect(line).to_be_hidden()


def test_click_on_the_chart_sets_the_playhead(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.mount("chart", chart(), "two")
    bench.painted("first", "two")
    bench.page.locator("#two .plot").scroll_into_view_if_needed()
    x, y = bench.page.evaluate(
        "() => { const g = inside('two', '.js-plotly-plot'), {left, top} = g.getBoundingClientRect(), a = g._fullLayout.xaxis;"
        " return [left + a._offset + a.l2p(25), top + 200] }"
    )
    bench.page.mouse.click(x, y)
    assert bench.head("step") == 24
    assert bench.sent == [["step", 24, False]]


def test_labels_that_would_cover_each_other_are_left_out_but_for_the_bold_one(bench: Bench) -> None:
    axis = {
        "range": [9.5, -0.5],
        "tickvals": list(range(10)),
        "ticktext": ["<b>seven</b>" if n == 7 else str(n) for n in range(10)],
    }
    figure = {"data": [], "layout": {"yaxis": axis, "font": {"size": 15}, "margin": {"t": 50, "b": 50}}}
    thinned = "async ([figure, height]) => (await import('/arrange.js')).thinned(figure, height).layout.yaxis.ticktext"
    assert bench.page.evaluate(thinned, [figure, 400]) == axis["ticktext"]
    assert bench.page.evaluate(thinned, [figure, 200]) == ["1", "3", "5", "<b>seven</b>", "9"]


def test_labels_at_the_ends_of_lines_stand_apart_on_a_short_plot_and_where_they_were_on_a_tall_one(
    bench: Bench,
) -> None:
    end = {"xref": "paper", "x": 1, "yanchor": "middle", "font": {"size": 15}}
    notes = [{**end, "text": text, "y": y} for text, y in (("low", 0.2), ("middle", 0.3), ("high", 0.4))]
    other = {"xref": "paper", "x": 0, "yanchor": "bottom", "text": "what is shown", "y": 0.3}
    axis = {"range": [0, 1]}
    figure = {"data": [], "layout": {"yaxis": axis, "annotations": [*notes, other], "margin": {"t": 40, "b": 60}}}
    apart = "async ([figure, height]) => (await import('/arrange.js')).apart(figure, height).layout.annotations"
    assert bench.page.evaluate(apart, [figure, 400]) == [*notes, other]
    least = "async ([figure, plot]) => (await import('/arrange.js')).leastHeight(figure, plot)"
    assert bench.page.evaluate(least, [figure, 110]) == 210
    assert 100 + 2.4 * 15 < bench.page.evaluate(least, [figure, 10]) < 100 + 3 * 1.3 * 15  # the three beside the plot
    short = bench.page.evaluate(apart, [figure, 140])  # 40 px for the three
    low, middle, high = (-40 * note["y"] - note["yshift"] for note in short[:3])
    assert min(low - middle, middle - high) >= 15
    assert short[3] == other
    double = [{**note, "text": "two<br>lines"} for note in notes]
    figure["layout"]["annotations"] = double
    assert bench.page.evaluate(apart, [figure, 540]) == double  # 44 px between them: room
    low, middle, high = (-240 * note["y"] - note.get("yshift", 0) for note in bench.page.evaluate(apart, [figure, 340]))
    assert min(low - middle, middle - high) >= 15 * (1.15 + 1.3) + 5  # they are seen to be three


def test_a_label_of_two_lines_at_the_foot_of_an_axis_stands_clear_of_its_numbers(bench: Bench) -> None:
    note = {"xref": "paper", "x": 1, "yanchor": "middle", "font": {"size": 15}, "text": "two<br>lines"}
    notes = [{**note, "y": y} for y in (0.7, 0.0)]
    figure = {"data": [], "layout": {"yaxis": {"range": [0, 1]}, "annotations": notes, "margin": {"t": 0, "b": 0}}}
    apart = "async ([figure, height]) => (await import('/arrange.js')).apart(figure, height).layout.annotations"
    low = bench.page.evaluate(apart, [figure, 200])[1]
    middle = 200 - low.get("yshift", 0)
    assert middle + 15 * (1.15 + 1.3) / 2 <= 200 + 15 * 1.15 / 2 + 0.01


def test_a_picture_of_cells_is_so_high_that_no_words_cover_those_of_the_next_row(bench: Bench) -> None:
    cells = [
        {"x": x, "y": y, "text": "same", "showarrow": False, "font": {"size": 12}} for x in range(3) for y in range(10)
    ]
    layout = {"yaxis": {"range": [-0.5, 9.5]}, "annotations": cells, "margin": {"t": 60, "b": 30}}
    least = "async ([figure, plot]) => (await import('/arrange.js')).leastHeight(figure, plot)"
    assert bench.page.evaluate(least, [{"layout": layout}, 50]) >= 90 + 10 * 12
    assert bench.page.evaluate(least, [{"layout": layout | {"annotations": cells[:3]}}, 50]) == 140


def test_however_narrow_an_axis_is_it_has_two_numbers(bench: Bench) -> None:
    across = """async ([low, high, pixels]) => (await import('/text.js'))
        .ticksAcross(low, high, pixels, 'sans-serif', 13).map(({text}) => text)"""
    assert bench.page.evaluate(across, [-4, 4, 200]) == ["−4", "−2", "0", "2", "4"]
    assert bench.page.evaluate(across, [-4, 4, 110]) == ["−4", "0", "4"]
    assert bench.page.evaluate(across, [-400, 400, 60]) == ["−400", "400"]


def test_tools_have_no_row_to_themselves(bench: Bench) -> None:
    alone = "async ([widths, room]) => (await import('/tools.js')).alone(widths, room, 10)"
    assert not bench.page.evaluate(alone, [[100, 100, 80], 300])
    assert bench.page.evaluate(alone, [[100, 100, 80], 299])
    assert not bench.page.evaluate(alone, [[100, 100, 100, 80], 299])  # a preset stands in the second row already
    assert not bench.page.evaluate(alone, [[80], 50])


def test_notes_one_over_the_other_stand_apart_on_a_short_plot(bench: Bench) -> None:
    place = {"x": 1.5, "xanchor": "left", "yref": "paper", "yanchor": "top", "font": {"size": 15}}
    notes = [{**place, "text": text, "y": y} for text, y in (("truth", 0.99), ("measured", 0.91), ("law", 0.83))]
    figure = {"data": [], "layout": {"xaxis": {"range": [0, 2]}, "annotations": notes, "margin": {"t": 40, "b": 60}}}
    apart = "async ([figure, height]) => (await import('/arrange.js')).apart(figure, height).layout.annotations"
    assert bench.page.evaluate(apart, [figure, 400]) == notes
    tops = [100 * (1 - note["y"]) - note["yshift"] for note in bench.page.evaluate(apart, [figure, 200])]
    assert min(tops[1] - tops[0], tops[2] - tops[1]) >= 15
    assert tops[0] >= -40
    assert tops[2] + 15 <= 110


LONG = "Test error of the network, in % of all images that it was shown"


def test_titles_and_headings_stand_in_lines_for_which_there_is_room(bench: Bench) -> None:
    head = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "y": 1.0, "font": {"size": 15}}
    notes = [{**head, "x": x, "text": f"<b>{LONG}</b><br>short"} for x in (0, 0.55)]
    over = {**head, "x": -0.01, "text": "a line over both", "yshift": 50}
    axes = {"yaxis": {"title": {"text": LONG}}, "xaxis": {"title": {"text": LONG}, "domain": [0, 0.45]}}
    margin = {"l": 60, "r": 20, "t": 40, "b": 50}
    figure = {
        "data": [],
        "layout": {
            **axes,
            "annotations": [*notes, over],
            "margin": margin,
            "font": {"size": 15, "family": "sans-serif"},
        },
    }
    laid = bench.page.evaluate(
        """async ([figure, width, height]) => {
            const {headed, titled} = await import('/arrange.js'), {measure} = await import('/surface.js');
            const {layout} = headed(titled(figure, width, height), width);
            const widest = (text, size, weight) => Math.max(...text.split('<br>')
                .map((line) => measure(line.replaceAll(/<[^>]*>/g, ''), 'sans-serif', size, weight)));
            return {
                x: widest(layout.xaxis.title.text, 18), y: widest(layout.yaxis.title.text, 18),
                heads: layout.annotations.map(({text}) => widest(text, 15, 600)), top: layout.margin.t,
                text: layout.annotations[0].text, over: layout.annotations[2],
            };
        }""",
        [figure, 680, 300],
    )
    assert laid["x"] <= 0.45 * 600
    assert laid["y"] <= 210 + 80
    assert laid["heads"][0] <= 0.55 * 600
    assert laid["heads"][1] <= 0.45 * 600 + 20
    assert laid["top"] >= 40 + 15 * (laid["text"].count("<br>") - 1)
    assert laid["over"]["text"] == over["text"]  # not broken for what stands below it, and lifted with that
    assert laid["over"]["yshift"] >= 50 + 15 * (laid["text"].count("<br>") - 1)
    assert laid["text"].startswith("<b>")
    assert laid["text"].endswith("</b><br>short")
    wide = "async (figure) => { const {headed, titled} = await import('/arrange.js'); return headed(titled(figure, 2000, 900), 2000); }"
    assert bench.page.evaluate(wide, figure) == figure


def test_panels_one_over_the_other_leave_room_for_what_stands_between_them(bench: Bench) -> None:
    text = "<b>gain: difference found</b><br>+3.26 points"
    head = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "x": 0, "text": text}
    upper_axes = {"xaxis": {"anchor": "y"}, "yaxis": {"domain": [0.55, 1]}}
    axes = {**upper_axes, "xaxis2": {"anchor": "y2", "title": {"text": "Seed"}}, "yaxis2": {"domain": [0, 0.45]}}
    margin = {"l": 60, "r": 20, "t": 50, "b": 50}
    layout = {**axes, "annotations": [{**head, "y": 1}, {**head, "y": 0.45}], "margin": margin, "font": {"size": 12}}
    parted = "async ([figure, height]) => (await import('/arrange.js')).parted(figure, height).layout"
    figure = {"data": [], "layout": layout}
    assert bench.page.evaluate(parted, [figure, 1100]) == layout  # 100 px between them
    low = bench.page.evaluate(parted, [figure, 350])
    upper, lower = low["yaxis"]["domain"], low["yaxis2"]["domain"]
    between = 3 * 1.3 * 12  # px: two lines above the lower panel, the numbers below the upper
    assert 250 * (upper[0] - lower[1]) >= between
    assert (upper[1], lower[0]) == pytest.approx((1, 0))
    assert [note["y"] for note in low["annotations"]] == pytest.approx([1, lower[1]])
    assert 250 * (lower[1] - lower[0]) == pytest.approx(250 * (upper[1] - upper[0]))
    flat = bench.page.evaluate(parted, [figure, 180])
    assert flat["yaxis2"]["domain"] == pytest.approx([0, 0.45 / 2])  # a panel stays


def test_words_stay_inside_the_picture_with_their_tags_and_break_where_they_may(bench: Bench) -> None:
    text = '<span style="color:#0b62b0"><b>4 updates:</b></span> effective momentum 0.344'
    at = {"xref": "x", "y": 1, "showarrow": False, "text": text, "font": {"size": 12}}
    notes = [
        {**at, "x": 4, "xanchor": "left"},
        {**at, "x": 4, "xanchor": "left", "text": "short"},
        {**at, "x": 6, "xanchor": "center"},
    ]
    layout = {
        "xaxis": {"range": [0, 7]},
        "annotations": notes,
        "margin": {"l": 20, "r": 20},
        "font": {"family": "sans-serif"},
    }
    long, short, centred = bench.page.evaluate(
        "async (figure) => (await import('/arrange.js')).inside(figure, 366).layout.annotations",
        {"data": [], "layout": layout},
    )
    assert long["text"].replace("<br>", " ") == text
    assert long["text"].count("<br>") == 1
    assert short == notes[1]
    assert centred["text"] == text
    assert centred["xshift"] < 0
    lines = "async ([text, width]) => (await import('/text.js')).wrap(text, width, 'sans-serif', 12)"
    interval = bench.page.evaluate(lines, ["95 % interval −0.77 … +0.68", 100])
    assert interval == ["95 % interval", "−0.77 … +0.68"]
    assert interval[-1] == glued("95 % interval −0.77 … +0.68").split(" ")[-1].replace("\u00a0", " ")
    assert bench.page.evaluate(lines, ["测试错误率（%）", 76])[-1] == "（%）"  # no line ends with what opens
    assert bench.page.evaluate(lines, ["(1\u00a0−\u00a0α)ᵗ, t\u00a0=\u00a084", 60]) == [
        "(1\u00a0−\u00a0α)ᵗ,",
        "t\u00a0=\u00a084",
    ]


def test_chart_has_a_text_alternative(bench: Bench) -> None:
    bench.mount("chart", chart(), "two")
    bench.painted("first", "two")
    expect(bench.page.locator("#two figure")).to_have_attribute("aria-label", chart()["alt"])
    assert bench.page.evaluate(
        "[...inside('two', 'figure').querySelectorAll('svg')].every(s => s.getAttribute('aria-hidden') === 'true')"
    )


def test_chart_downloads(bench: Bench, browser: Browser, tmp_path: Path) -> None:
    bench.mount("chart", chart(), "two")
    bench.painted("first", "two")
    assert "running mean" in choose(bench, "Drawing (SVG)", "two").read_text(encoding="utf-8")
    assert choose(bench, "Picture (PNG)", "two").read_bytes()[:4] == b"\x89PNG"
    page = choose(bench, "Page (HTML)", "two")
    context = browser.new_context(offline=True)
    alone = context.new_page()
    alone.goto(page.as_uri())
    alone.wait_for_function("document.querySelectorAll('.scatterlayer .js-line').length === 2")
    assert alone.title() == chart()["alt"]
    context.close()


def test_chart_on_a_phone_scrolls_and_takes_its_layout(open_bench: OpenBench) -> None:
    bench = open_bench(size=PHONE, has_touch=True, is_mobile=True)
    bench.mount("chart", chart(), "two")
    bench.painted("first", "two")
    assert bench.page.locator("#two .plot").bounding_box()["height"] == 360
    layout = bench.page.evaluate(
        "(({dragmode, showlegend}) => ({dragmode, showlegend}))(inside('two', '.js-plotly-plot')._fullLayout)"
    )
    assert layout == {"dragmode": False, "showlegend": False}


def test_chart_says_what_it_would_show_when_plotly_is_missing(bench: Bench) -> None:
    bench.mount("chart", chart(plotly="/missing.js"), "two")
    expect(bench.page.locator("#two .message")).to_have_text(chart()["alt"])
    bench.leave()  # whenever it is drawn again, it is asked for again
    assert bench.errors
    assert all("404" in error for error in bench.errors)  # the browser's own messages
    bench.errors.clear()


def test_numbers_have_three_significant_digits(bench: Bench) -> None:
    table = Path(__file__).parents[1] / "plot" / "numbers.json"  # what `short` is held to as well
    plain = {**json.loads(table.read_text(encoding="utf-8")), "NaN": "–", "null": "–"}
    padded = {"0.5": "0.500", "-12.04": "−12.0", "0.9999": "1.00", "100": "100", "2e-7": "2.00×10⁻⁷"}
    assert {value: bench.page.evaluate(f"common.formatNumber({value})") for value in plain} == plain
    assert {value: bench.page.evaluate(f"common.formatNumber({value}, true)") for value in padded} == padded


SHARE = {
    "words": {
        "share": "Share",
        "close": "Close",
        "copied": "Copied",
        "copy": "Copy",
        "link": "Link to this state",
        "qr": "QR code of the link",
        "ask": "Ask the question first",
        "alone": "Only this computer.",
        "instead": "Opened as {here}.",
        "present": "Present",
        "print": "Print",
        "class": "Classroom",
    },
    "path": "/",
    "query": "",
    "shared": "momentum=0.1",
    "reachable": "",
    "lang": "zh_CN",
    "title": "Layer",
    "qr": "icon.svg",
}


@pytest.mark.parametrize("secure", [True, False])
def test_share_copies_the_whole_link(bench: Bench, address: str, secure: bool) -> None:
    bench.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not secure:  # plain http on a school's network has no clipboard API
        bench.page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    bench.mount("share", SHARE, "three")
    share = bench.page.locator("#three")
    share.get_by_role("button", name="Share").click()
    expect(share.get_by_role("textbox")).to_have_value(f"{address}?momentum=0.1")
    expect(share.get_by_role("img", name="QR code of the link")).to_be_visible()
    share.get_by_role("button", name="Copy").click()
    expect(share.get_by_role("status")).to_have_text("Copied")
    share.get_by_role("button", name="Close").click()  # nothing behind an open dialog takes the focus
    bench.page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), {id: 'paste'}))")
    bench.page.locator("#paste").focus()
    bench.page.keyboard.press("Control+V")
    expect(bench.page.locator("#paste")).to_have_value(f"{address}?momentum=0.1")
    assert bench.page.evaluate("[document.documentElement.lang, document.title]") == ["zh-CN", "Layer"]


@pytest.mark.parametrize("name", ["light", "dark"])
def test_axe_finds_nothing(bench: Bench, name: str) -> None:
    bench.theme(name)
    bench.mount("player", scene())
    bench.mount("chart", chart(), "two")
    bench.mount("share", SHARE, "three")
    bench.painted("first", "two")
    in_player(bench, ".menu > button").click()
    bench.page.locator("#three").get_by_role("button", name="Share").click()
    results = Axe().run(bench.page)
    assert [(v["id"], v["nodes"][0]["html"]) for v in results.response["violations"]] == []


SLIDER = """() => {
    const slider = document.createElement("div");
    slider.dataset.testid = "stSlider";
    slider.className = "st-key-lab-size-en";
    slider.innerHTML = '<input type="range" aria-label="size" value="0" min="0" max="9">';
    document.getElementById("ancestor").append(slider);
    document.getElementById("one").classList.add("st-key-lab-hero");
}"""
PUT = "value => document.querySelector('[data-testid=stSlider] input').setAttribute('value', value)"


class Route:
    """Stands for the server's route of pictures: keeps what is asked, answers when told."""

    def __init__(self, page: Page) -> None:
        self.asked: list[dict[str, Any]] = []
        self.page = page
        page.route_web_socket("**/pictures", self._open)

    def _open(self, socket: WebSocketRoute) -> None:
        self.socket = socket
        socket.on_message(lambda message: self.asked.append(json.loads(message)))

    def hears(self, index: int, settings: str = "") -> None:
        """Wait until the value `index` is asked for, of a page with these `settings`, and nothing beside it."""
        while not self.asked:
            self.page.wait_for_timeout(5)
        (question,) = self.asked
        assert question == {
            "settings": settings,
            "view": "picture",
            "pinned": "eps=1",
            "slider": "lab-size-en",
            "index": index,
        }
        self.asked.clear()

    def answers(self, settings: str | None, digest: str) -> None:
        pictures = {} if settings is None else {"lab-hero": scene(digest=digest)}
        self.socket.send(pack({"settings": settings, "pause": 0, "charts": {}}, pictures))


def test_pictures_of_a_moving_slider_come_ahead_and_no_rerun_puts_older_ones_back(bench: Bench) -> None:
    route = Route(bench.page)

    def rerun(settings: str, digest: str) -> None:
        bench.mount("player", scene(digest=digest))
        now = {"url": "/pictures", "settings": settings, "view": "picture", "pinned": "eps=1"}
        bench.mount("drag", {"answered": 0, "pause": 0, "ahead": now}, "drag")

    rerun("", "opening")
    bench.page.evaluate(SLIDER)
    bench.page.get_by_role("slider", name="size").focus()
    bench.page.wait_for_function("() => true")
    while not hasattr(route, "socket"):
        bench.page.wait_for_timeout(5)
    bench.page.evaluate(PUT, 1)
    route.hears(1)
    for value in (2, 3):  # while an answer is awaited nothing else is asked
        bench.page.evaluate(PUT, value)
    route.answers("size=1", "first value")
    bench.painted("first value")
    route.hears(3)
    rerun("size=1", "first value")
    route.answers("size=3", "third value")
    bench.painted("third value")
    rerun("size=2", "second value")  # Streamlit is late
    bench.frame()
    bench.painted("third value")
    rerun("size=3", "third value")
    bench.painted("third value")
    rerun("size=7", "a preset")  # it has caught up: what reruns bring is shown again
    bench.painted("a preset")
    bench.page.evaluate(PUT, 4)
    route.hears(4, "size=7")
    route.answers(None, "")  # refused: the rerun explains
    rerun("size=4", "fourth value")
    bench.painted("fourth value")
    assert bench.sent == []  # a slider that only has the focus is told by Streamlit alone


def test_without_the_route_a_held_slider_is_told_to_streamlit(bench: Bench) -> None:
    bench.mount("player", scene())
    bench.mount("drag", {"answered": 0, "pause": 0, "ahead": None}, "drag")
    bench.page.evaluate(SLIDER)
    bench.page.get_by_role("slider", name="size").dispatch_event("pointerdown")
    for value in (1, 2, 3):
        bench.page.evaluate(PUT, value)
    bench.page.wait_for_function("sent.length === 1")
    bench.mount("drag", {"answered": 1, "pause": 0, "ahead": None}, "drag")
    bench.page.wait_for_function("sent.length === 2")
    bench.page.evaluate(PUT, 0)  # back where it was taken, and let go
    bench.mount("drag", {"answered": 2, "pause": 0, "ahead": None}, "drag")
    bench.page.wait_for_function("sent.length === 3")
    bench.mount("drag", {"answered": 3, "pause": 0, "ahead": None}, "drag")
    bench.page.get_by_role("slider", name="size").dispatch_event("pointerup")
    bench.page.get_by_role("slider", name="size").focus()  # takes nothing back
    bench.page.wait_for_function("sent.length === 4")
    *held, back, gone = [value for name, value, _ in bench.sent if name == "held"]
    assert back == {"slider": "lab-size-en", "index": 0, "start": 0, "number": 3}
    assert gone == {"number": 4}
    assert held == [
        {"slider": "lab-size-en", "index": at, "start": 0, "number": number} for number, at in ((1, 1), (2, 3))
    ]


LATE_SIDEBAR = """() => {
    window.clicks = 0;
    const sidebar = Object.assign(document.createElement("aside"), {
        innerHTML: '<div data-testid="stSidebarCollapseButton"><button>close</button></div>',
    });
    Object.assign(sidebar.dataset, {testid: "stSidebar", collapsed: "false"});
    sidebar.querySelector("button").onclick = () => { window.clicks += 1; sidebar.dataset.collapsed = "true"; };
    document.body.append(sidebar);
}"""


@pytest.mark.parametrize(("width", "closed"), [(820, True), (1024, False)])
def test_a_sidebar_that_comes_late_is_closed_on_a_tablet_and_what_a_visitor_opens_stays(
    open_bench: OpenBench, width: int, closed: bool
) -> None:
    bench = open_bench(size=(width, 700))
    bench.mount("page", {"skip": "Skip to the controls", "present": keys.data(translator("en"))})
    bench.page.evaluate(LATE_SIDEBAR)
    sidebar = bench.page.get_by_test_id("stSidebar")
    bench.page.wait_for_function("() => document.documentElement.dataset.bnviz === 'ready'")
    assert bench.page.evaluate("clicks") == closed
    sidebar.evaluate("(node) => { node.dataset.collapsed = 'false'; node.append('more'); }")
    bench.frame()
    assert bench.page.evaluate("clicks") == closed


def told(bench: Bench, query: str, followed: int = 0) -> None:
    """The page's state has this query, after the server has followed so many presses."""
    bench.mount("share", {**SHARE, "query": query, "followed": followed}, "three")


def shown(bench: Bench, search: str) -> None:
    expect(bench.page.locator("#three")).to_have_attribute("data-address", "shown")
    assert bench.page.evaluate("location.search") == search


def entry(bench: Bench) -> str:
    """By what the browser knows the entry of the history; a window keeps no more than 50, so that counting them says little."""
    return str(bench.page.evaluate("navigation.currentEntry.key"))


@pytest.fixture
def history(bench: Bench) -> list[str]:
    """The page has made an entry of each of these, after what it opened with."""
    page, searches = bench.page, ["?momentum=0.2", "?momentum=0.3", "?momentum=0.4"]
    page.evaluate(
        "window.heard = []; addEventListener('popstate', () => heard.push(location.search))"
    )  # as Streamlit does
    told(bench, "")
    shown(bench, "")
    entries = [entry(bench)]
    for search in searches:
        page.evaluate("() => { const now = Date.now; Date.now = () => now() + 1000; }")
        told(bench, search.removeprefix("?"))
        page.wait_for_function("(search) => location.search === search", arg=search)
        shown(bench, search)
        entries.append(entry(bench))
    assert len(set(entries)) == len(entries)
    return searches


def press(bench: Bench, number: int, steps: int = -1) -> None:
    """The browser goes back or forward, for the `number`th time."""
    bench.page.evaluate("(steps) => history.go(steps)", steps)
    bench.page.wait_for_function("(number) => heard.some((search) => search.endsWith(`pressed=${number}`))", arg=number)


def numbered(bench: Bench) -> list[str]:
    """What was asked for with the number of a press."""
    return [search for search in bench.page.evaluate("heard") if "pressed=" in search]


def test_an_answer_to_an_older_press_of_back_makes_no_entry(bench: Bench, history: list[str]) -> None:
    page = bench.page
    press(bench, 1)
    press(bench, 2)
    before = entry(bench)
    assert numbered(bench) == [f"{history[1]}&pressed=1", f"{history[0]}&pressed=2"]
    told(bench, "momentum=0.3", followed=1)
    page.evaluate("new Promise((done) => setTimeout(done, 300))")  # an address is told 120 ms after the picture
    expect(page.locator("#three")).to_have_attribute("data-address", "late")
    assert page.evaluate("location.search") == history[0]
    told(bench, "momentum=0.2&seed=0", followed=2)  # as the server spells it
    page.wait_for_function("() => location.search === '?momentum=0.2&seed=0'")
    assert entry(bench) == before
    press(bench, 3, 1)
    assert page.evaluate("location.search") == history[1]


def test_a_press_that_was_not_answered_is_told_again(bench: Bench, history: list[str]) -> None:
    press(bench, 1)
    bench.page.wait_for_function("heard.filter((search) => search.endsWith('pressed=1')).length > 1")
    told(bench, "momentum=0.3", followed=1)
    shown(bench, history[1])
    assert set(numbered(bench)) == {f"{history[1]}&pressed=1"}


def test_back_and_forward_before_the_address_is_told_are_two_presses(bench: Bench, history: list[str]) -> None:
    press(bench, 1)
    told(bench, "momentum=0.3", followed=1)
    press(bench, 2, 1)
    told(bench, "momentum=0.4", followed=2)
    shown(bench, history[2])


def test_a_change_after_back_is_an_entry_of_its_own_however_soon_it_comes(bench: Bench, history: list[str]) -> None:
    press(bench, 1)
    told(bench, "momentum=0.3", followed=1)
    shown(bench, history[1])
    told(bench, "momentum=0.5", followed=1)
    bench.page.wait_for_function("() => location.search === '?momentum=0.5'")
    press(bench, 2)
    assert bench.page.evaluate("location.search") == history[1]


def test_another_setting_is_another_change_however_soon_it_comes(bench: Bench, history: list[str]) -> None:
    page, entries = bench.page, {entry(bench)}
    for query in ("momentum=0.5", "momentum=0.6", "momentum=0.6&eps=0.1", "momentum=0.6&eps=0.1&view=code"):
        told(bench, query)
        page.wait_for_function("(query) => location.search === `?${query}`", arg=query)
        entries.add(entry(bench))
    assert len(entries) == 3  # the momentum goes on from what `history` did last


def test_what_is_dragged_is_one_change_however_long_the_hand_rests(bench: Bench, history: list[str]) -> None:
    page, before = bench.page, entry(bench)
    page.mouse.move(5, 5)
    page.mouse.down()
    for query in ("momentum=0.5", "momentum=0.6"):
        page.evaluate("() => { const now = Date.now; Date.now = () => now() + 1000; }")
        told(bench, query)
        page.evaluate("new Promise((done) => setTimeout(done, 300))")  # an address is told 120 ms after the picture
        assert page.evaluate("location.search") == history[-1]
    page.mouse.up()
    shown(bench, "?momentum=0.6")
    press(bench, 1)
    assert entry(bench) == before


def test_a_page_whose_connection_has_lost_a_message_is_loaded_again(bench: Bench) -> None:
    bench.mount("page", {"skip": "Skip to the controls", "present": keys.data(translator("en"))})
    for text, loads in (("Cached ForwardMsg HIT", False), ("Error: Cached ForwardMsg MISS [hash=ca83]", True)):
        bench.page.evaluate(
            "(text) => { window.same = true; document.body.insertAdjacentHTML('beforeend', `<p role=dialog>${text}</p>`); }",
            text,
        )
        if loads:
            bench.page.wait_for_function("() => window.ready && window.same === undefined")
        else:
            bench.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert bench.page.evaluate("window.same")


def test_a_page_that_comes_after_the_browser_has_gone_back_from_it_makes_no_entry(
    bench: Bench, history: list[str]
) -> None:
    page = bench.page
    press(bench, 1)
    before = entry(bench)
    page.evaluate("history.pushState({}, '', '/another')")
    assert (page.evaluate("location.pathname + location.search"), entry(bench)) == (f"/{history[1]}", before)
    page.evaluate("document.body.append(Object.assign(document.createElement('a'), {href: 'javascript:', id: 'on'}))")
    page.evaluate("document.getElementById('on').click()")  # the visitor goes on
    page.evaluate("history.pushState({}, '', '/')")  # the page that the server leads away from, without its query
    assert page.evaluate("location.search") == history[1]
    page.evaluate("history.pushState({}, '', '/another')")
    assert page.evaluate("location.pathname") == "/another"


def test_a_heading_in_the_address_asks_for_nothing(bench: Bench, history: list[str]) -> None:
    bench.page.evaluate("location.hash = 'heading'")
    bench.page.wait_for_function("heard.length > 0")
    assert bench.page.evaluate("heard") == [history[2]]
    shown(bench, history[2])
