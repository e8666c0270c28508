"""What the Dockerfile copies reaches the builder, and nothing else does."""

from __future__ import annotations

import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_is_copied_is_what_dockerignore_lets_in() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copies = [shlex.split(line)[1:-1] for line in lines if line.startswith("COPY ") and "--from=" not in line]
    copied = {source for sources in copies for source in sources}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert "*" in ignored
    assert copied == {rule[1:] for rule in ignored if rule.startswith("!")}
    assert all((ROOT / source).exists() for source in copied)
