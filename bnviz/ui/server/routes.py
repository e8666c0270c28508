"""Our own addresses, below the server's base path: JavaScript, QR codes of links, long runs as they go, pictures, classes."""

from __future__ import annotations

import io
import re
from typing import Final
from urllib.parse import urlsplit

import segno
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from bnviz.ui import assets, broadcast, classroom_route, pictures_route, share
from bnviz.ui.server.limits import most_visitors
from bnviz.ui.server.origin import own_hosts

FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
LONGEST_LINK: Final = 1500
"""In bytes: what one QR code holds so that a phone at the back of a room reads it."""


async def _asset(request: Request) -> Response:
    path = assets.files().get(request.path_params["name"])
    if path is None:
        return Response(status_code=404)
    return FileResponse(path, media_type="text/javascript", headers=FOR_EVER)


async def _qr_code(request: Request) -> Response:
    """The QR code of a link to this server, drawn when a visitor opens the Share panel."""
    link = request.query_params.get("link", "")
    if len(link.encode(errors="replace")) > LONGEST_LINK or not _leads_here(link, request):
        return Response(status_code=400)
    image = io.BytesIO()
    await to_thread.run_sync(lambda: segno.make(link, error="l").save(image, kind="svg", scale=4, border=2))
    return Response(image.getvalue(), media_type="image/svg+xml", headers=FOR_EVER)


def _leads_here(link: str, request: Request) -> bool:
    hosts = own_hosts(request.scope)
    try:
        parts = urlsplit(link)
        hosts |= {_reachable(host) for host in hosts if urlsplit(f"//{host}").hostname in share.LOOPBACK}
    except ValueError:  # brackets without an address, letters that are a slash in disguise
        return False
    return parts.scheme in {"http", "https"} and parts.netloc in hosts and link.isprintable()


def _reachable(host: str) -> str:
    """What the Share panel writes instead of `host` where that leads nobody but this computer here; else `host`."""
    address = share.reachable_address()
    return re.sub(r"^(\[.*\]|[^:]*)", address, host, count=1) if address else host


async def _not_found(request: Request) -> Response:
    """What is not there: an asset of an earlier version too, for which Streamlit would answer with a page."""
    return Response(status_code=404)


def routes() -> list[BaseRoute]:
    """In the order in which they are tried. A visitor's page has one connection to each of ours at most."""
    most = most_visitors()
    path = assets.base_path() + assets.mount_path()
    return [
        Route(f"{path}/qr.svg", _qr_code),
        broadcast.route(path, most),
        pictures_route.route(path, most),
        classroom_route.route(f"{assets.base_path()}/{assets.ROOT}"),
        Route(f"{path}/{{name}}", _asset),
        Route(f"{assets.base_path()}/{assets.ROOT}/{{rest:path}}", _not_found),
    ]
