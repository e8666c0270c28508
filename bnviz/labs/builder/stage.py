"""One module of a block, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["layer", "normalizer", "activation", "dropout"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One module: `torch.nn.<module>(*arguments, **options)`."""

    role: Role
    """The part that it plays."""
    module: str
    """Its class in `torch.nn`."""
    arguments: tuple[Any, ...] = ()
    """By position."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """By name."""

    @property
    def code(self) -> str:
        """The call as Python source: `nn.Linear(64, 32, bias=False)`."""
        words = [repr(value) for value in self.arguments]
        words += [f"{name}={value!r}" for name, value in self.options.items()]
        return f"nn.{self.module}({', '.join(words)})"
