"""Copy the template of a topic into a lab, so that it runs at once, is linked, and has failing tests that tell what to write.

    make topic LAB=modes NAME=my_question      # one more topic of a lab that has several
    make topic LAB=my_lab NAME=my_lab          # a new lab with one question

Templates stand in `scripts/topic_template`; @LAB@, @TOPIC@ and @PACKAGE@ are filled in.
"""

from __future__ import annotations

import argparse
import ast
import keyword
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from scripts import update_catalogues

ROOT: Final = Path(__file__).parents[1]
TEMPLATES: Final = Path(__file__).with_name("topic_template")
SUFFIX: Final = ".template"
LAB_FILES: Final = ("lab.py", "page.py")
"""Templates that only a new lab needs."""
CHAPTER: Final = -2
"""Into which chapter of the course a new lab is entered, last: the last chapter closes the course."""


class TopicError(ValueError):
    """A topic that cannot be made as asked."""


def create(lab: str, name: str, root: Path = ROOT) -> list[Path]:
    """Make the topic `name` of `lab` in the tree `root`; the files that were made or changed. Raises: TopicError."""
    labs = root / "bnviz" / "labs"
    new_lab = not (labs / lab).exists()
    check(lab, name, labs)
    folder = labs / lab if new_lab else labs / lab / name
    filled = {
        "@LAB@": lab,
        "@TOPIC@": name,
        "@PACKAGE@": ".".join(folder.relative_to(root).parts),
    }
    files = {
        template: folder / template.name.removesuffix(SUFFIX)
        for template in sorted(TEMPLATES.glob(f"*{SUFFIX}"))
        if new_lab or template.name.removesuffix(SUFFIX) not in LAB_FILES
    }
    tests = root / "tests" / "labs" / lab
    for template in sorted((TEMPLATES / "tests").glob(f"*{SUFFIX}")):
        files[template] = tests / template.name.removesuffix(SUFFIX).replace("test_", f"test_{name}_", 1)
    if new_lab:
        files[TEMPLATES / f"page.py{SUFFIX}"] = root / "pages" / f"{lab}.py"
    for template, path in files.items():
        text = template.read_text(encoding="utf-8")
        for mark, value in filled.items():
            text = text.replace(mark, value)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    entered = enter_lab(labs / "course.py", lab) if new_lab else enter_topic(labs / lab / "lab.py", lab, name)
    tidy([*files.values(), entered])
    update_catalogues.update(root)
    return [*files.values(), entered]


def check(lab: str, name: str, labs: Path) -> None:
    """Raise TopicError where `name` cannot become a topic of `lab`."""
    for word in (lab, name):
        if not word.isidentifier() or keyword.iskeyword(word) or word != word.lower():
            raise TopicError(f"{word!r} must be a Python identifier in small letters: it names a folder and a link")
    if not (labs / lab).exists():
        if name != lab:
            raise TopicError(f"There is no lab {lab!r}. A new one starts with one question: LAB={lab} NAME={lab}")
    elif (labs / lab / "lesson.py").exists() or not (labs / lab / "lab.py").exists():
        several = sorted(path.parent.name for path in labs.glob("*/lab.py") if not path.with_name("lesson.py").exists())
        raise TopicError(f"{lab!r} has one question; labs with several topics are {', '.join(several)}")
    elif (labs / lab / name).exists():
        raise TopicError(f"{lab}/{name} exists already")


def enter_topic(path: Path, lab: str, name: str) -> Path:
    """Offer the topic last in the lab's `lab.py`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    topics = next(node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "topics")
    return enter(path, f"from bnviz.labs.{lab}.{name}.lesson import TOPIC as {name.upper()}", name.upper(), topics)


def enter_lab(path: Path, lab: str) -> Path:
    """Put the lab at the end of a chapter of `course.py`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    chapters = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Chapter"]
    labs = chapters[CHAPTER].args[1]
    return enter(path, f"from bnviz.labs.{lab}.lab import LAB as {lab.upper()}", lab.upper(), labs)


def enter(path: Path, line: str, name: str, where: ast.expr) -> Path:
    """Import with `line`, and append `name` to the tuple that stands at `where`."""
    assert isinstance(where, ast.Tuple)
    last = where.elts[-1]
    assert last.end_lineno is not None
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    row = lines[last.end_lineno - 1]
    lines[last.end_lineno - 1] = f"{row[: last.end_col_offset]}, {name}{row[last.end_col_offset :]}"
    first_import = next(number for number, row in enumerate(lines) if row.startswith("from bnviz.labs"))
    lines.insert(first_import, line + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def tidy(paths: Iterable[Path]) -> None:
    """Sort imports and break lines as the house does."""
    python = [path for path in paths if path.suffix == ".py"]
    ruff = [sys.executable, "-m", "ruff"]
    config = ["--config", str(ROOT / "pyproject.toml"), "--quiet"]
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        subprocess.run([*ruff, *command, *config, *map(str, python)], check=True)


def main() -> int:
    """Make the topic that the command line names."""
    parser = argparse.ArgumentParser(description="Copy the template of a topic into a lab.")
    parser.add_argument("lab", help="a lab that has several topics, or a new one")
    parser.add_argument("name", help="the topic; of a new lab the lab's name")
    chosen = parser.parse_args()
    try:
        paths = create(chosen.lab, chosen.name)
    except TopicError as error:
        print(error, file=sys.stderr)
        return 1
    for path in paths:
        print(path.relative_to(ROOT))
    link = chosen.lab if chosen.lab == chosen.name else f"{chosen.lab}?topic={chosen.name}"
    print(f"\nIt runs: `make run`, then http://localhost:8501/{link}")
    print(f"What to write: `.venv/bin/python -m pytest tests/labs/{chosen.lab} -k {chosen.name}`")
    print("After a change of Python start `make run` anew.")
    print("In the end: make catalogues, make golden TOPIC=…, python -m scripts.claims …, make format, make lint")
    return 0


if __name__ == "__main__":
    sys.exit(main())
