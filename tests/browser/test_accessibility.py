"""axe finds nothing serious on any page that plain Streamlit does not have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from bnviz.labs.course import LABS
from bnviz.teaching.lab import Lab
from tests.browser.conftest import Serve, Visit
from tests.browser.pages import choose_view, guess, in_scheme, topics

PLAIN = Path(__file__).parent / "plain.py"


Finding = tuple[str, str]


def kind(html: str) -> str:
    """What kind of element that is: its tag, its test id, its classes without those that Streamlit's compiler made."""
    opening = html[: html.find(">") + 1]
    test_id = re.search(r'data-testid="(\w+)"', opening)
    classes = re.search(r'class="([^"]*)"', opening)
    names = [name for name in classes[1].split() if not re.match(r"st-|e\w{6,}$", name)] if classes else []
    return " ".join([opening[1:].split(maxsplit=1)[0].rstrip(">"), test_id[1] if test_id else "", *sorted(set(names))])


def serious(page: Page) -> dict[Finding, str]:
    """Serious and critical findings in both colour schemes: rule and kind of element → the HTML of one."""
    found: dict[Finding, str] = {}
    for scheme in ("dark", "light"):
        for rule in Axe().run(in_scheme(page, scheme)).response["violations"]:
            if rule["impact"] in ("serious", "critical"):
                found |= {(rule["id"], kind(node["html"])): f"{scheme}: {node['html'][:160]}" for node in rule["nodes"]}
    return found


@pytest.fixture(scope="module")
def streamlits_own(serve: Serve, browser: Browser) -> set[Finding]:
    """What axe finds on a plain Streamlit page."""
    with serve(PLAIN) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("h1")
        found = set(serious(page))
        page.close()
    return found


@pytest.mark.parametrize("path", ["", "cases"])
def test_nothing_serious_on_the_pages_without_a_lab(visit: Visit, streamlits_own: set[Finding], path: str) -> None:
    ours = serious(visit(f"{path}?lang=en"))
    assert {finding: html for finding, html in ours.items() if finding not in streamlits_own} == {}


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_nothing_serious_of_our_own(visit: Visit, streamlits_own: set[Finding], lab: Lab) -> None:
    page = visit(f"{lab.name}?lang=en")
    ours = {}
    for topic in topics(page, lab):
        ours[topic.id, "prediction"] = serious(page)
        guess(page, topic)
        ours[topic.id, "picture"] = serious(page)
        choose_view(page, "Against theory")
        ours[topic.id, "theory"] = serious(page)
        choose_view(page, "Picture")
    assert {
        (place, *finding): html
        for place, found in ours.items()
        for finding, html in found.items()
        if finding not in streamlits_own
    } == {}
