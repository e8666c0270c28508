"""Run the example of docs/own_model.md and put what it prints under its code. Its test holds the page to that.

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

PAGE: Final = Path(__file__).parents[1] / "docs" / "own_model.md"
CODE: Final = re.compile(r"```python\n(.*?)```\n", re.DOTALL)
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


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_outputs(page, printed(page)), encoding="utf-8")


if __name__ == "__main__":
    main()
