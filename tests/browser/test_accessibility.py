"""axe finds nothing serious on any page that plain Streamlit does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from bnviz.lessons.course import LESSONS
from tests.browser.conftest import Serve, Visit

PLAIN = Path(__file__).parent / "plain.py"


def serious(page: Page) -> dict[str, list[Any]]:
    """Serious and critical findings: rule → the first offending pieces of HTML."""
    page.wait_for_timeout(1500)
    found = Axe().run(page).response["violations"]
    return {
        rule["id"]: [node["html"][:160] for node in rule["nodes"][:3]]
        for rule in found
        if rule["impact"] in ("serious", "critical")
    }


@pytest.fixture(scope="module")
def streamlits_own(serve: Serve, browser: Any) -> set[str]:
    """What axe finds on a plain Streamlit page."""
    with serve(PLAIN) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("h3")
        found = set(serious(page))
        page.close()
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "?lang=en",
        "cases?lang=en",
        *(
            f"{lesson.name}?lang=en{rest}"
            for lesson in LESSONS
            for rest in ("", "&predict=0", "&predict=0&view=theory")
        ),
    ],
)
def test_nothing_serious_of_our_own(visit: Visit, streamlits_own: set[str], path: str, scheme: str) -> None:
    page = visit(path, color_scheme=scheme)
    ours = serious(page)
    assert {rule: html for rule, html in ours.items() if rule not in streamlits_own} == {}
