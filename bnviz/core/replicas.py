"""Stacked replicas: S networks of one build, trained at once as one network, each equal to itself trained alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from bnviz.core.activations import ACTIVATIONS
from bnviz.core.ghost_batch_norm import GhostBatchNorm1d
from bnviz.core.recurrent import RecurrentLayer
from bnviz.core.replica_layers import (
    AcrossReplicas,
    StackedDropout,
    StackedFlatten,
    StackedGroupNorm,
    StackedLinear,
    StackedUnflatten,
    tell_of_layer,
)

Layers = Sequence[Any]  # the S layers that stand at one place of the S networks, all of one type
Generators = Sequence[torch.Generator]


class Replicas(nn.Module):
    """S plain `nn.Sequential` networks of the same build as one network.

    `chain` is the stacked network; `activations`, `normalizers`, `linears` list its modules in order, for hooks. They see
    feature vectors as (S, B, C) and images as (B, S·C, H, W). `generators`: one per replica, for Dropout. It starts in
    training mode.

    Raises: TypeError for a layer that cannot be stacked.
    """

    def __init__(self, networks: Sequence[nn.Sequential], generators: Generators) -> None:
        super().__init__()
        if len(generators) != len(networks):
            raise ValueError(f"{len(networks)} networks need as many generators; got {len(generators)}")
        self.count = len(networks)
        self.chain = _stacked(networks, generators)
        # In a tuple, so that it is not registered: its parameters are not to be trained.
        self._plain = (networks[0],)
        modules = list(self.chain.modules())
        self.activations = tuple(module for module in modules if type(module) in set(ACTIVATIONS.values()))
        self.normalizers = tuple(module for module in modules if isinstance(module, NORMALIZING))
        self.linears = tuple(module for module in modules if isinstance(module, StackedLinear | nn.Conv2d))

    def forward(self, samples: Tensor) -> Tensor:
        """Logits (S, B, classes) of `samples`, (S, B, features) or (S, B, C, H, W): each replica has its own."""
        if samples.dim() == 5:
            samples = samples.transpose(0, 1).flatten(1, 2)
        logits: Tensor = self.chain(samples)
        return logits

    def replica(self, index: int) -> nn.Sequential:
        """A plain copy of one replica as it is now, in the same mode: `nn.Linear`, `nn.Conv2d`, `nn.BatchNorm1d` and so on."""
        network = copy.deepcopy(self._plain[0]).train(self.training).to(next(self.parameters()).dtype)
        for plain, stacked in zip(_leaves(network), _leaves(self.chain), strict=True):
            target = plain.state_dict(keep_vars=True)
            for name, value in stacked.state_dict().items():
                with torch.no_grad():
                    part = value if value.dim() == 0 else value.view(self.count, -1, *value.shape[1:])[index]
                    if isinstance(stacked, StackedLinear):
                        part = part.squeeze(0).t() if name == "weight" else part
                    target[name].copy_(part.reshape(target[name].shape))
        return network


NORMALIZING: Final = (
    AcrossReplicas,
    StackedGroupNorm,
    nn.BatchNorm2d,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
)


def _stacked(layers: Layers, generators: Generators) -> nn.Module:
    """One module that does for S replicas what each of `layers` does for one."""
    first = layers[0]
    if isinstance(first, nn.Sequential):
        return nn.Sequential(*(_stacked(place, generators) for place in zip(*layers, strict=True)))
    if type(first) not in _STACKERS:
        raise TypeError(f"{type(first).__name__} cannot be stacked")
    return _STACKERS[type(first)](layers, generators)


def _leaves(network: nn.Module) -> list[nn.Module]:
    """The layers of nested `nn.Sequential`s and recurrent layers in order; of `AcrossReplicas`, what is inside."""
    if isinstance(network, nn.Sequential):
        return [leaf for layer in network for leaf in _leaves(layer)]
    if isinstance(network, RecurrentLayer):
        return [leaf for part in network.inner_modules() for leaf in _leaves(part)]
    return [network.norm if isinstance(network, AcrossReplicas) else network]


def _filled(module: nn.Module, layers: Layers) -> nn.Module:
    """`module` with the parameters and buffers of all `layers` one after another along the first axis."""
    states = [layer.state_dict() for layer in layers]
    joined = {
        name: tensor if tensor.dim() == 0 else torch.cat([state[name] for state in states])
        for name, tensor in states[0].items()
    }
    first = next(iter(joined.values()), None)
    if first is not None:
        module.to(dtype=first.dtype)
    module.load_state_dict(joined)
    return module


def _batch_norm(layers: Layers, _: Generators) -> nn.Module:
    first = layers[0]
    return _filled(
        type(first)(
            len(layers) * first.num_features,
            eps=first.eps,
            momentum=first.momentum,
            affine=first.affine,
            track_running_stats=first.track_running_stats,
        ),
        layers,
    )


def _ghost(layers: Layers, _: Generators) -> nn.Module:
    first: GhostBatchNorm1d = layers[0]
    features = len(layers) * first.num_features
    return AcrossReplicas(_filled(GhostBatchNorm1d(features, first.ghost_size, first.eps, first.momentum), layers))


def _layer_norm(layers: Layers, _: Generators) -> nn.Module:
    first: nn.LayerNorm = layers[0]
    if len(first.normalized_shape) != 1:
        raise TypeError("nn.LayerNorm is stacked for feature vectors only; for images it is nn.GroupNorm(1, C)")
    return _filled(StackedGroupNorm(len(layers), 1, first.normalized_shape[0], first.eps), layers)


def _group_norm(layers: Layers, _: Generators) -> nn.Module:
    first: nn.GroupNorm = layers[0]
    return _filled(StackedGroupNorm(len(layers), first.num_groups, first.num_channels, first.eps), layers)


def _conv(layers: Layers, _: Generators) -> nn.Module:
    replicas = len(layers)
    conv: nn.Conv2d = copy.deepcopy(layers[0])
    conv.in_channels *= replicas
    conv.out_channels *= replicas
    conv.groups *= replicas
    conv.weight = nn.Parameter(conv.weight.repeat(replicas, 1, 1, 1))
    if conv.bias is not None:
        conv.bias = nn.Parameter(conv.bias.repeat(replicas))
    conv.register_forward_hook(_tell_of_conv)
    return _filled(conv, layers)


def _tell_of_conv(conv: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
    assert isinstance(conv, nn.Conv2d)
    tell_of_layer(output, output.numel() * conv.weight[0].numel())


def _recurrent(layers: Layers, generators: Generators) -> nn.Module:
    places = list(zip(*(layer.inner_modules() for layer in layers), strict=True))
    first: RecurrentLayer = layers[0]
    return first.rebuilt(lambda index: _stacked(places[index], generators))


def _same(layers: Layers, _: Generators) -> nn.Module:
    module: nn.Module = copy.deepcopy(layers[0])
    return module


_STACKERS: Final[dict[type[nn.Module], Callable[[Layers, Generators], nn.Module]]] = {
    nn.Linear: lambda layers, _: StackedLinear(layers),
    nn.Conv2d: _conv,
    nn.BatchNorm1d: lambda layers, generators: AcrossReplicas(_batch_norm(layers, generators)),
    GhostBatchNorm1d: _ghost,
    nn.BatchNorm2d: _batch_norm,
    nn.InstanceNorm1d: _batch_norm,
    nn.InstanceNorm2d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.GroupNorm: _group_norm,
    nn.Dropout: lambda layers, generators: StackedDropout(layers[0].p, generators),
    nn.Flatten: lambda layers, _: StackedFlatten(len(layers)),
    nn.Unflatten: lambda layers, _: StackedUnflatten(),
    nn.MaxPool2d: _same,
    RecurrentLayer: _recurrent,
    **dict.fromkeys(ACTIVATIONS.values(), _same),
}
