"""Run the example of docs/own_model.md and put what it prints under its code, and which rules see what. Tests hold the page to that.

python -m scripts.make_own_model_page
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path
from typing import Final

import torch

from bnviz.inspect.rule import all_rules

PAGE: Final = Path(__file__).parents[1] / "docs" / "own_model.md"
CODE: Final = re.compile(r"```python\n(.*?)```\n", re.DOTALL)
RULES: Final = re.compile(r"<!-- rules -->\n(.*?)<!-- end of rules -->", re.DOTALL)
OUTPUT: Final = re.compile(r"<!-- output -->\n```text\n(.*?)```\n", re.DOTALL)


def printed(page: str) -> list[str]:
    """What each piece of code of `page` prints, all of them run one after the other in an empty folder."""
    threads, home = torch.get_num_threads(), Path.cwd()
    torch.set_num_threads(1)
    names: dict[str, object] = {}
    outputs = []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for code in CODE.findall(page):
                heard = io.StringIO()
                with contextlib.redirect_stdout(heard):
                    exec(compile(code, PAGE.name, "exec"), names)
                outputs.append(heard.getvalue())
        finally:
            os.chdir(home)
            torch.set_num_threads(threads)
    return [output for output in outputs if output]


def with_outputs(page: str, outputs: list[str]) -> str:
    """`page` with these outputs in their places."""
    left = iter(outputs)
    return OUTPUT.sub(lambda _: f"<!-- output -->\n```text\n{next(left)}```\n", page)


def rules_seen() -> str:
    """The rules by what sees them, as lines of a table."""
    rows = {
        "both": frozenset({"check", "watch"}),
        "`bnviz.check` only": frozenset({"check"}),
        "`bnviz.watch` only": frozenset({"watch"}),
    }
    lines = ["| seen by | rules |", "|:--|:--|"]
    for title, seen_by in rows.items():
        names = sorted(rule.name for rule in all_rules() if rule.seen_by == seen_by)
        lines.append(f"| {title} | {', '.join(f'`{name}`' for name in names)} |")
    return "\n".join(lines) + "\n"


def with_rules(page: str) -> str:
    """`page` with that table in its place."""
    return RULES.sub(lambda _: f"<!-- rules -->\n{rules_seen()}<!-- end of rules -->", page)


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_rules(with_outputs(page, printed(page))), encoding="utf-8")


if __name__ == "__main__":
    main()
