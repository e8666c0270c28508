"""Imported first in the process that the workers are forked from, and of use nowhere else."""

from __future__ import annotations

import signal

from bnviz.jobs import interpreter_hooks

# Ctrl-C reaches every process of the terminal, and what ends a service often all of its processes. This one, and what keeps the
# exchange, end when the server has no more use for them. Until here the signals were blocked (`processes.start_fork_server`).
for _one in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_one, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
interpreter_hooks.leave_main_alone()
