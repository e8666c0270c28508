"""Notebooks by the rules of nbformat 4.5 (https://nbformat.readthedocs.io/en/latest/format_description.html)."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnviz.scripting.notebook import notebook

SCRIPT = 'import torch\n\nprint("μ =", torch.zeros(1).item())\n'


def check(content: dict[str, object]) -> None:
    """The schema's rules for what we write: required keys, no others, and their types."""
    assert set(content) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert set(content["metadata"]["kernelspec"]) == {"name", "display_name", "language"}
    assert content["metadata"]["language_info"]["name"] == "python"
    identifiers = [cell["id"] for cell in content["cells"]]
    assert len(set(identifiers)) == len(identifiers)
    for cell in content["cells"]:
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell["id"])
        assert cell["metadata"] == {}
        assert all(isinstance(line, str) for line in cell["source"])
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        if cell["cell_type"] == "code":
            assert set(cell) == {"cell_type", "id", "metadata", "source", "outputs", "execution_count"}
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        else:
            assert cell["cell_type"] == "markdown"
            assert set(cell) == {"cell_type", "id", "metadata", "source"}


@pytest.mark.parametrize("title", ["How fast?", "运行统计量多快能找到真值？"])
def test_a_heading_and_the_script(title: str) -> None:
    content = json.loads(notebook(SCRIPT, title))
    check(content)
    heading, code = content["cells"]
    assert "".join(heading["source"]) == f"# {title}"
    assert "".join(code["source"]) == SCRIPT.rstrip("\n")
    assert title in notebook(SCRIPT, title)  # readable in a diff, not escaped


def test_the_same_script_gives_the_same_file() -> None:
    assert notebook(SCRIPT, "a") == notebook(SCRIPT, "a")
    assert notebook(SCRIPT, "a") != notebook(SCRIPT + "1\n", "a")


@given(script=st.text(), title=st.text())
def test_any_text_is_kept(script: str, title: str) -> None:
    content = json.loads(notebook(script, title))
    check(content)
    assert "".join(content["cells"][1]["source"]) == script.rstrip("\n")
