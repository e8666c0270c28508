"""Bring the translation catalogues up to date with the code: new messages in, unused ones out, translations kept.

A message stands once. It stays in a room that uses it, whoever else comes to use it, so that a new topic moves nobody's words; else it goes
into the innermost room that holds every file which uses it: a topic's folder, its lab's, a floor's, the package's (see `room`).
Catalogues are sorted and carry no line numbers, so that two people can translate side by side and merge.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).parents[1]
CATALOGUE: Final = "messages.zh.po"
LOCALE: Final = "zh_CN"
# The names under which the code calls a translator, or marks a message for one.
KEYWORDS: Final[Mapping[str, None]] = dict.fromkeys(("_", "N_", "gettext", "translate"))
WIDTH: Final = 110
HEADER: Final = b"""\
# Translations of bnviz, MIT License. `make catalogues` adds and removes messages; people write the msgstr.
msgid ""
msgstr ""
"Language: zh_CN\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def sources(root: Path = ROOT) -> list[Path]:
    """Every Python file whose words a visitor may read."""
    return [root / "app.py", *sorted((root / "pages").rglob("*.py")), *sorted((root / "bnviz").rglob("*.py"))]


def in_f_strings(path: Path) -> Iterator[str]:
    """The messages within f-strings, into which Babel does not look."""
    for string in ast.walk(ast.parse(path.read_bytes())):
        for call in ast.walk(string) if isinstance(string, ast.JoinedStr) else ():
            match call:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(message))]) if name in KEYWORDS:
                    yield message


def messages(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The messages of one file, each with the translators' comments above it."""
    yield from ((message, []) for message in in_f_strings(path))
    for _, message, comments, _ in extract_from_file("python", path, KEYWORDS, comment_tags=("Translators:",)):
        if isinstance(message, str) and message:
            yield message, comments


def room(path: Path, package: Path) -> Path:
    """The folder whose catalogue the messages of `path` belong to: a topic's or lab's own, else the floor's, else the package's."""
    parts = path.relative_to(package).parts[:-1] if path.is_relative_to(package) else ()
    for depth in range(len(parts), 1, -1):
        folder = package.joinpath(*parts[:depth])
        if parts[0] == "labs" and ((folder / "lab.py").exists() or (folder / "lesson.py").exists()):
            return folder
    return package.joinpath(*parts[: 2 if parts[:1] == ("labs",) else 1])


def common(rooms: set[Path]) -> Path:
    """The innermost folder that holds all `rooms`."""
    first, *others = rooms
    return next(folder for folder in (first, *first.parents) if all(other.is_relative_to(folder) for other in others))


def extract(root: Path = ROOT) -> dict[Path, dict[str, list[str]]]:
    """Messages and the translators' comments by the folder of their catalogue."""
    package = root / "bnviz"
    users: defaultdict[str, set[Path]] = defaultdict(set)
    comments: dict[str, list[str]] = {}
    for path in sources(root):
        for message, notes in messages(path):
            users[message].add(room(path, package))
            comments.setdefault(message, notes)
    standing = places(package)
    catalogues: defaultdict[Path, dict[str, list[str]]] = defaultdict(dict)
    for message, rooms in users.items():
        there = standing[message].parent if message in standing else None
        catalogues[there if there in rooms else common(rooms)][message] = comments[message]
    return dict(catalogues)


def entries(package: Path) -> Iterator[tuple[Path, Message]]:
    """Every message of every catalogue of `package`, with the catalogue."""
    for path in sorted(package.rglob(CATALOGUE)):
        with path.open("rb") as file:
            yield from ((path, message) for message in read_po(file, locale=LOCALE) if message.id)


def read_translations(package: Path) -> dict[str, str]:
    """Every translation in any catalogue of `package`, so that a message may move between them."""
    return {str(message.id): str(message.string) for _, message in entries(package) if message.string}


def places(package: Path) -> dict[str, Path]:
    """The catalogue that each message stands in."""
    return {str(message.id): path for path, message in entries(package)}


def new_catalogue(wanted: Mapping[str, list[str]], translations: Mapping[str, str]) -> Catalog:
    """A catalogue of the `wanted` messages; the untranslated ones are left empty."""
    catalogue = Catalog(locale=LOCALE, fuzzy=False)
    for message, comments in wanted.items():
        catalogue.add(message, translations.get(message, ""), auto_comments=comments)
    return catalogue


def update(root: Path = ROOT) -> dict[Path, list[str]]:
    """Rewrite the catalogues under `root`; return the messages that still want a translation, by catalogue."""
    package = root / "bnviz"
    translations = read_translations(package)
    wanted = extract(root)
    for path in package.rglob(CATALOGUE):
        if path.parent not in wanted:
            path.unlink()
    for folder, entries in wanted.items():
        with (folder / CATALOGUE).open("wb") as file:
            # The header would change with every run; ours says what a reader of the file has to know, and no more.
            file.write(HEADER)
            write_po(
                file, new_catalogue(entries, translations), WIDTH, no_location=True, omit_header=True, sort_output=True
            )
    return {
        folder / CATALOGUE: missing
        for folder, entries in wanted.items()
        if (missing := sorted(entries.keys() - translations.keys()))
    }


def main() -> None:
    """Update, and say which messages moved to another catalogue and which want a translation."""
    package = ROOT / "bnviz"
    before = places(package)
    untranslated_by_path = update()
    for message, path in places(package).items():
        if before.get(message, path) != path:
            print(f"{path.relative_to(ROOT)} has now, from {before[message].relative_to(ROOT)}: {message}")
    for path, untranslated in sorted(untranslated_by_path.items()):
        print(f"{path.relative_to(ROOT)}: {len(untranslated)} without a translation")
        for message in untranslated:
            print(f"    {message}")


if __name__ == "__main__":
    main()
