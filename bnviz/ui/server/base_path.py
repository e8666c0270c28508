"""Brings who asks outside the server's base path into it."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bnviz.ui import assets


class BasePath:
    """Answers a page that was asked for without the base path with where it is.

    So one name for several servers is enough for newcomers: whichever answers leads them to its own path. What is no
    page is left alone.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.base = assets.base_path()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        path: str = scope.get("path", "")
        outside = bool(self.base) and not f"{path}/".startswith(f"{self.base}/")
        if outside and scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", ""):
            query = scope["query_string"].decode("latin-1")
            # A path of two slashes would be the address of another server.
            target = f"{self.base}/{path.lstrip('/')}" + (f"?{query}" if query else "")
            await RedirectResponse(target, headers={"Cache-Control": "no-store"})(scope, receive, send)
        else:
            await self.app(scope, receive, send)
