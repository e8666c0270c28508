"""How much words speak for each card, learned from the titles of threads about it and from what it says itself.

A ridge regression of the cards on the terms. Unlike counts of each term by itself it does not hear twice what terms that go
together say once; and of each title it can tell exactly what it would say had it not learned from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import hypot, log
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from bnviz.i18n import LANGUAGES, translator
from bnviz.labs.cases.case import Case
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.cases.terms import GROUP, speaking
from bnviz.labs.cases.titles import questions, titles

PLACES: Final = {"chief": 1.5, "symptom": 1.2, "words": 1.0, "text": 0.3, "threads": 0.6}
"""Where something stands on a card, with the weight of what stands there; a title has 1."""
MEANING: Final = 1.5
"""Weight of a group of synonyms, in that of a word."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text about a card."""

    terms: Mapping[str, float]
    """What it says, each with its weight."""
    card: int
    """The card's number in CASES."""
    trust: float
    """Weight of the text."""


@cache
def lessons() -> tuple[Lesson, ...]:
    """The learned titles, in their order, and after them the Chinese questions and what stands on the cards."""
    numbers = {case.name: number for number, case in enumerate(CASES)}
    said = [(title.text, numbers[title.card], 1.0) for title in titles() if title.learned]
    asked = [(question.text, numbers[question.card], 1.0) for question in questions()]
    own = [
        (text, number, weight)
        for number, case in enumerate(CASES)
        for text, weight in zip(texts(case), PLACES.values(), strict=True)
    ]
    return tuple(Lesson(dict.fromkeys(speaking(text), 1.0), card, trust) for text, card, trust in (*said, *asked, *own))


def texts(case: Case) -> tuple[str, ...]:
    """What stands on a card, in the order of PLACES, in every language."""

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


def votes(terms: Mapping[str, float]) -> NDArray[np.float64]:
    """How much `terms`, each with its weight, speak for each of CASES: about 1 for the one that they certainly mean."""
    voted: NDArray[np.float64] = (rows([terms]) @ _learned())[0]
    return voted


def rows(said: Sequence[Mapping[str, float]]) -> csr_array:
    """A row of length 1 for each of `said`: its terms' weights, rare ones weighing more.

    A term of no lesson only takes weight from the others.
    """
    columns, heard = _columns(), _heard()
    values: list[float] = []
    indices: list[int] = []
    ends = [0]
    for terms in said:
        weights = {
            term: weight * (MEANING if term.startswith(GROUP) else 1.0) * log(1 + len(lessons()) / max(1, heard[term]))
            for term, weight in terms.items()
        }
        length = hypot(*weights.values())
        known = {columns[term]: weight / length for term, weight in weights.items() if term in columns}
        values += known.values()
        indices += known
        ends.append(len(values))
    return csr_array((values, indices, ends), shape=(len(said), len(columns)), dtype=np.float64)


@cache
def _heard() -> Counter[str]:
    """How many lessons say a term."""
    return Counter(term for lesson in lessons() for term in lesson.terms)


@cache
def _columns() -> Mapping[str, int]:
    """Where a term stands in a row."""
    return {term: column for column, term in enumerate(_heard())}


def alike() -> NDArray[np.float64]:
    """How much each two lessons have in common, with the ridge: more of it for those that are trusted less."""
    said = rows([lesson.terms for lesson in lessons()])
    common: NDArray[np.float64] = (said @ said.T).toarray()
    return common + np.diag([1 / lesson.trust for lesson in lessons()])


def meant() -> NDArray[np.float64]:
    """What the vote on each lesson should be."""
    return np.eye(len(CASES))[[lesson.card for lesson in lessons()]]


@cache
def _learned() -> NDArray[np.float64]:
    """How much each column of a row speaks for each card."""
    said = rows([lesson.terms for lesson in lessons()])
    learned: NDArray[np.float64] = said.T @ np.linalg.solve(alike(), meant())
    return learned
