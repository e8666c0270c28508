"""One visitor, one slider: from the key press to the painted picture, against a bare app and against st.plotly_chart."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from playwright.sync_api import Page

from benchmarks.browser import blank_page, chrome, press, settle, watch_messages
from benchmarks.report import Bound, Row, number, ratio
from benchmarks.servers import comparison, ours

AGAINST_BARE: Final = Bound(3)
AGAINST_USUAL: Final = Bound(0.4)
MESSAGES: Final = Bound(32, "messages")
LABEL: Final = "Batch size"
START: Final = 2  # a batch of one is an error message, not a picture
PRESSES: Final = 15  # from 2 to 384 samples
TRAINING: Final = "momentum_error"  # the topic of `modes` that trains several networks at every movement
TRAINING_PRESSES: Final = 13  # from 2 to 192 samples: the next is too much work
NO_COLLECTION: Final = "runner.postScriptGC=false"

PAINTED: Final = """[...document.querySelectorAll('[data-digest]')]
    .filter((host) => host.getBoundingClientRect().top < innerHeight).map((host) => host.dataset.paintedDigest).join()"""
TEXT: Final = "document.querySelector('[data-testid=stText]').innerText"
TITLES: Final = "[...document.querySelectorAll('.js-plotly-plot .gtitle')].map((title) => title.textContent).join()"


@dataclass(slots=True)
class Way:
    """One way to show it: a page, what its state is read from, and the milliseconds of all presses so far.

    `cold` presses ask for what was never computed, `warm` ones go back over the same stops (not where nothing is computed).
    """

    page: Page
    url: str
    read: str
    computes: bool
    presses: int = PRESSES
    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)

    def walk(self, seed: int) -> None:
        """Up the slider and down again, on data of a `seed` of its own."""
        self.page.bring_to_front()
        self.page.goto(self.url.format(seed=seed))
        settle(self.page)
        self.page.get_by_role("slider", name=LABEL).focus()
        self.cold += [press(self.page, "ArrowRight", self.read) for _ in range(self.presses)]
        if self.computes:
            self.warm += [press(self.page, "ArrowLeft", self.read) for _ in range(self.presses)]


def measure(quick: bool) -> list[Row]:
    """The rows of the slider; the ways take turns, so that they share what the machine goes through."""
    with ExitStack() as stack:
        servers = (ours(), comparison("bare"), comparison("bare", NO_COLLECTION), comparison("usual"))
        ours_at, bare_at, lean_at, usual_at = (stack.enter_context(server).url for server in servers)
        browser = stack.enter_context(chrome())
        query = f"batch_size={START}&seed={{seed}}"
        training_query = f"predict=0&topic={TRAINING}&{query}"
        our_way, training, bare, lean, usual = ways = (
            Way(blank_page(browser), f"{ours_at}/layer?predict=0&{query}", PAINTED, computes=True),
            Way(
                blank_page(browser),
                f"{ours_at}/modes?{training_query}",
                PAINTED,
                computes=True,
                presses=TRAINING_PRESSES,
            ),
            Way(blank_page(browser), bare_at, TEXT, computes=False),
            Way(blank_page(browser), lean_at, TEXT, computes=False),
            Way(blank_page(browser), f"{usual_at}/?{query}", TITLES, computes=True),
        )
        for seed in range(1, 2 if quick else 4):
            for way in ways:
                way.walk(seed)
        messages = watch_messages(our_way.page)
        press(our_way.page, "ArrowRight", our_way.read)
    what = "slider key press → new picture on `layer`, median, against "
    bare_ms, lean_ms = median(bare.cold), median(lean.cold)
    return [
        _row(what + "a bare app (one slider, one text)", AGAINST_BARE, our_way, bare_ms, bare_ms),
        _row(
            f"the same on `modes`, {TRAINING}, which trains six networks at every movement",
            AGAINST_BARE,
            training,
            bare_ms,
            bare_ms,
        ),
        _row("on `layer` against a bare app with garbage collection off, as ours", None, our_way, lean_ms, lean_ms),
        _row(
            "on `layer` against the same pictures through `st.plotly_chart`",
            AGAINST_USUAL,
            our_way,
            median(usual.cold),
            median(usual.warm),
        ),
        Row("the same: messages from the server for one movement", messages.count, MESSAGES, MESSAGES.unit),
    ]


def _row(what: str, bound: Bound | None, way: Way, cold: float, warm: float) -> Row:
    """`cold` and `warm`: the other way's medians. What was computed anew decides."""
    ours_cold, ours_warm = median(way.cold), median(way.warm)
    detail = (
        f"{number(ours_cold)} ms against {number(cold)} ms over {len(way.cold)} values computed anew; "
        f"computed before: {number(ours_warm)} ms against {number(warm)} ms, {number(ratio(ours_warm, warm))}×"
    )
    return Row(what, ratio(ours_cold, cold), bound, detail=detail)
