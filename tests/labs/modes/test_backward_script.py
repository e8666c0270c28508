"""The script of the topic `backward` of the lab `modes`, executed, prints the page's numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bnviz.labs.modes.backward.lesson import TOPIC
from tests.conftest import RunScript


def test_executed_it_prints_the_numbers_of_the_page(run_script: RunScript, tmp_path: Path) -> None:
    settings = TOPIC.opening.replace(seed=3, steps=10, batch_size=8, depth=2, width=16)
    assert run_script(TOPIC.script(settings), tmp_path) == pytest.approx(
        TOPIC.headline(TOPIC.compute(settings)), rel=1e-5
    )


def test_it_says_what_it_answers() -> None:
    assert "TODO" not in TOPIC.script(TOPIC.opening), (
        "script.py: the first line is the question that the script answers"
    )
