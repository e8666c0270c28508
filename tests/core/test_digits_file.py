"""The shipped digits are scikit-learn's, and the committed script writes exactly the committed file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from scripts import make_digits


@pytest.fixture(scope="module")
def shipped() -> dict[str, np.ndarray]:
    with np.load(make_digits.TARGET, allow_pickle=False) as file:
        return dict(file)


def test_images_and_labels_equal_scikit_learns(shipped: dict[str, np.ndarray]) -> None:
    reference = load_digits()
    np.testing.assert_array_equal(shipped["images"], reference.images)
    np.testing.assert_array_equal(shipped["labels"], reference.target)


def test_values_are_whole_grey_levels(shipped: dict[str, np.ndarray]) -> None:
    assert shipped["images"].dtype == shipped["labels"].dtype == np.uint8
    assert (shipped["images"].min(), shipped["images"].max()) == (0, 16)


def test_script_writes_the_same_file_again(
    shipped: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs are compared byte for byte, the shipped file by content: zlib's versions compress differently."""
    paths = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for path in paths:
        monkeypatch.setattr(make_digits, "TARGET", path)
        make_digits.main()
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as archive:
        assert {member.date_time for member in archive.infolist()} == {make_digits.EPOCH}
    with np.load(paths[0]) as made:
        assert set(made.files) == set(shipped)
        for name, array in shipped.items():
            np.testing.assert_array_equal(made[name], array)


def test_attribution_stands_beside_the_file() -> None:
    text = (make_digits.TARGET.parent / "README.md").read_text(encoding="utf-8")
    for word in ("Alpaydin", "Kaynak", "CC BY 4.0", "load_digits"):
        assert word in text
