"""One Chromium for all browser tests, and the dashboard as a visitor reaches it."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from benchmarks.servers import free_port
from scripts.chromium import FLAGS, find
from tests.browser.pages import Finding, serious
from tests.browser.windows import SIZE, Windows

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


SITE = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All processes of a run visit one dashboard: it computes ten seconds before its first visitor may come."""
    config = node.config
    if SITE not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        config.stash[SITE] = stack.enter_context(started(ROOT / "app.py"))
    node.workerinput["site"] = config.stash[SITE]


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
def started(script: Path) -> Iterator[str]:
    """The address of a Streamlit server that will run `script`, until it is no longer needed."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", script.name, "--server.port", str(port)]
    server = subprocess.Popen(
        [*command, "--server.address", "127.0.0.1", "--server.headless", "true"],
        cwd=script.parent, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield address
    finally:
        server.terminate()
        server.wait(PATIENCE / 1000)


@contextmanager
def serving(script: Path) -> Iterator[str]:
    """The same of a server that answers."""
    with started(script) as address:
        wait_until_healthy(address)
        yield address


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve another script: `with serve(path) as address`."""
    return serving


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Iterator[str]:
    """The dashboard's address, started as `make run` starts it."""
    shared = getattr(request.config, "workerinput", {}).get("site", "")
    if shared:
        wait_until_healthy(shared)
        yield shared
        return
    with serving(ROOT / "app.py") as address:
        yield address


@pytest.fixture(scope="session")
def windows(browser: Browser) -> Windows:
    """Windows that are used again."""
    return Windows(browser, PATIENCE)


@pytest.fixture
def visitor(request: pytest.FixtureRequest, windows: Windows) -> Iterator[Callable[..., Page]]:
    """Another visitor's page, see `Windows.visitors`; a test that fails leaves no window to the next."""
    failed = request.session.testsfailed
    with windows.visitors(lambda: request.session.testsfailed == failed) as new:
        yield new


@pytest.fixture(scope="session")
def streamlits_own(browser: Browser) -> Callable[[], set[Finding]]:
    """What axe finds on a plain Streamlit page; looked at when it is asked for."""

    @functools.cache
    def found() -> set[Finding]:
        with serving(Path(__file__).with_name("plain.py")) as address:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(address)
            page.get_by_test_id("stFileUploader").wait_for()  # its last
            findings = set(serious(page))
            page.close()
        return findings

    return found


@pytest.fixture
def visit(visitor: Callable[..., Page], site: str) -> Iterator[Visit]:
    """Open a page as a new visitor: `visit("layer?predict=0", width=390, height=844, color_scheme="dark")`.

    Whatever a visitor does: nothing is fetched from elsewhere, and nothing is logged as an error.
    """
    unwanted: list[str] = []
    pages: list[Page] = []

    def note(request: Request) -> None:
        if not request.url.startswith((site, "data:", "blob:")):
            unwanted.append(request.url)

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "404" not in message.text:
            unwanted.append(message.text)

    def wrong(error: Error) -> None:
        unwanted.append(str(error))

    def open_page(
        path: str, width: int = SIZE[0], height: int = SIZE[1], *, heading: bool = True, **options: object
    ) -> Page:
        page = visitor(site, (width, height), **options)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site)
        pages.append(page)
        page.on("request", note)
        page.on("console", listen)
        page.on("pageerror", wrong)
        page.goto(f"{site}/{path}")
        if heading:
            page.wait_for_selector("[data-testid='stMarkdownContainer'] h1")
        return page

    yield open_page
    for page in pages:
        page.remove_listener("request", note)
        page.remove_listener("console", listen)
        page.remove_listener("pageerror", wrong)
    assert unwanted == []
