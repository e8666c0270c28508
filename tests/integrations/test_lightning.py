"""The callback in trainings by Lightning itself; `make other_frameworks` installs it and runs these."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.inspect.models import batches, net, severities

lightning: Any = pytest.importorskip("lightning.pytorch", reason="make other_frameworks runs it")

from bnviz.inspect.recording import read  # noqa: E402
from bnviz.integrations.lightning import Watch  # noqa: E402

STEPS = 24
# Lightning's advice about workers and loggers is not what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning")


class Classifier(lightning.LightningModule):  # type: ignore[misc]
    """A network inside a Lightning module; `fails_at` a training step."""

    def __init__(self, inner: nn.Module, fails_at: int = -1) -> None:
        super().__init__()
        self.net, self.fails_at = inner, fails_at

    def training_step(self, batch: Any, index: int) -> Tensor:
        if index == self.fails_at:
            raise RuntimeError("the data went wrong")
        x, y = batch
        return functional.cross_entropy(self.net(x), y)

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("loss", functional.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.05)


class Adversaries(Classifier):
    """Two optimizers that divide the model, stepped by hand."""

    def __init__(self) -> None:
        super().__init__(net())
        self.automatic_optimization = False

    def training_step(self, batch: Any, index: int) -> None:  # type: ignore[override]
        for optimizer in self.optimizers():
            optimizer.zero_grad()
            self.manual_backward(functional.cross_entropy(self.net(batch[0]), batch[1]))
            optimizer.step()

    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.net[0].parameters(), 0.05), torch.optim.SGD(self.net[1:].parameters(), 0.05)]


def fit(module: Any, *callbacks: Any, folder: Path, **options: Any) -> None:
    """Train on `STEPS` batches, with a validation in the middle and a sanity check of it before."""
    # A plain list of batches would be taken for a list of loaders.
    whole, few = (torch.utils.data.DataLoader(list(batches(count)), batch_size=None) for count in (STEPS, 2))
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        devices=1,
        val_check_interval=STEPS // 2,
        callbacks=list(callbacks),
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(module, whole, few)


def watched(inner: nn.Module, folder: Path, **options: Any) -> tuple[Watch, dict[str, str]]:
    """A finished callback, and its findings."""
    callback = Watch(folder / "run.bnviz", budget=1e9)
    fit(Classifier(inner), callback, folder=folder, **options)
    assert callback.report is not None
    return callback, severities(callback.report)


def test_a_fault_is_found_and_the_file_holds_the_training(tmp_path: Path) -> None:
    inner = net()
    inner[1].momentum = 0.001
    callback, found = watched(inner, tmp_path)
    assert found["started_recently"] == "warning"
    recording = read(tmp_path / "run.bnviz")
    assert callback.written == tmp_path / "run.bnviz"
    assert recording.step[-1] == STEPS
    assert recording.norms[0].name == "net.1"
    assert "moved_without_gradient" not in found  # the sanity check and the validation are in eval mode
    pickle.dumps(callback)  # as `ddp_spawn` does


def test_the_training_is_bitwise_the_same(tmp_path: Path) -> None:
    states = []
    for callbacks in ([], [Watch(tmp_path / "run.bnviz", budget=1e9)]):
        module = Classifier(net())
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="bnviz")
            fit(module, *callbacks, folder=tmp_path)
        states.append(module.state_dict())
    assert all(torch.equal(states[0][name], values) for name, values in states[1].items())


@pytest.mark.parametrize("accumulate", [1, 4])
def test_accumulated_gradients_are_several_updates_per_step(accumulate: int, tmp_path: Path) -> None:
    found = watched(net(), tmp_path, accumulate_grad_batches=accumulate)[1]
    assert ("updates_per_step" in found) == (accumulate > 1)


def test_a_norm_used_twice_in_a_network_is_no_second_update(tmp_path: Path) -> None:
    """Here nobody calls the Lightning module itself: the network inside it is what passes are counted by."""
    norm = nn.BatchNorm1d(8)
    shared = nn.Sequential(nn.Linear(6, 8), norm, nn.ReLU(), nn.Linear(8, 8), norm, nn.ReLU(), nn.Linear(8, 2))
    assert "updates_per_step" not in watched(shared, tmp_path)[1]


def test_an_exception_ends_the_training_and_the_file(tmp_path: Path) -> None:
    callback = Watch(tmp_path / "run.bnviz")
    with pytest.raises(RuntimeError, match="the data went wrong"):
        fit(Classifier(net(), fails_at=10), callback, folder=tmp_path)
    assert callback.report is not None
    assert read(tmp_path / "run.bnviz").step[-1] == 10
    assert read(tmp_path / "run.bnviz").finished


def test_a_path_that_cannot_be_written_is_one_warning(tmp_path: Path) -> None:
    callback = Watch(tmp_path / "nowhere" / "run.bnviz")
    with pytest.warns(UserWarning, match="Cannot write"):
        fit(Classifier(net()), callback, folder=tmp_path)
    assert callback.report is None


def test_several_optimizers_are_watched(tmp_path: Path) -> None:
    callback = Watch(tmp_path / "run.bnviz")
    fit(Adversaries(), callback, folder=tmp_path)
    assert read(tmp_path / "run.bnviz").step[-1] == STEPS


def test_the_older_package_takes_the_callback_too(tmp_path: Path) -> None:
    """Where a program imports `pytorch_lightning`, whose classes are others."""
    code = (
        "import pytorch_lightning\nfrom bnviz.integrations.lightning import Watch\n"
        "callback = Watch('run.bnviz')\nassert isinstance(callback, pytorch_lightning.Callback)\n"
        "pytorch_lightning.Trainer(callbacks=[callback], accelerator='cpu', logger=False)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=120)
