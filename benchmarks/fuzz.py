"""Send hostile links and files to a server: `python -m benchmarks.fuzz [--count N] [--first SEED] [--minutes M]`.

A fault is an exception on the page or in the log, no answer, more than 2 s of the server's processor time for one input, a text of the
visitor's that the page would read as Markdown, HTML, LaTeX or a link, more memory than a server may take, or a file that is left.
Each is printed with the seed that brings it back: `--first SEED --count 1`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.error import HTTPError

import psutil
from websockets.exceptions import ConnectionClosedError

from benchmarks import hostile
from benchmarks.servers import Server, the_command
from benchmarks.sessions import TIMEOUT_S, Session
from bnviz.jobs.resources import SERVER_BYTES
from bnviz.ui.server.upload_quota import LARGEST

UPLOADS: Final = 0.25
"""Share of the inputs that are files."""
PER_SESSION: Final = 20
"""Inputs of one visitor; a session may send 30 files."""
PROCESSOR_SECONDS: Final = 2.0
MARKDOWN: Final = ("body", "label", "help", "caption", "content", "placeholder")
"""Names of the fields that Streamlit reads as Markdown."""
PLAIN: Final = ("code", "bidi_component", "text_input", "exception", "arrow_data_frame")
"""Elements that show what they get as it is: our own components set `textContent`."""
READ: Final = {
    "a link": re.compile(
        rf"(?<!\\)\[{hostile.MARK}(?<!\\)\]\(|(?i:https?)://{hostile.MARK}|(?i:www)\.{hostile.MARK}|{hostile.MARK}@{hostile.MARK}"
    ),
    "LaTeX": re.compile(rf"(?<!\\)\${hostile.MARK}"),
    "a directive": re.compile(rf"(?<!\\):(?:red\[|material/){hostile.MARK}"),
}
HTML: Final = re.compile(rf"<(?:img src=x onerror={hostile.MARK}|b>{hostile.MARK})")


@dataclass
class Report:
    """What was sent and what came of it."""

    links: int = 0
    files: int = 0
    refused: int = 0
    """Files that the server did not take at all."""
    slowest: float = 0.0
    """Processor seconds of the dearest input."""
    bytes: int = 0
    """Most resident memory of the server."""
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.links + self.files} inputs ({self.links} links, {self.files} files, {self.refused} of them not taken): "
            f"{len(self.faults)} faults; dearest {self.slowest:.2f} s of processor time; at most {self.bytes / 2**20:.0f} MB"
        )


def strings(message: Any) -> Iterator[tuple[str, str]]:
    """(name, text) of every text field in a protobuf message, however deep."""
    for described, content in message.ListFields():
        for part in (
            content if isinstance(content, list) or hasattr(content, "append") or hasattr(content, "add") else [content]
        ):
            if isinstance(part, str):
                yield described.name, part
            elif hasattr(part, "ListFields"):
                yield from strings(part)


def misread(element: Any) -> str:
    """What of the visitor's text `element` would not show as text; empty where all is."""
    kind = element.WhichOneof("type")
    if kind in PLAIN or hostile.MARK.encode() not in element.SerializeToString():
        return ""
    for name, text in strings(element):
        reads_html = kind == "html" or (kind == "markdown" and element.markdown.allow_html)
        if reads_html and HTML.search(text):
            return f"HTML in {kind}: {text[:300]!r}"
        if kind != "html" and name in MARKDOWN:
            for what, pattern in READ.items():
                if pattern.search(re.sub(r"(`+)(?:.|\n)+?\1", "", text)):
                    return f"{what} in {kind}.{name}: {text[:300]!r}"
    return ""


class Fuzzer:
    """One hostile visitor after the other, at `server`."""

    def __init__(self, server: Server, processor_seconds: float = PROCESSOR_SECONDS) -> None:
        self.server = server
        self.report = Report()
        self._bound = processor_seconds
        self._process = psutil.Process(server.pid)
        self._said = 0
        self._session: Session | None = None
        self._seen: list[str] = []

    async def send(self, seed: int) -> None:
        """One input, and what is wrong with the answer."""
        chance, report = Random(seed), self.report
        file = chance.random() < UPLOADS
        page, query, name, content = hostile.upload(chance) if file else ("", "", "", b"")
        if not file:
            page = chance.choice(hostile.PAGES)
            query = hostile.link(chance, page)
        session = await self._visitor(page)
        used = self._used()
        self._seen.clear()
        try:
            await session.wander(page, query)
            if file:
                await session.send_file(name, content)
        except HTTPError:
            report.refused += 1
        except (TimeoutError, KeyError, OSError, ConnectionClosedError) as error:
            if len(content) > LARGEST:  # the server hangs up before it has read so much
                report.refused += 1
            else:
                self._fault(seed, page, query, f"no answer: {error!r}")
            await self._leave()
        spent = self._used() - used
        report.files, report.links = report.files + file, report.links + (not file)
        report.slowest = max(report.slowest, spent)
        report.bytes = max(report.bytes, self._process.memory_info().rss)
        if spent > self._bound:
            self._fault(seed, page, query, f"{spent:.2f} s of processor time")
        for text in [*session.exceptions, *self._seen, *self._log()]:
            self._fault(seed, page, query, text)
        session.exceptions.clear()

    async def close(self) -> None:
        """Leave, and look whether the server is as large as it may be."""
        await self._leave()
        if self.report.bytes > SERVER_BYTES:
            self.report.faults.append(f"{self.report.bytes / 2**20:.0f} MB of memory")

    def _used(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _log(self) -> list[str]:
        """Tracebacks since the last look."""
        with self.server.log.open("rb") as file:
            file.seek(self._said)
            said = file.read()
        self._said += len(said)
        told = said.decode(errors="replace")
        return [told[-3000:]] if "Traceback" in told or "Error" in told else []

    async def _visitor(self, page: str) -> Session:
        """Somebody who is not on `page` already: there a link would change nothing."""
        sent = self.report.links + self.report.files
        if self._session is None or self._session.page == page or sent % PER_SESSION == 0:
            await self._leave()
            self._session = Session(self.server.url, "home", "", on_element=self._look)
            try:
                await self._session.open()
            except TimeoutError:  # it is still busy with the last one: what that was, is told already
                await asyncio.sleep(TIMEOUT_S)
                await self._session.open()
        return self._session

    async def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with suppress(ConnectionClosedError):  # a server with much to do may not say goodbye in time
                await session.close()

    def _look(self, element: Any) -> None:
        if found := misread(element):
            self._seen.append(found)

    def _fault(self, seed: int, page: str, query: str, what: str) -> None:
        self.report.faults.append(what)
        print(f"seed {seed}: /{page}?{query[:600]}\n    {what}", flush=True)


async def fuzz(
    server: Server, seeds: range, seconds: float = inf, processor_seconds: float = PROCESSOR_SECONDS
) -> Report:
    """Send the inputs of all `seeds`, or as many as `seconds` allow, and see what they leave in the server's folder."""
    before = _files(server.log.parent)
    fuzzer, end = Fuzzer(server, processor_seconds), time.monotonic() + seconds
    for number, seed in enumerate(seeds):
        if time.monotonic() > end:
            break
        await fuzzer.send(seed)
        if number % 500 == 499:
            print(fuzzer.report, flush=True)
    await fuzzer.close()
    left = _files(server.log.parent) - before
    fuzzer.report.faults += [f"left behind: {path}" for path in sorted(map(str, left))]
    return fuzzer.report


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def main(arguments: list[str] | None = None) -> int:
    """Print every fault; the exit status says whether there was one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="of inputs (10,000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--minutes", type=float, default=inf, help="stop after so many, whatever the count")
    options = parser.parse_args(arguments)
    seeds = range(options.first, options.first + options.count)
    with tempfile.TemporaryDirectory() as folder, the_command(Path(folder)) as server:
        report = asyncio.run(fuzz(server, seeds, 60 * options.minutes))
    print(report)
    return int(bool(report.faults))


if __name__ == "__main__":
    sys.exit(main())
