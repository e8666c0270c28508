"""The scripts of `convolution`, executed, print the page's numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnviz.labs.convolution.lab import LAB
from tests.conftest import RunScript
from tests.uploads import read_upload

SHARING = LAB.topic("sharing")


def agree(shown: dict[str, float], wanted: Any) -> None:
    assert shown == pytest.approx(dict(wanted), rel=2e-4, abs=1e-5)


def test_a_stranger_gets_the_pages_numbers(tmp_path: Path, run_script: RunScript) -> None:
    settings = SHARING.opening
    agree(run_script(SHARING.script(settings), tmp_path), SHARING.headline(SHARING.compute(settings)))


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
def test_scripts_print_the_pages_numbers(
    topic: str, changes: dict[str, Any], tmp_path: Path, run_script: RunScript
) -> None:
    chosen = LAB.topic(topic)
    settings = chosen.settings(**changes)
    agree(run_script(chosen.script(settings), tmp_path), chosen.headline(chosen.compute(settings)))


@pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)
def test_a_script_for_an_upload_reads_that_file(topic: Any, tmp_path: Path, run_script: RunScript) -> None:
    """As an image of integers in colour, and as the channels-first batch that PyTorch makes."""
    random = np.random.default_rng(1)
    settings = topic.settings(source="upload")
    for name, array in (
        ("photo.npy", random.integers(0, 200, (40, 56, 3)).astype(np.uint8)),
        ("batch.npy", random.normal(size=(5, 3, 16, 24))),
    ):
        np.save(tmp_path / name, array)
        upload = read_upload(name, (tmp_path / name).read_bytes(), "images")
        printed = run_script(topic.script(settings, upload), tmp_path)
        agree(printed, topic.headline(topic.compute(settings, upload.values)))


def test_scripts_import_nothing_but_torch_numpy_and_the_data_source() -> None:
    for source, needed in (("digits", {"sklearn"}), ("photos", {"sklearn"}), ("upload", set())):
        script = SHARING.script(SHARING.settings(source=source))
        found = set(re.findall(r"^(?:from|import) (\w+)", script, flags=re.MULTILINE))
        assert found == {"torch", "numpy"} | needed
