"""Under which names this server may be reached.

Whoever owns a name can let it lead to a visitor's own computer (DNS rebinding): their page is then, to the browser, a page of the server
there, and may talk to it. It cannot say a name that it is not reached by, nor, to a WebSocket, that it comes by a proxy.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bnviz.i18n import N_, choose_language, translator

HOSTS: Final = "BNVIZ_HOSTS"
"""Environment variable: the names under which the server is reached, besides localhost, this machine's own and plain addresses."""
LONGEST_NAME: Final = 253
POLICY_VIOLATION: Final = 1008

UNKNOWN: Final = N_("This server does not go by the name {name}. If it should, its operator starts it with {setting}.")

log = logging.getLogger(__name__)


def named() -> frozenset[str]:
    """The names that the environment says."""
    return frozenset(filter(None, re.split(r"[,\s]+", os.environ.get(HOSTS, "").lower())))


def asked_for(scope: Scope) -> str:
    """The name, without a port, under which a visitor reached this server; empty where they say none, which no browser does."""
    headers = Headers(scope=scope)
    host = headers.get("x-forwarded-host", "").split(",")[0].strip() or headers.get("host", "")
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:  # brackets without an address
        return host[:LONGEST_NAME]


def is_known(scope: Scope) -> bool:
    """Whether the name that is asked for is one of this server's.

    Where none was told, any is that comes over the network or by a proxy: what leads there is not for us to know. To this machine
    itself only `localhost` and the like lead.
    """
    name = asked_for(scope)
    own = socket.gethostname().lower()
    if name in {"", "localhost", own, f"{own}.local"} or name.endswith(".localhost") or _is_address(name):
        return True
    return name in named() if named() else not _arrives_within(scope) or _comes_by_proxy(scope)


def _is_address(name: str) -> bool:
    """An address is where it says; no name service has a say in it."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _arrives_within(scope: Scope) -> bool:
    """Whether the connection comes from this machine to one of its loopback addresses."""
    address, _ = scope.get("server") or ("", None)
    try:
        return ip_address(address).is_loopback
    except ValueError:  # not known, or the path of a socket
        return False


def _comes_by_proxy(scope: Scope) -> bool:
    return any(name in {b"forwarded", b"via"} or name.startswith(b"x-forwarded-") for name, _ in scope["headers"])


class KnownHosts:
    """Refuses, with a sentence, whoever asks for this server under a name that is not its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] not in {"http", "websocket"} or is_known(scope):
            await self.app(scope, receive, send)
            return
        name = asked_for(scope)[:LONGEST_NAME]
        log.warning(
            "asked for under the name %r; start the server with %s=%r if it is one of its own", name, HOSTS, name
        )
        if scope["type"] == "websocket":
            await receive()  # the wish to connect
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        _ = translator(choose_language(None, Headers(scope=scope).get("accept-language", "")[:2]))
        told = _(UNKNOWN).format(name=name, setting=f"{HOSTS}={name}")
        await PlainTextResponse(told, 403, {"Cache-Control": "no-store"})(scope, receive, send)
