"""What all callbacks share, and what they say where their library is not installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bnviz.inspect.recording import read
from bnviz.integrations.recorder import MissingPackageError, Recorder, base_classes, unwrapped
from tests.inspect.models import net, trained


def test_each_training_gets_a_file_and_a_report(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run.bnviz", budget=1e9)
    for name in ("run.bnviz", "run-2.bnviz"):
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), 0.05)
        if name != "run.bnviz":
            with pytest.warns(UserWarning, match="exists; recording to"):
                recorder.begin(model, optimizer)
        else:
            recorder.begin(model, optimizer)
        assert recorder.report is None
        trained(model, 12, optimizer=optimizer)
        recorder.end()
        assert recorder.written == tmp_path / name
        assert recorder.report is not None
        assert read(tmp_path / name).step[-1] == 12
    report = recorder.report
    recorder.end()
    assert recorder.report is report


def test_the_optimizer_inside_the_wrappers_is_followed() -> None:
    optimizer = torch.optim.SGD(net().parameters(), 0.1)
    assert unwrapped(SimpleNamespace(optimizer=SimpleNamespace(optimizer=optimizer))) is None
    wrapped = torch.optim.SGD(net().parameters(), 0.1)
    wrapped.optimizer = optimizer  # type: ignore[attr-defined]
    assert unwrapped(wrapped) is optimizer
    assert unwrapped(SimpleNamespace(optimizer=wrapped)) is optimizer
    assert unwrapped(None) is None


def test_the_imported_package_is_taken_before_another() -> None:
    assert base_classes("Path", "no_such_package", "pathlib") == (Path,)
    with pytest.raises(MissingPackageError, match="needs no_such_package / nor_this; pip installs it"):
        base_classes("Callback", "no_such_package.inner", "nor_this")


@pytest.mark.parametrize(("module", "package"), [("lightning", "pytorch_lightning"), ("transformers", "transformers")])
def test_a_missing_library_is_one_sentence(module: str, package: str) -> None:
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    code = f"try:\n    import bnviz.integrations.{module}\nexcept ImportError as error:\n    print(error)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert package in printed
    assert "pip installs it" in printed
