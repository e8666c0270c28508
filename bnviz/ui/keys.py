"""What the keys do, and the words of presenter mode."""

from __future__ import annotations

from typing import Any

from bnviz.i18n import Translate


def data(_: Translate) -> dict[str, Any]:
    """For present.js: its buttons, and the keys that `?` shows."""
    return {
        "words": {
            "previous": _("Previous step"),
            "next": _("Next step"),
            "settings": _("Settings"),
            "laser": _("Laser dot"),
            "leave": _("Close"),
            "keys": _("Keys"),
        },
        "keys": [
            ("?", _("This list")),
            ("Space", _("Play or pause")),
            ("← →", _("One frame back or forward (with Shift: ten)")),
            ("Home End", _("First or last frame")),
            ("1 … 9", _("The settings of “Try this”")),
            ("P", _("Presenter mode, and back")),
            ("S", _("Settings, in presenter mode")),
            ("L", _("Laser dot")),
            ("PageDown PageUp", _("Next or previous step, in presenter mode: of the lesson, else of “Try this”")),
        ],
    }
