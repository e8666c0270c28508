"""What a visitor may choose of a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """Columns by their place in the file, from 0."""

    class_column: int | None
    """Where the class stands; None where there is none to choose."""
    left_out: tuple[int, ...]
    """What is no feature, without the class."""
