"""Every field of a result, and of what a result holds, says where it is declared what it is: meaning, shape by index letters, unit."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from bnviz.labs.course import LABS


def held(kind: Any) -> Iterator[type]:
    """The dataclasses in an annotation, and those in their fields."""
    for part in get_args(kind):
        yield from held(part)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        yield kind
        for part in get_type_hints(kind).values():
            yield from held(part)


def undocumented(source: str) -> set[str]:
    """The fields of the class in `source` behind which no text stands."""
    [declared] = ast.parse(textwrap.dedent(source)).body
    assert isinstance(declared, ast.ClassDef)
    follow = {
        before: isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
        and bool(after.value.value.strip())
        for before, after in zip(declared.body, [*declared.body[1:], None], strict=True)
    }
    return {
        node.target.id
        for node, followed in follow.items()
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not followed
    }


def test_every_field_of_a_result_says_what_it_is() -> None:
    kinds = {kind for lab in LABS for topic in lab.topics for kind in held(get_type_hints(topic.run)["return"])}
    assert len(kinds) > 40
    found = {f"{kind.__module__}.{kind.__name__}": undocumented(inspect.getsource(kind)) for kind in kinds}
    assert not {name: fields for name, fields in found.items() if fields}


def test_a_field_without_a_text_would_be_found() -> None:
    assert undocumented('class A:\n    """Of A."""\n\n    x: int\n    y: int\n    """Of y."""\n    z: int\n') == {
        "x",
        "z",
    }
    assert not undocumented('class A:\n    x: int\n    """Of x."""\n')
