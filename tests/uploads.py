"""A file as a visitor uploads it: read in one step, what is said of it, and what a script makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from bnviz.core.uploads import Choice, Kind, Upload, open_upload


def read_upload(filename: str, content: bytes, kind: Kind = "table", choice: Choice | None = None) -> Upload:
    """`choice`: None for what is read unless the visitor says otherwise."""
    return open_upload(filename, content, kind).read(choice)


def said(upload: Upload) -> str:
    """Everything that the page says about a file."""
    return "; ".join(str(phrase) for phrase in (*upload.summary(), *upload.how, *upload.warnings))


def read_by_script(upload: Upload, content: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> NDArray[Any]:
    """The array that the lines for scripts make of the file, in a folder where it lies."""
    monkeypatch.chdir(folder)
    (folder / upload.filename).write_bytes(content)
    names: dict[str, Any] = {}
    exec("\n".join(upload.reader_imports) + "\n" + upload.reader_lines("samples"), names)
    return names["samples"]  # type: ignore[no-any-return]
