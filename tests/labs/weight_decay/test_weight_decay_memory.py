"""What many runs, one after the other, leave in a worker's memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RUNS = """
import re
import torch
from bnviz.labs.weight_decay.lesson import TOPIC
torch.set_num_threads(1)
for seed in range(4):
    TOPIC.compute(TOPIC.settings(steps=400, batch_norm=False, seed=seed))
    print(int(re.search(r"VmData:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""
LEFT_MB = 40


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
def test_one_run_after_the_other_leaves_no_holes_that_none_can_fill() -> None:
    """Small arrays kept at every step, between the tensors of the steps, took 50 to 100 MB more with each run."""
    done = subprocess.run([sys.executable, "-c", RUNS], cwd=ROOT, capture_output=True, text=True, check=True)
    first, *_, last = (int(number) for number in re.findall(r"\d+", done.stdout))
    assert last - first < LEFT_MB
