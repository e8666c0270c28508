"""The command `bnviz`: the dashboard, a recording in it, or a check of one model."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from bnviz import __version__

MISSING = "The dashboard needs more than `bnviz` alone: pip install 'bnviz[app]' ({name} is missing)."

MISSING_CLUSTER = "BNVIZ_SCHEDULER is set: pip install 'bnviz[dask]' ({name} is missing)."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    chosen = parser().parse_args(arguments)
    status: int = chosen.run(chosen)
    return status


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    top = argparse.ArgumentParser(prog="bnviz", description="A laboratory for batch normalization.")
    top.add_argument("--version", action="version", version=f"bnviz {__version__}")
    _address(top)
    top.set_defaults(run=serve)
    commands = top.add_subparsers(title="commands", metavar="")
    labs = commands.add_parser("serve", help="serve the dashboard (what `bnviz` alone does)")
    _address(labs)
    labs.set_defaults(run=serve)
    seen = commands.add_parser(
        "view", help="open a recording in the dashboard, and follow it while the training writes"
    )
    seen.add_argument(
        "file", metavar="FILE", type=Path, help="what bnviz.watch(model, FILE) writes; it may still be to come"
    )
    _address(seen)
    seen.set_defaults(run=view)
    checked = commands.add_parser("check", help="check the batch norms of a model: exit status 1 where one is wrong")
    checked.add_argument(
        "target", metavar="FILE:NAME", help="for instance train.py:model; the file is run, as `python train.py` would"
    )
    checked.set_defaults(run=check)
    return top


def _address(command: argparse.ArgumentParser) -> None:
    command.add_argument("--port", type=int, default=8501, help="where to listen (8501)")
    command.add_argument("--address", default="localhost", help="on which of the machine's addresses (localhost)")
    command.add_argument("--base-path", default="", help="path below which a proxy shows it, for instance /school")


def check(chosen: argparse.Namespace) -> int:
    """Check one model and print what was found."""
    status: int = import_module("bnviz.inspect.command").check(chosen.target)
    return status


def view(chosen: argparse.Namespace) -> int:
    """Serve the dashboard with one recording until it is stopped."""
    path: Path = chosen.file.absolute()
    reason = _hindrance(path)
    if reason:
        print(f"bnviz cannot show {str(chosen.file)[:200]!r}: {reason}", file=sys.stderr)
        return 2
    return serve(chosen, path)


def _hindrance(path: Path) -> str:
    """Why `path` can never be a recording; empty where it is a file, or may become one."""
    try:
        if path.is_dir():
            return "a folder"
        if not path.parent.is_dir():
            return "there is no such folder"
        if path.is_file():
            return ""
        path.stat()
        return "not a file of bytes"  # a pipe or a device could be read for ever
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)


def serve(chosen: argparse.Namespace, recording: Path | None = None) -> int:
    """Serve the dashboard until it is stopped, be it while it starts; with a `recording`, show that."""
    try:
        return _serve(chosen, recording)
    except KeyboardInterrupt:
        signal.signal(
            signal.SIGINT, signal.SIG_DFL
        )  # who presses Ctrl-C again does not wait for the rest, nor reads where it was
        return 0


def _serve(chosen: argparse.Namespace, recording: Path | None) -> int:
    try:
        server = import_module("bnviz.ui.server.serve")
    except ModuleNotFoundError as error:
        print(MISSING.format(name=error.name), file=sys.stderr)
        return 1
    if name := import_module("bnviz.jobs.backends").missing_package():
        print(MISSING_CLUSTER.format(name=name), file=sys.stderr)
        return 1
    try:
        server.serve(port=chosen.port, address=chosen.address, base_path=chosen.base_path, recording=recording)
    except OSError as error:
        print(f"bnviz cannot listen on {chosen.address}:{chosen.port}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
