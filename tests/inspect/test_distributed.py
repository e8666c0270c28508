"""Two gloo processes under DistributedDataParallel, each watched: bitwise the same training, and the ranks' data compared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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

rank, paths = int(sys.argv[1]), sys.argv[2:]
dist.init_process_group("gloo", rank=rank, world_size=2)
for path, shift in zip(["", *paths], (0, 0, 3)):
    model = DistributedDataParallel(net())
    data = [(x + shift * rank, y) for x, y in batches(60, seed=rank)]
    with watch(model, path, budget=1e9) if path else nullcontext():
        trained(model, data=data)
        dist.barrier()
    print(sum(float(value.double().abs().sum()) for value in model.state_dict().values()).hex(), flush=True)
dist.destroy_process_group()
"""


def run(*paths: Path) -> list[list[str]]:
    """What each rank prints, a sum over every parameter and buffer to the last bit: not watched; into the first path; into the
    second, where the ranks get shifted shards. One pair of processes does all three: to import PyTorch takes them longest."""
    root = str(Path(__file__).parents[2])
    environment = os.environ | {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "PYTHONPATH": root,
        "OMP_NUM_THREADS": "1",
    }
    commands = [[sys.executable, "-c", RANK, str(rank), *map(str, paths)] for rank in range(2)]
    ranks = [subprocess.Popen(c, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) for c in commands]
    return [process.communicate(timeout=200)[0].split() for process in ranks]


def test_two_ranks(tmp_path: Path) -> None:
    paths = {False: tmp_path / "like.bnviz", True: tmp_path / "shifted.bnviz"}
    for alone, watched, shifted in run(*paths.values()):
        assert watched == alone
        assert shifted != alone
    for found, path in paths.items():
        (other,) = siblings_of(path)
        recording = read(path, [other])
        assert recording.course.ranks == 2
        assert ("ranks_differ" in severities(recording.report())) is found
