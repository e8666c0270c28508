"""Make the pictures of README and docs again: headless Chromium before a server of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from scripts.chromium import FLAGS, find

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs" / "images"
PICTURES: Final = {"layer": "layer?lang=en&predict=0&batch_size=16&step=20"}
"""Link by the picture's name."""
WIDTH: Final = 1280
HEIGHT: Final = 800
MAX_BYTES: Final = 200_000
PATIENCE_MILLISECONDS: Final = 180_000
SETTLED_MILLISECONDS: Final = 2500
"""For fonts and the first frames after the picture stands."""


@contextmanager
def served() -> Iterator[str]:
    """The address of the dashboard, on a port that was free."""
    command = [sys.executable, "-m", "bnviz", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().removeprefix("bnviz: ").strip().rstrip("/")
        finally:
            server.terminate()


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with served() as address, sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=find(), args=list(FLAGS))
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        for name, link in PICTURES.items():
            page.goto(f"{address}/{link}", timeout=PATIENCE_MILLISECONDS)
            page.locator("canvas").first.wait_for(timeout=PATIENCE_MILLISECONDS)
            page.wait_for_timeout(SETTLED_MILLISECONDS)
            path = FOLDER / f"{name}.png"
            page.screenshot(path=path)
            size = path.stat().st_size
            print(f"{path.relative_to(ROOT)}: {size // 1000} kB")
            if size > MAX_BYTES:
                raise SystemExit(f"{path.name} is larger than {MAX_BYTES // 1000} kB")
        chromium.close()


if __name__ == "__main__":
    main()
