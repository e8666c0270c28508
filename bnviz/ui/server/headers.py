"""What every answer tells the browser to refuse, and a page what it will need."""

from __future__ import annotations

import base64
import hashlib
import os
import re
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
PAGE: Final = Path(streamlit.__file__).parent / "static" / "index.html"


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
    """Our modules, to be fetched beside Streamlit's: one imports the next, so that a browser would find them one after another.

    `charts`: with Plotly.
    """
    modules = [*assets.FOLDER.glob("*.js"), *([assets.PLOTLY] if charts else [])]
    return ", ".join(f"<{assets.url(path.name)}>; rel=modulepreload" for path in sorted(modules))


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
