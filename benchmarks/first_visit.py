"""The first visit with an empty cache: bytes on the wire against an empty app with one Plotly chart, and the wait."""

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
        chart: list[Visit] = []
        pages: dict[str, list[Visit]] = {name: [] for name in PAGES}
        for _ in range(1 if quick else 3):
            chart.append(_visit(browser, reference_wire, ""))
            for name, found in pages.items():
                found.append(_visit(browser, wire, f"{name}?predict=0"))
    size, seconds = median(visit.size for visit in chart), median(visit.seconds for visit in chart)
    return [_bytes_row(name, median(visit.size for visit in found), size) for name, found in pages.items()] + [
        _wait_row(name, median(visit.seconds for visit in found), seconds) for name, found in pages.items()
    ]


def _bytes_row(name: str, size: float, reference: float) -> Row:
    detail = f"{number(size / 1e6)} MB against {number(reference / 1e6)} MB"
    return Row(
        f"first visit of `{name}`: bytes on the wire against an app with one chart",
        ratio(size, reference),
        BYTES,
        detail=detail,
    )


def _wait_row(name: str, seconds: float, reference: float) -> Row:
    return Row(
        f"first visit of `{name}`: until the screen stands, against an app with one chart",
        ratio(seconds, reference),
        AS_SOON,
        detail=f"{milliseconds(seconds)} against {milliseconds(reference)}",
    )


def _visit(browser: Browser, wire: Wire, path: str) -> Visit:
    page = blank_page(browser)
    before = wire.received
    page.goto(f"{wire.url}/{path}", wait_until="domcontentloaded")
    seconds = settle(page)
    page.context.close()
    return Visit(wire.received - before, seconds)
