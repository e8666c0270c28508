"""How a text file is encoded: by its mark, as UTF-8, or by the letters that its words would have.

Short words above a few columns say little: of 18 encodings that spreadsheets write, the one is taken in which the letters are the
likeliest. How often a language uses a letter is counted in Unicode's locale data (CLDR), which Babel brings: names of languages,
countries, currencies, units and months.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from babel import localedata

from bnviz.errors import UploadError, shortened
from bnviz.i18n import N_

BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROL: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
REPLACED: Final = "\ufffd"  # in place of what cannot be decoded
RARE_ZEROS: Final = 20  # in UTF-16 of a table, more than one byte of so many is zero
END: Final = "\x1a"  # with which DOS closes a file
SHIFT: Final = b"\x1b$"  # with which ISO-2022-JP goes over to Japanese characters
WORD: Final = re.compile(rb'[^,;"\s]*[\x80-\xff][^,;"\s]*')  # none of these bytes is half of a letter in any encoding
MAX_WEIGHED: Final = 6000  # bytes of words
CLOSE: Final = 4.0  # in log-likelihood: nearly as good
MARKS: Final = "°µ²³±×·–—’‘“”„€£§…½¼"  # in units and quotations of any language

STRANGE: Final = -14.0  # log-probability of what the language does not write
MARKED: Final = -3.0
TORN: Final = -4.0  # of a capital after a small letter, and of a letter beside one of another script
CROWDED: Final = -1.5  # of a letter with an accent beside another: words of Latin letters have few
RARE: Final = 1 / 3000  # of an alphabet what occurs less often is another language's


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding in which spreadsheets and older programs write."""

    codec: str
    """As Python names it."""
    name: str
    """As people know it."""
    languages: tuple[str, ...]
    """That are written in it."""
    prior: float
    """Log-probability before the file is seen, up to a constant."""
    common: str = ""
    """The codec of the characters that are in use, where a language has thousands of them."""
    latin: bool = False
    """Whether the letters stand among those of ASCII."""


WESTERN: Final = ("de", "fr", "es", "pt", "sv", "da")
CENTRAL: Final = ("pl", "cs", "hu", "ro")
ENCODINGS: Final = (
    Encoding("gb18030", "GB 18030 (GBK)", ("zh",), 2.5, "gb2312"),
    Encoding("cp1252", "Windows-1252 (Latin-1)", WESTERN, 2.5, latin=True),
    Encoding("big5hkscs", "Big5", ("zh_Hant",), 0, "big5"),
    Encoding("cp932", "Shift-JIS", ("ja",), 0, "shift_jis"),
    Encoding("cp949", "EUC-KR (CP949)", ("ko",), 0, "euc_kr"),
    Encoding("cp1251", "Windows-1251", ("ru", "uk", "bg"), 0),
    Encoding("cp1250", "Windows-1250", CENTRAL, 0, latin=True),
    Encoding("cp1253", "Windows-1253", ("el",), 0),
    Encoding("cp1254", "Windows-1254", ("tr",), 0, latin=True),
    Encoding("cp1255", "Windows-1255", ("he",), 0),
    Encoding("cp1256", "Windows-1256", ("ar", "fa"), 0),
    Encoding("cp874", "Windows-874 (TIS-620)", ("th",), 0),
    Encoding("euc_jp", "EUC-JP", ("ja",), -1, "shift_jis"),
    Encoding("koi8_u", "KOI8", ("ru", "uk"), -1),
    Encoding("cp866", "CP866", ("ru",), -1),
    Encoding("iso8859_2", "Latin-2", CENTRAL, -2, latin=True),
    Encoding("mac_roman", "Mac Roman", WESTERN, -3, latin=True),
    Encoding("cp850", "CP850", WESTERN, -3, latin=True),
    Encoding("latin-1", "Latin-1", WESTERN, -6, latin=True),
)
NAMES: Final = {
    **{encoding.codec: encoding.name for encoding in ENCODINGS},
    "utf-8": "",
    "utf-8-sig": "",
    "iso2022_jp": "ISO-2022-JP",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
}
"""What an encoding is called, by its codec; nothing for what is usual."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and how it was encoded."""

    text: str
    encoding: str
    """As Python names it."""
    guessed: bool = False
    """Whether it was chosen by the letters alone."""
    rival: str = ""
    """Another encoding in which the letters are nearly as likely."""


def decode(content: bytes) -> Decoded:
    """The text of a file.

    Raises: UploadError for what is no text.
    """
    for mark, encoding in BOMS:
        if content.startswith(mark):
            return _first(content, (Decoded("", encoding),))
    if b"\0" in content:  # every second byte of Latin letters and digits in UTF-16
        _refuse_stray_zeros(content)
        little = content[1::2].count(0) > content[::2].count(0)
        return _first(content, (Decoded("", "utf-16-le" if little else "utf-16-be"),))
    shifted = (Decoded("", "iso2022_jp"),) if SHIFT in content else ()
    try:
        return _first(content, (*shifted, Decoded("", "utf-8")))
    except UploadError:
        if content.isascii():
            raise
    _refuse_damaged(content)
    return _first(content, _guesses(content))


def _refuse_stray_zeros(content: bytes) -> None:
    """Refuse text with a few zero bytes in it, too few for UTF-16 with numbers.

    Raises: UploadError.
    """
    text = content.replace(b"\0", b"").decode("utf-8", errors="replace")
    if RARE_ZEROS * content.count(0) < len(content) and not CONTROL.search(text.rstrip(END)) and REPLACED not in text:
        raise UploadError(
            N_(
                "Line {line} holds a byte that stands for nothing, after {before}: the file is damaged there. Open it in an editor, "
                "correct the place, and save it as UTF-8."
            ),
            **_end_of(content[: content.index(0)].decode("utf-8", errors="replace")),
        )


def _refuse_damaged(content: bytes) -> None:
    """Refuse UTF-8 in which a few bytes are wrong: in another encoding all words would be.

    Raises: UploadError.
    """
    text = content.decode("utf-8", errors="replace")
    wrong = text.count(REPLACED)
    if 0 < 3 * wrong < sum(not letter.isascii() for letter in text) - wrong:
        raise UploadError(
            N_(
                "Line {line} holds bytes that are not UTF-8, after {before}; the rest of the file is. Open it in an editor, correct "
                "the place, and save it as UTF-8."
            ),
            **_end_of(text[: text.index(REPLACED)]),
        )


def _end_of(text: str) -> dict[str, Any]:
    """The line in which what follows `text` stands, and the last letters before it, for a message."""
    lines = text.splitlines(keepends=True)
    return {
        "line": len(lines) + (not lines or lines[-1][-1] in "\r\n"),
        "before": shortened("".join(lines[-1:])[-12:].strip() or "…"),
    }


def _first(content: bytes, ways: tuple[Decoded, ...]) -> Decoded:
    """The text in the first of `ways` that fits.

    Raises: UploadError.
    """
    for way in ways:
        try:
            text = content.decode(way.encoding)
        except UnicodeDecodeError:
            continue
        if not CONTROL.search(text.rstrip(END)):
            return Decoded(text, way.encoding, way.guessed, way.rival)
    raise UploadError(
        N_(
            "The file is not text: neither UTF-8, UTF-16 nor what spreadsheets write. Save it as CSV (UTF-8) or as .npy."
        )
    )


def _guesses(content: bytes) -> tuple[Decoded, ...]:
    """The encodings in which the letters of the file are words, the likeliest first."""
    words = b"\n".join(dict.fromkeys(WORD.findall(content)))[:MAX_WEIGHED]
    ranked = sorted(_weighed(words), key=lambda found: -found[0])
    ways = []
    for place, (weight, encoding, text) in enumerate(ranked):
        rivals = (other.codec for near, other, read in ranked[place + 1 :] if read != text and weight - near < CLOSE)
        ways.append(Decoded("", encoding.codec, guessed=True, rival=next(rivals, "")))
    return tuple(ways)


def _weighed(words: bytes) -> Iterator[tuple[float, Encoding, str]]:
    """Each encoding in which `words` can be read, with the log-likelihood of them."""
    for encoding in ENCODINGS:
        try:
            text = codecs.getincrementaldecoder(encoding.codec)().decode(words)  # which may end within a letter
        except UnicodeDecodeError:
            continue
        yield (
            encoding.prior + max(_likelihood(text, encoding, language) for language in encoding.languages),
            encoding,
            text,
        )


def _likelihood(text: str, encoding: Encoding, language: str) -> float:
    """The log-probability of the letters of `text` in a language."""
    letters, total, before = _letters(language, bool(encoding.common)), 0.0, "\n"
    for letter in text:
        if letter.isascii():
            total += TORN * (not (encoding.latin or encoding.common or before.isascii()) and letter.isalpha())
        else:
            total += letters.get(letter.lower()) or _unseen(letter, encoding)
            total += TORN * (letter.isupper() and before.islower())
            beside = before.isalpha() and before.isascii() != encoding.latin
            total += (CROWDED if encoding.latin else TORN) * (beside and not encoding.common)
        before = letter
    return total


def _unseen(letter: str, encoding: Encoding) -> float:
    """The log-probability of a letter that the language's names do not hold."""
    if letter in MARKS:
        return MARKED if encoding.latin else 2 * MARKED
    if encoding.common and letter.isalpha():
        try:
            letter.encode(encoding.common)
        except UnicodeEncodeError:
            return STRANGE
        return math.log(0.4 / 4000)  # of thousands of characters the names hold a part
    return STRANGE


@cache
def _letters(language: str, many: bool) -> dict[str, float]:
    """Log-probabilities of the letters beyond ASCII in a language, of one that has `many` of them evened out."""
    counts = Counter(
        letter
        for text in _texts(localedata.load(language, merge_inherited=False))
        for letter in text.lower()
        if not letter.isascii() and (letter.isalpha() or unicodedata.category(letter) == "Mn")
    )
    total = counts.total()
    if many:
        weights = {letter: math.log1p(count) for letter, count in counts.items()}
    else:
        weights = {letter: float(count) for letter, count in counts.items() if count > RARE * total}
    share = (0.6 if many else 0.97) / sum(weights.values())
    return {letter: math.log(share * weight) for letter, weight in weights.items()}


def _texts(data: Any) -> Iterator[str]:
    """All texts of nested data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from _texts(value)
