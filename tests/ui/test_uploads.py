"""The uploader on the pages: what was read is told as text, the class can be chosen, a language switch loses nothing."""

from __future__ import annotations

import gc
import gzip
import io
import re
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bnviz.core import uploads as core
from bnviz.errors import UploadError
from bnviz.ui import uploads, views
from tests.pages.test_pages import open_page, words
from tests.uploads import read_upload

ROWS = [(5 + row % 7, 3 + row % 4, "abc"[row % 3]) for row in range(60)]
IRIS = ",len,wid,cls\n" + "".join(f"{row},{cells[0]},{cells[1]},{cells[2]}\n" for row, cells in enumerate(ROWS))


def open_upload(lab: str, **query: str) -> AppTest:
    return open_page(lab, source="upload", predict="0", **{"lang": "en", **query})


def give(page: AppTest, name: str, content: str | bytes) -> AppTest:
    """The page after its visitor has chosen a file."""
    data = content.encode() if isinstance(content, str) else content
    page.file_uploader[0].set_value((name, data, "application/octet-stream")).run()
    assert not page.exception
    return page


def told(page: AppTest) -> str:
    """What the page says about the file, as HTML."""
    return "\n".join(block.proto.body for block in page.get("html") if "line-height" in block.proto.body)


def key_of(page: AppTest, kind: str, part: str) -> str:
    """The key of the one widget of this kind with `part` in its key."""
    return next(widget.key for widget in getattr(page, kind) if part in (widget.key or ""))


@pytest.mark.parametrize(
    ("language", "says"),
    [
        (
            "en",
            (
                "60 rows; 2 features: len, wid; left out: the index column, which counts the rows; left out: cls (words)",
                "How it was read: separated by commas; with titles",
                "The first rows",
            ),
        ),
        ("zh", ("60 行；2 个特征：len、wid；去掉了索引列，即行号；去掉了 cls（文字）", "以逗号分隔", "前几行")),
    ],
)
def test_the_page_says_what_it_read(language: str, says: tuple[str, ...]) -> None:
    page = give(open_upload("layer", lang=language), "a.csv", IRIS)
    for words_told in says:
        assert words_told in told(page)
    assert ">len</th>" in told(page)
    assert ">5</td>" in told(page)
    assert not page.warning
    assert not page.error


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ("2 features: длина, ширина", "encoding KOI8", "KOI8 is a guess", "left out: вид (words)")),
        ("zh", ("2 个特征：длина、ширина", "编码 KOI8", "KOI8 是猜测", "去掉了 вид（文字）")),
    ],
)
def test_a_guessed_encoding_is_told_and_the_script_reads_with_it(language: str, says: tuple[str, ...]) -> None:
    text = "длина,ширина,вид\n" + "".join(f"{row % 7},{row % 4},{('роза', 'ирис')[row % 2]}\n" for row in range(40))
    page = give(open_upload("layer", lang=language, view="code"), "a.csv", text.encode("koi8_r"))
    for words_told in says:
        assert words_told in told(page)
    sent = [str(element.proto) for element in page.get("bidi_component")]
    assert any("koi8_u" in component and "a.csv" in component for component in sent)


@pytest.mark.parametrize(("language", "says"), [("en", "This is a file of R."), ("zh", "文件格式：R 的数据文件")])
def test_a_foreign_format_is_named_with_what_converts_it(language: str, says: str) -> None:
    page = give(open_upload("layer", lang=language), "a.rds", gzip.compress(b"X\n"))
    [warning] = page.warning
    assert says in unescaped(warning.value)
    assert 'pyreadr.read_r("a.rds")' in unescaped(warning.value)


def test_the_class_and_the_features_can_be_chosen_and_survive_the_language() -> None:
    page = give(open_upload("training"), "a.csv", IRIS)
    assert "class column cls: a 20, b 20, c 20" in told(page)
    page.selectbox(key=key_of(page, "selectbox", ":class")).set_value(2).run()
    assert not page.exception
    assert "one feature: len; class column wid: 3 15, 4 15, 5 15, 6 15" in told(page)
    assert "left out: cls (words)" in told(page)
    left_out = page.multiselect(key=key_of(page, "multiselect", ":left_out:2"))
    assert left_out.value == [0, 3]
    left_out.set_value([3]).run()  # the index as a feature
    assert "2 features: [1], len; class column wid" in told(page)
    for language, says in (("zh", "2 个特征：[1]、len；类别列 wid"), ("en", "2 features: [1], len; class column wid")):
        page.segmented_control(key="lang").set_value(language).run()
        assert not page.exception
        assert says in told(page)
    page.selectbox(key=key_of(page, "selectbox", ":class")).set_value(3).run()
    assert "2 features: len, wid; class column cls" in told(page)


def test_where_the_suggested_choice_is_refused_another_can_be_made() -> None:
    page = give(open_upload("training"), "a.csv", IRIS.replace("7,5,6,b", "7,?,6,b").replace("\n3,8,6,a", "\n3,?,6,a"))
    assert "Line 5, column len: the value is missing" in unescaped(words(page))
    left_out = page.multiselect(key=key_of(page, "multiselect", ":left_out"))
    left_out.set_value([*left_out.value, 1]).run()
    assert not page.warning
    assert "one feature: wid; class column cls" in told(page)
    assert "len (your choice)" in told(page)


def unescaped(text: str) -> str:
    return text.replace("\\", "")


HOSTILE = '"<img src=x onerror=alert(1)>","www.evil.example",":red[x] $y$ **b**",cls\n' + "".join(
    f"{row % 5},{row % 4},{row % 3},<b>{row % 2}</b>\n" for row in range(40)
)


def test_everything_from_the_file_is_text() -> None:
    page = give(open_upload("training"), "<i>.csv", HOSTILE)
    assert "&lt;img src=x" in told(page)
    assert "&lt;b&gt;0&lt;/b&gt; 20" in told(page)
    assert "<img" not in told(page)
    assert "<b>0" not in told(page)
    assert "<i>" not in told(page)
    page = give(
        open_upload("layer"), "a.csv", "www.evil.example,a@evil.example\n1,2\n3,x\n4,http://evil.example\n5,6\n"
    )
    [warning] = page.warning
    assert "evil" in warning.value
    for address in ("www\\.evil", "a@evil", "http\\://"):
        assert address not in warning.value


@pytest.mark.parametrize(
    "text", ["www.evil.example", "WWW.evil.example", "_www.evil.example", "https://evil.example", "a.@evil.example"]
)
def test_no_address_in_a_text_becomes_a_link(text: str) -> None:
    """The patterns by which the page finds addresses (GitHub's autolinks) in the text that is left when Markdown is read."""
    left = unescaped(views.escaped(text))
    assert not re.search(r"(?i)(https?://|www(?=\.))([-.\w]+)", left)
    assert not re.search(r"([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)", left, re.ASCII)
    assert left.replace("\N{WORD JOINER}", "") == text


def as_npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def test_images_say_how_their_axes_were_read() -> None:
    images = np.random.default_rng(0).integers(0, 255, (2, 3, 16, 16)).astype(np.uint8)
    page = give(open_upload("convolution"), "a.npy", as_npy(images))
    assert "2 images of 16×16 pixels; in colour" in told(page)
    assert "channels first (N, 3, H, W)" in told(page)


def test_what_float32_loses_is_told() -> None:
    page = give(
        open_upload("layer"), "a.csv", "a,b\n" + "".join(f"{100_000_005 + row % 2}.1,{row}\n" for row in range(40))
    )
    assert "⚠ Column a: the values differ by 1 around" in told(page)


def test_a_file_is_read_once_however_often_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    original = core.open_upload
    monkeypatch.setattr(core, "open_upload", lambda name, *rest: opened.append(name) or original(name, *rest))
    page = give(open_upload("layer"), "a.csv", IRIS)
    for _ in range(2):
        page.run()
    assert opened == ["a.csv"]
    give(page, "b.csv", "a,b\n1,x\n2,3\n4,5\n")
    for _ in range(2):
        page.run()
        assert page.warning
    assert opened == ["a.csv", "b.csv"]
    give(page, "c.csv", IRIS)
    assert not page.warning
    assert opened == ["a.csv", "b.csv", "c.csv"]


def bomb() -> bytes:
    """An archive of few bytes with 20 MB of NaN."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", as_npy(np.full((20_000, 128), np.nan)))
    return stream.getvalue()


def test_a_refused_file_leaves_a_sentence_and_no_array() -> None:
    page = open_upload("layer")
    give(page, "b.csv", "a,b\n1,x\n2,3\n4,5\n")
    tracemalloc.start()
    try:
        give(page, "a.npz", bomb())
        gc.collect()
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak > 20e6
    assert left < 10e6
    visit = page.session_state["visit"]
    [problem] = visit.labs["layer"].problems
    assert isinstance(problem, UploadError)
    assert "NaN" in str(problem)
    assert (problem.__traceback__, problem.__context__, problem.__cause__) == (None, None, None)
    assert set(_parts(visit.file)) <= {str, tuple, dict, type(None), type(problem.phrase)}


def _parts(read: Any) -> list[type]:
    assert isinstance(read, uploads._Read)
    return [type(getattr(read, name)) for name in ("file_id", "columns", "suggested", "outcome")]


def test_the_summary_is_that_of_the_file() -> None:
    upload = read_upload("a.csv", IRIS.encode(), "classes")
    assert upload.classes is not None
    page = give(open_upload("training"), "a.csv", IRIS)
    assert "; ".join(str(phrase) for phrase in upload.summary()) in told(page)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_beside_a_refused_file_the_page_says_why_there_is_no_picture_and_leads_back(language: str) -> None:
    page = give(open_upload("layer", lang=language), "bad.csv", "a,b\n1,2\n3,4,5\n")
    told = {"en": "the reason stands beneath it", "zh": "原因写在文件下方"}[language]
    assert [told in info.value for info in page.info] == [True]
    page.button(key="layer:built_in").click().run()
    assert not page.exception
    assert page.session_state["visit"].labs["layer"].settings.source == "digits"
    assert not page.info
