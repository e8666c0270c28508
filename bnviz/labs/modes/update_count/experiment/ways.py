"""Ways of training one optimizer step, for the topic `update_count` of the lab `modes`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from bnviz.core.optimizers import SGD

WayName = Literal["plain", "accumulation", "second_pass", "checkpoint", "checkpoint_reentrant", "validation"]
Parts = list[tuple[Tensor, Tensor]]  # batches of images and labels

WAYS: Final[tuple[WayName, ...]] = (
    "plain", "accumulation", "second_pass", "checkpoint", "checkpoint_reentrant", "validation",
)  # fmt: skip


def _plain(network: nn.Sequential, optimizer: SGD, parts: Parts) -> None:
    for images, labels in parts:
        loss = functional.cross_entropy(network(images), labels) / len(parts)
        loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _second_pass(network: nn.Sequential, optimizer: SGD, parts: Parts) -> None:
    """The loss of two passes of the same batch, as methods with two views or a penalty on the output take it."""
    ((images, labels),) = parts
    first, second = network(images), network(images)
    loss = (functional.cross_entropy(first, labels) + functional.cross_entropy(second, labels)) / 2
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _checkpointed(network: nn.Sequential, optimizer: SGD, parts: Parts, *, reentrant: bool) -> None:
    ((images, labels),) = parts
    values = images.clone().requires_grad_()  # without it the reentrant kind gives the first layer no gradient
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the reentrant kind is deprecated, and says so at every call
        for start in range(0, len(network) - 1, 3):
            # Nothing draws in these layers, so no state of chance needs keeping.
            values = checkpoint(network[start : start + 3], values, use_reentrant=reentrant, preserve_rng_state=False)
        loss = functional.cross_entropy(network[-1](values), labels)
        loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _validated(network: nn.Sequential, optimizer: SGD, parts: Parts) -> None:
    """A step, and then a batch of test images for validation: no gradients, but nobody called eval()."""
    batch, (held_out, _) = parts
    _plain(network, optimizer, [batch])
    with torch.no_grad():
        network(held_out)


STEPS: Final[dict[WayName, Callable[[nn.Sequential, SGD, Parts], None]]] = {
    "plain": _plain,
    "accumulation": _plain,
    "second_pass": _second_pass,
    "checkpoint": lambda *call: _checkpointed(*call, reentrant=False),
    "checkpoint_reentrant": lambda *call: _checkpointed(*call, reentrant=True),
    "validation": _validated,
}
