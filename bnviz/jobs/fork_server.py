"""Imported first in the process that the workers are forked from, and of use nowhere else."""

from __future__ import annotations

import signal

from bnviz.jobs import interpreter_hooks

# Ctrl-C in a terminal is said to all its processes. The server hears it and ends these; Python ignores it here only after the imports.
signal.signal(signal.SIGINT, signal.SIG_IGN)
interpreter_hooks.leave_main_alone()
