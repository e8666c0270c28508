"""A script as a Jupyter notebook."""

from __future__ import annotations

import hashlib
import json


def notebook(script: str, title: str) -> str:
    """The text of an `.ipynb` (nbformat 4.5): `title` as a heading, then `script` as one code cell.

    Cell ids follow from the contents, so that the same script gives the same file.
    """
    heading = f"# {title}"
    cells = [
        {"cell_type": "markdown", "id": _identifier("heading", heading), "metadata": {}, "source": _lines(heading)},
        {
            "cell_type": "code",
            "id": _identifier("script", script),
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": _lines(script),
        },
    ]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _identifier(kind: str, text: str) -> str:
    return f"{kind}-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def _lines(text: str) -> list[str]:
    # str.splitlines would also break at form feeds and separators, which nbformat does not.
    *lines, last = text.rstrip("\n").split("\n")
    return [*(f"{line}\n" for line in lines), last]
