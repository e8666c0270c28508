"""The search for a card: by symptom, pasted traceback, other libraries' words or Chinese, ranked by shared words.

SQLite's FTS5 (in the standard library) stems English and ranks by BM25; a table of synonyms is applied to cards and queries alike.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from functools import cache
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
CLOSE: Final = 0.35
"""A card is given if it scores at least this share of the best one's score."""

COLUMNS: Final = {"symptom": 3.0, "words": 3.0, "text": 0.6, "threads": 1.0}
"""What of a card is searched, with the weight of a word found there."""
PIECE: Final = re.compile(r"[a-z0-9]+|[\u0370-\u03ff]|[\u4e00-\u9fff]+")
HAN: Final = re.compile(r"[\u4e00-\u9fff]")


def search(query: str) -> list[Case]:
    """The cards that fit `query`, best first, at most MOST; all of them where there is no query."""
    if not query.strip():
        return list(CASES)
    scores = _scores(query[:LONGEST_QUERY])
    best = max(scores.values(), default=0.0)
    return [CASES[number] for number, score in list(scores.items())[:MOST] if score >= CLOSE * best]


def shortened(query: str) -> str:
    """`query` for a link: as it is where it is short, else its rarest words that cards know, in their order."""
    if len(query) <= LONGEST_LINK:
        return query
    words = list(dict.fromkeys(re.findall(r"[\w.]+", query[:LONGEST_QUERY])))
    known = {word: max(_scores(word).values(), default=0.0) for word in words}
    chosen: list[str] = []
    for word in sorted((word for word in words if known[word]), key=lambda word: -known[word]):
        if sum(map(len, chosen)) + len(chosen) + len(word) <= LONGEST_LINK:
            chosen.append(word)
    return " ".join(sorted(chosen, key=words.index)) or query[:LONGEST_LINK]


def _scores(query: str) -> dict[int, float]:
    """Score of each card that shares a word with `query`, by its number in CASES, highest first."""
    terms = list(dict.fromkeys(term for term in _terms(query) if term not in IGNORED))
    if not terms:
        return {}
    weights = ", ".join(str(weight) for weight in COLUMNS.values())
    statement = f"SELECT rowid, -bm25(cards, {weights}) AS score FROM cards WHERE cards MATCH ? ORDER BY score DESC, rowid"
    database, lock = _index()
    with lock:  # one connection for all sessions
        return dict(database.execute(statement, (" OR ".join(f'"{term}"' for term in terms),)))


@cache
def _index() -> tuple[sqlite3.Connection, Lock]:
    """The full-text index of all cards in all languages."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute(f"CREATE VIRTUAL TABLE cards USING fts5({', '.join(COLUMNS)}, tokenize = 'porter unicode61')")
    for number, case in enumerate(CASES):
        database.execute(
            "INSERT INTO cards (rowid, symptom, words, text, threads) VALUES (?, ?, ?, ?, ?)",
            (number, *(" ".join(_terms(text)) for text in _texts(case))),
        )
    return database, Lock()


def _texts(case: Case) -> tuple[str, str, str, str]:
    """What is searched of a card, in the order of COLUMNS."""

    def in_every_language(*messages: str) -> str:
        return " , ".join(translator(language)(message) for language in LANGUAGES for message in messages)

    threads = " , ".join(thread.name for thread in case.threads)
    return (
        in_every_language(case.symptom),
        in_every_language(case.words),
        in_every_language(case.look, case.cause, case.cure),
        threads,
    )


def _terms(text: str) -> Iterator[str]:
    """The words of `text`, pairs of Chinese characters, and a term of its own for each group of synonyms that occurs."""
    pieces = PIECE.findall(unicodedata.normalize("NFKC", text).casefold())
    for piece in pieces:
        if HAN.match(piece):
            yield from (piece[start : start + 2] for start in range(max(1, len(piece) - 1)))
        else:
            yield piece
    joined = _joined(pieces)
    for number, pattern in enumerate(_patterns()):
        if pattern.search(joined):
            yield f"meaning{number}"


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """One expression per group of synonyms, for text joined by `_joined`."""
    return tuple(
        re.compile("|".join(re.escape(_joined(PIECE.findall(unicodedata.normalize("NFKC", phrase).casefold()))) for phrase in group))
        for group in SYNONYMS
    )


def _joined(pieces: list[str]) -> str:
    """`pieces` with a space around each word and none around Chinese, where words have no borders."""
    return "".join(piece if HAN.match(piece) else f" {piece} " for piece in pieces)
