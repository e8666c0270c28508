"""Find the Chromium that browser tests and benchmarks drive.

`--install` fetches Debian's, and a Chinese font, where there is none.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Background networking would hang on machines without a way out, and a container's root needs --no-sandbox.
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """The path of a Chromium: `$CHROMIUM`, else one on the PATH, else the one Playwright downloaded, else None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    return next((path for name in NAMES if (path := shutil.which(name))), None) or _downloaded_by_playwright()


def _downloaded_by_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def has_chinese_font() -> bool:
    """Whether fontconfig knows a font that covers Chinese; without one every Chinese character is drawn as a box."""
    try:
        fonts = subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return bool(fonts.stdout.strip())


def install_missing() -> None:
    """Install Debian's packages for whatever is missing. Raises CalledProcessError when that is not possible."""
    packages = [] if find() else ["chromium"]
    if not has_chinese_font():
        packages += ["fontconfig", "fonts-noto-cjk"]
    if packages:
        subprocess.run([Path(__file__).with_name("apt_install.sh"), *packages], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="install Debian's packages for what is missing")
    if parser.parse_args().install:
        try:
            install_missing()
        except subprocess.CalledProcessError as error:
            return error.returncode
    path = find()
    if path is None:
        print("No Chromium found: install one, or set CHROMIUM to its path.", file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
