"""Whose pages may talk to this server: its own."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config

SAFE: Final = ("GET", "HEAD", "OPTIONS")
POLICY_VIOLATION: Final = 1008


def own_hosts(scope: Scope) -> set[str]:
    """The names (and ports) under which the one who asks reached this server.

    A proxy may have put its own name into Host; the visitor's is then in X-Forwarded-Host, which no page can set for
    a WebSocket.
    """
    headers = Headers(scope=scope)
    named = (headers.get("host", ""), headers.get("x-forwarded-host", "").split(",")[0].strip())
    return {host for host in named if host}


def is_own(origin: str, scope: Scope) -> bool:
    """Whether a page of `origin` is one of ours, or one that `server.corsAllowedOrigins` names."""
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return host in own_hosts(scope) or origin in config.get_option("server.corsAllowedOrigins")


class SameOrigin:
    """Refuses WebSockets and changes that come from the page of another site.

    Streamlit refuses them as well, but before it does it asks the internet for its own address, and every visitor waits.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        origin = Headers(scope=scope).get("origin") if scope["type"] in {"http", "websocket"} else None
        if origin is None or (scope["type"] == "http" and scope["method"] in SAFE):
            await self.app(scope, receive, send)
        elif is_own(origin, scope):
            await self.app(_reached_as(urlsplit(origin).netloc, scope), receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the wish to connect
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await PlainTextResponse("foreign origin", status_code=403)(scope, receive, send)


def _reached_as(host: str, scope: Scope) -> Scope:
    """`scope` with the Host that the visitor's browser knows: where they differ, Streamlit would look for itself (see above)."""
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "headers": [*others, (b"host", host.encode("latin-1", "replace"))]}
