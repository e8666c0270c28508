"""Names of classes that can be called across a room: a word and a number, `otter-7`."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Container
from functools import cache
from pathlib import Path
from typing import Final

WORDS: Final = Path(__file__).parent / "words.txt"
NUMBERS: Final = range(2, 100)
TYPED: Final = re.compile(r"\s*([a-z]{3,9})[\s_.‐-―−-]*([1-9][0-9]?)\s*")
LONGEST_TYPED: Final = 40


@cache
def words() -> tuple[str, ...]:
    """The words of the codes: things one can picture, spelled as they sound, none a slip away from another (see `test_codes.py`)."""
    return tuple(WORDS.read_text(encoding="utf-8").split())


def new_code(taken: Container[str]) -> str:
    """A code that nobody can foretell and that is not `taken`."""
    while (code := f"{secrets.choice(words())}-{secrets.choice(NUMBERS)}") in taken:
        pass
    return code


def normalized(typed: str) -> str:
    """The code that somebody means who typed `Otter 7` or `otter７`; an empty text where it cannot be one."""
    match = TYPED.fullmatch(unicodedata.normalize("NFKC", typed[:LONGEST_TYPED]).casefold())
    return f"{match[1]}-{match[2]}" if match else ""
