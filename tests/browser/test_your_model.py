"""The page "Your model" as a visitor handles it, and a file that another process writes while the page is looked at."""

from __future__ import annotations

import re
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bnviz.inspect import example
from tests.browser.conftest import Serve, Visit
from tests.browser.pages import ready, settled

ROOT = Path(__file__).parents[2]
PATIENCE = 120
WRITER = """
import sys
import torch
from bnviz.inspect import watch
from tests.inspect.models import net, trained
model = net()
optimizer = torch.optim.SGD(model.parameters(), 0.05)
with watch(model, sys.argv[1], optimizer=optimizer, budget=1e9):
    for line in sys.stdin:
        trained(model, int(line), optimizer=optimizer)
        print("written", flush=True)
"""

SERVER = """
import os
from pathlib import Path
import streamlit as st
from bnviz.ui import recordings
from bnviz.ui.server.application import FRAME, surroundings
recordings.follow(Path(os.environ["FOLLOWED"]))
app = st.App(FRAME, **surroundings(lambda: ()))
"""


def test_find_the_faults_then_click_a_layer_and_play_it(visit: Visit) -> None:
    page = ready(visit("your_model?lang=en"))
    expect(page.get_by_test_id("stExpander")).to_have_count(0)
    for layer in example.PLANTED:
        page.locator(".st-key-prediction").get_by_role("button", name=layer, exact=True).click()
        settled(page)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("You found 3 of 3.")).to_be_visible()
    ready(page)
    expect(page.get_by_role("img", name=re.compile("Findings marked: 1 block6.norm"))).to_be_visible()
    plot = page.locator(".st-key-picture .js-plotly-plot")
    box = plot.evaluate(
        "(plot) => { const at = plot.getBoundingClientRect(), { xaxis: x, yaxis: y } = plot._fullLayout;"
        " return { x: at.left + x._offset + x.d2p(100), y: at.top + y._offset + y.d2p(3) }; }"
    )
    page.mouse.click(box["x"], box["y"])
    expect(page.get_by_role("heading", name="block3.norm")).to_be_visible()
    expect(page).to_have_url(re.compile(r"layer=block3\.norm&step=\d+"))
    expect(page.get_by_text(re.compile(r"Channel by channel, in the snapshot of step \d+"))).to_be_visible()
    settled(page)
    scrub = page.get_by_label("Position in the run")
    assert int(scrub.input_value()) == 100
    page.get_by_role("button", name="One step forward").click()
    expect(scrub).to_have_value("101")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Report (HTML)").click()
    report = saved.value.path().read_text(encoding="utf-8")
    assert "eval_while_training" in report
    assert f"{page.url.split('/your_model')[0]}/modes" in report


@pytest.mark.parametrize("size", [(390, 844), (844, 390)])
def test_it_fits_a_phone(visit: Visit, size: tuple[int, int]) -> None:
    page = ready(visit("your_model?lang=zh&predict=0", *size))
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    expect(page.locator(".st-key-picture [data-digest]")).to_be_in_viewport()


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A process of ours until it is no longer needed."""
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:  # a server with workers, on a busy machine
            process.kill()
            process.wait()


def line(process: subprocess.Popen[str]) -> str:
    """The next line that it prints."""
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], PATIENCE)[0]
    return process.stdout.readline().strip()


def test_the_page_follows_a_training_in_another_process(
    browser: Browser, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, script = tmp_path / "run.bnviz", tmp_path / "app.py"
    script.write_text(SERVER, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("FOLLOWED", str(path))
    with serve(script) as address, started("-c", WRITER, str(path)) as writer:
        assert writer.stdin is not None
        page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en-US")
        page.goto(f"{address}/your_model?lang=en")
        seen = 0
        for steps in (20, 30, 50):
            writer.stdin.write(f"{steps}\n")
            writer.stdin.flush()
            assert line(writer) == "written"
            seen += steps
            expect(page.get_by_text(f"optimizer steps {seen},")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("The training has not finished.")).to_be_visible()
        settled(page)
        scrub = page.get_by_label("Position in the run")
        expect(scrub).to_have_value(scrub.get_attribute("max") or "")  # who stands on the newest step is taken along
        writer.stdin.close()
        expect(page.get_by_text("The training has not finished.")).to_have_count(0, timeout=60_000)
        page.close()
