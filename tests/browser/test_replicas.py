"""Two servers behind nginx: a page whose server dies goes on at the other, with what was set."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from benchmarks.servers import free_port
from tests.browser.conftest import ROOT, wait_until_healthy
from tests.deploy.nginx import needs_nginx, proxy


@contextmanager
def replica(name: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server below /`name`."""
    command = [sys.executable, "-m", "bnviz", "--address", "127.0.0.1", "--port", str(port), "--base-path", f"/{name}"]
    server = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "BNVIZ_WORKERS": "1"}, stdout=subprocess.DEVNULL
    )
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}/{name}")
        yield server
    finally:
        server.terminate()
        server.wait(120)


@pytest.mark.pages
@needs_nginx
def test_a_page_goes_on_at_the_other_server_when_its_own_is_killed(browser: Browser, tmp_path: Path) -> None:
    ports = {"r1": free_port(), "r2": free_port()}
    with (
        replica("r1", ports["r1"]) as first,
        replica("r2", ports["r2"]),
        proxy(tmp_path, ports) as address,
        browser.new_context(locale="en-US") as visitor,
    ):
        with urllib.request.urlopen(f"{address}/?embed=false") as answer:
            assert re.fullmatch(rf"{address}/r[12]/\?embed=false", answer.url)
        page = visitor.new_page()
        page.goto(f"{address}/r1/layer?predict=0&batch_size=8")
        slider = page.get_by_role("slider", name="Batch size")
        expect(slider).to_have_attribute("aria-valuetext", "8")
        slider.press("ArrowRight")
        expect(page).to_have_url(re.compile("batch_size=12"))
        first.kill()
        expect(page).to_have_url(re.compile(rf"^{address}/r2/layer\?.*batch_size=12"))
        expect(page.get_by_role("slider", name="Batch size")).to_have_attribute("aria-valuetext", "12")
        expect(page.locator(".st-key-picture [data-digest]").first).to_be_visible()
