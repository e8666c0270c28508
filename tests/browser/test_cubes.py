"""Cubes and maps on the canvas: turned by hand, by key and by themselves; a click picks; pixels are what the arrays say."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from bnviz.plot.scene import Cube, Map, Readout, Row, Scene
from bnviz.ui.player import ready
from tests.browser.test_assets import Bench, OpenBench, address, choose, in_player, open_bench

__all__ = ["address", "open_bench"]  # fixtures

N, C, H, W = SHAPE = (2, 4, 2, 2)
SIZE = N * C * H * W


def cubes(**other: np.ndarray) -> bytes:
    """Batch norm's and layer norm's sharing of one tensor, or `other` ones."""
    n, c = np.arange(N)[:, None, None, None], np.arange(C)[None, :, None, None]
    shares = {"batch": np.broadcast_to(c, SHAPE), "layer": np.broadcast_to(n, SHAPE), **other}
    panels = tuple(
        Cube(name, name, SHAPE, np.ascontiguousarray(share), role, readouts=(Readout("index", share.ravel() + 0.5),))
        for (name, share), role in zip(shares.items(), ("before", "after"), strict=True)
    )
    return ready(
        Scene("cubes", SIZE, "element", (Row(panels),), ["All that share."], "Two boxes."), "run", "en"
    ).content(0)


def picture(bench: Bench) -> str:
    bench.frame()
    return bench.page.evaluate("inside('one', '.stage canvas').toDataURL()")


def lit(bench: Bench, role: str) -> int:
    """Pixels in a role's colour, as bright as the brightest side of a lit element."""
    return bench.page.evaluate(
        """role => { const c = inside("one", ".stage canvas"), want = common.rgb(common.mix(role, "#ffffff", 0.42));
        const {data} = c.getContext("2d").getImageData(0, 0, c.width, c.height); let count = 0;
        for (let i = 0; i < data.length; i += 4) count += want.every((v, j) => Math.abs(data[i + j] - v) < 12);
        return count }""",
        {"before": "#bf6900", "after": "#0b62b0"}[role],
    )


@pytest.fixture
def still(open_bench: OpenBench) -> Bench:
    """A visitor who wants no motion, with the cubes before them."""
    bench = open_bench(reduced_motion="reduce")
    bench.mount("player", cubes())
    return bench


def middle(bench: Bench) -> tuple[float, float]:
    """A point on the first cube."""
    box = in_player(bench, ".stage canvas").bounding_box()
    return box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.6


def test_a_click_picks_and_every_cube_and_python_follow(still: Bench) -> None:
    before = {role: lit(still, role) for role in ("before", "after")}
    assert min(before.values()) > 50
    still.page.mouse.click(*middle(still))
    picked = still.head("step")
    assert picked > 0
    assert still.sent == [["step", picked, False]]
    n, c, h, w = np.unravel_index(picked, SHAPE)
    place = f"n = {n}, c = {c}, h = {h}, w = {w}"
    expect(in_player(still, ".stage canvas")).to_have_attribute("aria-label", re.compile(f"^Two boxes.*{place}$"))
    expect(in_player(still, "input[type=range]")).to_have_attribute(
        "aria-valuetext", f"Element {picked + 1} of {SIZE}: {place}"
    )


INKED = """([first, second]) => {
const head = __bnviz.playheads.get("run"), c = inside("one", ".stage canvas"), ink = common.rgb("#1f2430");
const look = async (step) => {
  head.seek(step);
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const {data} = c.getContext("2d").getImageData(0, 0, c.width / 2, c.height);
  return Array.from({length: data.length / 4}, (_, i) => ink.every((v, j) => data[i * 4 + j] === v));
};
const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
return (async () => {
  const [here, there] = [await look(first), await look(second)];
  const own = here.flatMap((inked, i) => inked && !there[i] ? [i] : []), width = c.width / 2;
  return [middle(own.map(i => i % width)), middle(own.map(i => Math.floor(i / width)))];
})(); }"""


def test_a_click_on_a_drawn_element_picks_that_one(still: Bench) -> None:
    """Elements of the side that is seen best: each is drawn, another is picked, and a click where it was picks it again."""
    box = in_player(still, ".stage canvas").bounding_box()
    in_player(still, ".turn").focus()
    for turns, places in (
        (0, ((0, 2, 1, 0), (0, 0, 1, 1), (0, 1, 0, 0), (0, 3, 0, 1))),
        (6, ((1, 0, 0, 1), (1, 0, 1, 0), (0, 0, 1, 1))),
    ):
        for _ in range(turns):
            still.page.keyboard.press("ArrowDown")
        for place in places:
            index = int(np.ravel_multi_index(place, SHAPE))
            x, y = still.page.evaluate(INKED, [index, (index + SIZE // 2 + 3) % SIZE])
            still.page.mouse.click(box["x"] + x, box["y"] + y)
            assert still.head("step") == index, place


def test_exactly_those_that_share_are_lit(still: Bench) -> None:
    by_batch = lit(still, "before")
    nobody, everybody = np.arange(SIZE).reshape(SHAPE), np.zeros(SHAPE, dtype=int)
    counted = []
    for share in (nobody, everybody):
        still.mount("player", cubes(batch=share))
        still.frame()
        counted.append(lit(still, "before"))
    assert counted[0] == 0  # the picked one itself is drawn in ink
    assert counted[1] > 2 * by_batch > 0


def test_dragging_turns_and_picks_nothing(still: Bench) -> None:
    x, y = middle(still)
    first = picture(still)
    still.page.mouse.move(x, y)
    still.page.mouse.down()
    still.page.mouse.move(x + 80, y + 30, steps=4)
    still.page.mouse.up()
    assert picture(still) != first
    assert (still.head("step"), still.sent) == (0, [])


def test_keys_step_and_turn(still: Bench) -> None:
    pictures = [picture(still)]
    in_player(still, ".turn").focus()
    for key in ("ArrowUp", "Shift+ArrowUp", "ArrowRight"):
        still.page.keyboard.press(key)
        pictures.append(picture(still))
    assert len(set(pictures)) == 4
    assert still.head("step") == 1
    still.page.keyboard.press("ArrowLeft")
    still.page.keyboard.press("Shift+ArrowDown")
    still.page.keyboard.press("ArrowDown")
    assert picture(still) == pictures[0]
    in_player(still, "input[type=range]").focus()
    still.page.keyboard.press("ArrowUp")  # the scrubber's own key
    assert still.head("step") == 1


def test_no_motion_unless_wanted(still: Bench) -> None:
    button = in_player(still, ".turn")
    expect(button).to_have_attribute("aria-pressed", "false")
    first = picture(still)
    still.page.wait_for_timeout(300)
    assert picture(still) == first
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    still.page.wait_for_function("first => inside('one', '.stage canvas').toDataURL() !== first", arg=first)
    button.click()
    halted = picture(still)
    still.page.wait_for_timeout(300)
    assert picture(still) == halted


def test_turns_by_itself_until_it_is_touched(open_bench: OpenBench) -> None:
    bench = open_bench()
    bench.mount("player", cubes())
    first = picture(bench)
    bench.page.wait_for_function("first => inside('one', '.stage canvas').toDataURL() !== first", arg=first)
    in_player(bench, ".forward").focus()
    bench.page.keyboard.press("ArrowUp")
    expect(in_player(bench, ".turn")).to_have_attribute("aria-pressed", "false")
    held = picture(bench)
    bench.page.wait_for_timeout(300)
    assert picture(bench) == held


def test_the_drawing_that_is_downloaded_is_the_one_on_the_screen(still: Bench) -> None:
    still.seek(9)
    picture = choose(still, "Drawing (SVG)").read_text(encoding="utf-8")
    assert picture.count("<polygon") > 2 * (3 + 3 * 3)  # of both boxes: three far sides, the picked element, lit ones
    for words in ("n=0", "c=2", "h=0", "w=1", "batch", "layer"):
        assert f">{words}<" in picture


@pytest.mark.parametrize("width", [1248, 360])
def test_cubes_stand_side_by_side_even_on_a_phone(still: Bench, width: int) -> None:
    still.page.set_viewport_size({"width": width + 32, "height": 720})
    still.frame()
    halves: list[Any] = still.page.evaluate(
        """() => { const c = inside("one", ".stage canvas"), count = [0, 0];
        const {data} = c.getContext("2d").getImageData(0, c.height / 2, c.width, 1);
        for (let x = 0; x < c.width; x++) count[Number(x > c.width / 2)] += data[x * 4] < 200; return count }"""
    )
    assert min(halves) > 3


def test_a_map_shows_its_own_pixels_frame_by_frame(still: Bench) -> None:
    values = np.array([[[-1.0, 0.0], [0.5, 1.0]], [[1.0, 1.0], [-1.0, -1.0]]])
    panel = Map("map", "map", values, -1.0, 1.0, bar=True)
    still.mount(
        "player", ready(Scene("maps", 2, "image", (Row((panel,)),), [""], "A map.", height=300), "run", "en").content(0)
    )
    expect(in_player(still, ".turn")).to_be_hidden()
    still.seek(0)
    side = still.page.evaluate(
        """() => { const c = inside("one", ".stage canvas"), r = c.width / c.clientWidth, {data} =
        c.getContext("2d").getImageData(5 * r, 0, 1, c.height); let rows = 0;
        for (let y = 0; y < c.height; y++) rows += data[y * 4] === 0 && data[y * 4 + 2] === 0; return rows / r }"""
    )  # height of the black pixel, and so half of the map's
    top = 21 + 5
    shown = [[still.pixel(side * (j + 0.5), top + side * (i + 0.5))[0] for j in range(2)] for i in range(2)]
    np.testing.assert_allclose(shown, panel.levels()[0], atol=1)
    still.seek(1)
    shown = [[still.pixel(side * (j + 0.5), top + side * (i + 0.5))[0] for j in range(2)] for i in range(2)]
    np.testing.assert_allclose(shown, panel.levels()[1], atol=1)
