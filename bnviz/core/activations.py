"""The activations of the parameter table as PyTorch's own modules."""

from __future__ import annotations

from torch import nn

from bnviz.settings import ActivationName

ACTIVATIONS: dict[ActivationName, type[nn.Module]] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def make_activation(name: ActivationName) -> nn.Module:
    """A new module for `name`, with PyTorch's defaults."""
    return ACTIVATIONS[name]()
