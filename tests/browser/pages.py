"""A lab's page as a visitor handles it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, TimeoutError, expect

from bnviz.i18n import Language, translator
from bnviz.teaching.lab import AnyTopic, Lab
from bnviz.ui.lab import VIEW_TITLES

PATIENCE_WITH_LAYOUT: Final = 20_000
Finding = tuple[str, str]
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("dark", "light")
PYTORCHS_OWN: Final = "Expected more than 1 value per channel when training"


def plain(text: str) -> str:
    """What a page shows of a short Markdown text."""
    return re.sub(r"[`*]", "", text)


def segment(page: Page, name: str) -> Locator:
    """The segment `name` of a segmented control, which is a radio or a button by Streamlit's version."""
    return page.get_by_role("radio", name=name, exact=True).or_(page.get_by_role("button", name=name, exact=True)).first


def settled(page: Page) -> Page:
    """Wait until no rerun is under way, every picture is painted, the address is true, and nothing changes its colour any more.

    What was done before must have reached the server: where it may not have, wait for what it does first.
    """
    page.wait_for_function(
        """() => document.querySelector('[data-test-script-state=notRunning]')
              && [...document.querySelectorAll('[data-address]')].every((host) => host.dataset.address === 'shown')
              && [...document.querySelectorAll('[data-digest]')].every((h) => h.dataset.digest === h.dataset.paintedDigest)
              && document.getAnimations().every((a) => a.playState !== 'running' || !(a.effect.getComputedTiming().endTime < 5000))"""
    )
    return page


def ready(page: Page) -> Page:
    """The same, and there is a picture."""
    page.wait_for_function("() => document.querySelectorAll('[data-digest]').length > 0")
    return settled(page)


def in_scheme(page: Page, scheme: Scheme) -> Page:
    """Switch the visitor's system to this colour scheme, and wait until the page has followed."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        "(dark) => Number(getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/)[0]) < 128 === dark",
        arg=scheme == "dark",
    )
    return settled(page)


def painted(page: Page) -> list[str]:
    """The digests of everything that is painted now and can be seen."""
    return list(
        page.evaluate(
            "[...document.querySelectorAll('[data-painted-digest]')].filter((h) => h.checkVisibility())"
            ".map((h) => h.dataset.paintedDigest)"
        )
    )


def go_to(page: Page, lab: Lab, topic: AnyTopic, language: Language = "en") -> None:
    """Choose a topic of the lab that the page shows."""
    _ = translator(language)
    if len(lab.topics) > 1:
        segment(page, _(topic.title)).click()
    expect(page.get_by_role("heading", name=plain(_(topic.question)), level=1)).to_be_visible()


def guess(page: Page, topic: AnyTopic, language: Language = "en") -> None:
    """Answer the prediction."""
    answer = translator(language)(topic.prediction.options[0])
    page.locator(".st-key-prediction").get_by_role("button", name=answer, exact=True).click()
    ready(page)


def choose_view(page: Page, view: str, language: Language = "en") -> None:
    """Look at another view, by its name in the link."""
    name = translator(language)(VIEW_TITLES[view])
    segment(page, name).click()
    expect(segment(page, name)).to_be_checked()
    asks_for(page, "view", "" if view == "picture" else view)
    settled(page)


def asks_for(page: Page, name: str, value: str) -> None:
    """Wait until the address gives `value` for `name`; "": until it says nothing about it."""
    page.wait_for_function(
        "([name, value]) => (new URLSearchParams(location.search).get(name) ?? '') === value", arg=[name, value]
    )


def query(page: Page) -> dict[str, str]:
    """What the address bar says, without the language, once it is true."""
    address = urlsplit(settled(page).url)
    return {name: value for name, value in parse_qsl(address.query) if name != "lang"}


def change(page: Page, act: Callable[..., object], *arguments: object) -> None:
    """Change a setting by `act(*arguments)`, and wait until page and address show it."""
    before = page.evaluate("location.search")
    act(*arguments)
    page.wait_for_function("(before) => location.search !== before", arg=before)
    settled(page)


def resize(page: Page, width: int, height: int) -> Page:
    """Make the window as large."""
    page.set_viewport_size({"width": width, "height": height})
    return page


# The picture has half of the screen's height; what the lower edge cuts of the picture, the controls and the course.
CUT: Final = """() => {
    const edge = innerHeight, cut = ({top, bottom, height}) => height > 0 && top < edge - 3 && bottom > edge + 3;
    const picture = document.querySelector('.st-key-picture [data-digest]').getBoundingClientRect();
    const widgets = document.querySelectorAll('.st-key-controls :is([data-testid=stSlider], [data-testid=stSelectbox], button)');
    const found = [...widgets].filter((node) => cut(node.getBoundingClientRect())).map((node) => node.innerText);
    for (const part of document.querySelectorAll('.st-key-controls, [data-testid=stSidebarNav]')) {
        const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT), words = document.createRange();
        while (texts.nextNode()) {
            const seen = texts.currentNode.parentElement.checkVisibility({opacityProperty: true}); // the ends of a slider's rail are not
            words.selectNode(texts.currentNode);
            if (seen && [...words.getClientRects()].some(cut)) found.push(texts.currentNode.nodeValue);
        }
    }
    const bars = [...document.querySelectorAll('[data-digest]')]
        .flatMap((host) => [...host.shadowRoot.querySelectorAll('.bar, .caption, .foot')])
        .filter((node) => cut(node.getBoundingClientRect())).map((node) => node.className);
    const share = (Math.min(picture.bottom, edge) - picture.top) / edge;
    return [...found, ...bars, ...(share < 0.5 ? [`picture: ${share}`] : [])];
}"""


def cut(page: Page) -> list[str]:
    """What of a lab's first view is not whole on this screen, once there is nothing any more, or after a while."""
    with suppress(TimeoutError):
        page.wait_for_function(f"() => ({CUT})().length === 0", timeout=PATIENCE_WITH_LAYOUT)
    return list(page.evaluate(CUT))


def overhang(page: Page) -> int:
    """CSS pixels by which the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def foreign(page: Page) -> list[str]:
    """English sentences on a Chinese page, but for code and what PyTorch says."""
    text = re.sub(r"\w+Error: [ -~]+", "", page.locator("body").inner_text()).replace(PYTORCHS_OWN, "")
    code = {line for block in page.locator("pre").all_inner_texts() for line in block.splitlines()}
    lines = [line for line in text.splitlines() if re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", line)]
    return [line for line in lines if line not in code]


def kind(html: str) -> str:
    """What kind of element that is: its tag, its test id, its classes without those that Streamlit's compiler made."""
    opening = html[: html.find(">") + 1]
    test_id = re.search(r'data-testid="(\w+)"', opening)
    classes = re.search(r'class="([^"]*)"', opening)
    names = [name for name in classes[1].split() if not re.match(r"st-|e\w{6,}$", name)] if classes else []
    return " ".join([opening[1:].split(maxsplit=1)[0].rstrip(">"), test_id[1] if test_id else "", *sorted(set(names))])


FINDINGS: Final = """([parts, rules]) => axe.run(parts.length ? {include: parts.map((part) => [part])} : document, {
    resultTypes: ["violations"], ...(rules.length ? {runOnly: rules} : {}),
}).then(({violations}) => violations)"""


def violations(page: Page, *parts: str, rules: Collection[str] = ()) -> dict[Finding, str]:
    """Axe's serious and critical findings: rule and kind of element → the HTML of one.

    `parts`: only what these selectors name; `rules`: only these of axe's.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return {
        (rule["id"], kind(node["html"])): node["html"][:160]
        for rule in page.evaluate(FINDINGS, [parts, list(rules)])
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    }


def serious(page: Page, *parts: str) -> dict[Finding, str]:
    """The same in both colour schemes."""
    found: dict[Finding, str] = {}
    for scheme in SCHEMES:
        found |= violations(in_scheme(page, scheme), *parts)
    return found
