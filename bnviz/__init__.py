"""bnviz: a laboratory for batch normalization.

`bnviz.run("running_stats", batch_size=16)` runs an experiment, `bnviz.labs` holds them all. Nothing heavy is imported before it is
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bnviz import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__version__ = "0.2.0"
__all__ = ["__version__", "check", "labs", "run", "watch"]


def run(topic: str, data: NDArray[np.float32] | None = None, **settings: Any) -> Any:
    """The result of one experiment: `run("running_stats", batch_size=16)`, `run("modes.gap", steps=50)`.

    `topic`: the lab's name; of a lab with several topics "lab.topic", or the lab's name for its first. `data`: your own, where the
    topic takes any and `source="upload"`. `settings`: what differs from the topic's opening, by the names that links use.

    Raises: UnknownTopicError; SettingError, UnknownSettingError; and what the experiment raises (CostError, BatchOfOneError …), all of
    them ValueErrors.
    """
    from importlib import import_module

    find = import_module("bnviz.labs.course").find
    found = find(topic)
    return found.compute(found.settings(**settings), data)


__getattr__, __dir__ = lazy.attach(__name__, ("labs",), {"check": "inspect", "watch": "inspect"})
