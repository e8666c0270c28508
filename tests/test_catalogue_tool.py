"""`make catalogues` on a small tree: messages go where they belong, translations stay, a second run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.update_catalogues import LOCALE, read_translations, update

LAB = 'title = N_("Depth")\nhelp = N_("Layers, " "one after the other.")\n'
SHARED = 'name = N_("Batch size")\nword = N_("Mean")\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "app.py": "",
        "pages/layer.py": 'say(_("Mean"))\n',
        "bnviz/lessons/layer.py": LAB,
        "bnviz/settings.py": SHARED,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def folder(tree: Path) -> Path:
    return tree / "bnviz/locales" / LOCALE / "LC_MESSAGES"


def translate(tree: Path, catalogue: str, message: str, translation: str) -> None:
    path = folder(tree) / catalogue
    text = path.read_text(encoding="utf-8")
    changed = text.replace(f'msgid "{message}"\nmsgstr ""', f'msgid "{message}"\nmsgstr "{translation}"')
    assert changed != text
    path.write_text(changed, encoding="utf-8")


def test_a_message_of_one_lab_goes_to_its_catalogue_and_a_shared_one_to_the_common(tree: Path) -> None:
    assert update(tree) == {"layer": ["Depth", "Layers, one after the other."], "bnviz": ["Batch size", "Mean"]}


def test_translations_survive_a_move_and_unused_messages_go(tree: Path) -> None:
    update(tree)
    translate(tree, "layer.po", "Depth", "深度")
    translate(tree, "bnviz.po", "Batch size", "批量大小")
    (tree / "bnviz/settings.py").write_text('name = N_("Depth")\n', encoding="utf-8")
    assert update(tree) == {"layer": ["Layers, one after the other.", "Mean"]}
    assert read_translations(folder(tree)) == {"Depth": "深度"}
    assert 'msgid "Depth"' in (folder(tree) / "bnviz.po").read_text(encoding="utf-8")
    assert "Batch size" not in "".join(path.read_text(encoding="utf-8") for path in folder(tree).iterdir())


def test_a_second_run_changes_no_byte(tree: Path) -> None:
    update(tree)
    translate(tree, "layer.po", "Depth", "深度")
    update(tree)
    before = {path.name: path.read_bytes() for path in folder(tree).iterdir()}
    update(tree)
    assert {path.name: path.read_bytes() for path in folder(tree).iterdir()} == before


def test_a_catalogue_that_no_file_uses_any_more_is_removed(tree: Path) -> None:
    update(tree)
    (tree / "bnviz/lessons/layer.py").unlink()
    (tree / "pages/layer.py").unlink()
    update(tree)
    assert [path.name for path in folder(tree).iterdir()] == ["bnviz.po"]
