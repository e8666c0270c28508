"""What bnviz changes inside Python itself because there is no public way, each with a guard for the day the ground moves.

`tests/jobs/test_interpreter_hooks.py` fails on that day.
"""

from __future__ import annotations

import inspect
import logging
from multiprocessing import spawn
from typing import Any, Final

log = logging.getLogger(__name__)

FIXUPS: Final = {"_fixup_main_from_name": ["mod_name"], "_fixup_main_from_path": ["main_path"]}


def knows_main() -> bool:
    """Whether `multiprocessing` still imports the main module of a server into its children by the two functions that we know."""
    found: dict[str, Any] = {name: getattr(spawn, name, None) for name in FIXUPS}
    return all(
        callable(function) and list(inspect.signature(function).parameters) == FIXUPS[name]
        for name, function in found.items()
    )


def leave_main_alone() -> None:
    """Keep the processes that are forked from this one from importing the server's main module.

    In a Streamlit server that is whatever page is being run at the moment; the workers need nothing of it, and it would run
    as a page without a visitor. `multiprocessing` has no switch for it (Python 3.11 to 3.14).
    """
    if not knows_main():
        log.warning("this Python starts processes in another way; every worker imports the server's main module first")
        return
    for name in FIXUPS:
        setattr(spawn, name, lambda *main: None)
