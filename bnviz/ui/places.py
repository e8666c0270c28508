"""How a bounded number of places is shared among addresses, so that no single one of them keeps everybody out."""

from __future__ import annotations

from collections import Counter

from starlette.types import Scope

from bnviz.classroom.limits import network
from bnviz.jobs.shares import fits


def address_of(scope: Scope) -> str:
    """Where a connection comes from, as a trusted proxy tells it; empty where that is not known."""
    client = scope.get("client")
    return client[0] if client else ""


class Places:
    """`most` places."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self._of: Counter[str] = Counter()

    def has_room(self, address: str) -> bool:
        """Whether somebody from `address` would get one."""
        return fits(1, self._of[network(address)], self.taken, self.most)

    def take(self, address: str) -> bool:
        """Take one for somebody from `address`; whether they got it."""
        if not self.has_room(address):
            return False
        self.taken += 1
        self._of[network(address)] += 1
        return True

    def leave(self, address: str) -> None:
        """Give back the place of somebody from `address`."""
        name = network(address)
        self.taken -= 1
        self._of[name] -= 1
        if not self._of[name]:
            del self._of[name]
