"""What lets a picture show itself in a notebook."""

from __future__ import annotations

from importlib import import_module


class Shown:
    """A picture that a notebook shows as the page does."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        # By name: that page is made of pictures, whose modules it imports.
        element: str = import_module("bnviz.plot.page").notebook_frame([self])
        return element
