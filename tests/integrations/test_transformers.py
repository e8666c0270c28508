"""The callback in a Hugging Face `Trainer`; `make other_frameworks` installs it and runs these."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.inspect.models import batches, net, severities

transformers: Any = pytest.importorskip("transformers", reason="make other_frameworks runs it")

from bnviz.inspect.recording import read  # noqa: E402
from bnviz.integrations.transformers import Watch  # noqa: E402

STEPS = 24
SIZE = 32


class Classifier(nn.Module):
    """What a `Trainer` wants: arguments by name, a loss among the outputs."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.net = inner

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.net(x)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


def train(model: nn.Module, *callbacks: Any, folder: Path, **options: Any) -> None:
    """One epoch, with an evaluation in the middle."""
    data = [{"x": x, "labels": y} for xs, ys in batches(STEPS, size=SIZE) for x, y in zip(xs, ys, strict=True)]
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "out"),
        use_cpu=True,
        report_to=[],
        num_train_epochs=1,
        per_device_train_batch_size=SIZE,
        learning_rate=1e-3,
        eval_strategy="steps",
        eval_steps=STEPS // 2,
        save_strategy="no",
        disable_tqdm=True,
        **options,
    )
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=data, eval_dataset=data[:64], callbacks=list(callbacks)
    )
    trainer.train()


def watched(inner: nn.Module, folder: Path, **options: Any) -> tuple[Watch, dict[str, str]]:
    """A finished callback, and its findings."""
    callback = Watch(folder / "run.bnviz", budget=1e9)
    train(Classifier(inner), callback, folder=folder, **options)
    assert callback.report is not None
    return callback, severities(callback.report)


def test_a_fault_is_found_and_the_file_holds_the_training(tmp_path: Path) -> None:
    inner = net()
    inner[1].momentum = 0.001
    callback, found = watched(inner, tmp_path)
    assert found["started_recently"] == "warning"
    assert "moved_without_gradient" not in found
    assert callback.written == tmp_path / "run.bnviz"
    assert read(tmp_path / "run.bnviz").step[-1] == STEPS


def test_the_training_is_bitwise_the_same(tmp_path: Path) -> None:
    states = []
    for callbacks in ([], [Watch(tmp_path / "run.bnviz", budget=1e9)]):
        model = Classifier(net())
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="bnviz")
            train(model, *callbacks, folder=tmp_path)
        states.append(model.state_dict())
    assert all(torch.equal(states[0][name], values) for name, values in states[1].items())


@pytest.mark.parametrize("accumulate", [1, 4])
def test_accumulated_gradients_are_several_updates_per_step(accumulate: int, tmp_path: Path) -> None:
    found = watched(net(), tmp_path, gradient_accumulation_steps=accumulate)[1]
    assert ("updates_per_step" in found) == (accumulate > 1)


def test_a_path_that_cannot_be_written_is_one_warning(tmp_path: Path) -> None:
    callback = Watch(tmp_path / "nowhere" / "run.bnviz")
    with pytest.warns(UserWarning, match="Cannot write"):
        train(Classifier(net()), callback, folder=tmp_path)
    assert callback.report is None
