"""Hooks that look into a network while it computes, as context managers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


@dataclass(slots=True)
class Recording:
    """What entered the watched modules, in the order of the calls: `inputs`, each (N, C), still part of the graph."""

    inputs: list[Tensor] = field(default_factory=list)

    @property
    def gradients(self) -> list[Tensor]:
        """Gradients of the loss at `inputs`, same shapes, once `backward` has run.

        Raises: RuntimeError before that, or for an input that needs no gradient.
        """
        found = [entry.grad for entry in self.inputs]
        if any(gradient is None for gradient in found):
            raise RuntimeError("gradients are recorded by backward(), which has not reached every watched module")
        return [gradient for gradient in found if gradient is not None]


@contextmanager
def recording(network: nn.Module, watched: Sequence[nn.Module], *, training: bool = True) -> Iterator[Recording]:
    """Record what enters the `watched` modules of `network`, and the gradient there, in training or eval mode.

    Nothing is copied: the record holds the graph's own tensors. On leaving, hooks are taken off and every module is
    back in the mode it was in, whatever happened inside.
    """
    kept = Recording()

    def keep(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        entry = arguments[0]
        if entry.requires_grad:
            entry.retain_grad()
        kept.inputs.append(entry)

    modes = [(module, module.training) for module in network.modules()]
    handles = [module.register_forward_pre_hook(keep) for module in watched]
    try:
        for module, _ in modes:
            _set_mode(module, training)
        yield kept
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            _set_mode(module, mode)


def _set_mode(module: nn.Module, training: bool) -> None:
    # Setting an attribute of a module costs ten times as much as reading it, and most are in the right mode already.
    if module.training is not training:
        module.training = training
