"""The languages of the dashboard: gettext catalogues for short strings, Markdown files for long texts.

The English text is the msgid, so English needs no catalogue. Language is always an explicit argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal, get_args

Language = Literal["en", "zh"]
Translate = Callable[[str], str]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
PACKAGE: Final = Path(__file__).parent
HAN: Final = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”…—]"
WRAPPED: Final = re.compile(rf"^(?![#|])(.*{HAN}(?:\]\([^)]*\)|\*\*)?)\n *(?=[\[*]{{0,3}}{HAN})", re.MULTILINE)
LOCALES: Final[dict[Language, str]] = {"en": "en", "zh": "zh_CN"}
COUNTED_NOUNS: Final = (
    "answers|arrays|batches|channels|characters|classes|columns|comparisons|deviations|devices|differences|draws|elements|epochs|features|groups|images|"
    "layers|means|networks|numbers|ones|outputs|parameters|parts|passes|points|problems|ranks|rates|replicas|rows|runs|samples|screens|seeds|"
    "steps|students|terms|times|trainings|updates|values|variances|windows"
)
"""What messages count, in the plural in which they are written."""
ENDINGS: Final = re.compile("(?<=ss)es$|(?<=ch)es$|s$")
VERBS: Final = {"are": "is", "were": "was", "have": "has"}
COUNTED: Final = re.compile(
    rf"\{{(\w+)\}}((?: [a-z-]+)? )({COUNTED_NOUNS})\b(?:((?: per \w+)? )({'|'.join(VERBS)})\b)?"
)
"""A number, perhaps a word, what is counted, and perhaps its verb."""
BEFORE_A_VALUE: Final = re.compile(r"(?<=[一-鿿])(?P<gap> ?)(?=\{(?P<name>\w+)[^{}]*\})")
AFTER_A_VALUE: Final = re.compile(r"(?P<value>\{(?P<name>\w+)[^{}]*\})(?P<gap> ?)(?=[一-鿿])")
"""Where a value of a message meets a Chinese word."""


def N_(message: str) -> str:
    """Mark `message` for extraction; it is translated where it is shown."""
    return message


class _Counting(str):
    """An English message that counts: where the number is told as 1, what is counted and its verb stand in the singular."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> str:
        """As of every string."""

        def one(found: re.Match[str]) -> str:
            name, word, noun, between, verb = found.groups()
            if str(values.get(name)) != "1":
                return found[0]
            return f"{{{name}}}{word}{ENDINGS.sub('', noun)}" + (between + VERBS[verb] if verb else "")

        return COUNTED.sub(one, str(self)).format(*args, **values)


class _Spaced(str):
    """A Chinese message in which a value that is Chinese joins its neighbours, and a Latin word or a number stands apart by a space."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> str:
        """As of every string."""

        def gap(found: re.Match[str], end: int) -> str:
            value = values.get(found["name"])
            edge = value[end] if isinstance(value, str) and value else ""
            if re.match(HAN, edge):
                return ""
            return " " if edge.isalnum() else found["gap"]

        before = BEFORE_A_VALUE.sub(lambda found: gap(found, 0), str(self))
        spaced = AFTER_A_VALUE.sub(lambda found: found["value"] + gap(found, -1), before)
        return spaced.format(*args, **values)


@lru_cache(4096)
def _spaced(message: str) -> str:
    return _Spaced(message) if BEFORE_A_VALUE.search(message) or AFTER_A_VALUE.search(message) else message


@lru_cache(4096)
def _counting(message: str) -> str:
    return _Counting(message) if COUNTED.search(message) else message


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Every translated message of `language`, from the catalogues in all folders of the package."""
    from babel.messages.pofile import read_po  # not needed by who runs experiments in a notebook, in English

    messages: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob(f"messages.{language}.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=LOCALES[language]):
                if message.id and message.string:
                    messages[str(message.id)] = str(message.string)
    return messages


@cache
def translator(language: Language) -> Translate:
    """Return the function that translates an English message into `language`."""
    if language == "en":
        return _counting
    messages = catalogue(language)
    return lambda message: _spaced(messages.get(message, message))


@cache
def long_text(folder: Path, language: Language) -> str:
    """The Markdown text of the topic in `folder`, in `language`.

    Where a line is wrapped between two Chinese characters, the lines are joined: Markdown would put a space there.
    """
    return WRAPPED.sub(r"\1", (folder / f"text.{language}.md").read_text(encoding="utf-8"))


def closed_up(text: str) -> str:
    """`text` put together as English is, with spaces as in Chinese: none after its punctuation, one between its words and Latin ones."""
    parted = re.sub(r"(?<=[一-鿿])(?=[A-Za-z])|(?<=[A-Za-z])(?=[一-鿿])", " ", text)
    return re.sub(r"(?<=[，。、；：！？）]) +|(?<=[一-鿿]) (?=[一-鿿])", "", parted)


def clauses(one: str, other: str, _: Translate) -> str:
    """Two clauses with the comma of their language between them, which in Chinese is not that of a list, `_(", ")`."""
    return _("{one}, {other}").format(one=one, other=other)


def listed(names: Iterable[object], texts: Iterable[str], _: Translate) -> str:
    """Each name with its text, as `1: 10.7 %; 2: 8.7 %`."""
    return _("; ").join(f"{name}{_(': ')}{text}" for name, text in zip(names, texts, strict=True))


def in_brackets(text: str, aside: str, _: Translate) -> str:
    """`text` and, in the brackets of the language, an aside."""
    return _("{text} ({aside})").format(text=text, aside=aside)


def named_language(wish: str) -> Language | None:
    """The language of ours that `wish` names (`zh-CN` and `zh_TW` count as `zh`), if there is one."""
    spoken = wish.lower().replace("_", "-").split("-")[0]
    return next((language for language in LANGUAGES if language == spoken), None)


def choose_language(*wishes: str | None) -> Language:
    """The first wish that names a language of ours, else English."""
    return next((language for wish in wishes if wish and (language := named_language(wish))), "en")
