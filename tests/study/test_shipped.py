"""Results as files: what went in comes out, nothing else can come out."""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnviz.errors import Phrase
from bnviz.settings import BatchSize, LabSettings, Momentums
from bnviz.study import shipped
from scripts import make_shipped


class Settings(LabSettings):
    batch_size: BatchSize = 32
    momentums: Momentums = (0.1, "cumulative")


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Result:
    settings: Settings
    parts: tuple[Part, ...]
    table: Mapping[str, NDArray[Any]]
    counts: NDArray[np.int64]
    hits: NDArray[np.bool_]
    names: NDArray[np.str_]
    scalar: float
    missing: float
    nothing: Part | None
    claim: Phrase | None

    @property
    def progress(self) -> float:
        return 1.0


def example() -> Result:
    rng = np.random.default_rng(0)
    return Result(
        settings=Settings(batch_size=8),
        parts=(Part("a", rng.normal(size=(2, 3)).astype(np.float32)), Part("b", np.empty((0, 4), np.float32))),
        table={"x": np.arange(3.0), "array": np.array(2.0)},
        counts=np.arange(4),
        hits=np.array([True, False]),
        names=np.array(["批", "batch"]),
        scalar=np.float64(0.1),
        missing=math.nan,
        nothing=None,
        claim=Phrase("{n} of 3", {"n": 2}),
    )


def test_what_went_in_comes_out(tmp_path: Path) -> None:
    before = example()
    shipped.save(before, tmp_path / "new" / "x.npz")
    after = shipped.load(Result, tmp_path / "new" / "x.npz")
    assert after.settings == before.settings
    assert after.settings.momentums == (0.1, "cumulative")
    for one, other in zip(before.parts, after.parts, strict=True):
        assert one.name == other.name
        assert one.values.dtype == other.values.dtype
        np.testing.assert_array_equal(one.values, other.values)
    assert list(after.table) == ["x", "array"]
    np.testing.assert_array_equal(after.table["array"], before.table["array"])
    for name in ("counts", "hits", "names"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert after.scalar == before.scalar
    assert math.isnan(after.missing)
    assert after.nothing is None
    assert after.claim == before.claim


def test_the_same_result_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        shipped.save(example(), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("value", [{1, 2}, object(), np.array([object()])])
def test_what_cannot_be_shipped_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError):
        shipped.save(Part("a", value), tmp_path / "x.npz")  # type: ignore[arg-type]


def test_a_file_of_another_result_is_refused(tmp_path: Path) -> None:
    shipped.save(Part("a", np.zeros(1, np.float32)), tmp_path / "x.npz")
    with pytest.raises(ValueError, match=r"x\.npz"):
        shipped.load(Result, tmp_path / "x.npz")


def test_a_file_with_a_field_that_is_no_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    shipped.save(Part("a", np.zeros(1, np.float32)), path)
    with np.load(path) as file:
        arrays = dict(file)
    text = str(arrays.pop("structure")).replace('"name"', '"old_name"')
    np.savez(path, **arrays, structure=np.array(text))
    with pytest.raises(ValueError, match="old_name"):
        shipped.load(Part, path)


def test_reading_runs_no_code(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("the pickle was read",))

    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        content, {"descr": "|O", "fortran_order": False, "shape": (1,)}
    )  # what np.save writes before a pickled object array
    content.write(pickle.dumps([Trap()]))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("structure.npy", content.getvalue())
    with pytest.raises(ValueError, match="allow_pickle"):
        shipped.load(Part, tmp_path / "x.npz")


def test_the_script_names_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="no result is shipped for nonsense"):
        make_shipped.wanted(["nonsense"])
