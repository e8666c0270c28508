"""How a script comes to the visitor's own data: what a topic with an upload needs to know of the file."""

from __future__ import annotations

from typing import Final, Protocol

NO_FILE: Final = '{name} = np.load("my_data.npy")  # your data, as the page reads it\n'


class Reader(Protocol):
    """A file that can be read again by a script."""

    @property
    def reader_imports(self) -> tuple[str, ...]:
        """The import lines that `reader_lines` needs."""
        ...

    def reader_lines(self, name: str) -> str:
        """Python source, ending in a line break, that makes `name` the array that the page used."""
        ...


def imports(upload: Reader | None) -> list[str]:
    """The import lines that `lines` needs."""
    return ["import numpy as np"] if upload is None else list(upload.reader_imports)


def lines(upload: Reader | None, name: str) -> str:
    """Source that reads the file to `name`; without a file, of a `my_data.npy` that holds it."""
    return NO_FILE.format(name=name) if upload is None else upload.reader_lines(name)
