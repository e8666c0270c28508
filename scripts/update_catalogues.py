"""Bring the translation catalogues up to date with the code: new messages in, unused ones out, translations kept.

A message that only one lab uses goes to that lab's catalogue (`layer.po`), every other to `bnviz.po`. Catalogues are
sorted and carry no line numbers, so that two people can translate side by side and merge.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

ROOT: Final = Path(__file__).parents[1]
SHARED: Final = "bnviz"
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


def messages(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The messages of one file, each with the translators' comments above it."""
    for _, message, comments, _ in extract_from_file("python", path, KEYWORDS, comment_tags=("Translators:",)):
        if isinstance(message, str) and message:
            yield message, comments


def extract(root: Path = ROOT) -> dict[str, dict[str, list[str]]]:
    """Messages and comments by catalogue name.

    A lab's, where all files that use a message bear that lab's name (`layer.py`, `layer_stages.py`); else the shared one.
    """
    labs = {page.stem for page in (root / "pages").glob("*.py")}
    users: defaultdict[str, set[str]] = defaultdict(set)
    comments: dict[str, list[str]] = {}
    for path in sources(root):
        for message, notes in messages(path):
            users[message].add(next((lab for lab in labs if f"{path.stem}_".startswith(f"{lab}_")), SHARED))
            comments.setdefault(message, notes)
    catalogues: defaultdict[str, dict[str, list[str]]] = defaultdict(dict)
    for message, names in users.items():
        catalogues[names.pop() if len(names) == 1 else SHARED][message] = comments[message]
    return dict(catalogues)


def read_translations(folder: Path) -> dict[str, str]:
    """Every translation in any catalogue of `folder`, so that a message may move between them."""
    translations: dict[str, str] = {}
    for path in sorted(folder.glob("*.po")):
        with path.open("rb") as file:
            translations |= {str(m.id): str(m.string) for m in read_po(file, locale=LOCALE) if m.id and m.string}
    return translations


def new_catalogue(wanted: Mapping[str, list[str]], translations: Mapping[str, str]) -> Catalog:
    """A catalogue of the `wanted` messages; the untranslated ones are left empty."""
    catalogue = Catalog(locale=LOCALE, fuzzy=False)
    for message, comments in wanted.items():
        catalogue.add(message, translations.get(message, ""), auto_comments=comments)
    return catalogue


def update(root: Path = ROOT) -> dict[str, list[str]]:
    """Rewrite the catalogues under `root`; return the messages that still want a translation, by catalogue."""
    folder = root / "bnviz" / "locales" / LOCALE / "LC_MESSAGES"
    folder.mkdir(parents=True, exist_ok=True)
    translations = read_translations(folder)
    wanted = extract(root)
    for path in folder.glob("*.po"):
        if path.stem not in wanted:
            path.unlink()
    for name, entries in wanted.items():
        with (folder / f"{name}.po").open("wb") as file:
            # The header would change with every run; ours says what a reader of the file has to know, and no more.
            file.write(HEADER)
            write_po(
                file, new_catalogue(entries, translations), WIDTH, no_location=True, omit_header=True, sort_output=True
            )
    return {
        name: missing for name, entries in wanted.items() if (missing := sorted(entries.keys() - translations.keys()))
    }


def main() -> None:
    for name, untranslated in sorted(update().items()):
        print(f"{name}.po: {len(untranslated)} without a translation")
        for message in untranslated:
            print(f"    {message}")


if __name__ == "__main__":
    main()
