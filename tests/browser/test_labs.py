"""Every topic in a real browser, in one walk through its lab: its main path, both languages, a phone, both colour schemes, axe."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import cycle

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from bnviz.i18n import Language, translator
from bnviz.labs.course import LABS, TOPICS
from bnviz.settings import SettingField, fields
from bnviz.teaching.lab import AnyTopic, InstantTopic, Lab
from bnviz.ui.drag import css_name
from bnviz.ui.visit import LANGUAGE_NAMES
from tests.browser.conftest import PHONE, PROJECTOR, XGA, Visit
from tests.browser.pages import (
    Finding,
    Scheme,
    asks_for,
    change,
    choose_view,
    cut,
    foreign,
    go_to,
    guess,
    in_scheme,
    overhang,
    painted,
    plain,
    query,
    ready,
    resize,
    segment,
    serious,
    settled,
    violations,
)

BOTH_WAYS: tuple[tuple[Language, Language], ...] = (("en", "zh"), ("zh", "en"))
BOTH_SCHEMES: tuple[tuple[Scheme, Scheme], ...] = (("light", "dark"), ("dark", "light"))
IN_THE_GATE = ("layer", "averages", "devices")
"""Labs that take the long walk in `make test`, of each kind one: played, live, plotted. The others' main path is there, too."""
DRAWN = (".st-key-picture", ".st-key-below")


def first_slider(topic: AnyTopic) -> tuple[str, str]:
    """Name of the first control that is a slider, the batch size before others, and the key that moves it."""
    described = fields(topic.settings)
    names = sorted(topic.controls, key=lambda name: name != "batch_size")
    name = next(name for name in names if described[name].kind == "number" and topic.applies(topic.opening, name))
    return name, "ArrowRight" if getattr(topic.opening, name) == described[name].parameter.stops[0] else "ArrowLeft"


# Of the words in the pictures those with less than 4.5 : 1 against what they stand on: the page, or the smallest filled shape around them.
FAINT = """() => {
    const root = getComputedStyle(document.querySelector('.stApp')).backgroundColor;
    const light = (css) => css.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ratio = (one, ground) => {
        const [a, b] = [light(one), light(ground)].toSorted((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };
    const filled = (host) => [...host.shadowRoot.querySelectorAll('.shapelayer path')]
        .map((shape) => ({style: getComputedStyle(shape), box: shape.getBoundingClientRect()}))
        .filter(({style}) => style.fill !== 'none' && Number(style.fillOpacity) * Number(style.opacity) > 0.9)
        .toSorted((a, b) => a.box.width * a.box.height - b.box.width * b.box.height);
    const ground = (text, shapes) => {
        const {x, y, width, height} = text.getBoundingClientRect();
        const [across, up] = [x + width / 2, y + height / 2];
        return shapes.find(({box}) => box.left <= across && across <= box.right && box.top <= up && up <= box.bottom)?.style.fill ?? root;
    };
    const seen = [...document.querySelectorAll('[data-digest]')].flatMap((host) => {
        const shapes = filled(host);
        return [...host.shadowRoot.querySelectorAll('svg text')].filter((text) => text.textContent.trim())
            .map((text) => [text.textContent, getComputedStyle(text).fill, ground(text, shapes)]);
    });
    return [...seen, ...[...window.__texts.values()].map(([text, color]) => [text, color, root])]
        .filter(([, color, on]) => ratio(color, on) < 4.5).map(([text, color, on]) => `${text}: ${color} on ${on}`);
}"""
# The words that canvases write from now on, each in the colour that it had last.
RECORD = """() => {
    window.__texts = new Map();
    const draw = CanvasRenderingContext2D.prototype.fillText;
    const probe = document.createElement('span');
    document.body.append(probe);
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        probe.style.color = this.fillStyle;
        window.__texts.set(`${text} ${this.font}`, [text, getComputedStyle(probe).color]);
        return draw.call(this, text, ...rest);
    };
}"""
WRITTEN = """() => window.__texts.size > 0
    || ![...document.querySelectorAll('[data-digest]')].some((host) => host.shadowRoot.querySelector('.stage canvas'))"""


def faint(page: Page) -> list[str]:
    """The words of `FAINT`, once there are none any more, or after a while."""
    with suppress(TimeoutError):
        page.wait_for_function(f"() => ({WRITTEN})() && ({FAINT})().length === 0")
    return list(page.evaluate(FAINT))


def look(page: Page, schemes: Sequence[Scheme], *, whole: bool) -> dict[Finding, str]:
    """In both colour schemes, from the one that the page is in: every word in a picture can be read; what axe finds in the
    pictures, or on the `whole` page.

    What hangs on the scheme is the contrast: the other rules are asked in one of them.
    """
    found: dict[Finding, str] = {}
    here, there = schemes
    for scheme in schemes:
        if scheme == there:
            page.evaluate("window.__texts.clear()")
        assert faint(in_scheme(page, scheme)) == [], scheme
        rules = ("color-contrast",) if scheme == here else ()
        found |= violations(page, *(() if whole and scheme == there else DRAWN), rules=rules)
    return found


# Whether Pin, Back, Reset and Share stand in a row in which nothing else does.
ALONE = """() => {
    const {top: head, bottom: foot} = document.querySelector(".st-key-tools").getBoundingClientRect();
    const tools = (head + foot) / 2;
    return ![...document.querySelectorAll('.st-key-tries button, .st-key-head h1')].some((node) => {
        const {top, bottom} = node.getBoundingClientRect();
        return top < tools && tools < bottom;
    });
}"""


def fits_a_projector(page: Page) -> None:
    """At first sight the picture has half of the screen, and the lower edge cuts nothing, though a guess has been judged."""
    for size in (XGA, PROJECTOR):
        assert cut(settled(resize(page, *size))) == [], size
        assert not page.evaluate(ALONE), size


def fits_a_phone(page: Page) -> None:
    """The picture comes before the controls, and nothing sticks out."""
    settled(resize(page, *PHONE)).get_by_test_id("stMain").evaluate("(main) => main.scrollTo(0, 0)")
    assert overhang(page) <= 0
    picture = page.locator("[data-painted-digest]").first.bounding_box()
    controls = page.locator(".st-key-controls").bounding_box()
    assert page.get_by_role("slider").locator("visible=true").count() > 0
    assert picture is not None
    assert controls is not None
    assert picture["y"] < controls["y"]
    resize(page, *PROJECTOR)


def widget(page: Page, topic: AnyTopic, name: str, language: Language) -> Locator:
    """The widget of a setting."""
    return page.locator(f".st-key-{css_name(f'{topic.id}:{name}:{language}')}")


FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def touch(page: Page, here: Locator, field: SettingField, value: object) -> None:
    """Make the widget `here` say something else than `value`."""
    if field.kind == "number" and field.parameter.stops:
        key = "ArrowRight" if value == field.parameter.stops[0] else "ArrowLeft"
        change(page, here.get_by_role("slider").press, key)
    elif field.kind == "number":
        here.get_by_role("spinbutton").fill(str(int(str(value)) + 1))
        change(page, here.get_by_role("spinbutton").press, "Enter")
    elif field.kind == "bool":
        change(page, here.locator("label").first.click)
    elif field.kind == "values":
        change(page, here.locator("button:not([kind$=Active]):not([aria-label])").last.click)
    else:
        other = next(n for n, choice in enumerate(field.choices) if choice not in (value, "upload"))
        if here.get_by_role("combobox").count():
            here.scroll_into_view_if_needed()
            page.evaluate(FRAMES)  # scrolling would close the list
            here.get_by_role("combobox").click()
            change(page, page.get_by_role("option").nth(other).click)
        else:
            change(page, here.get_by_role("radio").or_(here.locator("button[kind^=segmented]")).nth(other).click)


def kinds(topic: AnyTopic) -> dict[str, str]:
    """Of every kind of widget that `topic` has, under "More" too, the name of a setting."""
    described = fields(topic.settings)
    found: dict[str, str] = {}
    for name in (*topic.controls, *topic.more):
        if topic.applies(topic.opening, name):
            found.setdefault(described[name].kind + ("" if described[name].parameter.stops else " typed"), name)
    return found


def touch_all(page: Page, topic: AnyTopic, names: Collection[str], language: Language) -> list[str]:
    """Change these settings but for those that the others put to rest; which were changed."""
    described = fields(topic.settings)
    if set(names) & set(topic.more):
        page.locator(f".st-key-{css_name(f'{topic.id}:more')} label").first.click()
        expect(widget(page, topic, topic.more[-1], language)).to_be_visible()
    touched = []
    for name in sorted(names, key=lambda name: described[name].kind == "choice"):  # which puts most to rest
        here = widget(page, topic, name, language)
        if here.locator(":disabled").count() == 0:
            touch(page, here, described[name], getattr(topic.opening, name))
            touched.append(name)
    return touched


SAID = """() => JSON.stringify([...document.querySelectorAll('.st-key-controls input')].filter((one) => one.type !== 'text')
    .map((one) => one.type === 'checkbox' ? one.checked : one.value))"""


def kinds_that_are_new() -> dict[str, list[str]]:
    """By topic, the settings whose kind of widget no topic before it in the course has."""
    known: set[str] = set()
    new: dict[str, list[str]] = {}
    for topic in TOPICS:
        found = kinds(topic)
        new[topic.id] = [name for kind, name in found.items() if kind not in known]
        known |= found.keys()
    return new


NEW_KINDS = kinds_that_are_new()


def follows_a_slider(page: Page, topic: AnyTopic, language: Language) -> str:
    """Move the first slider: the picture of an instant topic is another one. Returns the setting's name."""
    before = painted(page)
    name, key = first_slider(topic)
    change(page, widget(page, topic, name, language).get_by_role("slider").press, key)
    if isinstance(topic, InstantTopic):  # the others wait for "Run"
        after = painted(page)
        assert len(after) >= len(before)  # what stands below the fold may have come later
        assert any(old != new for old, new in zip(before, after, strict=False))
    return name


def switch(page: Page, topic: AnyTopic, language: Language) -> None:
    """To the other language and nothing else: settings, controls and view stay."""
    before, said = query(page), page.evaluate(SAID)
    segment(page, LANGUAGE_NAMES[language]).click()
    asks_for(page, "lang", language)
    question = plain(translator(language)(topic.question))
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if language == "zh" else "en")
    expect(page.get_by_role("heading", name=question, level=1)).to_be_visible()
    assert query(page) == before
    page.wait_for_function(f"(said) => ({SAID})() === said", arg=said)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def keeps_what_was_changed(page: Page, topic: AnyTopic, languages: tuple[Language, Language]) -> None:
    """Through the other language and back, in another view where there is one."""
    here = languages[-1]
    if isinstance(topic, InstantTopic):  # another run of the others is not known yet
        choose_view(page, "formula", here)
    for language in languages:
        switch(page, topic, language)
    if isinstance(topic, InstantTopic):
        choose_view(page, "picture", here)


@pytest.mark.parametrize(
    "lab",
    [pytest.param(lab, id=lab.name, marks=[] if lab.name in IN_THE_GATE else pytest.mark.pages) for lab in LABS],
)
def test_a_guess_brings_a_picture_for_all_that_follows_a_slider_and_both_languages_keep_everything(
    visit: Visit, streamlits_own: Callable[[], set[Finding]], lab: Lab
) -> None:
    """Each topic is entered in the language and the colours in which the one before was left."""
    page = visit(f"{lab.name}?lang=en", reduced_motion="reduce")
    page.evaluate(RECORD)
    found: dict[tuple[str, ...], str] = {}
    for topic, (language, other), schemes in zip(lab.topics, cycle(BOTH_WAYS), cycle(BOTH_SCHEMES), strict=False):
        go_to(page, lab, topic, language)
        expect(page.get_by_text(plain(translator(language)(topic.prediction.question)))).to_be_visible()
        assert painted(page) == []  # nothing of the question before
        if lab is LABS[0]:  # the others ask in the same way
            settled(page).evaluate(
                "document.querySelector('.st-key-picture').insertAdjacentHTML('beforeend',"
                " '<i id=late data-digest=x data-painted-digest=x>late</i>')"
            )
            # Nor is what comes late seen beside it.
            page.wait_for_function("() => !(document.getElementById('late') ?? document.body).checkVisibility()")
            page.evaluate("document.getElementById('late').remove()")
            found |= {("prediction", *finding): html for finding, html in serious(settled(page)).items()}
        page.evaluate("window.__texts.clear()")
        guess(page, topic, language)
        first = topic is lab.topics[0]
        seen = look(page, schemes, whole=first)
        found |= {(topic.id, *finding): html for finding, html in seen.items()}
        fits_a_projector(page)
        fits_a_phone(page)
        for one in (language, other):
            if one == other:
                switch(page, topic, other)
            if one == "zh":
                assert foreign(ready(page)) == []
        if first:
            choose_view(page, "theory", other)
            found |= {("theory", *finding): html for finding, html in violations(page, *DRAWN).items()}
            choose_view(page, "picture", other)
        changed = {follows_a_slider(page, topic, other), *touch_all(page, topic, NEW_KINDS[topic.id], other)}
        if NEW_KINDS[topic.id]:
            keeps_what_was_changed(page, topic, (language, other))
        assert set(query(page)) >= changed
        change(page, page.get_by_role("button", name=translator(other)("Reset"), exact=True).click)
        assert not set(query(page)) & changed  # the next topic shares what this one set
    if found:
        own = streamlits_own()
        assert {place: html for place, html in found.items() if place[1:] not in own} == {}


@pytest.mark.parametrize("lab", [pytest.param(lab, id=lab.name) for lab in LABS if lab.name not in IN_THE_GATE])
def test_a_guess_brings_a_picture_that_follows_a_slider_in_both_languages(visit: Visit, lab: Lab) -> None:
    """The main path of every topic, without colours, phone and what axe finds: of the labs whose long walk is not in the gate."""
    page = visit(f"{lab.name}?lang=en", reduced_motion="reduce")
    for topic, (language, other) in zip(lab.topics, cycle(BOTH_WAYS), strict=False):
        go_to(page, lab, topic, language)
        expect(page.get_by_text(plain(translator(language)(topic.prediction.question)))).to_be_visible()
        assert painted(page) == []  # nothing of the question before
        guess(page, topic, language)
        assert painted(page)
        fits_a_projector(page)
        changed = follows_a_slider(page, topic, language)
        assert changed in query(page)
        for one in (language, other):
            if one == other:
                switch(page, topic, other)
            if one == "zh":
                assert foreign(settled(page)) == []  # a live topic has no picture of what was not run
        change(page, page.get_by_role("button", name=translator(other)("Reset"), exact=True).click)
        assert changed not in query(page)


def test_the_course_beside_the_page_is_in_its_language(visit: Visit) -> None:
    sidebar = visit("layer?predict=0&lang=zh").get_by_test_id("stSidebarNav")
    for lab in LABS:
        expect(sidebar.get_by_text(translator("zh")(lab.title), exact=True)).to_be_visible()
