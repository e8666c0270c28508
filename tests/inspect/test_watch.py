"""`watch` is never in the way: bitwise the same training, whatever the training does, and no error of ours in it."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from bnviz.inspect import Watcher, watch
from bnviz.inspect.recording import read
from scripts.inspect_zoo import SUBJECTS, Subject
from tests.inspect.models import batches, net, severities, trained
from tests.inspect.test_check import random_states, state

Train = Callable[[nn.Module, torch.optim.Optimizer], list[float]]
STEPS = 12


def plain(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    """The losses of a usual loop."""
    losses = []
    for x, y in batches(STEPS):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def in_bfloat16(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return plain(model, optimizer)


def accumulating(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    losses = []
    for place, (x, y) in enumerate(batches(STEPS)):
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        if place % 3 == 2:
            optimizer.step()
            optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def checkpointing(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    return plain(Around(lambda x: checkpoint(model, x, use_reentrant=False)), optimizer)


def old_checkpointing(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    return plain(Around(lambda x: checkpoint(model, x.requires_grad_(True), use_reentrant=True)), optimizer)


def twice(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    return plain(Around(lambda x: model(x) + model(-x)), optimizer)


def in_parallel(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    return plain(nn.DataParallel(model), optimizer)


def by_hand(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    del optimizer
    return [sum(float(p.detach().sum()) for p in trained(model, STEPS).parameters())]


class Around(nn.Module):
    """A function as a module."""

    def __init__(self, call: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x)


def frozen() -> nn.Module:
    model = net(nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())
    model[1].eval().requires_grad_(False)
    return model


def shared() -> nn.Module:
    norm = nn.BatchNorm1d(8)
    return net(norm, nn.ReLU(), nn.Linear(8, 8), norm)


def noisy() -> nn.Module:
    return net(nn.ReLU(), nn.Dropout(0.3))


def in_place() -> nn.Module:
    return net(nn.ReLU(inplace=True))


def both_ways(build: Callable[[], nn.Module], train: Train, adam: bool, path: Path | None) -> Any:
    """Losses, and every bit of the model and of the random-number states, after a training with a watch or without."""
    torch.manual_seed(3)
    model = build()
    optimizer = torch.optim.Adam(model.parameters()) if adam else torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    torch.manual_seed(4)
    with nullcontext() if path is None else watch(model, path, budget=1e9):  # looks at every step
        losses = train(model, optimizer)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    return losses, state(model), random_states()[0]


@pytest.mark.parametrize("adam", [False, True], ids=["SGD", "Adam"])
@pytest.mark.parametrize(
    ("build", "train"),
    [
        (net, plain),
        (net, in_bfloat16),
        (net, accumulating),
        (net, checkpointing),
        (net, old_checkpointing),
        (net, twice),
        (net, in_parallel),
        (net, by_hand),
        (frozen, plain),
        (shared, plain),
        (noisy, plain),
        (in_place, plain),
    ],
    ids=lambda part: part.__name__,
)
def test_the_training_is_bitwise_the_same(
    build: Callable[[], nn.Module], train: Train, adam: bool, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        watched = both_ways(build, train, adam, tmp_path / "run.bnviz")
    assert watched == both_ways(build, train, adam, None)
    recording = read(tmp_path / "run.bnviz")
    assert recording.finished
    assert recording.looks


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_every_architecture_trains_bitwise_the_same(subject: Subject, tmp_path: Path) -> None:
    def train(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
        losses = []
        for args, targets in subject.batches(4, torch.Generator().manual_seed(0)):
            optimizer.zero_grad()
            loss = subject.loss(model(*args), targets)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses

    assert both_ways(subject.build, train, True, tmp_path / "a") == both_ways(subject.build, train, True, None)


def test_a_compiled_model_is_read_by_its_buffers_alone(tmp_path: Path) -> None:
    inner = net()
    model = torch.compile(inner, backend="eager")
    with watch(model, tmp_path / "run.bnviz", budget=1e9):
        trained(model)
        inner[1].running_var[0] = torch.nan
    recording = read(tmp_path / "run.bnviz")
    assert recording.compiled
    assert recording.looks == ()
    assert [finding.rule for finding in recording.findings] == ["invalid_statistics"]
    assert recording.course.updates[-1, 0] == 80


def test_lazy_layers_appear_with_the_first_batch(tmp_path: Path) -> None:
    model = nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(2))
    model(next(batches(1))[0])
    other = nn.Sequential(nn.Linear(6, 8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD([*other[0].parameters(), *other[3].parameters()], 0.1)
    with watch(other, tmp_path / "run.bnviz", budget=1e9):
        trained(other, 5, optimizer=optimizer)
    assert read(tmp_path / "run.bnviz").course.updates[-1, 0] == 5


@pytest.mark.parametrize("given", [False, True], ids=["found", "given"])
@pytest.mark.parametrize("kept", [False, True], ids=["dropped", "kept"])
def test_a_new_optimizer_for_every_epoch_goes_on_counting(given: bool, kept: bool, tmp_path: Path) -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    olds = [optimizer]
    with watch(model, tmp_path / "run.bnviz", optimizer=optimizer if given else None, budget=1e9) as watcher:
        for _ in range(3):
            trained(model, 8, optimizer=optimizer)
            optimizer = torch.optim.SGD(model.parameters(), 0.05)
            olds = [*olds, optimizer] if kept else []
    assert watcher.steps == 24
    recording = read(tmp_path / "run.bnviz")
    assert recording.course.updates[-1, 0] == 24
    assert recording.course.most_updates[-1, 0] == 1


class Stepping(torch.optim.Optimizer):
    """An optimizer that lets another step, as Lookahead and the like do."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        super().__init__(inner.param_groups, {})
        self.inner = inner

    def step(self, closure: Any = None) -> Any:
        return self.inner.step(closure)


@pytest.mark.parametrize("given", [False, True], ids=["found", "given"])
def test_a_step_inside_a_step_is_one(given: bool, tmp_path: Path) -> None:
    model = net()
    optimizer = Stepping(torch.optim.SGD(model.parameters(), 0.05))
    with watch(model, tmp_path / "run.bnviz", optimizer=optimizer if given else None) as watcher:
        trained(model, 9, optimizer=optimizer)
    assert watcher.steps == 9


def test_two_optimizers_that_divide_the_model_are_counted_by_the_first(tmp_path: Path) -> None:
    model = net()
    first, second = (torch.optim.SGD(model[place].parameters(), 0.05) for place in (0, 3))
    with watch(model, tmp_path / "run.bnviz") as watcher:
        for _ in range(4):
            trained(model, 1, optimizer=first)
            trained(model, 5, optimizer=second)
        assert watcher.steps == 4
        trained(model, 60, optimizer=second)  # the first is done
        assert watcher.steps == 4 + 5 + 60


def test_a_model_may_be_copied_and_pickled_while_it_is_looked_at(tmp_path: Path) -> None:
    model = net()
    with watch(model, tmp_path / "run.bnviz", budget=1e9) as watcher:
        assert model[1]._forward_hooks
        twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
        for twin in twins:
            trained(twin, 2)
        assert watcher.active
        assert watcher.steps == 0


def quiet(watcher: Watcher, model: nn.Module) -> None:
    """The watcher is off, and the training goes on."""
    assert not watcher.active
    before = model[0].weight.detach().clone()
    trained(model, 2)
    assert not torch.equal(before, model[0].weight)


def test_an_error_of_ours_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("bnviz.inspect.looking.measured", broken)
    model = net()
    watcher = watch(model, tmp_path / "run.bnviz", budget=1e9)
    with pytest.warns(UserWarning, match="the training goes on. ZeroDivisionError: ours") as caught:
        trained(model, 5)
    assert len(caught) == 1
    quiet(watcher, model)


@pytest.mark.parametrize(
    ("model", "name", "sentence"),
    [
        (nn.Sequential(nn.Linear(6, 2)), "run.bnviz", "nothing to look at; found: Sequential, Linear"),
        (net(), "no/such/folder/run.bnviz", "Cannot write .*: No such file or directory"),
    ],
    ids=["no norm", "no folder"],
)
def test_what_cannot_be_watched_is_one_warning(model: nn.Module, name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=sentence):
        watcher = watch(model, tmp_path / name)
    quiet(watcher, model)
    assert watcher.close() is None


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    (tmp_path / "run.bnviz").write_text("mine")
    with pytest.warns(UserWarning, match="exists; recording to"):
        watcher = watch(net(), tmp_path / "run.bnviz")
    assert (tmp_path / "run.bnviz").read_text() == "mine"
    assert watcher.path == tmp_path / "run-2.bnviz"
    watcher.close()


def test_the_batch_is_told_by_the_buffers(tmp_path: Path) -> None:
    """At every step the recorded z is that of the batch computed directly."""
    model, expected = net(), []

    def remember(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        mean, var = module.running_mean, module.running_var
        shift = ((args[0].mean(0) - mean) ** 2 / (var + module.eps)).mean() / (1 / 32 + 0.1 / 1.9 / 32)
        expected.append(float(shift.detach().sqrt()))

    model[1].register_forward_pre_hook(remember)
    with watch(model, tmp_path / "run.bnviz", budget=1e9):
        trained(model, 20)
    recording = read(tmp_path / "run.bnviz")
    measured = dict(zip(recording.step.tolist(), recording.quantities["z"][0].tolist(), strict=True))
    assert {5, 10, 20} <= measured.keys()
    for step in (5, 10, 20):
        assert measured[step] == pytest.approx(expected[step - 1], rel=1e-3)


def test_a_long_training_stays_within_its_bytes(tmp_path: Path) -> None:
    with watch(model := net(), tmp_path / "run.bnviz", budget=1e9, limit=60_000) as watcher:
        trained(model, 400)
        assert watcher.path.stat().st_size <= 60_000
    recording = read(tmp_path / "run.bnviz")
    assert recording.step[-1] == 400
    assert recording.step[0] <= 2
    assert recording.chains is not None  # said once, and not thinned out
    assert len(recording.looks) > 5
    assert [path.name for path in tmp_path.iterdir()] == ["run.bnviz"]


KILLED = """
import sys
from tests.inspect.models import net, trained
from bnviz.inspect import watch
model = net()
watcher = watch(model, sys.argv[1], budget=1e9, limit=40_000)
print("begun", flush=True)
while True:
    trained(model, 50)
"""


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.7])
def test_a_killed_training_leaves_a_whole_file(seconds: float, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run.bnviz")]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGKILL)
    recording = read(tmp_path / "run.bnviz")
    assert not recording.finished
    assert severities(recording.report()).get("not_finite") is None
