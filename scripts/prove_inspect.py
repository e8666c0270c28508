"""How often `bnviz.inspect` finds planted faults, and how often it cries wolf: the tables of `docs/inspect_proof.md`.

python -m scripts.prove_inspect [--short] [--seeds 20] [--steps 80]

Misses and false alarms stand in the tables as they are. Architectures of the package pytorchcv are added where it is
installed (`pip install --no-deps pytorchcv`: it names torchvision among its requirements and does not need it).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import argparse
import importlib
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnviz.inspect import check, watch
from bnviz.inspect.finding import Finding
from scripts.inspect_faults import FAULTS, Fault, planted
from scripts.inspect_zoo import SUBJECTS, Subject, pictures

PAGE: Final = Path(__file__).parents[1] / "docs" / "inspect_proof.md"
RECALL: Final = 0.95
MOST_ALARMS: Final = 1 / 200  # of the healthy runs
PUBLIC: Final = {
    "pytorchcv ResNet-20": ("resnet_cifar", "resnet20_cifar10"),
    "pytorchcv PreResNet-20": ("preresnet_cifar", "preresnet20_cifar10"),
    "pytorchcv DenseNet-40": ("densenet_cifar", "densenet40_k12_cifar10"),
}


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
    alarms: tuple[str, ...]
    """Errors and warnings, of the check and of the watch."""


def faults(seed: int, short: bool) -> Iterator[Trial]:
    """Every fault in each of its models; `short`: in the first of them."""
    for fault in FAULTS:
        for subject, report in planted(fault, seed):
            yield Trial(fault, subject, tuple(finding.rule for finding in report.findings))
            if short:
                break


def healthy(subject: Subject, seed: int, steps: int) -> Healthy:
    """Train under a watch, then check: with a loader in train mode, or a batch in eval mode, seeds taking turns."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = subject.build().train()
    optimizer: torch.optim.Optimizer = (
        torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        if seed % 2
        else torch.optim.Adam(model.parameters(), 3e-3)
    )
    with tempfile.TemporaryDirectory() as folder:
        watcher = watch(model, Path(folder) / "run.bnviz", optimizer=optimizer)
        for args, targets in subject.batches(steps, generator):
            optimizer.zero_grad()
            subject.loss(model(*args), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        report = watcher.close()
    assert report is not None
    loader = [(*args, targets) for args, targets in subject.batches(8, generator)]
    if seed % 4 < 2:
        checked = check(model, loader, optimizer=optimizer, loss=subject.loss, recalibrate=loader)
    else:
        checked = check(model.eval(), next(iter(subject.batches(1, generator, 100)))[0])
    return Healthy(subject.name, seed, (*_alarms("watch", report.findings), *_alarms("check", checked.findings)))


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
        told = "; ".join(f"seed {run.seed}: {', '.join(run.alarms)}" for run in alarmed)
        lines.append(f"| {name} | {len(own)} | {len(alarmed)} | {told} |")
    return "\n".join(lines)


def page(trials: list[Trial], runs: list[Healthy], steps: int) -> str:
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

{len(runs)} runs of {steps} steps over {len({run.subject for run in runs})} architectures, odd seeds with SGD (learning rate
0.1, momentum 0.9), even ones with Adam; each watched, then checked. Runs with an error or a warning: {alarms}.

{healthy_table(runs)}
"""


def main() -> int:
    """0 if both promises hold."""
    parser = argparse.ArgumentParser(prog="python -m scripts.prove_inspect", description=__doc__)
    parser.add_argument("--short", action="store_true", help="each fault once, one seed; nothing is written")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=80)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    begin = time.monotonic()
    runs = [
        healthy(subject, seed, arguments.steps)
        for subject in [*SUBJECTS, *public_subjects()]
        for seed in range(1 if arguments.short else arguments.seeds)
    ]
    print(f"healthy runs: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    trials = list(faults(0, arguments.short))
    print(f"in all: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    text = page(trials, runs, arguments.steps)
    if not arguments.short:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    print(text)
    alarms = sum(bool(run.alarms) for run in runs)
    return (
        0 if sum(t.first for t in trials) >= RECALL * len(trials) and alarms <= max(1, MOST_ALARMS * len(runs)) else 1
    )


if __name__ == "__main__":
    sys.exit(main())
