"""The search for a card: by symptom, pasted traceback, other libraries' words or Chinese, ranked by shared words.

Words count by their stems (Porter's, which SQLite has); a table of synonyms is applied to cards and queries alike.
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
from itertools import chain
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
RUNS: Final = 60
"""Places of a long query, at most about, that a link's words are sought at."""
MOST: Final = 6
"""Cards that a search gives at most."""
CLOSE: Final = 0.4
"""A card is given if it scores at least this share of the best one's score."""

PLACES: Final = {"chief": 1.5, "symptom": 1.2, "words": 1.0, "text": 0.3, "threads": 0.6}
"""What of a card is searched, with the weight of a word found there."""
MEANING: Final = 1.5
"""Weight of a group of synonyms, in that of a word."""
MESSAGED: Final = 2.0
"""Weight of a word of a traceback's last lines, in that of its other words."""
LEARNED: Final = 3.0
"""Weight of a word whose every thread was about one card, in that of a word that one card in twenty contains."""
WORD: Final = re.compile(r"[0-9]+\.[0-9]+|[A-Za-z0-9]+|[\u0370-\u03ff]|[\u4e00-\u9fff]+")
LAYER: Final = re.compile(r",?\s*eps=[\d.e-]+, momentum=[\w.]+, affine=\w+, track_running_stats=\w+")
"""How PyTorch prints a batch norm: its settings are not what a message is about."""
MESSAGE: Final = re.compile(r"^[ \t]*[\w.]*(?:Error|Exception|Warning)\b[^\n]*(?:\n[ \t]+[^\n]*)*", re.MULTILINE)
"""What a traceback ends with, and the indented lines that belong to it."""
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
    alone = _alone().get(query.strip().casefold())
    ranked = sorted(scores, key=lambda number: (number != alone, -scores[number], number))
    return [CASES[number] for number in ranked[:MOST] if number == alone or scores[number] >= CLOSE * best]


def shortened(query: str) -> str:
    """`query` for a link: as it is where it is short, else those words in a row that set its best card off most from the others."""
    if len(query) <= LONGEST_LINK:
        return query
    read = query[:LONGEST_QUERY]
    scores = _scores(read)
    best = min(scores, key=lambda number: (-scores[number], number), default=0)
    words = (" ".join(MESSAGE.findall(read)) or read).split()

    def run(start: int) -> str:
        chosen = words[start]
        for word in words[start + 1 :]:
            if len(chosen) + 1 + len(word) > LONGEST_LINK:
                break
            chosen = f"{chosen} {word}"
        return chosen

    def lead(text: str) -> float:
        scores = _scores(text)
        return scores.pop(best, 0.0) - max(scores.values(), default=0.0)

    runs = [text for text in map(run, range(0, len(words), 1 + len(words) // RUNS)) if len(text) <= LONGEST_LINK]
    return max(runs, key=lead, default=query[:LONGEST_LINK])


@cache
def _alone() -> Mapping[str, int]:
    """The words that, alone, mean a card, in lower case, and its number in CASES."""
    return {
        translator(language)(case.words).split(",")[0].strip().casefold(): number
        for number, case in reversed(list(enumerate(CASES)))
        for language in LANGUAGES
    }


def _scores(query: str) -> dict[int, float]:
    """Score of each card that shares a word with `query`, by its number in CASES: its words' weights, rare words weighing more."""
    scores: dict[int, float] = {}
    message = set(_speaking("\n".join(MESSAGE.findall(query))))
    for term in _speaking(query):
        factor = MESSAGED if term in message else 1.0
        for source in (_weights(term), _learned(term)):
            for number, weight in source.items():
                scores[number] = scores.get(number, 0.0) + factor * weight
    return scores


def _speaking(text: str) -> list[str]:
    """The terms of `text` that say something of a symptom, each once."""
    return [term for term in dict.fromkeys(_terms(text)) if term not in _ignored()]


@cache
def _ignored() -> frozenset[str]:
    """The stems of IGNORED."""
    return frozenset(map(_stem, IGNORED))


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
    found = _index().get(term, {})
    rarity = log((len(CASES) + 1) / (0.5 + sum(min(weight, 1.0) for weight in found.values())))
    factor = rarity * (MEANING if term.startswith("meaning") else 1.0)
    return {number: weight * factor for number, weight in found.items()}


@cache
def _index() -> Mapping[str, Mapping[int, float]]:
    """Of each term, the cards that contain it in any language, by their numbers in CASES, with the largest weight of its places."""
    index: dict[str, dict[int, float]] = {}
    for number, case in enumerate(CASES):
        for text, weight in zip(_texts(case), PLACES.values(), strict=True):
            for term in _terms(text):
                cards = index.setdefault(term, {})
                cards[number] = max(cards.get(number, 0.0), weight)
    return index


def _texts(case: Case) -> tuple[str, ...]:
    """What is searched of a card, in the order of PLACES."""

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
    """The stems of the words of `text`, pairs of Chinese characters, and a term of its own for each group of synonyms that occurs."""
    words = WORD.findall(_plain(text))
    parts = [part for word in words for part in HUMP.split(word)]  # SyncBatchNorm: Sync, Batch, Norm
    for piece in dict.fromkeys((*words, *parts)):
        if HAN.match(piece):
            yield from (piece[start : start + 2] for start in range(max(1, len(piece) - 1)))
        else:
            yield _stem(piece)
    yield from (f"meaning{number}" for number in sorted(_meanings(words) | _meanings(parts)))


def _meanings(words: list[str]) -> set[int]:
    """The groups of synonyms, by their numbers, that have a phrase among `words`: in the same stems, or as one word."""
    phrases, longest, han = _phrases()
    stems, lower = [word if HAN.match(word) else _stem(word) for word in words], [word.casefold() for word in words]
    runs = (
        (start, end) for start in range(len(words)) for end in range(start + 1, min(start + longest, len(words)) + 1)
    )
    keys = chain.from_iterable((" ".join(stems[start:end]), "".join(lower[start:end])) for start, end in runs)
    found = {number for key in keys for number in phrases.get(key, ())}
    joined = _joined(words)
    return found | {number for phrase, number in han if phrase in joined}


@cache
def _phrases() -> tuple[Mapping[str, set[int]], int, tuple[tuple[str, int], ...]]:
    """The groups of each phrase of SYNONYMS, by its stems and as one word; the words of the longest; Chinese ones, each with its group."""
    phrases: dict[str, set[int]] = {}
    han: list[tuple[str, int]] = []
    longest = 0
    for number, phrase in ((number, phrase) for number, group in enumerate(SYNONYMS) for phrase in group):
        words = WORD.findall(_plain(phrase))
        if any(map(HAN.match, words)):
            han.append((_joined(words), number))
            continue
        longest = max(longest, len(words))
        for key in (" ".join(map(_stem, words)), "".join(words).casefold()):
            phrases.setdefault(key, set()).add(number)
    return phrases, longest, tuple(han)


def _plain(text: str) -> str:
    """`text` with one form for each character, and without the settings that a batch norm prints."""
    return LAYER.sub("", unicodedata.normalize("NFKC", text))


def _joined(words: list[str]) -> str:
    """`words` in lower case with a space around each, and none around Chinese, where words have no borders."""
    return "".join(word if HAN.match(word) else f" {word.casefold()} " for word in words)


@lru_cache(maxsize=2**14)
def _stem(word: str) -> str:
    """Porter's stem of an English word, in lower case: that of SQLite's full-text index."""
    database, lock = _stemmer()
    with lock:  # one connection for all sessions
        database.execute("INSERT INTO words VALUES (?)", (word.casefold(),))
        (stems,) = database.execute("SELECT group_concat(term, '') FROM stems").fetchone()
        database.execute("DELETE FROM words")
    return str(stems or word.casefold())


@cache
def _stemmer() -> tuple[sqlite3.Connection, Lock]:
    """A full-text index for one word, and its vocabulary."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute("CREATE VIRTUAL TABLE words USING fts5(word, tokenize = 'porter unicode61')")
    database.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(words, row)")
    return database, Lock()
