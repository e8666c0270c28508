"""What bounds the container: a visitor's load ends at these, and not at the machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bnviz.ui.server import limits

ROOT = Path(__file__).parents[2]
FILES = ("compose.yaml", "compose.scaled.yaml")
HARDENED = ("read_only: true", "init: true", "no-new-privileges:true", "cap_drop:", "- ALL", "restart: unless-stopped")


@pytest.mark.parametrize("name", FILES)
def test_the_container_is_bounded_and_may_do_nothing_else(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for part in (*HARDENED, "pids_limit:", "mem_limit:", "cpus:", "max-size:", "max-file:"):
        assert part in text, part
    assert re.search(r"- /tmp:size=\d+m", text)


@pytest.mark.parametrize("name", FILES)
def test_there_are_open_files_for_all_visitors(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    allowed = [int(count) for count in re.findall(r"(?:soft|hard): (\d+)", text)]
    assert len(allowed) == 2
    assert min(allowed) >= limits.OWN_FILES + limits.MAX_VISITORS * limits.FILES_PER_VISITOR
