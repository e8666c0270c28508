"""Write `bnviz/core/data/photos.npz` from scikit-learn's two photographs, byte for byte the same on every run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from sklearn.datasets import load_sample_images

from scripts.make_digits import write_npz

TARGET: Final = Path(__file__).parents[1] / "bnviz" / "core" / "data" / "photos.npz"
HEIGHT: Final = 416  # of 427 rows: 104 = 13·8 remain, so that tiles of 8×8 pixels fit
SHRINK: Final = 4


def shrunk(image: np.ndarray) -> np.ndarray:
    """Mean colour of every block of 4×4 pixels, (104, 160, 3) uint8; the last 11 rows are cut off."""
    rows, columns = HEIGHT // SHRINK, image.shape[1] // SHRINK
    blocks = image[:HEIGHT].reshape(rows, SHRINK, columns, SHRINK, 3)
    mean: np.ndarray = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return mean


def main() -> None:
    photos = np.stack([shrunk(image) for image in load_sample_images().images])
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    write_npz(TARGET, images=photos)
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
