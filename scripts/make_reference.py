"""Write `docs/reference/labs.md`: every topic's settings with their bounds, what its result holds, and its figures.

Settings come from the parameter table, the fields of results from the strings below their declarations.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any, Final, get_type_hints

from bnviz.labs.course import COURSE
from bnviz.settings import fields
from bnviz.teaching.lab import AnyTopic, LiveTopic

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "labs.md"
HEAD: Final = """\
# Labs and topics

Made from the declarations in the code. `bnviz.run("<topic>", <setting>=…)` runs one; in a link the settings have the same names, and \
`/<lab>?topic=<topic>` opens it.
"""


def package_of(topic: AnyTopic) -> str:
    """Where the topic is imported from."""
    return f"bnviz.labs.{topic.id}"


def result_of(topic: AnyTopic) -> type[Any]:
    """The class of what the topic's run returns."""
    if isinstance(topic, LiveTopic):
        return topic.result
    found: type[Any] = get_type_hints(topic.run)["return"]
    return found


def documented(result: type[Any]) -> dict[str, str]:
    """What is said of each field, in the string below its declaration; empty where nothing is."""
    (declaration,) = ast.parse(textwrap.dedent(inspect.getsource(result))).body
    assert isinstance(declaration, ast.ClassDef)
    said = dict.fromkeys((field.name for field in dataclasses.fields(result)), "")
    for statement, after in zip(declaration.body, [*declaration.body[1:], ast.Pass()], strict=True):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            said[statement.target.id] = " ".join(inspect.cleandoc(after.value.value).split())
    return said


def cell(text: object) -> str:
    """`text` inside a table."""
    return str(text).replace("|", "\\|").replace("<", "&lt;")


def settings_table(topic: AnyTopic) -> list[str]:
    """The topic's settings: default, what is allowed, unit, meaning."""
    rows = ["| setting | opens with | allowed | meaning |", "|---|---|---|---|"]
    for name, field in fields(topic.settings).items():
        unit = f" ({field.parameter.unit})" if field.parameter.unit else ""
        default = ", ".join(map(str, field.default)) if isinstance(field.default, tuple) else field.default
        rows.append(
            f"| `{name}` | {cell(default)} | {cell(field.allowed.text())} | "
            f"{cell(field.parameter.label)}{unit}. {cell(field.parameter.help)} |"
        )
    return rows


def result_table(topic: AnyTopic) -> list[str]:
    """What the topic's result holds."""
    rows = ["| result | meaning |", "|---|---|"]
    return rows + [f"| `{name}` | {cell(said) or '–'} |" for name, said in documented(result_of(topic)).items()]


def figures_of(topic: AnyTopic) -> str:
    """The names of the topic's pictures."""
    draws = dict.fromkeys(draw.__name__ for draw in (*topic.pictures, *topic.theory) if hasattr(draw, "__name__"))
    return ", ".join(f"`{name}`" for name in draws if name != "<lambda>")


def page() -> str:
    """The whole page, as Markdown."""
    lines = [HEAD]
    for chapter in COURSE:
        lines += [f"## {chapter.title}", ""]
        for topic in (topic for lab in chapter.labs for topic in lab.topics):
            import_module(package_of(topic))
            lines += [f"### {topic.id}", "", f"**{topic.question}** {topic.answer}", ""]
            lines += [*settings_table(topic), "", f"Figures: {figures_of(topic)}.", "", *result_table(topic), ""]
    return "\n".join(lines)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
