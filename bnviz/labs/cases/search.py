"""The search for a card: by symptom, pasted traceback, other libraries' words or Chinese, ranked by shared words.

What the cards' own words do not say, titles of public threads do: see `votes`. A library's error message that means one card
brings it first, whatever else is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache, lru_cache
from math import log
from typing import Final

from bnviz.i18n import LANGUAGES, translator
from bnviz.labs.cases.case import FAMILIES, Case
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.cases.errors_of_libraries import card_of_message
from bnviz.labs.cases.spelling import corrected
from bnviz.labs.cases.terms import GROUP, speaking, terms
from bnviz.labs.cases.titles import titles
from bnviz.labs.cases.votes import MEANING, PLACES, texts, votes

LONGEST_QUERY: Final = 2000
"""Characters of a query that are read: a traceback."""
LONGEST_LINK: Final = 80
"""Characters of a query that a link carries."""
RUNS: Final = 60
"""Places of a long query, at most about, that a link's words are sought at."""
MOST: Final = 6
"""Cards that a search gives at most."""
CLOSE: Final = 0.25
"""A card is given if it scores at least this share of the best one's score."""

MESSAGED: Final = 2.0
"""Weight of a word of a traceback's last lines, in that of its other words."""
LEARNED: Final = 36.0
"""Weight of the votes, in that of a word that one card in three contains."""
SUBJECT: Final = re.compile(
    r"\bbn\b|norm|(?:请问|关于)?批?量?(?:归一化|标准化|规范化)层?(?:的|有)?(?:问题|怎么用|如何使用)?", re.IGNORECASE
)
"""What every case is about; the words beside it count as they do anywhere, and in Chinese these do not."""
MESSAGE: Final = re.compile(r"^[ \t]*[\w.]*(?:Error|Exception|Warning)\b[^\n]*(?:\n[ \t]+[^\n]*)*", re.MULTILINE)
"""What a traceback ends with, and the indented lines that belong to it."""


def search(query: str) -> list[Case]:
    """The cases that fit `query`, best first, at most MOST; all of them where there is no query, the one that it names.

    Where it says nothing but what every case is about, of each family the one that most threads report.
    """
    if not query.strip():
        return list(CASES)
    if query in (named := {case.name: case for case in CASES}):
        return [named[query]]
    if names_no_symptom(query):
        return most_reported()
    return _with_first(_ranked(query), card_of_message(query[:LONGEST_QUERY]))


def _with_first(cases: list[Case], name: str) -> list[Case]:
    """`cases`, the one of this name before all others."""
    return [*(case for case in CASES if case.name == name), *(case for case in cases if case.name != name)][:MOST]


def _ranked(query: str) -> list[Case]:
    """The cases that fit the words of `query`, best first."""
    scores = _scores(query[:LONGEST_QUERY])
    best = max(scores.values(), default=0.0)
    if (alone := _alone().get(query.strip().casefold())) is not None:
        scores.setdefault(alone, 0.0)  # of words without a term of their own
    ranked = sorted(scores, key=lambda number: (number != alone, -scores[number], number))
    return [CASES[number] for number in ranked[:MOST] if number == alone or scores[number] >= CLOSE * best]


def names_no_symptom(query: str) -> bool:
    """Whether `query` says nothing but what every case is about: "batchnorm issue"."""
    read = query[:LONGEST_QUERY]
    if not SUBJECT.search(read := corrected(read, _said())) or query.strip().casefold() in _alone():
        return False
    return not speaking(read) or not speaking(SUBJECT.sub(" ", read))


def most_reported() -> list[Case]:
    """Of each family, in their order, the case that most threads are about; MOST of them.

    Counted beside them is what a reader took titles for that say hardly anything: what such words mean most often.
    """
    guessed = (title.guessed for title in titles() if title.certainty == "guess")
    reports = Counter(title.card for title in titles()) + Counter(guessed)
    best: dict[str, Case] = {}
    for case in sorted(CASES, key=lambda case: -reports[case.name]):
        best.setdefault(case.family, case)
    return [best[family] for family in FAMILIES][:MOST]


def shortened(query: str) -> str:
    """`query` for a link: as it is where it is short, else those words in a row that set its best card off most from the others."""
    if len(query) <= LONGEST_LINK:
        return query
    read = query[:LONGEST_QUERY]
    scores = _scores(read)
    named = card_of_message(read)
    best = min(scores, key=lambda number: (CASES[number].name != named, -scores[number], number), default=0)
    words = (" ".join(MESSAGE.findall(read)) or read).split()

    def run(start: int) -> str:
        chosen = words[start]
        for word in words[start + 1 :]:
            if len(chosen) + 1 + len(word) > LONGEST_LINK:
                break
            chosen = f"{chosen} {word}"
        return chosen

    def lead(text: str) -> tuple[bool, float]:
        scores = _scores(text)
        return card_of_message(text) == named, scores.pop(best, 0.0) - max(scores.values(), default=0.0)

    runs = [text for text in map(run, range(0, len(words), 1 + len(words) // RUNS)) if len(text) <= LONGEST_LINK]
    return max(runs, key=lead, default=query[:LONGEST_LINK])


@cache
def _alone() -> Mapping[str, int]:
    """The words that, alone, mean a card, in lower case, and its number in CASES: its first ones, and those that no other has."""
    chief: dict[str, int] = {}
    having: dict[str, set[int]] = {}
    for number, case in enumerate(CASES):
        for language in LANGUAGES:
            words = [words.strip().casefold() for words in translator(language)(case.words).split(",")]
            chief.setdefault(words[0], number)
            for each in words:
                having.setdefault(each, set()).add(number)
    return {words: number for words, (number, *others) in having.items() if not others} | chief


def _scores(query: str) -> dict[int, float]:
    """Score of each card that `query` speaks for, by its number in CASES: by what stands on it, and by the votes."""
    query = corrected(query, _said())
    message = set(speaking("\n".join(MESSAGE.findall(query))))
    said = {term: MESSAGED if term in message else 1.0 for term in speaking(query)}
    scores = LEARNED * votes(said)
    for term, factor in said.items():
        for number, weight in _weights(term).items():
            scores[number] += factor * weight
    return {number: float(score) for number, score in enumerate(scores) if score > 0}


@cache
def _said() -> tuple[str, ...]:
    """Everything that stands on the cards."""
    return tuple(text for case in CASES for text in texts(case))


@lru_cache(maxsize=4096)
def _weights(term: str) -> Mapping[int, float]:
    """What `term` adds to the score of each card that contains it: where it stands, times its rarity, log (cards / cards with it)."""
    found = _index().get(term, {})
    rarity = log((len(CASES) + 1) / (0.5 + sum(min(weight, 1.0) for weight in found.values())))
    factor = rarity * (MEANING if term.startswith(GROUP) else 1.0)
    return {number: weight * factor for number, weight in found.items()}


@cache
def _index() -> Mapping[str, Mapping[int, float]]:
    """Of each term, the cards that contain it in any language, by their numbers in CASES, with the largest weight of its places."""
    index: dict[str, dict[int, float]] = {}
    for number, case in enumerate(CASES):
        for text, weight in zip(texts(case), PLACES.values(), strict=True):
            for term in terms(text):
                cards = index.setdefault(term, {})
                cards[number] = max(cards.get(number, 0.0), weight)
    return index
