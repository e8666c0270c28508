"""Titles of public threads, each with the card that its thread is about: what the search learns from and is tested on.

And Chinese questions, which it only learns from.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

Certainty = Literal["sure", "likely", "guess", ""]


@dataclass(frozen=True, slots=True)
class Title:
    """Of a public thread."""

    text: str
    """Word for word."""
    url: str
    """The thread's address."""
    card: str
    """Name of the case that it is about, decided by what the thread says, before any search was tried."""
    also: str
    """A second case that it is as much about, decided at the same time; empty where there is none or nobody asked."""
    learned: bool
    """Whether the search learns from it; else it only tests the search."""
    guessed: str
    """Name of the case that somebody takes it for who knows the cards and reads nothing but the title; empty where nobody was asked."""
    certainty: Certainty
    """How certain they are."""


@cache
def titles() -> tuple[Title, ...]:
    """All of them."""
    with (Path(__file__).parent / "titles.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Title(
                row["title"],
                row["url"],
                row["card"],
                row["also"],
                row["learned"] == "yes",
                row["guessed"],
                cast("Certainty", row["certainty"]),
            )
            for row in csv.DictReader(file)
        )


@dataclass(frozen=True, slots=True)
class Question:
    """In Chinese, as one asks a search engine; written for this page, since few of the public threads are Chinese."""

    text: str
    card: str
    """Name of the case that it is about."""


@cache
def questions() -> tuple[Question, ...]:
    """All of them."""
    with (Path(__file__).parent / "questions.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Question(row["question"], row["card"]) for row in csv.DictReader(file))
