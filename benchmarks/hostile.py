"""What a hostile visitor sends: links with any text for any key, files that are almost right; all from a random number generator."""

from __future__ import annotations

import io
import zipfile
from random import Random
from typing import Any, Final
from urllib.parse import quote, quote_plus

import numpy as np

from bnviz.inspect import example
from bnviz.labs.course import LABS
from bnviz.settings import SettingField, fields
from bnviz.ui.visit import PAGE_KEYS, VIEWS
from scripts.fuzz_views import value

MARK: Final = "zqx"
"""Stands in every hostile text, so that it is found again on the page."""
TEXTS: Final = (
    f"<img src=x onerror={MARK}()>",
    f"<b>{MARK}</b>",
    f"[{MARK}](http://{MARK}.example)",
    f"![{MARK}](//{MARK}.example/a.png)",
    f"http://{MARK}.example/login",
    f"www.{MARK}.example",
    f"{MARK}@{MARK}.example",
    f"${MARK}$",
    f":red[{MARK}]",
    f":material/{MARK}:",
    f"`{MARK}`",
    f"javascript:{MARK}",
    f"{MARK}\u202e\u0000\ud7ff\U0001f600",
    f"=1+1;{MARK}",
    f"../../{MARK}",
    f"{{{MARK}}}%s%n",
    f"{MARK}'; DROP TABLE",
)
NUMBERS: Final = (
    "0",
    "-1",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "1e-999",
    "9" * 400,
    "0x10",
    "１２",
    "1_000",
    "٣",
    "",
    " 1 ",
    "1,2",
    "true",
)
PAGES: Final = (*(lab.name for lab in LABS), "home", "cases", "classroom", "your_model")
OTHER_KEYS: Final = ("q", "source", "quantity", "layer", "class", "code", "embed", "utm_source", "card", MARK)
UPLOAD_TOPICS: Final = tuple(topic for lab in LABS for topic in lab.topics if topic.upload is not None)
MODEL: Final = "your_model"


def text(chance: Random) -> str:
    """Any text, short or long."""
    one = chance.choice((*TEXTS, *NUMBERS))
    return one * chance.choice((1, 1, 1, 1, 3, 200)) if one else one


def link(chance: Random, page: str) -> str:
    """A query for `page`: settings that are allowed, settings that are not, keys that do not exist."""
    lab = next((lab for lab in LABS if lab.name == page), None)
    pairs: list[tuple[str, str]] = []
    if lab is not None:
        topic = chance.choice(lab.topics)
        pairs += [("topic", topic.name)] if chance.random() < 0.8 else []
        known = list(fields(topic.settings).items())
        pairs += [(name, _setting(field, chance)) for name, field in known if chance.random() < 0.3]
        pairs += [("pin", quote(f"{chance.choice(known)[0]}={text(chance)}"))] if chance.random() < 0.1 else []
    for key in (*PAGE_KEYS, *OTHER_KEYS):
        if chance.random() < 0.12:
            pairs.append((key, chance.choice((*VIEWS, "0", "1", "en", "zh", text(chance)))))
    pairs += [(text(chance), text(chance)) for _ in range(chance.choice((0, 0, 0, 1, 4, 100)))]
    chance.shuffle(pairs)
    query = "&".join(f"{_quoted(key)}={_quoted(told)}" for key, told in pairs)
    return query + chance.choice(("", "", "", "&", "&&=", "&predict=0", "&%zz=%", "&lang"))


def _setting(field: SettingField, chance: Random) -> str:
    if chance.random() < 0.25:
        return text(chance)
    made = value(field, chance)
    return ",".join(map(str, made)) if isinstance(made, tuple) else str(made)


def _quoted(part: str) -> str:
    return quote_plus(part.encode("utf-8", "replace"))


def upload(chance: Random) -> tuple[str, str, str, bytes]:
    """(page, query, file name, content) of a file for some page that takes one."""
    if chance.random() < 0.2:
        return MODEL, "source=upload&predict=0", "a.bnviz", _damaged(_RECORDING, chance)
    topic = chance.choice(UPLOAD_TOPICS)
    named = "" if topic.name == topic.lab else f"&topic={topic.name}"
    suffix, content = chance.choice((_csv, _csv, _npy, _npz))(chance)
    if chance.random() < 0.4:
        content = _damaged(content, chance)
    name = chance.choice(("a", "<i>", f"[{MARK}](x)", "é中文", "a" * 200)) + chance.choice(
        (suffix, suffix, suffix, ".csv", ".npz")
    )
    language = chance.choice(("en", "zh"))
    return topic.lab, f"source=upload&predict=0&lang={language}{named}", name, content


_RECORDING: Final = example.PATH.read_bytes()[: 2**19]


def _damaged(content: bytes, chance: Random) -> bytes:
    """Some bytes changed, and perhaps the end or the beginning lost, or something behind it."""
    changed = bytearray(content)
    for _ in range(chance.choice((0, 1, 3, 30))):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    cut = chance.randrange(len(changed) + 1)
    return bytes(chance.choice((changed, changed[:cut], changed[cut:], changed + b"\0" * 1000, changed * 2)))


def _csv(chance: Random) -> tuple[str, bytes]:
    columns, between = chance.choice((1, 2, 5, 40, 300)), chance.choice((",", ";", "\t", " "))
    rows = chance.choice((0, 1, 2, 20, 200)) if columns < 300 else 3

    def cell() -> str:
        kind = chance.random()
        if kind < 0.9:
            return str(round(chance.gauss(0, 10), 2))
        return '"' + text(chance).replace('"', '""') + '"' if kind < 0.95 else text(chance)

    title = [f'"{chance.choice(TEXTS)}"' if chance.random() < 0.3 else f"c{place}" for place in range(columns)]
    classes = chance.choice((None, ("a", "b"), TEXTS, tuple(map(str, range(50)))))
    lines = [
        between.join([cell() for _ in range(columns)] + ([chance.choice(classes)] if classes else []))
        for _ in range(rows)
    ]
    told = "\n".join([between.join([*title, "cls"] if classes else title), *lines])
    return chance.choice((".csv", ".tsv", ".txt", ".dat")), told.encode(
        chance.choice(("utf-8", "utf-8", "utf-16", "utf-8-sig")), "replace"
    )


def _array(chance: Random) -> Any:
    shape = chance.choice(
        ((), (0,), (5,), (20, 3), (3, 16, 16), (16, 16, 3), (4, 16, 16), (2, 3, 16, 16), (1, 1, 1, 1, 1), (30, 300))
    )
    kind = chance.choice(("f4", "f8", "f2", "i8", "u1", "?", "c8", "U3", "M8[s]", ">f4"))
    made = np.random.default_rng(chance.randrange(2**32)).normal(size=shape) * 50
    if chance.random() < 0.2 and made.size:
        made.flat[0] = chance.choice((np.nan, np.inf, 1e300))
    with np.errstate(all="ignore"):
        return made.astype("i8").astype(kind) if kind[0] == "M" else made.astype(kind)


def _npy(chance: Random) -> tuple[str, bytes]:
    with io.BytesIO() as file:
        np.save(file, _array(chance))
        content = file.getvalue()
    if chance.random() < 0.3:  # a shape that does not tell the truth
        content = content.replace(
            b"'shape': (", b"'shape': (" + chance.choice((b"True, ", b"99999, ", b"-1, ", b"1e9, ")), 1
        )
    return ".npy", content


def _npz(chance: Random) -> tuple[str, bytes]:
    with io.BytesIO() as file:
        way = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
        with zipfile.ZipFile(file, "w", way) as archive:
            for name in chance.choice((("X", "y"), ("X",), ("a", "b", "c"), (f"../{MARK}", TEXTS[0]))):
                inside = _npy(chance)[1] if chance.random() < 0.9 else b"\0" * chance.choice((10, 2**24))
                archive.writestr(f"{name}.npy", inside)
        return ".npz", file.getvalue()
