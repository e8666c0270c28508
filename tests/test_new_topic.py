"""`make topic`: what it makes runs at once, is linked, and its tests fail where something is still to be written, and nowhere else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.new_topic import TEMPLATES, TopicError, create, main

ROOT = Path(__file__).parents[1]
OPEN_PAGE = """
import sys
from tests.pages.test_pages import open_page, words

for query in ({"topic": "my_question"}, {}):
    name = "modes" if query else "my_lab"
    for view in ("picture", "theory", "formula", "code", "data", "sources"):
        page = open_page(name, lang="en", view=view, predict="0", **query)
        assert not page.exception, page.exception
        assert not page.error and not page.warning, words(page)
        assert "TODO: the question" in words(page)
    page = open_page(name, lang="zh", **query)
    assert not page.exception, page.exception
    assert "待写：看到图之前让访问者猜什么" in words(page)
print("opened")
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house with one more topic in the lab `modes` and one more lab."""
    root = tmp_path_factory.mktemp("house")
    for folder in ("bnviz", "pages", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("app.py", "pyproject.toml"):
        shutil.copy(ROOT / file, root / file)
    create("modes", "my_question", root)
    create("my_lab", "my_lab", root)
    return root


def run_in(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with `arguments` in the copy."""
    environment = os.environ | {"PYTHONPATH": str(tree)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def test_its_pages_open_in_both_languages_with_every_view(tree: Path) -> None:
    result = run_in(tree, "-c", OPEN_PAGE)
    assert result.stdout == "opened\n", result.stdout + result.stderr


@pytest.mark.parametrize(("lab", "name"), [("modes", "my_question"), ("my_lab", "my_lab")])
def test_its_tests_fail_where_something_is_to_be_written_and_nowhere_else(tree: Path, lab: str, name: str) -> None:
    tests = [str(path) for path in sorted((tree / "tests" / "labs" / lab).glob(f"test_{name}_*.py"))]
    assert len(tests) == len(list((TEMPLATES / "tests").iterdir()))
    result = run_in(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *tests)
    failed = re.findall(r"^FAILED \S+::(\w+)", result.stdout, re.MULTILINE)
    assert set(failed) == {
        "test_a_second_implementation_finds_the_same",
        "test_the_words_are_written",
        "test_what_is_said_of_a_result_is_written",
        "test_the_long_text_is_written",
        "test_theory_is_drawn",
        "test_the_right_answer_is_the_one_that_the_texts_give",
        "test_it_says_what_it_answers",
    }
    assert re.search(r"\b\d+ passed", result.stdout)


def test_it_touches_no_code_but_the_lists_it_is_entered_in(tree: Path) -> None:
    """Catalogues aside: the two share the template's words here, so `make catalogues` moves these up."""
    made = {path.relative_to(tree) for path in tree.rglob("*.py")}
    changed = {
        path for path in made if not (ROOT / path).exists() or (tree / path).read_bytes() != (ROOT / path).read_bytes()
    }
    own = (
        "bnviz/labs/modes/my_question",
        "bnviz/labs/my_lab",
        "tests/labs/modes/test_my_question",
        "tests/labs/my_lab",
    )
    outside = {str(path) for path in changed if not str(path).startswith(own)}
    assert outside == {"bnviz/labs/modes/lab.py", "bnviz/labs/course.py", "pages/my_lab.py"}


def test_what_it_makes_keeps_the_style(tree: Path) -> None:
    made = [str(tree / "bnviz/labs/modes/my_question"), str(tree / "bnviz/labs/my_lab"), str(tree / "pages/my_lab.py")]
    made += [str(path) for path in (tree / "tests/labs").rglob("test_my_*.py")]
    for command in (["check"], ["format", "--check"]):
        result = run_in(tree, "-m", "ruff", *command, "--no-cache", *made)
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("lab", "name", "said"),
    [
        ("modes", "gap", "exists already"),
        ("layer", "second", "has one question"),
        ("new_lab", "first", "starts with one question"),
        ("modes", "Über uns", "small letters"),
        ("modes", "class", "small letters"),
        ("../modes", "gap", "small letters"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(lab: str, name: str, said: str) -> None:
    with pytest.raises(TopicError, match=said):
        create(lab, name, ROOT)


def test_the_command_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["new_topic", "layer", "second"])
    assert main() == 1
    assert "'layer' has one question; labs with several topics are" in capsys.readouterr().err
