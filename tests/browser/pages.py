"""A lab's page as a visitor handles it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from playwright.sync_api import Locator, Page, expect

from bnviz.i18n import Language, translator
from bnviz.teaching.lab import AnyTopic, Lab


def segment(page: Page, name: str) -> Locator:
    """The segment `name` of a segmented control, which is a radio or a button by Streamlit's version."""
    return page.get_by_role("radio", name=name, exact=True).or_(page.get_by_role("button", name=name, exact=True)).first


def settled(page: Page) -> Page:
    """Wait until no rerun is under way, every picture is painted, and nothing changes its colour any more."""
    page.wait_for_function(
        """() => document.querySelector('[data-test-script-state=notRunning]')
              && [...document.querySelectorAll('[data-digest]')].every((h) => h.dataset.digest === h.dataset.paintedDigest)
              && document.getAnimations().every((a) => a.playState !== 'running' || !(a.effect.getComputedTiming().endTime < 5000))"""
    )
    return page


def ready(page: Page) -> Page:
    """The same, and there is a picture."""
    page.wait_for_function("() => document.querySelectorAll('[data-digest]').length > 0")
    return settled(page)


def in_scheme(page: Page, scheme: Literal["light", "dark"]) -> Page:
    """Switch the visitor's system to this colour scheme, and wait until the page has followed."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        "(dark) => Number(getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/)[0]) < 128 === dark",
        arg=scheme == "dark",
    )
    return settled(page)


def painted(page: Page) -> list[str]:
    """The digests of everything that is painted now."""
    return list(
        page.evaluate("[...document.querySelectorAll('[data-painted-digest]')].map((h) => h.dataset.paintedDigest)")
    )


def topics(page: Page, lab: Lab, language: Language = "en") -> Iterator[AnyTopic]:
    """Go through the topics of the lab that the page shows."""
    _ = translator(language)
    for topic in lab.topics:
        if len(lab.topics) > 1:
            segment(page, _(topic.title)).click()
        expect(page.get_by_role("heading", name=_(topic.question)).first).to_be_visible()
        yield topic


def guess(page: Page, topic: AnyTopic) -> None:
    """Answer the prediction."""
    page.locator(".st-key-prediction").get_by_role("button", name=topic.prediction.options[0], exact=True).click()
    ready(page)


def choose_view(page: Page, name: str) -> None:
    """Look at another view."""
    segment(page, name).click()
    expect(segment(page, name)).to_be_checked()
    settled(page)
