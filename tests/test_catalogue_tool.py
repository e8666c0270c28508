"""`make catalogues` on a small tree: messages go where they belong, translations stay, a second run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.update_catalogues import CATALOGUE, read_translations, update

GAP = 'title = N_("Gap")\nhelp = N_("Layers, " "one after the other.")\nshared = N_("Train")\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "app.py": "",
        "pages/modes.py": 'say(_("Mean"))\n',
        "bnviz/labs/modes/lab.py": "",
        "bnviz/labs/modes/gap/lesson.py": GAP,
        "bnviz/labs/modes/gap/experiment/measure.py": 'error = N_("Too much")\ntold = f"{_(\'In braces\')}"\n',
        "bnviz/labs/modes/poison/lesson.py": 'title = N_("Poison")\nshared = N_("Train")\nboth = N_("Depth")\n',
        "bnviz/labs/layer/lesson.py": 'title = N_("Depth")\n',
        "bnviz/ui/server/headers.py": 'refusal = N_("Refused")\n',
        "bnviz/settings.py": 'name = N_("Batch size")\nword = N_("Mean")\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def translate(tree: Path, room: str, message: str, translation: str) -> None:
    path = tree / "bnviz" / room / CATALOGUE
    text = path.read_text(encoding="utf-8")
    changed = text.replace(f'msgid "{message}"\nmsgstr ""', f'msgid "{message}"\nmsgstr "{translation}"')
    assert changed != text
    path.write_text(changed, encoding="utf-8")


def catalogues(tree: Path) -> dict[str, bytes]:
    """The content of every catalogue by its room."""
    package = tree / "bnviz"
    return {str(path.parent.relative_to(package)): path.read_bytes() for path in package.rglob(CATALOGUE)}


def test_a_message_goes_into_the_innermost_room_that_holds_all_who_use_it(tree: Path) -> None:
    assert {str(path.parent.relative_to(tree / "bnviz")): wanted for path, wanted in update(tree).items()} == {
        "labs/modes/gap": ["Gap", "In braces", "Layers, one after the other.", "Too much"],
        "labs/modes/poison": ["Poison"],
        "labs/modes": ["Train"],
        "labs": ["Depth"],
        "ui": ["Refused"],
        ".": ["Batch size", "Mean"],
    }


def test_translations_survive_a_move_and_unused_messages_go(tree: Path) -> None:
    update(tree)
    translate(tree, "labs/modes/gap", "Gap", "差距")
    translate(tree, ".", "Batch size", "批大小")
    (tree / "bnviz/settings.py").write_text('name = N_("Gap")\n', encoding="utf-8")
    (tree / "bnviz/labs/modes/gap/lesson.py").write_text('title = N_("Breach")\n', encoding="utf-8")
    update(tree)
    assert read_translations(tree / "bnviz") == {"Gap": "差距"}
    assert b'msgid "Gap"' in catalogues(tree)["."]
    assert b"Batch size" not in b"".join(catalogues(tree).values())


def test_a_second_run_changes_no_byte(tree: Path) -> None:
    update(tree)
    translate(tree, "labs/modes/gap", "Gap", "差距")
    update(tree)
    before = catalogues(tree)
    update(tree)
    assert catalogues(tree) == before


def test_a_message_stays_where_it_is_used_when_another_room_uses_it_too(tree: Path) -> None:
    update(tree)
    before = catalogues(tree)
    (tree / "bnviz/labs/layer/experiment.py").write_text('word = N_("Gap")\nnew = N_("Train")\n', encoding="utf-8")
    update(tree)
    after = catalogues(tree)
    assert after.pop("labs/modes/gap") == before["labs/modes/gap"]
    assert b'"Gap"' not in b"".join(after.values())
    # nobody in the lab's own room says it, so its place is where all who do meet
    assert b"Train" in after["labs"]


def test_a_catalogue_that_no_file_uses_any_more_is_removed(tree: Path) -> None:
    update(tree)
    (tree / "bnviz/labs/modes/poison/lesson.py").unlink()
    update(tree)
    assert sorted(catalogues(tree)) == [".", "labs/layer", "labs/modes/gap", "ui"]
