"""One Chromium for all browser tests, and the dashboard as a visitor reaches it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from benchmarks.servers import free_port
from scripts.chromium import FLAGS, find
from tests.browser.pages import Finding, serious

Visit = Callable[..., Page]
Serve = Callable[[Path], AbstractContextManager[str]]
ROOT = Path(__file__).parents[2]
PATIENCE = 90_000  # ms that anything may take on a busy machine; nothing is asserted about time
LONGEST_TEST = 900  # s, against 240 for tests without a browser
PROJECTOR, XGA, PHONE, SIDEWAYS = (1280, 720), (1024, 768), (390, 844), (844, 390)
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever a browser does may take long on a busy machine."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(LONGEST_TEST))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=find(), args=list(FLAGS))
        yield chromium
        chromium.close()


def wait_until_healthy(address: str) -> None:
    """Return when the server at `address` answers; fail the test if it never does."""
    for _ in range(4 * PATIENCE // 1000):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
        except OSError:
            time.sleep(0.25)
        else:
            return
    pytest.fail(f"nothing was served at {address}")


@contextmanager
def serving(script: Path) -> Iterator[str]:
    """The address of a Streamlit server that runs `script`, until it is no longer needed."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", script.name, "--server.port", str(port)]
    server = subprocess.Popen(
        [*command, "--server.address", "127.0.0.1", "--server.headless", "true"],
        cwd=script.parent, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until_healthy(address)
        yield address
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve another script: `with serve(path) as address`."""
    return serving


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The dashboard's address, started as `make run` starts it."""
    with serving(ROOT / "app.py") as address:
        yield address


@pytest.fixture(scope="session")
def streamlits_own(browser: Browser) -> set[Finding]:
    """What axe finds on a plain Streamlit page."""
    with serving(Path(__file__).with_name("plain.py")) as address:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        page.get_by_test_id("stFileUploader").wait_for()  # its last
        found = set(serious(page))
        page.close()
    return found


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Visit]:
    """Open a page as a new visitor: `visit("layer?predict=0", width=390, height=844, color_scheme="dark")`.

    Whatever a visitor does: nothing is fetched from elsewhere, and nothing is logged as an error.
    """
    contexts: list[BrowserContext] = []
    unwanted: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((site, "data:", "blob:")):
            unwanted.append(request.url)

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "404" not in message.text:
            unwanted.append(message.text)

    def open_page(path: str, width: int = 1280, height: int = 720, *, heading: bool = True, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-US", **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
        contexts.append(context)
        page = context.new_page()
        page.on("request", note)
        page.on("console", listen)
        page.on("pageerror", lambda error: unwanted.append(str(error)))
        page.goto(f"{site}/{path}")
        if heading:
            page.wait_for_selector("[data-testid='stMarkdownContainer'] h1")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert unwanted == []
