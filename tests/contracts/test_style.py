"""What CONTRIBUTING.md says of the style and a machine can count."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 50
"""Lines of a function; what is longer has parts that want a name."""

UNFORMATTED = 27
"""Places that keep a layout of their own: tables of words and of numbers. A call that a builder makes short needs none."""
TREE = ("app.py", "benchmarks", "bnviz", "pages", "scripts", "tests")


def modules(*folders: str) -> list[Path]:
    """The Python files below `folders`."""
    paths = (ROOT / folder for folder in folders)
    return sorted(file for path in paths for file in ([path] if path.suffix else path.rglob("*.py")))


def long_functions(source: str) -> Iterator[tuple[str, int]]:
    """Name and length of every function in `source` that has more than `LONGEST` lines, `def` included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST:
                yield node.name, length


def test_no_function_is_long() -> None:
    paths = modules("bnviz")
    assert len(paths) > 500
    found = {(path.relative_to(ROOT), *each) for path in paths for each in long_functions(path.read_text("utf-8"))}
    assert not found


def test_a_long_function_would_be_found() -> None:
    body = "".join(f"    x = {number}\n" for number in range(LONGEST - 1))
    assert not list(long_functions(f"def f():\n{body}"))
    assert list(long_functions(f"async def f():\n{body}    return x\n")) == [("f", LONGEST + 1)]


def test_the_formatter_is_seldom_told_to_look_away() -> None:
    mark = "# fmt: " + "skip"
    counts = {path.relative_to(ROOT): path.read_text("utf-8").count(mark) for path in modules(*TREE)}
    assert sum(counts.values()) <= UNFORMATTED, {path: count for path, count in counts.items() if count}
