"""Recurrent cells out of PyTorch's own modules, with a normalizer where the papers put it.

Index letters: B samples, T time steps, D inputs per step, H hidden units, G = H, 4·H or 3·H gate inputs of an RNN, LSTM or
GRU; S replicas, where there are several. A sequence is (…, B, T·D) in and a state (…, B, H) out, "…" being nothing for one
network and S for stacked ones: only the modules inside know the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from bnviz.settings import CellName

GATES: Final[dict[CellName, int]] = {"rnn": 1, "lstm": 4, "gru": 3}


class RecurrentLayer(nn.Module):
    """`nn.RNN`, `nn.LSTM` or `nn.GRU` of one layer, from a state of zeros to the last state, with normalizers inside.

    `inputs`: x_t → W_x x_t (+ b_x) and `hidden`: h → W_h h (+ b_h), with the gates in PyTorch's order (LSTM: i, f, g, o;
    GRU: r, z, n). `input_norms`, `hidden_norms` follow them; `cell_norms` stand in front of the tanh through which an LSTM
    shows its cell. Each list is empty, or has one module for all steps, or T, one per step. `frames`: the single input
    normalizer sees all steps of the batch as one, (T·B, G), and not step by step.

    With empty lists it is what PyTorch's own module is. Where there are T modules of one place, they share the weight and
    bias of the first.
    """

    def __init__(
        self,
        cell: CellName,
        steps: int,
        inputs: nn.Module,
        hidden: nn.Module,
        input_norms: Sequence[nn.Module] = (),
        hidden_norms: Sequence[nn.Module] = (),
        cell_norms: Sequence[nn.Module] = (),
        *,
        frames: bool = False,
    ) -> None:
        super().__init__()
        self.cell, self.steps, self.frames = cell, steps, frames
        self.inputs, self.hidden = inputs, hidden
        self.input_norms = nn.ModuleList(input_norms)
        self.hidden_norms = nn.ModuleList(hidden_norms)
        self.cell_norms = nn.ModuleList(cell_norms)
        for norms in (self.input_norms, self.hidden_norms, self.cell_norms):
            _tie(norms)

    def forward(self, sequences: Tensor) -> Tensor:
        """The state (…, B, H) after the last step of `sequences` (…, B, T·D)."""
        return self.states(sequences)[-1]

    def states(self, sequences: Tensor) -> list[Tensor]:
        """The states h_1 … h_T, each (…, B, H)."""
        return self.states_of(self.input_terms(sequences))

    def states_of(self, terms: Sequence[Tensor]) -> list[Tensor]:
        """The same, of what `input_terms` gives."""
        state = terms[0].new_zeros(*terms[0].shape[:-1], terms[0].shape[-1] // GATES[self.cell])
        memory, states = state, []
        for step, term in enumerate(terms):
            recurrent = self._normalized(self.hidden_norms, self.hidden(state), step)
            if self.cell == "rnn":
                state = torch.tanh(term + recurrent)
            elif self.cell == "gru":
                state = _gru(term, recurrent, state)
            else:
                memory, gate = _lstm(term + recurrent, memory)
                state = gate * torch.tanh(self._normalized(self.cell_norms, memory, step))
            states.append(state)
        return states

    def input_terms(self, sequences: Tensor) -> tuple[Tensor, ...]:
        """What the input adds to the gates at each step, normalized where that is done: T times (…, B, G)."""
        by_step = sequences.reshape(*sequences.shape[:-1], self.steps, -1).transpose(-2, -3)
        # All steps at once: one product instead of T.
        terms: Tensor = self.inputs(by_step.flatten(-3, -2))
        if self.frames:
            terms = self.input_norms[0](terms)
        parts: tuple[Tensor, ...] = terms.chunk(self.steps, dim=-2)
        if self.frames:
            return parts
        return tuple(self._normalized(self.input_norms, part, step) for step, part in enumerate(parts))

    def inner_modules(self) -> list[nn.Module]:
        """All modules inside, in order."""
        return [self.inputs, self.hidden, *self.input_norms, *self.hidden_norms, *self.cell_norms]

    def rebuilt(self, made: Callable[[int], nn.Module]) -> RecurrentLayer:
        """A layer of the same build whose part number i is `made(i)`."""
        modules = iter([made(index) for index in range(len(self.inner_modules()))])
        inputs, hidden = next(modules), next(modules)
        norms = [[next(modules) for _ in norms] for norms in (self.input_norms, self.hidden_norms, self.cell_norms)]
        return RecurrentLayer(self.cell, self.steps, inputs, hidden, *norms, frames=self.frames)

    @staticmethod
    def _normalized(norms: nn.ModuleList, values: Tensor, step: int) -> Tensor:
        if not len(norms):
            return values
        normal: Tensor = norms[min(step, len(norms) - 1)](values)
        return normal


def _lstm(gates: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """The new memory and the output gate."""
    write, keep, news, show = gates.chunk(4, dim=-1)
    return torch.sigmoid(keep) * memory + torch.sigmoid(write) * torch.tanh(news), torch.sigmoid(show)


def _gru(term: Tensor, recurrent: Tensor, state: Tensor) -> Tensor:
    (reset_x, keep_x, news_x), (reset_h, keep_h, news_h) = term.chunk(3, dim=-1), recurrent.chunk(3, dim=-1)
    news = torch.tanh(news_x + torch.sigmoid(reset_x + reset_h) * news_h)
    keep = torch.sigmoid(keep_x + keep_h)
    return news + keep * (state - news)


def _tie(norms: nn.ModuleList) -> None:
    """All of `norms` learn one weight and one bias, which are the first one's."""
    inner = [getattr(norm, "norm", norm) for norm in norms]
    for norm in inner[1:]:
        norm.weight, norm.bias = inner[0].weight, inner[0].bias
