"""Imported first in the process that the workers are forked from, and of use nowhere else."""

from __future__ import annotations

from bnviz.jobs import interpreter_hooks

interpreter_hooks.leave_main_alone()
