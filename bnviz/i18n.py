"""The languages of the dashboard: gettext catalogues for short strings, Markdown files for long texts.

The English text is the msgid, so English needs no catalogue. Language is always an explicit argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from babel.messages.pofile import read_po

Language = Literal["en", "zh"]
Translate = Callable[[str], str]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
LOCALES: Final = Path(__file__).parent / "locales"
HAN: Final = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef“”…—]"
WRAPPED: Final = re.compile(f"^(?![#|])(.*{HAN})\n *(?={HAN})", re.MULTILINE)
LOCALE_FOLDERS: Final[dict[Language, str]] = {"en": "en", "zh": "zh_CN"}


def N_(message: str) -> str:
    """Mark `message` for extraction; it is translated where it is shown."""
    return message


@cache
def catalogue(language: Language) -> dict[str, str]:
    """Every translated message of `language`, from all its `.po` files (one per lab, one for the rest)."""
    messages: dict[str, str] = {}
    for path in sorted((LOCALES / LOCALE_FOLDERS[language] / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=LOCALE_FOLDERS[language]):
                if message.id and message.string:
                    messages[str(message.id)] = str(message.string)
    return messages


@cache
def translator(language: Language) -> Translate:
    """Return the function that translates an English message into `language`."""
    if language == "en":
        return lambda message: message
    messages = catalogue(language)
    return lambda message: messages.get(message, message)


@cache
def long_text(name: str, language: Language) -> str:
    """The Markdown text `name` (a lab's name) in `language`.

    Where a line is wrapped between two Chinese characters, the lines are joined: Markdown would put a space there.
    """
    return WRAPPED.sub(r"\1", (LOCALES / LOCALE_FOLDERS[language] / f"{name}.md").read_text(encoding="utf-8"))


def choose_language(*wishes: str | None) -> Language:
    """Return the first wish that names a language of ours (`zh-CN` and `zh_TW` count as `zh`), else English."""
    for wish in wishes:
        for language in LANGUAGES:
            if wish and wish.lower().replace("_", "-").split("-")[0] == language:
                return language
    return "en"
