"""The callback for a Hugging Face `Trainer`: `Trainer(…, callbacks=[Watch("run.bnviz")])`."""

from __future__ import annotations

from typing import Any

from bnviz.integrations.recorder import Recorder, base_classes


class Watch(Recorder, *base_classes("TrainerCallback", "transformers")):  # type: ignore[misc]
    """`bnviz.watch` from the beginning of a training to its end; arguments as there.

    The `Trainer` tells its callbacks of no exception: after one, the file holds everything up to it.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """Begin with the model as it is trained."""
        del args, state, control
        self.begin(named["model"], named.get("optimizer"))

    def on_train_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """End."""
        del args, state, control, named
        self.end()
