"""The lines of Python that a refused file is answered with make of it one that is read."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.io
import scipy.sparse
from PIL import Image

from bnviz.errors import UploadError
from tests.uploads import read_upload

ROWS = np.array([[5.0, 3.5], [4.0, 3.0], [4.5, 3.25]])
FRAME = pd.DataFrame(ROWS, columns=["len", "wid"])
TEXT = FRAME.to_csv(index=False).encode()
PIXELS = np.arange(64, dtype=np.uint8).reshape(8, 8)


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def arrow() -> bytes:
    table = pa.Table.from_pandas(FRAME)
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.csv", TEXT)
    return stream.getvalue()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        member = tarfile.TarInfo("data.csv")
        member.size = len(TEXT)
        archive.addfile(member, io.BytesIO(TEXT))
    return stream.getvalue()


def database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "base") as base:
        FRAME.to_sql("t", base, index=False)
    base.close()
    return (folder / "base").read_bytes()


def latex() -> bytes:
    rows = "".join(f"{a} & {b} \\\\ \\hline\n" for a, b in ROWS)
    return f"\\begin{{tabular}}{{lr}}\nlen & wid \\\\\n{rows}\\end{{tabular}}\n".encode()


def sql() -> bytes:
    rows = "".join(f"INSERT INTO t VALUES ({a}, {b});\n" for a, b in ROWS)
    return f"CREATE TABLE t (len REAL, wid REAL);\n{rows}".encode()


FILES: dict[str, bytes] = {
    "a.vw": "".join(f"{a} |f wid:{b}\n" for a, b in ROWS).encode(),
    "a.txt": "".join(f"{a} 1 'row| wid:{b} |g\n" for a, b in ROWS).encode(),
    "a.parquet": written(FRAME.to_parquet),
    "a.feather": written(FRAME.to_feather),
    "a.orc": FRAME.to_orc(),
    "a.arrows": arrow(),
    "a.dta": written(lambda stream: FRAME.to_stata(stream, write_index=False)),
    "b.dta": written(lambda stream: FRAME.to_stata(stream, write_index=False, version=118)),
    "a.json": FRAME.to_json().encode(),
    "a.jsonl": FRAME.to_json(orient="records", lines=True).encode(),
    "a.toml": f"[data]\nlen = {json.dumps(ROWS[:, 0].tolist())}\nwid = {json.dumps(ROWS[:, 1].tolist())}\n".encode(),
    "a.tex": latex(),
    "a.sql": sql(),
    "a.ts": ("@problemName x\n@data\n" + "".join(f"{a}:{b}\n" for a, b in ROWS)).encode(),
    "a.arff": (
        "@relation x\n@attribute len real\n@attribute wid real\n@data\n" + "".join(f"{a},{b}, {{2}}\n" for a, b in ROWS)
    ).encode(),
    "a.mtx": written(lambda stream: scipy.io.mmwrite(stream, ROWS)),
    "b.mtx": written(lambda stream: scipy.io.mmwrite(stream, scipy.sparse.coo_array(ROWS))),
    "a.mat": written(lambda stream: scipy.io.savemat(stream, {"X": ROWS, "y": [0, 1, 0]})),
    "b.mat": written(lambda stream: scipy.io.savemat(stream, {"X": ROWS, "y": [0, 1, 0]}, format="4")),
    "a.pkl": pickle.dumps(FRAME),
    "b.pkl": pickle.dumps(ROWS.tolist(), 0),
    "data.csv.gz": gzip.compress(TEXT),
    "data.csv.bz2": bz2.compress(TEXT),
    "data.csv.xz": lzma.compress(TEXT),
    "data.zip": zipped(),
    "data.tar.gz": tarred(),
}


@pytest.mark.parametrize("name", [*FILES, "a.db"])
def test_a_table_in_another_format_becomes_one_that_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = database(tmp_path) if name == "a.db" else FILES[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UploadError) as refused:
        read_upload(name, content)
    exec(str(refused.value.phrase.parameters["code"]).replace("FROM …", "FROM t"), {})
    made = next(path for path in (*tmp_path.glob("data.*"), *tmp_path.glob("data/*")) if path.name != name)
    np.testing.assert_array_equal(read_upload(made.name, made.read_bytes()).values, ROWS.astype(np.float32))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "images-idx2-ubyte"])
def test_a_picture_becomes_an_array_that_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name.endswith("ubyte"):
        content = b"\0\0\x08\2" + np.array(PIXELS.shape, ">i4").tobytes() + PIXELS.tobytes()
    else:
        content = written(lambda stream: Image.fromarray(PIXELS).save(stream, name[2:].replace("tif", "tiff")))
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UploadError) as refused:
        read_upload(name, content, "images")
    exec(str(refused.value.phrase.parameters["code"]), {})
    read = read_upload("data.npy", (tmp_path / "data.npy").read_bytes(), "images").values
    np.testing.assert_array_equal(read[0, 0], (PIXELS / 63).astype(np.float32))
