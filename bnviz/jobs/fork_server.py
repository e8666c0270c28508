"""Imported first in the process that the workers are forked from, and of use nowhere else.

A worker would import the server's main module before anything else. In a Streamlit server that is whatever page is being
run at the moment; the workers need nothing of it.
"""

from __future__ import annotations

from multiprocessing import spawn


def _leave_alone(main: str) -> None:
    pass


spawn._fixup_main_from_name = _leave_alone  # type: ignore[attr-defined]
spawn._fixup_main_from_path = _leave_alone  # type: ignore[attr-defined]
