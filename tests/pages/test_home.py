"""The home page: the whole course in its order, a door for a problem, and a light picture that plays by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bnviz.i18n import translator
from bnviz.labs.course import COURSE, LABS
from bnviz.labs.layer.experiment import run
from bnviz.labs.layer.figures.glimpse import glimpse
from bnviz.ui import player
from bnviz.ui.home import EXAMPLES, GLIMPSE
from tests.pages.test_pages import open_page, words

MAX_BYTES = 60_000


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_course_stands_in_its_order_with_numbers_and_the_labs_own_questions(language: Any) -> None:
    page, _ = open_page("home", lang=language), translator(language)
    assert not page.exception
    told = words(page)
    place = 0
    for chapter in COURSE:
        for text in (chapter.title, *(lab.question for lab in chapter.labs)):
            place = told.index(_(text), place) + 1  # raises ValueError where it does not stand behind the one before
    labels = [link.proto.label for link in page.get("page_link")]
    numbered = [label for label in labels if label.startswith("**")]
    assert numbered == [f"**{number} · {_(lab.title)}**" for number, lab in enumerate(LABS, start=1)]
    assert {_(example) for example in EXAMPLES} < set(labels)


def test_a_search_leads_to_the_problems() -> None:
    page = open_page("home", lang="en")
    page.text_input(key="home:q").set_value("frozen").run()
    assert not page.exception
    assert "pytorch/issues/86590" in words(page)
    assert page.session_state["visit"].search == "frozen"
    page.switch_page("../../pages/home.py").run()
    assert page.text_input(key="home:q").value == ""
    page.text_input(key="home:q").set_value("NaN").run()
    assert page.session_state["visit"].search == "NaN"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_is_light_and_plays_by_itself(language: Any) -> None:
    scene = glimpse(run(GLIMPSE), language)
    content = player.ready(scene, "home", language).content(0)
    assert len(content) <= MAX_BYTES
    assert scene.ambient
    assert b'"autoplay":true,"loop":true,"compact":true' in content
    page = open_page("home", lang=language)
    assert len(page.get("plotly_chart")) == 0


def test_the_picture_shows_what_it_says() -> None:
    """What comes in walks across the axis that both share; what leaves batch norm stays on 0."""
    result = run(GLIMPSE)
    before, after = glimpse(result).rows[0].panels
    assert (before.x, before.y) == (after.x, after.y)
    mean = before.markers[0].values
    assert mean[0] < -1.5
    assert mean[-1] > 1.5
    assert np.abs(after.markers[0].values).max() < 1e-3
    for panel, stage in ((before, "input"), (after, "normalized")):
        assert np.array_equal(panel.layers[0].values, result.stages[stage].density()[:, 0])
        assert panel.x.low <= panel.edges[0] < panel.edges[-1] <= panel.x.high


def test_pictures_of_labs_do_not_start_by_themselves() -> None:
    layer = next(lab for lab in LABS if lab.name == "layer").topics[0]
    scene: Any = layer.pictures[0](layer.compute(layer.opening), "en")
    assert b'"autoplay":false,"loop":false' in player.ready(scene, "layer", "en").content(0)
