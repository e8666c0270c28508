"""The bounds of a class, and what holds a flood back."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Final

HOUR: Final = 3600.0
MAX_OPTIONS: Final = 6
LONGEST_TEXT: Final = 400
LONGEST_ANSWER: Final = 40
LONGEST_TIMER: Final = 3 * 3600
LONGEST_FRAME: Final = 16 * 1024
MAX_SETTINGS: Final = 60
LONGEST_SETTING: Final = 200


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` at once, and `per_second` on average."""

    burst: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server offers. The defaults carry ten classes of sixty with room to spare."""

    classes: int = 20
    """At the same time."""
    students: int = 200
    """Of one class, counted by browser."""
    screens: int = 4
    """Connections of one student: a phone that comes back may be counted twice for a while."""
    teachers: int = 8
    """Connections with the teacher's secret of one class."""
    addresses: int = 10_000
    """Of which the wrong guesses are remembered."""
    without_teacher: float = 3 * HOUR
    """Seconds after which a class ends that its teacher has left."""
    unused: float = HOUR / 6
    """Seconds after which a class that nobody has joined and whose teacher is away gives way to a new one on a full server."""
    away: float = HOUR / 12
    """Seconds after which a student who has voted and is gone gives way to a new one in a full class. One who has not does at once:
    else one phone that takes seat after seat would keep everybody out."""
    guesses: Rate = Rate(20, 6 / 60)
    """Wrong codes and secrets per address. A school has one address, so that only wrong ones count. See `test_codes.py` for what
    this leaves to somebody who guesses for three hours."""
    starts: Rate = Rate(10, 1 / 60)
    """New classes per address."""
    student: Rate = Rate(10, 5)
    """Messages of one student, over all their connections."""
    teacher: Rate = Rate(40, 20)
    """Messages of one teacher's connection."""
    flood: int = 50
    """Messages in a row that come too fast, after which the connection is closed."""


@dataclass(slots=True)
class Bucket:
    """A token bucket: it holds what may still be done at once, and fills up with time."""

    rate: Rate
    filled_at: float
    """Seconds on the clock of `take`."""
    content: float = field(init=False)

    def __post_init__(self) -> None:
        self.content = self.rate.burst

    def wait(self, now: float) -> float:
        """Seconds until one more may be done; 0: now."""
        self.content = min(self.rate.burst, self.content + (now - self.filled_at) * self.rate.per_second)
        self.filled_at = now
        return 0.0 if self.content >= 1 else (1 - self.content) / self.rate.per_second

    def take(self, now: float) -> float:
        """Do one now, if it may be done; the seconds to wait otherwise."""
        seconds = self.wait(now)
        if not seconds:
            self.content -= 1
        return seconds


class Buckets:
    """One bucket for each address, for at most `most` addresses: the one that was quiet longest is forgotten first."""

    def __init__(self, rate: Rate, most: int) -> None:
        self.rate = rate
        self.most = most
        self._of: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def wait(self, address: str, now: float) -> float:
        """Seconds until one more may come from `address`; 0: now."""
        bucket = self._of.get(network(address))
        return bucket.wait(now) if bucket else 0.0

    def take(self, address: str, now: float) -> float:
        """Count one from `address`, if it may come; the seconds to wait otherwise."""
        name = network(address)
        bucket = self._of.setdefault(name, Bucket(self.rate, now))
        self._of.move_to_end(name)
        if len(self._of) > self.most:
            self._of.popitem(last=False)
        return bucket.take(now)


def network(address: str) -> str:
    """What counts as one visitor: an IPv4 address, or the /64 that every IPv6 connection has for itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
