"""The first visit with an empty cache: bytes on the wire against an app with one Plotly chart, and the wait, here and on slow Wi-Fi."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

from playwright.sync_api import Browser

from benchmarks.browser import blank_page, chrome, settle
from benchmarks.report import Bound, Row, milliseconds, number, ratio
from benchmarks.servers import comparison, ours
from benchmarks.wire import Wire, counted

BYTES: Final = Bound(0.3)
AS_SOON: Final = Bound(1)
WIFI: Final = {"offline": False, "latency": 40, "downloadThroughput": 1.25e6, "uploadThroughput": 1.25e6}
"""10 Mbit/s, 40 ms (bytes per second, milliseconds), as Chromium's DevTools slow a page down."""
PAGES: Final = ("layer", "running_stats", "gradient_flow")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: bytes received, and seconds until the screen stayed as it was; charts below it are drawn when that is done."""

    size: int
    seconds: float


def measure(quick: bool) -> list[Row]:
    """Every page of ours against the comparison; they take turns, so that they share what the machine goes through."""
    with (
        ours() as server,
        comparison("one_chart") as reference,
        counted(server.url) as wire,
        counted(reference.url) as reference_wire,
        chrome() as browser,
    ):
        found = {(name, slowly): list[Visit]() for name in ("", *PAGES) for slowly in (False, True)}
        for _ in range(1 if quick else 3):
            for (name, slowly), seen in found.items():
                path, through = (f"{name}?predict=0", wire) if name else ("", reference_wire)
                seen.append(_visit(browser, through, path, slowly=slowly))
    size, seconds = (
        {key: median(getattr(visit, what) for visit in seen) for key, seen in found.items()}
        for what in ("size", "seconds")
    )
    return [
        *(_bytes_row(name, size[name, False], size["", False]) for name in PAGES),
        *(_wait_row(name, seconds[name, False], seconds["", False], "") for name in PAGES),
        *(_wait_row(name, seconds[name, True], seconds["", True], " at 10 Mbit/s and 40 ms") for name in PAGES),
    ]


def _bytes_row(name: str, size: float, reference: float) -> Row:
    detail = f"{number(size / 1e6)} MB against {number(reference / 1e6)} MB"
    return Row(
        f"first visit of `{name}`: bytes on the wire against an app with one chart",
        ratio(size, reference),
        BYTES,
        detail=detail,
    )


def _wait_row(name: str, seconds: float, reference: float, where: str) -> Row:
    return Row(
        f"first visit of `{name}`{where}: until the screen stands, against an app with one chart",
        ratio(seconds, reference),
        AS_SOON,
        detail=f"{milliseconds(seconds)} against {milliseconds(reference)}",
    )


def _visit(browser: Browser, wire: Wire, path: str, *, slowly: bool) -> Visit:
    page = blank_page(browser)
    if slowly:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", WIFI)
    before = wire.received
    page.goto(f"{wire.url}/{path}", wait_until="domcontentloaded")
    seconds = settle(page)
    page.context.close()
    return Visit(wire.received - before, seconds)
