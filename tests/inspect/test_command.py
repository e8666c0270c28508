"""`bnviz check file.py:name`: exit status and sentences."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bnviz import cli
from bnviz.inspect.command import check
from bnviz.ui.server import serve as server

MODEL = """
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
def build():
    return model
"""
INPUTS = "inputs = torch.randn(32, 6)\n"
BROKEN = "model[1].running_var.fill_(float('nan'))\n"
GUARDED = "if __name__ == '__main__':\n    raise SystemExit('training')\n"


@pytest.mark.parametrize(
    ("source", "name", "status", "text"),
    [
        (MODEL + INPUTS + GUARDED, "model", 0, "never_updated"),
        (MODEL + INPUTS, "build", 0, "never_updated"),
        (MODEL + INPUTS + BROKEN, "model", 1, "invalid_statistics"),
        (MODEL, "model", 2, "has none of inputs, loader"),
        (MODEL + INPUTS, "other", 2, "has no other"),
        ("1 / 0\n", "model", 2, "raises ZeroDivisionError"),
        ("import sys\nsys.exit(3)\n", "model", 2, "raises SystemExit: 3"),
        (
            MODEL + INPUTS + "def broken():\n    raise OSError('no weights')\n",
            "broken",
            2,
            "raises OSError: no weights",
        ),
        (MODEL + INPUTS + "def sized(width):\n    return model\n", "sized", 2, "raises TypeError"),
        (MODEL + INPUTS + "import sys\nsys.path.pop(0)\n", "model", 0, "never_updated"),
    ],
    ids=[
        "in order",
        "a function",
        "an error",
        "no inputs",
        "no such name",
        "broken file",
        "a file that exits",
        "a function that raises",
        "a function with arguments",
        "a file that puts the path in order",
    ],
)
def test_exit_status(
    source: str,
    name: str,
    status: int,
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.path", [*sys.path])
    (tmp_path / "train.py").write_text(source)
    assert check(f"{tmp_path / 'train.py'}:{name}") == status
    printed = capsys.readouterr()
    assert text in (printed.out if status < 2 else printed.err)


@pytest.mark.parametrize("target", ["train.py", ":model", "none.py:model"])
def test_bad_targets(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(target) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_view_serves_the_page_with_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served: list[dict[str, Any]] = []
    monkeypatch.setattr(server, "serve", lambda **options: served.append(options))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["view", "run.bnviz", "--port", "9"]) == 0  # the training may still be to come
    assert served == [{"port": 9, "address": "localhost", "base_path": "", "recording": tmp_path / "run.bnviz"}]


@pytest.mark.parametrize("name", [".", "nowhere/run.bnviz", "a" * 300, "run\0.bnviz", "/dev/zero", "\n"])
def test_view_refuses_what_cannot_be_a_recording(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server, "serve", lambda **options: None)
    (tmp_path / "\n").mkdir()
    monkeypatch.chdir(tmp_path)
    assert cli.main(["view", name]) == 2
    assert capsys.readouterr().err.count("\n") == 1
