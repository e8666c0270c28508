"""The one rule by which the lab `batch_size` turns what was measured into advice.

At each batch size, batch norm stands against the best other normalizer in paired differences over seeds, judged by `verdict.judge`.
Batch norm may be used from batch m on where, at m and at every larger batch size measured, the 95 % interval of the difference
rules out that it is worse by the smallest effect that matters, or more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bnviz.errors import Phrase
from bnviz.i18n import N_
from bnviz.plot.numbers import points_alike
from bnviz.settings import VARIANT_NAMES
from bnviz.study.verdict import NOISY, SHOWS_NOT, Finding

Standing = Literal["better", "alike", "worse", "not_worse", "unknown", "no_verdict", "diverged", "refused", "missing"]
Outcome = Literal["everywhere", "from", "nowhere", "unknown", "nothing"]

USABLE: Final = ("better", "alike", "not_worse")
TOLD: Final = 2


@dataclass(frozen=True, slots=True)
class Match:
    """Batch norm against the best other normalizer at one batch size."""

    batch_size: int
    """Where."""
    alternative: str
    """The other's name, "" where there is none."""
    error: float
    """Its mean test error, a share."""
    finding: Finding
    """Error of batch norm − error of the alternative, seed by seed; more than 0: batch norm is worse."""
    refused: bool = False
    """Whether PyTorch refuses batch norm here."""

    @property
    def standing(self) -> Standing:
        """What may be said of batch norm here; `missing` where there is nothing to compare (yet)."""
        if self.refused:
            return "refused"
        if not self.alternative or self.finding.pairs + self.finding.lost == 0:
            return "missing"
        if self.finding.pairs == 0:
            return "diverged"
        if self.finding.refused:
            return "no_verdict"
        if self.finding.verdict == NOISY:
            return "not_worse" if self.finding.high < self.finding.smallest_effect else "unknown"
        if self.finding.verdict == SHOWS_NOT:
            return "alike"
        return "worse" if self.finding.mean > 0 else "better"


@dataclass(frozen=True, slots=True)
class Advice:
    """From which batch size on batch norm may be used."""

    outcome: Outcome
    """In one word."""
    least: int
    """The batch size from which on it may be used; 0: none."""
    sentences: tuple[Phrase, ...]
    """All of it in words."""


def advise(matches: Iterable[Match]) -> Advice:
    """The advice that `matches`, in any order, give."""
    known = sorted((match for match in matches if match.standing != "missing"), key=lambda match: match.batch_size)
    if not known:
        return Advice("nothing", 0, ())
    outcome, least = _from(known)
    return Advice(outcome, least, (_first(outcome, least, known), *_worse(known), *_rest(known)))


def _from(known: Sequence[Match]) -> tuple[Outcome, int]:
    usable: list[int] = []
    for match in reversed(known):
        if match.standing not in USABLE:
            break
        usable.append(match.batch_size)
    if len(usable) == len(known):
        return "everywhere", usable[-1]
    if usable:
        return "from", usable[-1]
    if all(match.standing in ("worse", "refused") for match in known):
        return "nowhere", 0
    return "unknown", 0


def _first(outcome: Outcome, least: int, known: Sequence[Match]) -> Phrase:
    if outcome == "everywhere":
        return Phrase(
            N_("Batch norm can be used at every batch size measured here ({sizes})."), {"sizes": _sizes(known)}
        )
    if outcome == "from":
        return Phrase(N_("Use batch norm from batch {least} on."), {"least": least})
    if outcome == "nowhere":
        return Phrase(N_("Do not use batch norm at any batch size measured here ({sizes})."), {"sizes": _sizes(known)})
    return Phrase(N_("These seeds do not say from which batch size on batch norm can be used."))


def _worse(known: Sequence[Match]) -> list[Phrase]:
    """Where batch norm is refused, and where it is shown to be worse: with the numbers at the smallest `TOLD` of these."""
    sentences = []
    worse = [match for match in known if match.standing == "worse"]
    for match in known:
        if match in worse[:TOLD]:
            sentences.append(
                Phrase(
                    N_("At batch {size}, {alternative} is better by {points} points ({low} … {high})."), _numbers(match)
                )
            )
        elif match.standing == "refused" and match.alternative:
            sentences.append(
                Phrase(
                    N_("At batch {size} PyTorch refuses batch norm; {alternative} has {error} % error."),
                    {"size": match.batch_size, "alternative": _name(match), "error": f"{100 * match.error:.2g}"},
                )
            )
        elif match.standing == "refused":
            sentences.append(Phrase(N_("At batch {size} PyTorch refuses batch norm."), {"size": match.batch_size}))
    if worse[TOLD:]:
        sentences.append(Phrase(N_("Batch norm is worse at {sizes} too."), {"sizes": _sizes(worse[TOLD:])}))
    return sentences


def _rest(known: Sequence[Match]) -> list[Phrase]:
    words = (
        ("better", N_("Batch norm is better than the best of the others at {sizes}.")),
        ("alike", N_("No difference that matters at {sizes}.")),
        ("not_worse", N_("Not worse by a point or more at {sizes}.")),
        ("unknown", N_("Too noisy to tell at {sizes}.")),
        ("diverged", N_("No seed with two numbers to compare at {sizes}: training diverged.")),
    )
    sentences = []
    for standing, template in words:
        some = [match for match in known if match.standing == standing]
        if some:
            sentences.append(Phrase(template, {"sizes": _sizes(some)}))
    for reason in dict.fromkeys(match.finding.reason for match in known if match.standing == "no_verdict"):
        some = [match for match in known if match.standing == "no_verdict" and match.finding.reason == reason]
        values = {"sizes": _sizes(some), "reason": Phrase(reason)}
        sentences.append(Phrase(N_("No verdict at {sizes}: {reason}."), values))
    return sentences


def _sizes(matches: Sequence[Match]) -> tuple[int, ...]:
    return tuple(match.batch_size for match in matches)


def _name(match: Match) -> Phrase:
    return Phrase(VARIANT_NAMES[match.alternative])


def _numbers(match: Match) -> dict[str, object]:
    finding = match.finding
    mean, low, high = points_alike(finding.mean, finding.low, finding.high, signed=False)
    return {"size": match.batch_size, "alternative": _name(match), "points": mean, "low": low, "high": high}
