"""How often `bnviz.inspect` finds planted faults, and how often it cries wolf: the tables of `docs/inspect_proof.md`.

python -m scripts.prove_inspect [--short] [--seeds 20] [--first-seed 0]

Misses and false alarms stand in the tables as they are. Architectures of the package pytorchcv are added where it is
installed (`pip install --no-deps pytorchcv`: it names torchvision among its requirements and does not need it).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import argparse
import copy
import importlib
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.inspect import check, watch
from bnviz.inspect.finding import Finding
from scripts.inspect_faults import FAULTS, Fault, planted
from scripts.inspect_zoo import SUBJECTS, Subject, pictures

PAGE: Final = Path(__file__).parents[1] / "docs" / "inspect_proof.md"
RECALL: Final = 0.95
MAX_ALARMS: Final = 1 / 200  # of the healthy runs
# Running statistics may lag so far behind weights that still move that eval mode is wrong, those of a plain average over a whole
# training (`momentum=None`) above all. Saying so is no alarm where counting them again takes this share off the loss in eval mode;
# the page lists each such run.
LAGS: Final = ("far_from_batches", "refill_gains", "train_eval_gap")
GAIN: Final = 0.1
PUBLIC: Final = {
    "pytorchcv ResNet-20": ("resnet_cifar", "resnet20_cifar10"),
    "pytorchcv PreResNet-20": ("preresnet_cifar", "preresnet20_cifar10"),
    "pytorchcv DenseNet-40": ("densenet_cifar", "densenet40_k12_cifar10"),
}


OPTIMIZERS: Final[dict[str, Callable[[Any], torch.optim.Optimizer]]] = {
    "SGD 0.1, momentum 0.9": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "SGD 0.1, momentum 0.9, decay 5e-4": partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=5e-4),
    "SGD 0.02, Nesterov": partial(torch.optim.SGD, lr=0.02, momentum=0.9, nesterov=True),
    "SGD 0.5": partial(torch.optim.SGD, lr=0.5),
    "Adam 0.001": partial(torch.optim.Adam, lr=1e-3),
    "Adam 0.003": partial(torch.optim.Adam, lr=3e-3),
    "AdamW 0.01": partial(torch.optim.AdamW, lr=1e-2),
    "RMSprop 0.001": partial(torch.optim.RMSprop, lr=1e-3),
}


@dataclass(frozen=True)
class Recipe:
    """How a healthy run is trained."""

    optimizer: str
    """A key of `OPTIMIZERS`."""
    size: int
    """Samples of a batch."""
    steps: int
    momentum: float | None
    """Of the batch norms; None for the plain average over the whole training."""
    annealed: bool
    """Whether the learning rate falls to zero by a cosine."""

    @classmethod
    def drawn(cls, seed: int, subject: str) -> Recipe:
        """One of the usual ways, each choice by its own draw."""
        draw = random.Random(f"{seed} {subject}")
        return cls(
            optimizer=draw.choice(list(OPTIMIZERS)),
            size=draw.choice((16, 32, 64, 128)),
            steps=draw.choice((60, 80, 120, 200)),
            momentum=draw.choice((0.05, 0.1, 0.1, 0.2, None)),
            annealed=draw.random() < 0.5,
        )

    def __str__(self) -> str:
        annealed = ", annealed" if self.annealed else ""
        return f"{self.optimizer}{annealed}, batches of {self.size}, {self.steps} steps, BN momentum {self.momentum}"


@dataclass(frozen=True)
class Trial:
    """One model with one planted fault."""

    fault: Fault
    subject: str
    found: tuple[str, ...]
    """Rules of the findings, in order."""

    @property
    def first(self) -> bool:
        """Whether the right rule comes first."""
        return bool(self.found) and self.found[0] == self.fault.rule

    @property
    def recalled(self) -> bool:
        """Whether the right rule is among them."""
        return self.fault.rule in self.found


@dataclass(frozen=True)
class Healthy:
    """One run in which nothing was done wrong."""

    subject: str
    seed: int
    recipe: Recipe
    alarms: tuple[str, ...]
    """Errors and warnings, of the check and of the watch."""
    lag: str = ""
    """What stands in the page instead of alarms that say, and rightly, that the running statistics lag behind."""


def faults(seed: int, short: bool) -> Iterator[Trial]:
    """Every fault in each of its models; `short`: in the first of them."""
    for fault in FAULTS:
        for subject, report in planted(fault, seed):
            yield Trial(fault, subject, tuple(finding.rule for finding in report.findings))
            if short:
                break


def healthy(subject: Subject, seed: int) -> Healthy:
    """Train under a watch, then check: with a loader in train mode, or a batch in eval mode, seeds taking turns."""
    recipe = Recipe.drawn(seed, subject.name)
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = subject.build().train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = recipe.momentum
    optimizer = OPTIMIZERS[recipe.optimizer](model.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps) if recipe.annealed else None
    with tempfile.TemporaryDirectory() as folder:
        watcher = watch(model, Path(folder) / "run.bnviz", optimizer=optimizer)
        for args, targets in subject.batches(recipe.steps, generator, recipe.size):
            optimizer.zero_grad()
            subject.loss(model(*args), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if schedule is not None:
                schedule.step()
        report = watcher.close()
    assert report is not None
    loader = [(*args, targets) for args, targets in subject.batches(8, generator, recipe.size)]
    if seed % 4 < 2:
        checked = check(model, loader, optimizer=optimizer, loss=subject.loss, recalibrate=loader)
    else:
        checked = check(model.eval(), next(iter(subject.batches(1, generator, 100)))[0])
    alarms = (*_alarms("watch", report.findings), *_alarms("check", checked.findings))
    if alarms and all(any(rule in alarm for rule in LAGS) for alarm in alarms):
        before, after = _losses(model, subject, loader)
        if after <= (1 - GAIN) * before:
            told = f"{subject.name}, seed {seed} ({recipe}): {', '.join(alarms)}; {before:.3g}, refilled {after:.3g}"
            return Healthy(subject.name, seed, recipe, (), told)
    return Healthy(subject.name, seed, recipe, alarms)


def _losses(model: nn.Module, subject: Subject, loader: list[Any]) -> tuple[float, float]:
    """Loss in eval mode with the statistics as they are, and with those of `loader`, measured without a rule of ours."""

    @torch.no_grad()
    def loss(own: nn.Module) -> float:
        return sum(float(subject.loss(own.eval()(*args), targets)) for *args, targets in loader) / len(loader)

    refilled = copy.deepcopy(model).train()
    for module in refilled.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # of a few batches a moving average keeps mostly what it starts with
    with torch.no_grad():
        for *args, _ in loader:
            refilled(*args)
    return loss(model), loss(refilled)


def _alarms(where: str, findings: tuple[Finding, ...]) -> Iterator[str]:
    return (f"{where}: {f.rule} {f.measured:.3g}" for f in findings if f.severity != "note")


def public_subjects() -> list[Subject]:
    """Networks of pytorchcv on enlarged digits, where it is installed."""

    def enlarged(index: Tensor) -> tuple[tuple[Tensor], Tensor]:
        (images,), labels = pictures(index)
        return (functional.interpolate(images, size=32, mode="bilinear").expand(-1, 3, -1, -1),), labels

    def builder(module: str, function: str) -> nn.Module:
        made: nn.Module = getattr(importlib.import_module(f"pytorchcv.models.{module}"), function)()
        return made

    try:
        importlib.import_module("pytorchcv.models.resnet_cifar")
    except ImportError:
        return []
    return [Subject(name, partial(builder, module, function), enlarged) for name, (module, function) in PUBLIC.items()]


def fault_table(trials: list[Trial]) -> str:
    """One line per fault."""
    rows: defaultdict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        rows[trial.fault.name].append(trial)
    lines = ["| planted fault | rule | found first in | missed in (first finding instead) |", "|:--|:--|:--|:--|"]
    for name, own in rows.items():
        right = ", ".join(trial.subject for trial in own if trial.first) or "–"
        wrong = ", ".join(f"{t.subject} ({t.found[0] if t.found else 'nothing'})" for t in own if not t.first)
        lines.append(f"| {name} | `{own[0].fault.rule}` | {right} | {wrong} |")
    return "\n".join(lines)


def healthy_table(runs: list[Healthy]) -> str:
    """One line per architecture."""
    rows: defaultdict[str, list[Healthy]] = defaultdict(list)
    for run in runs:
        rows[run.subject].append(run)
    lines = ["| architecture | healthy runs | with an error or a warning | which |", "|:--|--:|--:|:--|"]
    for name, own in rows.items():
        alarmed = [run for run in own if run.alarms]
        told = "; ".join(f"seed {run.seed} ({run.recipe}): {', '.join(run.alarms)}" for run in alarmed)
        lines.append(f"| {name} | {len(own)} | {len(alarmed)} | {told} |")
    return "\n".join(lines)


def lag_list(runs: list[Healthy]) -> str:
    """The runs whose statistics were told to lag, and did."""
    averaged, lagging = [run for run in runs if run.recipe.momentum is None], [run for run in runs if run.lag]
    head = (
        f"{len(averaged)} of the runs kept a plain average (`momentum=None`), which remembers the untrained network. Of them "
        f"{sum(run.recipe.momentum is None for run in lagging)}, and {sum(run.recipe.momentum is not None for run in lagging)} of "
        f"the others, were told by {' or '.join(f'`{rule}`' for rule in LAGS)} that their statistics lag, and re-estimating them "
        f"took {GAIN:.0%} or more off the loss in eval mode: right, so not counted above."
    )
    return "\n".join([head, "", *(f"- {run.lag}" for run in lagging)]).strip()


def page(trials: list[Trial], runs: list[Healthy]) -> str:
    """The document."""
    first, recalled = sum(t.first for t in trials), sum(t.recalled for t in trials)
    alarms = sum(bool(run.alarms) for run in runs)
    return f"""# How well `bnviz.check` and `bnviz.watch` find faults

Made by `python -m scripts.prove_inspect`; nothing here is written by hand. PyTorch {torch.__version__.split("+")[0]}.
The faults are in `scripts/inspect_faults.py`, the architectures in `scripts/inspect_zoo.py`: hand-made, trained for about
sixty steps on handwritten digits. They are ours; other models have other troubles.

## Planted faults

{len({t.fault.name for t in trials})} faults in {len(trials)} models: the right rule is among the findings in {recalled}
({100 * recalled / len(trials):.1f} %), and first in {first} ({100 * first / len(trials):.1f} %).

{fault_table(trials)}

## Healthy runs

{len(runs)} runs over {len({run.subject for run in runs})} architectures, seeds {runs[0].seed} to {runs[-1].seed};
optimizer, learning rate, batch size, steps (60 to 200), momentum of the batch norms (0.05 to 0.2, or None) and schedule are
drawn for each (`Recipe` in the script); each watched, then checked. Runs with an error or a warning: {alarms}.

{healthy_table(runs)}

{lag_list(runs)}
"""


def main() -> int:
    """0 if both promises hold."""
    parser = argparse.ArgumentParser(prog="python -m scripts.prove_inspect", description=__doc__)
    parser.add_argument("--short", action="store_true", help="each fault once, one seed; nothing is written")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    begin = time.monotonic()
    runs = [
        healthy(subject, arguments.first_seed + seed)
        for subject in [*SUBJECTS, *public_subjects()]
        for seed in range(1 if arguments.short else arguments.seeds)
    ]
    print(f"healthy runs: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    trials = list(faults(arguments.first_seed, arguments.short))
    print(f"in all: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    text = page(trials, runs)
    if not arguments.short:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    print(text)
    alarms = sum(bool(run.alarms) for run in runs)
    return 0 if sum(t.first for t in trials) >= RECALL * len(trials) and alarms <= max(1, MAX_ALARMS * len(runs)) else 1


if __name__ == "__main__":
    sys.exit(main())
