"""A server at whose door more may wait than it takes at once."""

from __future__ import annotations

import socket

import uvicorn

from bnviz.ui.server.sockets import BACKLOG


class Server(uvicorn.Server):
    """Serves the sockets that it is given. asyncio lets as many wait at each as it takes at one turn, `uvicorn.Config.backlog`."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and then let `BACKLOG` wait."""
        await super().startup(sockets)
        for one in sockets or ():
            one.listen(BACKLOG)
