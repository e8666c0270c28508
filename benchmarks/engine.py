"""The training engine: six stacked replicas of the 3×100 perceptron against their matrix products alone, which no engine can do without.

`python -m benchmarks.engine` says where the time of a step goes, operator by operator.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Final

import torch
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from benchmarks.report import Bound, Row, number, ratio
from benchmarks.runs import alternate
from bnviz.core.optimizers import OptimizerName
from bnviz.core.replica_data import batch_indices, digits_data
from bnviz.core.replica_networks import NetworkPlan, build_replicas, plain_network
from bnviz.core.training import TrainingPlan, train
from bnviz.settings import NormalizerName

REPLICAS: Final = 6
BATCH: Final = 64
STEPS: Final = 200  # per turn
RATE: Final = 0.01
SECONDS: Final = 6.0  # for each pair
TESTED: Final = ", of the trainings also a test"
LIMIT: Final = Bound(2.2)
"""In matrix products alone."""
WIDTHS: Final = (100, 100, 100)
CASES: Final[tuple[tuple[NormalizerName, OptimizerName], ...]] = (("batch", "sgd"), ("batch", "adam"), ("none", "sgd"))


PARTS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("matrix products", ("aten::bmm", "aten::baddbmm", "aten::mm", "aten::addmm")),
    ("batch norm", ("batch_norm", "BatchNorm", "aten::var", "aten::rsqrt")),
    ("activation", ("relu", "threshold", "clamp")),
    ("loss", ("softmax", "nll_loss", "aten::mean")),
    ("optimizer", ("_foreach", "aten::addcmul", "aten::addcdiv", "aten::lerp")),
    ("batches", ("aten::index", "aten::gather", "aten::take")),
)
"""What an operator of PyTorch belongs to, by a part of its name; the rest moves memory, or keeps the graph."""


def engine_rows(quick: bool = False) -> list[Row]:
    """Cost of six replicas in that of their matrix products, in that of one, and of six separate trainings.

    Batch 64, one thread as in a worker.
    """
    torch.set_num_threads(1)
    seconds = SECONDS / 4 if quick else SECONDS
    rows = []
    for normalizer, optimizer in CASES:
        plan = NetworkPlan(64, 10, WIDTHS, normalizer=normalizer)
        name = f"3×100, normalizer {normalizer}, {optimizer}"
        six, one, plain = (
            stacked(plan, optimizer, REPLICAS),
            stacked(plan, optimizer, 1),
            separate(plan, optimizer),
        )
        alone = alternate(six, products(REPLICAS), seconds)
        rows += [
            _row(f"{name}: {REPLICAS} stacked replicas against their matrix products alone", alone, LIMIT, TESTED),
            _row(f"{name}: {REPLICAS} stacked replicas against 1", alternate(six, one, seconds)),
            _row(f"{name}: {REPLICAS} plain PyTorch trainings against stacked", alternate(plain, six, seconds)),
        ]
    return rows


def shares(plan: NetworkPlan, optimizer: OptimizerName) -> dict[str, float]:
    """Of the time of the steps of six stacked replicas, what each part takes, as PyTorch's profiler (which slows them) counts it."""
    turn = stacked(plan, optimizer, REPLICAS)
    turn()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        turn()
    parts = dict.fromkeys((*(part for part, _ in PARTS), "rest"), 0.0)
    for event in seen.key_averages():
        part = next((part for part, words in PARTS if any(word in event.key for word in words)), "rest")
        parts[part] += event.self_cpu_time_total
    whole = sum(parts.values())
    return {part: microseconds / whole for part, microseconds in parts.items()}


def stacked(plan: NetworkPlan, optimizer: OptimizerName, replicas: int) -> Callable[[], object]:
    """A turn of `STEPS` steps of the engine, tested once at the end; every turn goes on with the same network."""
    seeds = tuple(range(replicas))
    network, data = build_replicas(plan, seeds), digits_data(seeds)
    run = TrainingPlan(STEPS, BATCH, (STEPS,), learning_rate=RATE, optimizer=optimizer)
    return lambda: train(network, data, run)


def products(replicas: int) -> Callable[[], object]:
    """A turn of nothing but the matrix products of `STEPS` steps: forward, for the weights' gradient, for the inputs'."""
    generator = torch.Generator().manual_seed(0)
    sizes = (64, *WIDTHS, 10)
    batches = [torch.randn(replicas, BATCH, size, generator=generator) for size in sizes]
    weights = [torch.randn(replicas, *pair, generator=generator) for pair in pairwise(sizes)]

    def turn() -> None:
        for _ in range(STEPS):
            for place, (inputs, outputs) in enumerate(pairwise(batches)):
                torch.bmm(inputs, weights[place])
                torch.bmm(inputs.transpose(1, 2), outputs)
                if place:
                    torch.bmm(outputs, weights[place].transpose(1, 2))

    return turn


def separate(plan: NetworkPlan, optimizer: OptimizerName) -> Callable[[], object]:
    """A turn of `STEPS` steps of each of six networks, one after another, as a plain PyTorch script would take them."""
    data = digits_data(tuple(range(REPLICAS)))
    order = batch_indices(data, BATCH, STEPS)
    networks = [plain_network(plan, seed) for seed in range(REPLICAS)]
    kind = torch.optim.SGD if optimizer == "sgd" else torch.optim.Adam

    def turn() -> None:
        for place, network in enumerate(networks):
            stepper = kind(network.parameters(), lr=RATE)
            network.train()
            for batch in order[:, place]:
                loss = functional.cross_entropy(network(data.features[batch]), data.labels[batch])
                stepper.zero_grad()
                loss.backward()
                stepper.step()
                loss.item()
            network.eval()
            with torch.no_grad():
                right = network(data.features[data.test[place]]).argmax(1) == data.labels[data.test[place]]
            right.double().mean().item()

    return turn


def _row(what: str, turns: list[tuple[float, float]], bound: Bound | None = None, tested: str = " and a test") -> Row:
    first, second = (1000 * median(column) for column in zip(*turns, strict=True))
    detail = f"{number(first)} ms against {number(second)} ms of processor time for {STEPS} steps{tested}, {len(turns)} turns"
    return Row(what, median(ratio(*turn) for turn in turns), bound, detail=detail)


def main() -> None:
    """Where the time of a step goes."""
    torch.set_num_threads(1)
    print("| | " + " | ".join((*(part for part, _ in PARTS), "rest")) + " |")
    print("|:--|" + "--:|" * (len(PARTS) + 1))
    for normalizer, optimizer in CASES:
        found = shares(NetworkPlan(64, 10, WIDTHS, normalizer=normalizer), optimizer)
        print(
            f"| normalizer {normalizer}, {optimizer} | " + " | ".join(f"{share:.0%}" for share in found.values()) + " |"
        )


if __name__ == "__main__":
    main()
