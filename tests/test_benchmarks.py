"""The parts of the benchmarks that need no clock: statistics, bounds, the table."""

from __future__ import annotations

import math
import socket
import threading
from urllib.parse import urlsplit

import pytest
import torch
from torch import nn

from benchmarks import load, straight
from benchmarks.report import Bound, Row, number, percentile, ratio, table
from benchmarks.wire import counted
from bnviz.labs import gradient_flow, layer, running_stats
from bnviz.settings import BATCH_SIZES


def test_percentile_is_the_nearest_rank() -> None:
    values = [20.0, 15.0, 50.0, 35.0, 40.0]
    # The textbook example of the nearest-rank method.
    assert [percentile(values, share) for share in (0.05, 0.30, 0.40, 0.50, 1.0)] == [15, 20, 20, 35, 50]


def test_p95_of_a_hundred_leaves_five_above() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    p95 = percentile(values, 0.95)
    assert sum(value > p95 for value in values) == 5


def test_percentile_of_nothing_keeps_no_promise() -> None:
    assert not Bound(4).holds(percentile([], 0.95))


@pytest.mark.parametrize(
    ("bound", "value", "holds"),
    [
        (Bound(3), 3.0, True),
        (Bound(3), 3.01, False),
        (Bound(50, at_least=True), 50.0, True),
        (Bound(50, at_least=True), 49.9, False),
        (Bound(3), math.nan, False),
        (Bound(50, at_least=True), math.nan, False),
        (Bound(0, "messages"), 0, True),
        (Bound(0, "messages"), 1, False),
    ],
)
def test_bounds(bound: Bound, value: float, holds: bool) -> None:
    assert bound.holds(value) is holds


def test_a_ratio_to_nothing_keeps_no_promise() -> None:
    assert ratio(6.0, 3.0) == 2
    assert not Bound(3).holds(ratio(1.0, 0.0))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1, "1"),
        (2.0, "2"),
        (0.0316, "0.0316"),
        (1.234, "1.23"),
        (98.76, "98.8"),
        (1234.5, "1230"),
        (60, "60"),
    ],
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_table() -> None:
    rows = [
        Row("slider", 2.345, Bound(3), detail="47 ms against 20 ms"),
        Row("frames", 12.0, Bound(50, "per second", at_least=True), "per second"),
        Row("wait", 812.0, unit="ms"),
    ]
    lines = table(rows, "medians").splitlines()
    assert lines[-3:] == [
        "| slider | 2.35× | ≤ 3× | pass | 47 ms against 20 ms |",
        "| frames | 12 per second | ≥ 50 per second | **fail** |  |",
        "| wait | 812 ms |  |  |  |",
    ]
    assert "cores" in lines[0]
    assert {line.count("|") for line in lines[2:]} == {6}
    assert [row.passed for row in rows] == [True, False, True]


def test_straight_work_is_that_of_the_default_settings() -> None:
    """The plain loops hold these choices in code; a new default must be followed there."""
    chosen = layer.Settings()
    assert (chosen.source, chosen.layer, chosen.mode, chosen.activation, chosen.warmup) == (
        "digits",
        "linear",
        "train",
        "relu",
        0,
    )
    assert (chosen.affine, chosen.gamma, chosen.input_scale, chosen.input_shift, chosen.drift) == (True, 1, 1, 0, 0)
    assert (running_stats.Settings().source, running_stats.Settings().disturbance) == ("digits", "none")
    flow = gradient_flow.Settings()
    assert (flow.source, flow.activation, flow.normalizer, flow.position) == ("digits", "sigmoid", "batch", "before")


def test_straight_work_makes_as_many_passes_as_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[type[nn.Module]] = []
    forward = nn.BatchNorm1d.forward

    def counting(self: nn.BatchNorm1d, values: torch.Tensor) -> torch.Tensor:
        calls.append(type(self))
        return forward(self, values)

    monkeypatch.setattr(nn.BatchNorm1d, "forward", counting)
    for run, work in (
        (lambda: layer.run(layer.Settings()), straight.layer_work()),
        (lambda: running_stats.run(running_stats.Settings()), straight.running_stats_work()),
        (lambda: gradient_flow.run(gradient_flow.Settings()), straight.gradient_flow_work()),
    ):
        calls.clear()
        work()
        plain = len(calls)
        calls.clear()
        run()
        assert plain > 0
        assert len(calls) - plain in {0, 1}  # gradient_flow asks PyTorch once whether such a batch can be normalized


def test_load_moves_along_the_sliders_stops() -> None:
    assert set(load.OPTIONS) <= {str(stop) for stop in BATCH_SIZES}
    assert "1" not in load.OPTIONS  # an error message instead of a picture would be quick


def test_wire_counts_what_the_server_sends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"x" * 100_000)

        server = threading.Thread(target=answer)
        server.start()
        with counted("http://{}:{}".format(*listener.getsockname())) as wire:
            address = urlsplit(wire.url)
            with socket.create_connection((address.hostname or "", address.port or 0)) as client:
                client.sendall(b"question")
                received = 0
                while data := client.recv(65536):
                    received += len(data)
            assert received == wire.received == 100_000
        server.join()
