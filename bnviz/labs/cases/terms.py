"""What a text says, in terms that cards and queries share.

Words count by their stems (Porter's, which SQLite has); a table of synonyms is applied to cards and queries alike.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from itertools import chain, pairwise
from threading import Lock
from typing import Final

from bnviz.labs.cases.synonyms import IGNORED, SYNONYMS

GROUP: Final = "meaning"
"""What the term of a group of synonyms begins with."""
WORD: Final = re.compile(r"[0-9]+\.[0-9]+|[A-Za-z0-9]+|[\u0370-\u03ff]|[\u4e00-\u9fff]+")
LAYER: Final = re.compile(r",?\s*eps=[\d.e-]+, momentum=[\w.]+, affine=\w+, track_running_stats=\w+")
"""How PyTorch prints a batch norm: its settings are not what a message is about."""
HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
HAN: Final = re.compile(r"[\u4e00-\u9fff]")
GAP: Final = "…"
"""Stands in a Chinese phrase for words in between."""
WIDEST: Final = 14
"""Characters that GAP stands for at most."""


def speaking(text: str) -> list[str]:
    """The terms of `text` that say something of a symptom, each once."""
    return [term for term in dict.fromkeys(terms(text)) if term not in _ignored()]


@lru_cache(maxsize=512)
def terms(text: str) -> tuple[str, ...]:
    """The stems of the words of `text`, pairs of them in a row and of Chinese characters, and a term for each group of synonyms."""
    words = WORD.findall(_plain(text))
    parts = [part for word in words for part in HUMP.split(word)]  # SyncBatchNorm: Sync, Batch, Norm
    stems = chain.from_iterable(map(_stems, dict.fromkeys((*words, *parts))))
    return (*stems, *_pairs(words), *(f"{GROUP}{number}" for number in sorted(_meanings(words) | _meanings(parts))))


def _pairs(words: list[str]) -> Iterable[str]:
    """Two stems in a row of which one at least says something: "last batch", "batch of"."""
    stems = [stem(word) for word in words if not HAN.match(word)]
    return (f"{first}+{second}" for first, second in pairwise(stems) if not {first, second} <= _ignored())


def _stems(piece: str) -> Iterable[str]:
    """The stem of a word, or the pairs of characters of Chinese."""
    if not HAN.match(piece):
        return [stem(piece)]
    return (piece[start : start + 2] for start in range(max(1, len(piece) - 1)))


@cache
def _ignored() -> frozenset[str]:
    """The stems of IGNORED."""
    return frozenset(map(stem, IGNORED))


def _meanings(words: list[str]) -> set[int]:
    """The groups of synonyms, by their numbers, that have a phrase among `words`: in the same stems, or as one word."""
    phrases, longest, han = _phrases()
    stems, lower = [word if HAN.match(word) else stem(word) for word in words], [word.casefold() for word in words]
    runs = (
        (start, end) for start in range(len(words)) for end in range(start + 1, min(start + longest, len(words)) + 1)
    )
    keys = chain.from_iterable((" ".join(stems[start:end]), "".join(lower[start:end])) for start, end in runs)
    found = {number for key in keys for number in phrases.get(key, ())}
    joined = _joined(words)
    return found | {number for phrase, number in han if phrase.search(joined)}


@cache
def _phrases() -> tuple[Mapping[str, set[int]], int, tuple[tuple[re.Pattern[str], int], ...]]:
    """The groups of each phrase of SYNONYMS, by its stems and as one word; the words of the longest; Chinese ones, each with its group."""
    phrases: dict[str, set[int]] = {}
    han: list[tuple[re.Pattern[str], int]] = []
    longest = 0
    for number, phrase in ((number, phrase) for number, group in enumerate(SYNONYMS) for phrase in group):
        words = WORD.findall(_plain(phrase))
        if any(map(HAN.match, words)):
            parts = (re.escape(_joined(WORD.findall(_plain(part)))) for part in phrase.split(GAP))
            han.append((re.compile(f".{{0,{WIDEST}}}".join(parts)), number))
            continue
        longest = max(longest, len(words))
        for key in (" ".join(map(stem, words)), "".join(words).casefold()):
            phrases.setdefault(key, set()).add(number)
    return phrases, longest, tuple(han)


def _plain(text: str) -> str:
    """`text` with one form for each character, and without the settings that a batch norm prints."""
    return LAYER.sub("", unicodedata.normalize("NFKC", text))


def _joined(words: list[str]) -> str:
    """`words` in lower case with a space around each, and none around Chinese, where words have no borders."""
    return "".join(word if HAN.match(word) else f" {word.casefold()} " for word in words)


@lru_cache(maxsize=2**14)
def stem(word: str) -> str:
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
