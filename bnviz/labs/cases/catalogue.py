"""All cards, found by the files of `cards`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from bnviz.i18n import N_
from bnviz.labs.cases import cards
from bnviz.labs.cases.case import FAMILIES, Case

QUESTION: Final = N_("I have this problem. Where does it come from, and what helps?")


def _cards() -> tuple[Case, ...]:
    """Every module's `CASE`, by family, common ones first, then by name; a module whose name begins with `_` is a helper."""
    names = sorted(module.name for module in iter_modules(cards.__path__) if not module.name.startswith("_"))
    found: list[Case] = [import_module(f"{cards.__name__}.{name}").CASE for name in names]
    families = list(FAMILIES)
    return tuple(sorted(found, key=lambda case: (families.index(case.family), not case.common)))


CASES: Final = _cards()
