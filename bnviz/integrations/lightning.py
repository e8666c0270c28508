"""The callback for Lightning: `Trainer(callbacks=[Watch("run.bnviz")])`, of the package `lightning` or `pytorch_lightning`."""

from __future__ import annotations

from typing import Any

from bnviz.integrations.recorder import Recorder, base_classes


class Watch(Recorder, *base_classes("Callback", "lightning.pytorch", "pytorch_lightning")):  # type: ignore[misc]
    """`bnviz.watch` from the first training step of a `fit` to its end, or to the exception that ends it; arguments as there."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin: the sanity check of the validation is over, the optimizers are made, the model is wrapped and moved."""
        wrapped = getattr(trainer.strategy, "model", None)
        optimizers = trainer.optimizers
        # Several divide the model: the first to step is the clock, as `bnviz.watch` does without one.
        self.begin(pl_module if wrapped is None else wrapped, optimizers[0] if len(optimizers) == 1 else None)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End."""
        del trainer, pl_module
        self.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End, whatever went wrong; an interrupt by the keyboard comes here too."""
        del trainer, pl_module, exception
        self.end()
