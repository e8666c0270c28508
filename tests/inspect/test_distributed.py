"""Two gloo processes under DistributedDataParallel, each watched: bitwise the same training, and the ranks' data compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.servers import free_port
from bnviz.inspect.recording import read, siblings_of
from tests.inspect.models import severities

RANK = """
import sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from contextlib import nullcontext
from bnviz.inspect import watch
from tests.inspect.models import batches, net, trained

rank, path, shift, watched = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4] == "1"
dist.init_process_group("gloo", rank=rank, world_size=2)
model = DistributedDataParallel(net())
data = [(x + shift * rank, y) for x, y in batches(60, seed=rank)]
with watch(model, path, budget=1e9) if watched else nullcontext():
    trained(model, data=data)
    dist.barrier()
print(sum(float(value.double().abs().sum()) for value in model.state_dict().values()).hex())
dist.destroy_process_group()
"""


def run(path: Path, shift: float, *, watched: bool) -> list[str]:
    """What the ranks print: a sum over every parameter and buffer, to the last bit."""
    root = str(Path(__file__).parents[2])
    environment = os.environ | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "PYTHONPATH": root,
        "OMP_NUM_THREADS": "1",
    }
    commands = [[sys.executable, "-c", RANK, str(rank), str(path), str(shift), str(int(watched))] for rank in range(2)]
    ranks = [subprocess.Popen(c, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) for c in commands]
    return [process.communicate(timeout=200)[0] for process in ranks]


@pytest.mark.parametrize(("shift", "found"), [(0.0, False), (3.0, True)], ids=["like shards", "shifted shards"])
def test_two_ranks(shift: float, found: bool, tmp_path: Path) -> None:
    path = tmp_path / "run.bnviz"
    watched = run(path, shift, watched=True)
    assert all(watched)
    if not found:
        assert watched == run(path, shift, watched=False)
    (other,) = siblings_of(path)
    recording = read(path, [other])
    assert recording.course.ranks == 2
    assert ("ranks_differ" in severities(recording.report())) is found
