"""The search for a card: by symptom, pasted traceback, other libraries' words or Chinese, ranked by shared words.

SQLite's FTS5 (in the standard library) finds and stems words; a table of synonyms is applied to cards and queries alike.
What the cards' own words do not say, titles of public threads do: each word counts for the cards whose threads used it.
"""

from __future__ import annotations

import csv
import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log
from pathlib import Path
from threading import Lock
from typing import Final

from bnviz.i18n import LANGUAGES, translator
from bnviz.labs.cases.case import Case
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.cases.synonyms import IGNORED, SYNONYMS

LONGEST_QUERY: Final = 2000
"""Characters of a query that are read: a traceback."""
LONGEST_LINK: Final = 80
"""Characters of a query that a link carries."""
MOST: Final = 6
"""Cards that a search gives at most."""
CLOSE: Final = 0.4
"""A card is given if it scores at least this share of the best one's score."""

COLUMNS: Final = {"chief": 1.5, "symptom": 1.2, "words": 1.0, "text": 0.3, "threads": 0.6}
"""What of a card is searched, with the weight of a word found there."""
MEANING: Final = 1.5
"""Weight of a group of synonyms, in that of a word."""
LEARNED: Final = 3.0
"""Weight of a word whose every thread was about one card, in that of a word that one card in twenty contains."""
WORD: Final = re.compile(r"[0-9]+\.[0-9]+|[A-Za-z0-9]+|[\u0370-\u03ff]|[\u4e00-\u9fff]+")
HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
HAN: Final = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Title:
    """Of a public thread."""

    text: str
    """Word for word."""
    url: str
    """The thread's address."""
    card: str
    """Name of the case that it is about, decided before any search was tried."""
    learned: bool
    """Whether the search learns from it; else it only tests the search."""


@cache
def titles() -> tuple[Title, ...]:
    """The titles of public threads."""
    with (Path(__file__).parent / "titles.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Title(row["title"], row["url"], row["card"], row["learned"] == "yes") for row in csv.DictReader(file)
        )


def search(query: str) -> list[Case]:
    """The cases that fit `query`, best first, at most MOST; all of them where there is no query, the one that it names."""
    if not query.strip():
        return list(CASES)
    if query in (named := {case.name: case for case in CASES}):
        return [named[query]]
    scores = _scores(query[:LONGEST_QUERY])
    best = max(scores.values(), default=0.0)
    ranked = sorted(scores, key=lambda number: (-scores[number], number))
    return [CASES[number] for number in ranked[:MOST] if scores[number] >= CLOSE * best]


def shortened(query: str) -> str:
    """`query` for a link: as it is where it is short, else those of its words that speak most for its best card, in their order."""
    if len(query) <= LONGEST_LINK:
        return query
    scores = _scores(query[:LONGEST_QUERY])
    best = min(scores, key=lambda number: (-scores[number], number), default=0)
    words = list(dict.fromkeys(re.findall(r"[\w.]+", query[:LONGEST_QUERY])))
    speaks = {word: _scores(word).get(best, 0.0) for word in words}
    chosen: list[str] = []
    for word in sorted((word for word in words if speaks[word]), key=lambda word: -speaks[word]):
        if len(" ".join((*chosen, word))) <= LONGEST_LINK:
            chosen.append(word)
    return " ".join(sorted(chosen, key=words.index)) or query[:LONGEST_LINK]


def _scores(query: str) -> dict[int, float]:
    """Score of each card that shares a word with `query`, by its number in CASES: its words' weights, rare words weighing more."""
    scores: dict[int, float] = {}
    for term in _speaking(query):
        for source in (_weights(term), _learned(term)):
            for number, weight in source.items():
                scores[number] = scores.get(number, 0.0) + weight
    return scores


def _speaking(text: str) -> list[str]:
    """The terms of `text` that say something of a symptom, each once."""
    return [term for term in dict.fromkeys(_terms(text)) if term not in IGNORED]


def _learned(term: str) -> dict[int, float]:
    """What `term` adds to the score of each card by the share of its threads among those with this word.

    One thread more than there are is reckoned with, so that a word that one thread used counts half.
    """
    threads = _threads().get(term, Counter())
    return {number: LEARNED * count / (1 + threads.total()) for number, count in threads.items()}


@cache
def _threads() -> Mapping[str, Counter[int]]:
    """How many learned titles of each card, by its number in CASES, contain a term."""
    numbers = {case.name: number for number, case in enumerate(CASES)}
    counts: dict[str, Counter[int]] = {}
    for title in titles():
        for term in _speaking(title.text) if title.learned else ():
            if HAN.match(term):
                continue  # too few of the threads are Chinese to learn from
            counts.setdefault(term, Counter())[numbers[title.card]] += 1
    return counts


@lru_cache(maxsize=4096)
def _weights(term: str) -> Mapping[int, float]:
    """What `term` adds to the score of each card that contains it: where it stands, times its rarity, log (cards / cards with it)."""
    database, lock = _index()
    found: dict[int, float] = {}
    with lock:  # one connection for all sessions
        for column, weight in COLUMNS.items():
            for (number,) in database.execute("SELECT rowid FROM cards WHERE cards MATCH ?", (f'{column} : "{term}"',)):
                found[number] = max(found.get(number, 0.0), weight)
    rarity = log((len(CASES) + 1) / (0.5 + sum(min(weight, 1.0) for weight in found.values())))
    factor = rarity * (MEANING if term.startswith("meaning") else 1.0)
    return {number: weight * factor for number, weight in found.items()}


@cache
def _index() -> tuple[sqlite3.Connection, Lock]:
    """The full-text index of all cards in all languages."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute(f"CREATE VIRTUAL TABLE cards USING fts5({', '.join(COLUMNS)}, tokenize = 'porter unicode61')")
    for number, case in enumerate(CASES):
        database.execute(
            f"INSERT INTO cards (rowid, {', '.join(COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?)",
            (number, *(" ".join(_terms(text)) for text in _texts(case))),
        )
    return database, Lock()


def _texts(case: Case) -> tuple[str, ...]:
    """What is searched of a card, in the order of COLUMNS."""

    def in_every_language(*messages: str) -> list[str]:
        return [translator(language)(message) for language in LANGUAGES for message in messages]

    words = in_every_language(case.words)
    return (
        " , ".join(text.split(",")[0] for text in words),
        " , ".join(in_every_language(case.symptom)),
        " , ".join(words),
        " , ".join(in_every_language(case.look, case.cause, case.cure)),
        " , ".join(thread.name for thread in case.threads),
    )


def _terms(text: str) -> Iterator[str]:
    """The words of `text`, pairs of Chinese characters, and a term of its own for each group of synonyms that occurs."""
    words = WORD.findall(unicodedata.normalize("NFKC", text))
    parts = [part for word in words for part in HUMP.split(word)]  # SyncBatchNorm: Sync, Batch, Norm
    pieces = [piece.casefold() for piece in dict.fromkeys((*words, *parts))]
    for piece in pieces:
        if HAN.match(piece):
            yield from (piece[start : start + 2] for start in range(max(1, len(piece) - 1)))
        else:
            yield piece
    whole, split = _joined(words), _joined(parts)
    for number, pattern in enumerate(_patterns()):
        if pattern.search(whole) or pattern.search(split):
            yield f"meaning{number}"


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """One expression per group of synonyms, for text joined by `_joined`."""

    def expression(phrase: str) -> str:
        return re.escape(_joined(WORD.findall(unicodedata.normalize("NFKC", phrase))))

    return tuple(re.compile("|".join(map(expression, group))) for group in SYNONYMS)


def _joined(words: list[str]) -> str:
    """`words` in lower case with a space around each, and none around Chinese, where words have no borders."""
    return "".join(word if HAN.match(word) else f" {word.casefold()} " for word in words)
