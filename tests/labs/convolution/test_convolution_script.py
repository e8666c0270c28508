"""The lab's scripts print the page's numbers: one run as a stranger would, the others in this process."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bnviz.core.uploads import read_upload
from bnviz.labs.convolution.lab import LESSON
from bnviz.labs.convolution.shared.dispatch import Settings, run
from tests.conftest import RunScript

SHARING = LESSON.topics["sharing"]


def numbers(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(\w+) = (\S+)", text, flags=re.MULTILINE)}


def executed(script: str) -> dict[str, float]:
    """What the script prints when it runs here, with a name space of its own."""
    told, threads = io.StringIO(), torch.get_num_threads()
    try:
        with contextlib.redirect_stdout(told):
            exec(compile(script, "script.py", "exec"), {"__name__": "__main__"})
    finally:
        torch.set_num_threads(threads)
    return numbers(told.getvalue())


def agree(shown: dict[str, float], wanted: Any) -> None:
    assert shown == pytest.approx(dict(wanted), rel=2e-4, abs=1e-5)


def test_a_stranger_gets_the_pages_numbers(tmp_path: Path, run_script: RunScript) -> None:
    settings = SHARING.beginning
    agree(run_script(SHARING.script(settings), tmp_path), SHARING.headline(run(settings)))


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        ("sharing", {"normalizer": "group", "source": "digits", "kernels": "random", "seed": 3}),
        ("sharing", {"normalizer": "layer", "height": 1, "width": 1, "kernels": "edge"}),
        ("sharing", {"normalizer": "instance", "batch_size": 2, "eps": 0.1, "kernels": "blur"}),
        ("maps", {}),
        ("maps", {"normalizer": "layer", "source": "digits", "channel": 2, "gamma": 2.0, "beta": -1.0}),
        ("maps", {"normalizer": "group", "channel": 1, "gamma": -0.5, "eps": 0.1}),
        ("effective", {"channel": 1, "height": 8, "width": 2}),
        ("effective", {"source": "digits", "kernels": "random", "seed": 2}),
        ("effective", {"batch_size": 1, "height": 1, "width": 1}),
    ],
    ids=str,
)
def test_scripts_print_the_pages_numbers(topic: str, changes: dict[str, Any]) -> None:
    part = LESSON.topics[topic]
    settings = part.beginning.replace(**changes)
    agree(executed(part.script(settings)), part.headline(run(settings)))


@pytest.mark.parametrize("part", LESSON.parts, ids=lambda part: part.topic)
def test_a_script_for_an_upload_reads_a_file(part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(1).integers(0, 200, (40, 56, 3)).astype(np.uint8)
    np.save(tmp_path / "my_data.npy", array)
    data = read_upload("my_data.npy", (tmp_path / "my_data.npy").read_bytes(), "images").values
    monkeypatch.chdir(tmp_path)
    settings = part.beginning.replace(source="upload")
    agree(executed(part.script(settings)), part.headline(run(settings, data)))


def test_scripts_import_nothing_but_torch_numpy_and_the_data_source() -> None:
    for source, needed in (("digits", {"sklearn"}), ("photos", {"sklearn"}), ("upload", set())):
        script = SHARING.script(Settings(source=source))  # type: ignore[arg-type]
        found = set(re.findall(r"^(?:from|import) (\w+)", script, flags=re.MULTILINE))
        assert found == {"torch", "numpy"} | needed
