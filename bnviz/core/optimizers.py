"""PyTorch's optimizers on stacked parameters, with one learning rate and weight decay for all replicas or one for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from bnviz import work

SECONDS: Final = 1e-9  # for each value of a parameter
AT_ONCE: Final = 2**22
"""Values of all parameters of a group that are moved in one call."""

OptimizerName = Literal["sgd", "adam"]  # of the labs that train without weight decay


class Optimizer(Protocol):
    """What takes a step."""

    def step(self) -> None:
        """Move the parameters along their gradients, and forget these."""


class _Grouped:
    """Parameters in groups of one learning rate and weight decay: all of them, or each replica's share of them.

    The functional forms `torch.optim.sgd.sgd` and `torch.optim.adam.adam`, which the classes call too, are used: a class
    costs a tenth of a millisecond more per step, and the first one of a process imports `torch._dynamo` for two seconds.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], rates: Sequence[float], decays: Sequence[float] = (0.0,)
    ) -> None:
        self.parameters = list(parameters)
        alike = len(set(rates)) == 1 and len(set(decays)) == 1
        count = 1 if alike else max(len(rates), len(decays))
        self.rates, self.decays = ([*values, *values[-1:] * count][:count] for values in (list(rates), list(decays)))
        self.groups = self._parts([parameter.detach() for parameter in self.parameters])

    def gradients(self) -> list[list[Tensor]]:
        """The gradients in the same groups as the parameters."""
        found = [parameter.grad for parameter in self.parameters]
        if any(gradient is None for gradient in found):
            raise RuntimeError("a parameter has no gradient: backward() comes before step()")
        return self._parts([gradient for gradient in found if gradient is not None])

    def forget(self) -> None:
        """Drop the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @staticmethod
    def _pieces(*state: Sequence[Any]) -> Iterator[list[list[Any]]]:
        """A group and its state, whole, or one parameter after the other where they are large."""
        sizes = [part.numel() for part in state[0]]
        if sum(sizes) < AT_ONCE:
            yield [list(part) for part in state]
            work.done(SECONDS * sum(sizes))
            return
        for size, *own in zip(sizes, *state, strict=True):
            yield [[one] for one in own]
            work.done(SECONDS * size)

    def _parts(self, tensors: list[Tensor]) -> list[list[Tensor]]:
        if len(self.rates) == 1:
            return [tensors]
        # Every parameter is laid out replica by replica along its first axis.
        return [list(parts) for parts in zip(*(tensor.chunk(len(self.rates)) for tensor in tensors), strict=True)]


class SGD(_Grouped):
    """`torch.optim.SGD` with `momentum` (0: none) and `decays`, what it calls `weight_decay`: one for all replicas, or one each."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        rates: Sequence[float],
        momentum: float = 0.0,
        decays: Sequence[float] = (0.0,),
    ) -> None:
        super().__init__(parameters, rates, decays)
        self.momentum = momentum
        self.buffers: list[list[Tensor | None]] = [
            [torch.zeros_like(part) if momentum else None for part in group] for group in self.groups
        ]

    @torch.no_grad()
    def step(self) -> None:
        """p ← p − rate·b with b ← momentum·b + gradient + decay·p."""
        groups = zip(self.groups, self.gradients(), self.buffers, strict=True)
        for rate, decay, state in zip(self.rates, self.decays, groups, strict=True):
            for group, gradients, buffers in self._pieces(*state):
                sgd(
                    group,
                    gradients,
                    buffers,
                    fused=True,
                    weight_decay=decay,
                    momentum=self.momentum,
                    lr=rate,
                    dampening=0.0,
                    nesterov=False,
                    maximize=False,
                )
        self.forget()


class Adam(_Grouped):
    """`torch.optim.Adam` with its defaults: betas 0.9 and 0.999, eps 1e-8. With `decays`, one for all replicas or one each, `AdamW`."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], rates: Sequence[float], decays: Sequence[float] = (0.0,)
    ) -> None:
        super().__init__(parameters, rates, decays)
        self.means = [[torch.zeros_like(part) for part in group] for group in self.groups]
        self.squares = [[torch.zeros_like(part) for part in group] for group in self.groups]
        self.counts = [[torch.zeros(()) for _ in group] for group in self.groups]

    @torch.no_grad()
    def step(self) -> None:
        """p ← (1 − rate·decay)·p − rate·m̂/(√v̂ + eps), m and v the running means of the gradient and its square."""
        state = zip(self.groups, self.gradients(), self.means, self.squares, self.counts, strict=True)
        for rate, decay, parts in zip(self.rates, self.decays, state, strict=True):
            for group, gradients, means, squares, counts in self._pieces(*parts):
                adam(
                    group,
                    gradients,
                    means,
                    squares,
                    [],
                    counts,
                    fused=True,
                    amsgrad=False,
                    beta1=0.9,
                    beta2=0.999,
                    lr=rate,
                    weight_decay=decay,
                    eps=1e-8,
                    maximize=False,
                    decoupled_weight_decay=True,
                )
        self.forget()


def make_optimizer(
    name: OptimizerName, parameters: Iterable[nn.Parameter], rates: Sequence[float], momentum: float = 0.0
) -> Optimizer:
    """A new optimizer; `rates` one learning rate per replica (all may be equal); `momentum` is SGD's."""
    return SGD(parameters, rates, momentum) if name == "sgd" else Adam(parameters, rates)
