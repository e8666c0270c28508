"""Write `bnviz/core/data/digits.npz` from scikit-learn's digits, byte for byte the same on every run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.datasets import load_digits

TARGET: Final = Path(__file__).parents[1] / "bnviz" / "core" / "data" / "digits.npz"
EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip file can hold


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write `arrays` as NumPy's compressed archive; unlike `np.savez_compressed`, without the time of day."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", EPOCH), content.getvalue(), zipfile.ZIP_DEFLATED)


def main() -> None:
    digits = load_digits()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    write_npz(TARGET, images=digits.images.astype(np.uint8), labels=digits.target.astype(np.uint8))
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
