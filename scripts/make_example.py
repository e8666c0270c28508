"""Train a small network with three planted faults under `bnviz.watch` and keep the recording that "Your model" opens with.

python -m scripts.make_example
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from bnviz.core.datasets import digits
from bnviz.inspect import watch
from bnviz.inspect.example import PATH, PLANTED

STEPS: Final = 400
BATCH: Final = 32
WIDTH: Final = 16
BLOCKS: Final = 7
SLOW: Final = 0.001
"""Momentum of the first planted fault."""
LIMIT: Final = 1_000_000
"""Bytes of the file."""
LEFT: Final = 4
"""Channels that the third one leaves of `WIDTH`."""


class Block(nn.Module):
    """Convolution, batch norm, ReLU, beside a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return x + torch.relu(self.norm(self.conv(x)))


class DigitNet(nn.Module):
    """A stem, `BLOCKS` blocks, the mean over the pixels, ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU())
        for number in range(1, BLOCKS + 1):
            self.add_module(f"block{number}", Block())
        self.head = nn.Linear(WIDTH, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 1, H, W) to logits (N, 10)."""
        x = self.stem(x)
        for number in range(1, BLOCKS + 1):
            x = self.get_submodule(f"block{number}")(x)
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


def train(path: Path) -> None:
    """Train with the three faults, recording into `path`."""
    torch.manual_seed(0)
    model = DigitNet()
    slow, pruned, stopped = (model.get_submodule(name) for name in PLANTED)
    slow.momentum = SLOW  # type: ignore[assignment]
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9)
    images, labels = digits()
    # A budget without bounds: this network is so small that a look costs more than a step, and nobody waits for it.
    with watch(model, path, optimizer=optimizer, budget=1e9, limit=LIMIT):
        for _ in range(STEPS):
            stopped.eval()
            rows = torch.randint(len(images), (BATCH,))
            loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            with torch.no_grad():
                for parameter in pruned.parameters():
                    parameter[LEFT:] = 0


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PATH.name
        train(path)
        shutil.copyfile(path, PATH)
    print(f"{PATH.name}: {PATH.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
