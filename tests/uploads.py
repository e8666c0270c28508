"""A file as a visitor uploads it, read in one step."""

from __future__ import annotations

from bnviz.core.uploads import Choice, Kind, Upload, open_upload


def read_upload(filename: str, content: bytes, kind: Kind = "table", choice: Choice | None = None) -> Upload:
    """`choice`: None for what is read unless the visitor says otherwise."""
    return open_upload(filename, content, kind).read(choice)
