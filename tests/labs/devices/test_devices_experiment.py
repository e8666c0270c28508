"""The lab `devices`: equal to separate batch norms, to one big batch, and to two real processes that talk through gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bnviz.errors import CostError, SettingError
from bnviz.labs.devices import experiment
from bnviz.labs.devices.comparisons import comparisons
from bnviz.labs.devices.experiment import run
from bnviz.labs.devices.lesson import TOPIC
from bnviz.labs.devices.settings import Settings
from bnviz.theory.shards import between, chance_between, within

SEEDS = (0, 1, 2, 3, 4, 5)
KINDS: list[dict[str, Any]] = [{"shards": "iid"}, {"shards": "sorted"}, {"shards": "shifted", "shift": 2.0}]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=str)

# One rank of two: its own nn.BatchNorm1d inside DistributedDataParallel, and synchronized statistics gathered through gloo.
RANK = """
import os, sys
import torch
import torch.distributed as dist
from torch import nn

rank, store, data, out = int(sys.argv[1]), *sys.argv[2:]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
steps, momentum, eps = torch.load(data, weights_only=True), 0.1, 1e-5
channels = steps.shape[-1]
own = nn.BatchNorm1d(channels, eps=eps, momentum=momentum)
shared = nn.parallel.DistributedDataParallel(nn.BatchNorm1d(channels, eps=eps, momentum=momentum), broadcast_buffers=True)
mean_r, var_r = torch.zeros(channels), torch.ones(channels)
for step in steps:
    x = step[rank]
    own(x)
    shared(x)
    local = torch.stack([x.mean(0), (x * x).mean(0)])
    parts = [torch.empty_like(local) for _ in range(2)]
    dist.all_gather(parts, local)
    mean, square = torch.stack(parts).mean(0)
    var = square - mean**2
    count = 2 * len(x)
    mean_r = (1 - momentum) * mean_r + momentum * mean
    var_r = (1 - momentum) * var_r + momentum * var * count / (count - 1)
    y = (x - mean) / torch.sqrt(var + eps)
# What DDP's next forward pass would leave on every rank before it updates: rank 0's.
buffers = [shared.module.running_mean.clone(), shared.module.running_var.clone()]
for buffer in buffers:
    dist.broadcast(buffer, 0)
numbers = {
    "mean": own.running_mean, "var": own.running_var, "sync_mean": mean_r, "sync_var": var_r, "y": y,
    "broadcast_mean": buffers[0], "broadcast_var": buffers[1],
}
torch.save({name: value.detach() for name, value in numbers.items()}, out)
del shared
dist.destroy_process_group()
os._exit(0)  # a thread of gloo's that still runs while the interpreter takes everything down would abort the process
"""


@torch.no_grad()
@EVERY_KIND
@pytest.mark.parametrize("seed", SEEDS)
def test_equals_separate_batch_norms_and_one_big_one(kind: dict[str, Any], seed: int) -> None:
    s = Settings(**kind, seed=seed, steps=12, devices=3, per_device=7, channels=4)
    result, steps = run(s), experiment.training_data(s).steps
    alone = [nn.BatchNorm1d(4) for _ in range(3)]
    whole = nn.BatchNorm1d(4)
    for t, step in enumerate(steps):
        for rank in range(3):
            alone[rank](step[rank])
            np.testing.assert_allclose(
                result.running_mean[t + 1, rank], alone[rank].running_mean.numpy(), rtol=1e-5, atol=1e-6
            )
            np.testing.assert_allclose(
                result.running_var[t + 1, rank], alone[rank].running_var.numpy(), rtol=1e-5, atol=1e-6
            )
        whole(step.flatten(0, 1))
        np.testing.assert_allclose(result.sync_mean[t + 1], whole.running_mean.numpy(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(result.sync_var[t + 1], whole.running_var.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(result.broadcast_mean, result.running_mean[-1, 0])
    np.testing.assert_allclose(result.within + result.between, result.total, rtol=1e-12)
    np.testing.assert_allclose(
        result.total, steps[-1].double().flatten(0, 1).var(dim=0, correction=0).numpy(), rtol=1e-12
    )
    assert result.sync_difference <= 1e-6
    assert all(row.explained for row in comparisons(result))


def test_equals_two_real_processes(tmp_path: Path) -> None:
    s = Settings(devices=2, steps=6, per_device=9, channels=5, shift=2.0, seed=4)
    with torch.no_grad():
        data = experiment.training_data(s).steps
    torch.save(data, tmp_path / "data.pt")
    (tmp_path / "rank.py").write_text(RANK, encoding="utf-8")
    processes = [
        subprocess.Popen(
            [sys.executable, "rank.py", str(rank), str(tmp_path / "store"), "data.pt", f"out{rank}.pt"],
            cwd=tmp_path,
            env=os.environ | {"GLOO_SOCKET_IFNAME": "lo"},
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    try:
        for process in processes:
            _out, problems = process.communicate(timeout=300)
            assert process.returncode == 0, problems.decode()
    finally:
        for process in processes:
            process.kill()
    result = run(s)
    ranks = [torch.load(tmp_path / f"out{rank}.pt", weights_only=True) for rank in range(2)]
    close = {"rtol": 1e-6, "atol": 1e-6}
    for rank, seen in enumerate(ranks):
        np.testing.assert_allclose(result.running_mean[-1, rank], seen["mean"].numpy(), **close)
        np.testing.assert_allclose(result.running_var[-1, rank], seen["var"].numpy(), **close)
        np.testing.assert_allclose(result.sync_mean[-1], seen["sync_mean"].numpy(), **close)
        np.testing.assert_allclose(result.sync_var[-1], seen["sync_var"].numpy(), **close)
        np.testing.assert_allclose(result.broadcast_mean, seen["broadcast_mean"].numpy(), **close)
        np.testing.assert_allclose(result.broadcast_var, seen["broadcast_var"].numpy(), **close)
    with torch.no_grad():
        together = nn.BatchNorm1d(5)(data[-1].flatten(0, 1))
    torch.testing.assert_close(torch.cat([seen["y"] for seen in ranks]), together, rtol=0, atol=5e-6)
    assert not np.allclose(result.broadcast_mean, result.running_mean[-1].mean(axis=0), atol=1e-3)
    json.dumps(s.model_dump())


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_presets_promise(seed: int) -> None:
    def preset(name: str) -> Any:
        changes = next(preset.changes for preset in TOPIC.presets if preset.name == name)
        return run(Settings(**{**changes, "seed": seed}))

    shuffled = preset("shuffled")
    assert shuffled.eval_error["rank0"] < 0.1
    opening = run(Settings(seed=seed))
    assert opening.eval_error["rank0"] > 1 > opening.eval_error["averaged"] > 0.1 > opening.eval_error["synchronized"]
    by_class = preset("sorted_by_class")
    assert by_class.eval_error["rank0"] > 3 * by_class.eval_error["averaged"]
    assert by_class.eval_error["rank0"] > 0.2
    cameras = preset("another_camera_each")
    lost = cameras.between_by_step / cameras.true_var
    assert lost.mean() == pytest.approx(3**2 / (1 + 3**2), abs=0.03)
    np.testing.assert_allclose(cameras.running_mean[-1].mean(axis=0), cameras.sync_mean[-1], rtol=1e-4, atol=1e-5)
    assert (cameras.running_var[-1].mean(axis=0) < 0.3 * cameras.sync_var[-1]).all()
    assert preset("two_samples_each").local_difference > 0.7
    alone = preset("one_device")
    assert len(set(np.round(list(alone.eval_error.values()), 5))) == 1
    assert (alone.between == 0).all()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shards", ["iid", "shifted"])
def test_the_variance_between_devices_is_as_theory_has_it(shards: Any, seed: int) -> None:
    rows = comparisons(run(Settings(shards=shards, seed=seed, steps=200, per_device=4)))
    assert len(rows) == 3
    assert rows[2].explained
    assert rows[2].standard_error > 0


def test_the_closed_forms() -> None:
    values = np.random.default_rng(1).normal(size=(5, 40, 3)) + np.arange(5)[:, None, None]
    np.testing.assert_allclose(
        within(values.var(axis=1)) + between(values.mean(axis=1)), values.reshape(-1, 3).var(axis=0), rtol=1e-12
    )
    means = np.random.default_rng(2).normal(size=(20000, 4, 6)).mean(axis=2)
    assert means.var(axis=1).mean() == pytest.approx(float(chance_between(6, 4)), rel=0.03)
    with pytest.raises(ValueError, match="variances"):
        within([-1.0])


def test_bad_settings_are_refused_and_seeds_are_kept() -> None:
    with pytest.raises(SettingError, match="channel"):
        Settings(channels=2, channel=2)
    with pytest.raises(SettingError, match="per_device"):
        Settings(per_device=1)
    with pytest.raises(CostError):
        run(Settings(devices=16, per_device=256, steps=200, channels=32))
    state = torch.get_rng_state()
    assert run(Settings(seed=3)).eval_error == run(Settings(seed=3)).eval_error
    assert torch.equal(torch.get_rng_state(), state)
    assert run(Settings(devices=16, per_device=256, steps=5, shards="sorted")).sync_difference <= 1e-6
