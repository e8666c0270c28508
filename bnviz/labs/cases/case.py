"""What a card is: symptom, public threads, one-click reproduction, cause, cure, and the number to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from bnviz.i18n import N_

Family = Literal["modes", "statistics", "batch", "copies", "porting", "errors", "design"]
Kind = Literal["wrong", "right"]

FAMILIES: Final[Mapping[Family, str]] = {
    "modes": N_("Training and evaluation differ"),
    "statistics": N_("Running statistics go astray"),
    "batch": N_("What is in the batch"),
    "copies": N_("Copies, averages and devices"),
    "porting": N_("Porting, precision and export"),
    "errors": N_("Error messages"),
    "design": N_("Architecture and optimizer"),
}
"""The families of cards in the order of the page, with their titles (msgids)."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A public report."""

    name: str
    """Repository and number, as `pytorch/pytorch #5406`."""
    url: str
    """Its address."""


@dataclass(frozen=True, slots=True)
class Link:
    """A state of a lab."""

    kind: Kind
    """Whether the lab shows the problem there, or what the cure makes of it."""
    lab: str
    """Name of the lab, as in its address."""
    query: Mapping[str, str]
    """Settings as a link spells them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The number to look at."""

    wrong: float
    """As reported."""
    cured: float
    """After the cure."""


@dataclass(frozen=True, slots=True)
class Case:
    """One problem. Every text is a msgid."""

    name: str
    """Identifier: the name of the file that holds the card."""
    family: Family
    """Where the page lists it."""
    symptom: str
    """What one sees, in the words that people use."""
    words: str
    """Words by which it is searched for, separated by commas: first the one that, alone, means this card."""
    threads: tuple[Thread, ...]
    """Public reports of the problem, at least one."""
    look: str
    """The number that `reproduce` returns: what it is, as reported and after the cure."""
    cause: str
    """Why it happens."""
    cure: str
    """What helps."""
    reproduce: Callable[[], Measured]
    """The problem in the small: a few milliseconds of PyTorch, drawn from generators of its own."""
    common: bool = False
    """Whether many report it: such cards head their family."""
    links: tuple[Link, ...] = ()
    """States of labs that show it; empty where no lab does."""


def github(repository: str, number: int, kind: Literal["issues", "pull"] = "issues") -> Thread:
    """An issue or pull request on GitHub."""
    return Thread(f"{repository} #{number}", f"https://github.com/{repository}/{kind}/{number}")


def wrong(lab: str, **query: str) -> Link:
    """A state that shows the problem."""
    return Link("wrong", lab, query)


def right(lab: str, **query: str) -> Link:
    """A state that shows the cure."""
    return Link("right", lab, query)
