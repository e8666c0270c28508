"""What a rule finds: a number beside the one that was expected, the cause, the cure as code, and where to see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from bnviz.errors import Phrase
from bnviz.i18n import N_, Language, translator

Severity = Literal["error", "warning", "note"]
Relation = Literal["at most", "at least", "exactly", "beside"]

SEVERITIES: Final[Mapping[Severity, str]] = MappingProxyType(
    {"error": N_("Error"), "warning": N_("Warning"), "note": N_("Note")}
)
RELATIONS: Final[Mapping[Relation, str]] = MappingProxyType(
    {
        "at most": N_("{quantity}: {measured}; expected at most {expected}"),
        "at least": N_("{quantity}: {measured}; expected at least {expected}"),
        "exactly": N_("{quantity}: {measured}; expected {expected}"),
        "beside": N_("{quantity}: {measured} and {expected}"),
    }
)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing. There is none without a number."""

    rule: str
    """Name of the rule, which is the name of its file in `bnviz/inspect/rules`."""
    severity: Severity
    """"error": results are wrong; "warning": they probably are; "note": harmless here, worth knowing."""
    layers: tuple[str, ...]
    """Names of the modules as `named_modules` gives them, the worst first."""
    quantity: Phrase
    """What was measured, with its unit."""
    measured: float
    """Its value in the worst layer."""
    expected: float
    """The bound that it breaks, or the value that it should have."""
    cause: Phrase
    """One sentence."""
    cure: Phrase
    """One sentence; `code` does it."""
    code: str
    """Python that cures it, with the names `model`, `loader`, `optimizer`; empty where nothing is to be done."""
    link: str
    """A state of a lab with the numbers of this model: path and query, as `/running_stats?momentums=0.01`."""
    case: str | None = None
    """Name of the card of the cases' page that tells of the same trouble."""
    relation: Relation = "at most"
    """How `expected` bounds `measured`; "beside" where both are measured."""
    steps: tuple[int, int] | None = field(default=None)
    """First and last optimizer step at which it was seen, where a training was watched."""

    def evidence(self, language: Language = "en") -> str:
        """Measured beside expected, in words."""
        return translator(language)(RELATIONS[self.relation]).format(
            quantity=self.quantity.text(language), measured=number(self.measured), expected=number(self.expected)
        )


def number(value: float) -> str:
    """`value` with three significant digits; a whole number below a million as it is."""
    if float(value).is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}"
