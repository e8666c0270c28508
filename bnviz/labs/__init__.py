"""The labs, each imported when it is asked for: `bnviz.labs.running_stats.run(...)`, `bnviz.labs.modes.gap.run(...)`."""

from pathlib import Path

from bnviz import lazy

__getattr__, __dir__ = lazy.attach(__name__, tuple(path.parent.name for path in Path(__file__).parent.glob("*/lab.py")))
