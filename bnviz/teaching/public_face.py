"""What `bnviz.labs.layer` and `bnviz.labs.modes.gap` offer: settings, result, run and figures, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from bnviz import lazy

WHERE: Final = {"Settings": "settings", "Result": "result", "run": "experiment", "TOPIC": "lesson"}
MODULES: Final = ("settings", "result", "experiment", "figures", "script", "lesson")

Face = tuple[Callable[[str], Any], Callable[[], list[str]]]


def of_topic(package: str) -> Face:
    """The `__getattr__` and `__dir__` of a topic's folder: `Settings`, `Result`, `run`, and every function of its `figures`."""
    known, names = lazy.attach(package, MODULES, WHERE)

    def figure_functions() -> dict[str, Any]:
        figures: ModuleType = import_module(f"{package}.figures")
        return {
            name: value
            for name, value in vars(figures).items()
            if callable(value) and not name.startswith("_") and getattr(value, "__module__", "").startswith(package)
        }

    def getattr_(name: str) -> Any:
        if name in names() or name.startswith("_"):
            return known(name)
        try:
            return figure_functions()[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None

    return getattr_, lambda: sorted({*names(), *figure_functions()})


def of_lab(package: str, folder: str) -> Face:
    """The `__getattr__` and `__dir__` of the folder of a lab with several topics: the topics, and the lab."""
    topics = tuple(path.parent.name for path in Path(folder).glob("*/lesson.py"))
    return lazy.attach(package, topics, {"LAB": "lab"})
