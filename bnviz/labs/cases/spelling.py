"""Misspelled words: the nearest word that a card, a title or a synonym has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Final

from bnviz.labs.cases.synonyms import IGNORED, SYNONYMS
from bnviz.labs.cases.terms import HUMP, stem
from bnviz.labs.cases.titles import titles

SHORTEST: Final = 4
LONGEST: Final = 24
"""Letters of a word that is corrected, at least and at most."""
NEAR: Final = 0.82
"""A known word is taken for what was meant from this share of common letters on, `difflib`'s ratio: one wrong letter of six."""
LETTERS: Final = re.compile(r"[A-Za-z]+")


def corrected(query: str, said: tuple[str, ...]) -> str:
    """`query` with each word that nobody uses in place of the nearest that somebody does; `said`: what stands on the cards."""
    return LETTERS.sub(lambda word: _nearest(word[0], said), query)


@lru_cache(maxsize=4096)
def _nearest(word: str, said: tuple[str, ...]) -> str:
    """`word`, or the known word that begins as it does and is nearest, where `word` is unknown in every form."""
    words, stems = _known(said)
    parts = HUMP.split(word)
    if (
        not SHORTEST <= len(word) <= LONGEST
        or stem(word) in stems
        or (len(parts) > 1 and all(stem(part) in stems for part in parts))
    ):
        return word
    lower = word.casefold()
    candidates = [known for known in words.get(lower[0], ()) if abs(len(known) - len(lower)) <= 2]
    return next(iter(get_close_matches(lower, candidates, 1, NEAR)), word)


@cache
def _known(said: tuple[str, ...]) -> tuple[Mapping[str, list[str]], frozenset[str]]:
    """All words by their first letters, and the stems of all of them."""
    texts = (
        *said,
        *(title.text for title in titles() if title.learned),
        *(phrase for group in SYNONYMS for phrase in group),
    )
    found = set(IGNORED)
    for text in texts:
        for word in LETTERS.findall(text):
            found |= {word.casefold(), *(part.casefold() for part in HUMP.split(word))}
    words: dict[str, list[str]] = {}
    for word in sorted(found):
        if len(word) >= SHORTEST:
            words.setdefault(word[0], []).append(word)
    return words, frozenset(map(stem, found))
