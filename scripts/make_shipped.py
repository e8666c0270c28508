"""Run every live lab at its default settings and write what the dashboard shows before anybody presses Run.

python -m scripts.make_shipped [lab ...]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from bnviz.labs.course import LESSONS
from bnviz.study import shipped
from bnviz.teaching.lab import Lesson


def wanted(names: list[str]) -> list[Lesson[Any, Any]]:
    """The live lessons whose results are shipped, all or those with these `names`. Raises ValueError for a name that is none."""
    known = {part.text: part for lesson in LESSONS for part in lesson.parts if part.shipped}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise ValueError(f"no result is shipped for {', '.join(unknown)}; there are {', '.join(known) or 'none'}")
    return [known[name] for name in names or known]


def make(lesson: Lesson[Any, Any], folder: Path = shipped.FOLDER) -> Path:
    """Run `lesson` as it opens and write the result into `folder`."""
    path = folder / lesson.shipped
    shipped.save(lesson.run(lesson.beginning, None), path)
    return path


def main() -> None:
    for lesson in wanted(sys.argv[1:]):
        start = time.monotonic()
        path = make(lesson)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KB, {time.monotonic() - start:.1f} s")


if __name__ == "__main__":
    main()
