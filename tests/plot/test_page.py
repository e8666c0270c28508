"""Pictures as pages of their own: nothing comes from elsewhere, and nothing in their words is read as HTML."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from bnviz.plot.chart import Chart
from bnviz.plot.listing import Code, Listing, Note, Table
from bnviz.plot.page import Picture, bundle, page
from bnviz.plot.scene import Axis, Layer, Panel, Row, Scene

HOSTILE = '</script><img src="https://evil.example/x.png" onerror=alert(1)>'
AXIS = Axis("x", 0, 1)


def scene(words: str = "words") -> Scene:
    panel = Panel(
        "p", words, "histogram", AXIS, AXIS, np.linspace(0, 1, 5), (Layer("before", np.eye(3, 4), label=words),)
    )
    return Scene("run", 3, words, (Row((panel,)),), [words], words)


def pictures(words: str) -> list[Picture]:
    data = [{"type": "scatter", "name": words, "x": np.linspace(0, 1, 40), "y": [0.5, float("nan")]}]
    tabs = {words: Code(words, words), "b": Table({words: [words, 1, 0.5]})}
    return [
        scene(words),
        Chart("chart", data, {"title": {"text": words}}, words),
        Listing("listing", words, tabs, words, (Note("info", words, words),)),
    ]


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_self_contained(element: str) -> None:
    """One frame without rights of its own, whose page loads nothing."""
    [(tag, attributes)] = Elements(element).found
    assert tag == "iframe"
    assert "allow-same-origin" not in (attributes["sandbox"] or "")
    inside = Elements(attributes["srcdoc"] or "").found
    assert {tag for tag, _ in inside} >= {"html", "body", "script"}
    for tag, attributes in inside:
        assert not attributes.keys() & {"src", "href", "srcset", "data", "action", "poster"}, tag
        assert not any(name.startswith("on") for name in attributes)
    assert not {tag for tag, _ in inside} & {"link", "img", "iframe", "object", "embed", "base"}


@pytest.mark.parametrize("picture", pictures(HOSTILE), ids=lambda picture: picture.name)
def test_a_picture_shows_itself_and_loads_nothing(picture: Picture) -> None:
    assert_self_contained(picture._repr_html_())


def test_what_is_shown_is_said_to_who_cannot_see() -> None:
    for picture in pictures("seen & heard"):
        assert 'aria-label="seen &amp; heard"' in page([picture])


def test_plotly_comes_along_once_and_only_where_there_is_a_chart() -> None:
    chart = pictures("a")[1]
    assert len(page([scene()])) < 250_000
    assert page([chart, chart]).count("Plotly.newPlot(") == page([chart]).count("Plotly.newPlot(")
    assert len(page([chart, chart])) < len(page([chart])) + 2000


def test_the_bundle_is_every_module_once_in_the_order_of_their_imports() -> None:
    text = bundle("player.js", "plotly.js")
    names = re.findall(r'^modules\["([\w.]+)"\] = ', text, re.MULTILINE)
    assert len(names) == len(set(names)) > 10
    assert names.index("common.js") < names.index("playhead.js") < names.index("player.js")
    assert not re.search(r"^(import|export)\b", text, re.MULTILINE)
    for needed in re.findall(r'= modules\["([\w.]+)"\];', text):
        assert needed in names
    assert "</script" not in text.lower()
    assert "<!--" not in text  # after which a browser would not see the end of the script


def test_a_frame_holds_the_page_as_it_is() -> None:
    [(_, attributes)] = Elements(scene()._repr_html_()).found
    assert attributes["srcdoc"] == page([scene()])
    assert html.escape("<") not in page([scene()]).partition("<body>")[0]
