"""What every answer tells the browser to refuse, and a page what it will need."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, get_type_hints

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bnviz.labs import course
from bnviz.plot.chart import Chart
from bnviz.ui import assets

FRAME_ANCESTORS: Final = "BNVIZ_FRAME_ANCESTORS"
"""Environment variable: which sites may show the dashboard in a frame, as in the policy itself (`'self' https://moodle.school.edu`)."""
STATIC: Final = Path(streamlit.__file__).parent / "static"
PAGE: Final = STATIC / "index.html"
PARTS: Final = ("BidiComponent", "Html", "Selectbox", "Slider")
"""Streamlit's elements on a lab's first screen that bring much code; the browser would ask for it once the script has answered."""
SMALL_BYTES: Final = 8000
"""A module of Streamlit's that is smaller is not named: it is fetched, beside others, by what imports it."""
LINK_BYTES: Final = 3000
"""Of the header that names modules, at most: nginx refuses answers whose headers are longer than 4 kB, if it is not told otherwise."""


@cache
def content_security_policy(frame_ancestors: str) -> str:
    """As strict as Streamlit 1.67 runs under, with the one inline script of its page by its digest."""
    inline = re.findall(r"<script>(.*?)</script>", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    digests = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inline]
    policy = {
        "default-src": "'none'",
        "script-src": " ".join(["'self'", "blob:", *digests]),  # components load their JavaScript from a blob
        "style-src": "'self' 'unsafe-inline'",  # emotion writes its style sheets as it goes
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": frame_ancestors,
    }
    return "; ".join(f"{name} {value}" for name, value in policy.items())


def frame_ancestors() -> str:
    """What the environment says, as one directive whatever it says; by default nobody but the server itself."""
    ancestors = re.sub(r"[^!-~ ]|[;,]", "", os.environ.get(FRAME_ANCESTORS, "")).strip()
    return ancestors or "'self'"


@cache
def preloaded(*, charts: bool) -> str:
    """The modules of a page, to be fetched beside those that it names itself: a browser would find them one after another.

    `charts`: with Plotly. The largest of ours come first.
    """
    ours = [*assets.FOLDER.glob("*.js"), *([assets.PLOTLY] if charts else [])]
    named = ""
    ours.sort(key=lambda path: (-path.stat().st_size, path))
    for url in (*(assets.url(path.name) for path in ours), *streamlit_modules()):
        link = f"<{url}>; rel=modulepreload"
        if len(named) + len(link) + 2 <= LINK_BYTES:
            named += f", {link}" if named else link
    return named


@cache
def streamlit_modules() -> tuple[str, ...]:
    """Addresses of the modules that `PARTS` consist of, but for those that Streamlit's page names itself and small ones."""
    manifest = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))

    def files(keys: Iterable[str], found: dict[str, None]) -> dict[str, None]:
        for key in keys:
            file = manifest[key]["file"]
            if file not in found:
                found[file] = None
                files(manifest[key].get("imports", ()), found)
        return found

    parts = [key for key, entry in manifest.items() if entry.get("isDynamicEntry") and entry.get("name") in PARTS]
    itself = files(["index.html"], {})
    return tuple(
        f"{assets.base_path()}/{file}"
        for file in files(parts, {})
        if file not in itself and (STATIC / file).stat().st_size >= SMALL_BYTES
    )


@cache
def pages_with_charts() -> frozenset[str]:
    """The names of the labs that draw with Plotly."""
    pictures = ((topic.lab, draw) for topic in course.TOPICS for draw in topic.pictures)
    return frozenset(lab for lab, draw in pictures if get_type_hints(draw)["return"] is Chart)


class SecurityHeaders:
    """Adds them to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.headers = {
            "Content-Security-Policy": content_security_policy(frame_ancestors()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.headers)
                if message["status"] == 304 or headers.get("content-type", "").startswith("text/html"):
                    charts = scope["path"].rstrip("/").rpartition("/")[2] in pages_with_charts()
                    headers["Link"] = preloaded(
                        charts=charts
                    )  # a page that a browser kept may be older than the modules
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)
