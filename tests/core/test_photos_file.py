"""The shipped photographs are scikit-learn's, shrunk, and the committed script writes exactly the committed file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from bnviz.core.datasets import photos
from scripts import make_digits, make_photos

DECODERS = 3  # grey levels by which JPEG decoders may differ


@pytest.fixture(scope="module")
def shipped() -> np.ndarray:
    with np.load(make_photos.TARGET, allow_pickle=False) as file:
        return file["images"]


def test_they_are_scikit_learns_photographs_block_by_block(shipped: np.ndarray) -> None:
    assert shipped.dtype == np.uint8
    originals = load_sample_images().images
    assert shipped.shape == (len(originals), 104, 160, 3)
    for photo, original in zip(shipped.astype(int), originals, strict=True):
        for row, column in ((0, 0), (50, 80), (103, 159), (17, 101)):
            block = original[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].reshape(-1, 3).mean(axis=0)
            assert np.abs(photo[row, column] - block).max() <= DECODERS
        assert np.abs(photo - make_photos.shrunk(original).astype(int)).max() <= DECODERS


def test_the_script_writes_the_same_file_again(
    shipped: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for path in paths:
        monkeypatch.setattr(make_photos, "TARGET", path)
        make_photos.main()
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as archive:
        assert {member.date_time for member in archive.infolist()} == {make_digits.EPOCH}
    assert paths[0].stat().st_size < 100_000


def test_the_tensor_is_the_file(shipped: np.ndarray) -> None:
    images = photos()
    assert images.shape == (2, 3, 104, 160)
    assert images.is_contiguous()
    np.testing.assert_allclose(images.permute(0, 2, 3, 1).numpy() * 255, shipped, atol=1e-4)


def test_attribution_stands_beside_the_file() -> None:
    text = (make_photos.TARGET.parent / "README.md").read_text(encoding="utf-8")
    for word in ("photos.npz", "danielbuechele", "vultilion", "CC BY 2.0", "load_sample_images"):
        assert word in text
