"""Uploads: what is read, and how everything else is refused before it can do harm."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bnviz.core import uploads
from bnviz.core.uploads import read_classes, read_images, read_upload
from bnviz.errors import UploadError

TABLE = np.arange(12, dtype=np.float64).reshape(4, 3) / 4


def as_npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def as_npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def header_only(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "a{0}b{0}c\n", '"x 1"{0}"x 2"{0}"x 3"\n'])
def test_csv_with_and_without_header(separator: str, header: str) -> None:
    rows = "\n".join(separator.join(f"{value:g}" for value in row) for row in TABLE)
    read = read_upload("data.CSV", (header.format(separator) + rows).encode())
    np.testing.assert_array_equal(read, TABLE.astype(np.float32))
    assert read.dtype == np.float32


@pytest.mark.parametrize("header", ["", "a,b,kind\n", '"a","b","kind"\n'])
@pytest.mark.parametrize("quote", ["", '"'])
def test_classes_may_be_words_in_the_order_of_the_alphabet(header: str, quote: str) -> None:
    kinds = ("setosa", "virginica", "setosa", "iris of mine")
    rows = "\n".join(f"{place}, {place / 4},{quote}{kind}{quote}" for place, kind in enumerate(kinds))
    read = read_classes("a.csv", (header + rows).encode())
    np.testing.assert_array_equal(read, [[0, 0, 1], [1, 0.25, 2], [2, 0.5, 1], [3, 0.75, 0]])


def test_classes_that_are_numbers_stay_what_they_are() -> None:
    np.testing.assert_array_equal(read_classes("a.csv", b"a,b,class\n1,2,7\n3,4,-1\n"), [[1, 2, 7], [3, 4, -1]])
    np.testing.assert_array_equal(read_classes("a.csv", b"1,2,7\n3,4,-1\n"), [[1, 2, 7], [3, 4, -1]])
    np.testing.assert_array_equal(read_classes("a.npy", as_npy(TABLE)), TABLE.astype(np.float32))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a,b,c\n1,x,yes\n2,y,no\n", "Column b is not numeric"),  # words only where the class is
        (b"a,b,c\n1,2,yes\n3,4,\n", "Column c is not numeric"),  # a class is missing
    ],
)
def test_words_anywhere_else_and_missing_classes_are_refused(content: bytes, told: str) -> None:
    with pytest.raises(UploadError, match=told):
        read_classes("a.csv", content)
    with pytest.raises(UploadError, match="not numeric"):
        read_upload("a.csv", b"1,2,yes\n3,4,no\n5,6,yes\n")


def test_csv_with_a_byte_order_mark_and_windows_line_ends() -> None:
    read = read_upload("a.csv", b"\xef\xbb\xbf1,2\r\n3,4\r\n")
    np.testing.assert_array_equal(read, [[1, 2], [3, 4]])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint16", "int64", "bool", ">f4"])
def test_npy_of_every_real_type(dtype: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    np.testing.assert_array_equal(read_upload("a.npy", as_npy(array)), array.astype(np.float32))


def test_images_are_flattened_and_one_dimension_is_one_column() -> None:
    images = np.arange(32.0).reshape(2, 1, 4, 4)
    np.testing.assert_array_equal(read_upload("a.npy", as_npy(images)), images.reshape(2, 16))
    assert read_upload("a.npy", as_npy(np.arange(5.0))).shape == (5, 1)


@pytest.mark.parametrize("name", ["x", "X", "data"])
def test_npz_takes_the_named_array(name: str) -> None:
    read = read_upload("a.npz", as_npz(first=np.zeros((9, 2)), **{name: TABLE}))
    np.testing.assert_array_equal(read, TABLE.astype(np.float32))


def test_npz_without_a_known_name_takes_the_first() -> None:
    read = read_upload("a.npz", as_npz(mine=TABLE, other=np.zeros((9, 2))))
    np.testing.assert_array_equal(read, TABLE.astype(np.float32))


class Bomb:
    """Unpickled, it would write a file."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (open, ("/tmp/bnviz-pickle-ran", "w"))


def bomb_array() -> np.ndarray:
    return np.array([[Bomb()], [Bomb()]], dtype=object)


def zip_bomb() -> bytes:
    """300 MB of zeros in a small archive, declared honestly as an array within the limits."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        member.write(header_only((20_000, 256)))
        for _ in range(300):
            member.write(bytes(1_000_000))
    return stream.getvalue()


REFUSED = {
    "wrong extension": ("a.exe", b"MZ", "not a CSV"),
    "no extension": ("", b"1,2\n3,4", "not a CSV"),
    "empty csv": ("a.csv", b" \n\n", "empty"),
    "binary csv": ("a.csv", b"\x89PNG\r\n\x1a\n\xff\xfe", "not text"),
    "csv with zero bytes": ("a.csv", b"1,2\0\n3,4\n", "not text"),
    "npy called csv": ("a.csv", as_npy(TABLE), "not text"),
    "words": ("a.csv", b"a,b\n1,2\nx,4\n", "Column a is not numeric"),
    "words without header": ("a.csv", b"1,2\n3,x\n", "Column 2 is not numeric"),
    "ragged": ("a.csv", b"1,2\n3,4\n5,6,7\n", "cannot be read"),
    "wider than its header": ("a.csv", b"a,b\n1,2,3\n4,5,6\n", "have 3 values, its first line has 2"),
    "wider, with row numbers": ("a.csv", b"a,b\n0,2,3\n1,5,6\n", "have 3 values"),
    "header only": ("a.csv", b"a,b\n", "the table has 0"),
    "one row": ("a.csv", b"1,2,3\n", "at least 2 rows; the table has 1"),
    "header and one row": ("a.csv", b"a,b\n1,2\n", "at least 2 rows; the table has 1"),
    "gap": ("a.csv", b"1,2\n3,\n5,6\n", "1 of 6 values"),
    "nan": ("a.csv", b"1,2\nnan,4\ninf,6\n", "2 of 6 values"),
    "huge integer": ("a.csv", b"1,2\n3," + b"9" * 400 + b"\n", "not numeric|infinite|largest"),
    "too wide": ("a.csv", b",".join([b"1"] * 257) + b"\n", "257 columns"),
    "too long": ("a.csv", b"1\n" * 20_002, "20002 rows"),
    "csv called npy": ("a.npy", b"1,2\n3,4\n", "not a NumPy array"),
    "empty npy": ("a.npy", b"", "not a NumPy array"),
    "cut npy": ("a.npy", as_npy(TABLE)[:-8], "damaged"),
    "pickled npy": ("a.npy", as_npy(bomb_array(), allow_pickle=True), "pickled"),
    "bare pickle": ("a.npy", pickle.dumps(Bomb()), "not a NumPy array"),
    "pickled npz": ("a.npz", as_npz(x=bomb_array()), "pickled"),
    "text array": ("a.npy", as_npy(np.array([["a"], ["b"]])), "not real numbers"),
    "complex array": ("a.npy", as_npy(np.ones((3, 2), dtype=complex)), "not real numbers"),
    "structured array": ("a.npy", as_npy(np.zeros(3, dtype=[("a", "f4"), ("b", "f4")])), "not real numbers"),
    "dates": ("a.npy", as_npy(np.zeros((3, 2), dtype="datetime64[s]")), "not real numbers"),
    "huge shape": ("a.npy", header_only((10**9, 10**9)), "rows"),
    "overflowing shape": ("a.npy", header_only((2, 2**62, 2**62)), "columns"),
    "huge header": ("a.npy", b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65_535, "not a NumPy array"),
    "no columns": ("a.npy", as_npy(np.zeros((5, 0))), "no columns"),
    "a number": ("a.npy", as_npy(np.float64(3)), "the table has 0"),
    "nan array": ("a.npy", as_npy(np.array([[1.0, np.nan], [np.inf, 2.0], [3.0, 4.0]])), "2 of 6"),
    "too large values": ("a.npy", as_npy(np.array([[1.0], [1e30]])), "largest value"),
    "not a zip": ("a.npz", b"PK\x03\x04 nothing", "not a NumPy archive"),
    "npy called npz": ("a.npz", as_npy(TABLE), "not a NumPy archive"),
    "empty zip": ("a.npz", as_npz(), "empty"),
    "zip bomb": ("a.npz", zip_bomb(), "unpack to more than"),
    "large file": ("a.csv", b"1,2\n" * 600_000, "2.4 MB"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why(case: str) -> None:
    filename, content, words = REFUSED[case]
    with pytest.raises(UploadError, match=words):
        read_upload(filename, content)


def test_no_pickle_is_ever_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        pytest.fail("a pickle was opened")

    monkeypatch.setattr(pickle, "load", opened)
    monkeypatch.setattr(pickle, "loads", opened)
    for filename, content, _ in (REFUSED["pickled npy"], REFUSED["pickled npz"], REFUSED["bare pickle"]):
        with pytest.raises(UploadError):
            read_upload(filename, content)


def test_a_bomb_is_cut_off_while_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive declares a small size in its directory: only reading can tell, and reading stops at the limit."""
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 1000)
    with pytest.raises(UploadError, match="unpack"):
        read_upload("a.npz", as_npz(x=np.zeros((500, 1))))


def test_limits_themselves_are_allowed() -> None:
    assert read_upload("a.npy", as_npy(np.ones((20_000, 1), dtype=np.int8))).shape == (20_000, 1)
    assert read_upload("a.npy", as_npy(np.ones((2, 256)))).shape == (2, 256)
    assert read_upload("a.csv", b"h\n" + b"1\n" * 20_000).shape == (20_000, 1)


@example(name="a.npy", content=b"\x93NUMPY\x01\x00\x06\x00\x00\x00\x00'''")
@given(
    name=st.sampled_from(["a.csv", "a.npy", "a.npz"]),
    content=st.binary(max_size=300)
    | st.text(alphabet="0123456789,;.\"'\n\t-e nan", max_size=80).map(str.encode)
    | st.builds(lambda at, by: bytes(b ^ (by if i == at else 0) for i, b in enumerate(as_npy(TABLE))),
                st.integers(0, 200), st.integers(1, 255))
    | st.builds(lambda at, by: bytes(b ^ (by if i == at else 0) for i, b in enumerate(as_npz(x=TABLE))),
                st.integers(0, 300), st.integers(1, 255)),
)  # fmt: skip
def test_whatever_comes_in_a_table_or_an_upload_error_comes_out(name: str, content: bytes) -> None:
    try:
        read = read_upload(name, content)
    except UploadError:
        return
    rows, columns = read.shape
    assert rows >= 2
    assert columns >= 1
    assert np.isfinite(read).all()


GREY = np.linspace(0, 1, 9 * 12).reshape(9, 12)


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (GREY, (1, 1, 9, 12)),
        (np.stack([GREY, GREY, GREY + 1], axis=-1), (1, 3, 9, 12)),
        (np.stack([GREY] * 2 + [GREY * 2] * 3), (5, 1, 9, 12)),
        (np.random.default_rng(0).integers(0, 256, (2, 8, 10, 3)).astype(np.uint8), (2, 3, 8, 10)),
    ],
)
def test_images_are_scaled_and_keep_their_axes(array: np.ndarray, shape: tuple[int, ...]) -> None:
    for read in (read_images("a.npy", as_npy(array)), read_images("a.npz", as_npz(image=array))):
        assert read.shape == shape
        assert read.dtype == np.float32
        assert (read.min(), read.max()) == (0, 1)
        wanted = (array - array.min()) / float(np.ptp(array))
        if shape[1] == 3:
            wanted = np.moveaxis(wanted, -1, -3)
        np.testing.assert_allclose(read.reshape(-1), wanted.reshape(-1), atol=1e-6)


def test_a_csv_is_one_grey_image() -> None:
    rows = "\n".join(";".join(f"{value:.6f}" for value in row) for row in GREY)
    np.testing.assert_allclose(read_images("a.csv", rows.encode())[0, 0], GREY, atol=1e-5)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (as_npy(np.zeros((9, 9))), "one value"),
        (as_npy(np.zeros(64)), "no image"),
        (as_npy(np.zeros((2, 2, 8, 8))), "no image"),
        (as_npy(np.zeros((7, 20))), "7×20"),
        (header_only((300, 300)), "300×300"),
        (header_only((2001, 8, 8)), "2001 images"),
        (header_only((200, 200, 200, 3)), "at most 1000000 values"),
        (as_npy(np.full((8, 8), np.nan)), "NaN"),
        (as_npy(np.array([{}] * 64, dtype=object).reshape(8, 8), allow_pickle=True), "never loaded"),
    ],
)
def test_what_is_no_image_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(UploadError, match=words):
        read_images("a.npy", content)


def test_no_header_lets_an_image_slip_past_the_limits() -> None:
    too_long = "\n".join(",".join("1" for _ in range(9)) for _ in range(uploads.MAX_SIDE + 1))
    with pytest.raises(UploadError, match="257×9"):
        read_images("a.csv", too_long.encode())
