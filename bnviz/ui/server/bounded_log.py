"""A log that no visitor can fill."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import Final

WINDOW_SECONDS: Final = 60.0
MAX_ALIKE: Final = 10
MAX_LINES: Final = 300
LOGGERS: Final = ("", "asyncio", "uvicorn", "uvicorn.error", "websockets", "streamlit", "bnviz")


class BoundedLog(logging.Filter):
    """Lets `MAX_ALIKE` lines of one kind and `MAX_LINES` in all pass in each `WINDOW_SECONDS`; the last says what is left out."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._since = time.monotonic()
        self._seen: Counter[tuple[str, str]] = Counter()
        self._lines = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether `record` is written."""
        with self._lock:
            now = time.monotonic()
            if now - self._since >= WINDOW_SECONDS:
                self._since, self._lines = now, 0
                self._seen.clear()
            kind = record.name, str(record.msg)[:120]
            if self._lines > MAX_LINES or self._seen[kind] >= MAX_ALIKE:
                return False
            self._lines += 1
            self._seen[kind] += 1
            last_of_all, last_of_kind = self._lines > MAX_LINES, self._seen[kind] == MAX_ALIKE
        if last_of_all or last_of_kind:
            what = "All lines" if last_of_all else "Lines like this"
            record.msg = f"{record.getMessage()[:500]} ({what} are left out for up to {WINDOW_SECONDS:.0f} s.)"
            record.args = ()
        return True


def bound_the_log(limit: BoundedLog) -> None:
    """Put `limit` before everything that is written, by whichever logger."""
    names = {*LOGGERS, *(name for name in logging.root.manager.loggerDict if name.startswith("streamlit"))}
    handlers = [handler for name in names for handler in logging.getLogger(name).handlers]
    for handler in {*handlers, logging.lastResort} - {None}:
        if handler is not None:
            handler.addFilter(limit)
