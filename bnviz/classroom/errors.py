"""What a class refuses: a sentence for the one who asked, and a word for the program that asked."""

from __future__ import annotations

from typing import Literal

from bnviz.errors import BnvizError

Reason = Literal[
    "unknown_class",
    "not_teacher",
    "class_full",
    "server_full",
    "too_many_screens",
    "too_fast",
    "too_long",
    "invalid",
    "outdated",
    "repeated",
    "closed",
]


class ClassroomError(BnvizError):
    """Something that a class does not do. `message` is a msgid with its `parameters`, as in `BnvizError`."""

    def __init__(self, reason: Reason, message: str, *, seconds: float = 0.0, **parameters: object) -> None:
        super().__init__(message, **parameters)
        self.reason: Reason = reason
        """For programs; does not change with the wording."""
        self.seconds = seconds
        """After which asking again makes sense; 0 where it never does, or at once."""
