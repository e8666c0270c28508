"""What lets a picture show itself in a notebook."""

from __future__ import annotations

from importlib import import_module

from bnviz.i18n import closed_up


class Shown:
    """A picture that a notebook shows as the page does. What it says of itself is spaced as its language is."""

    __slots__ = ()

    alt: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "alt", closed_up(self.alt))

    def _repr_html_(self) -> str:
        # By name: that page is made of pictures, whose modules it imports.
        element: str = import_module("bnviz.plot.page").notebook_frame([self])
        return element
