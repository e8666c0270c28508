"""Norm layers that stand in a row, each of which feeds the next through an activation and a linear layer alone.

Mean-field theory says how the gradient grows along such a row. A recording holds the rows in a frame of their own (`frames.py`):

```
{"kind": "chains", "chains": [{"layers": [0, 1, 2], "activations": ["relu", "relu"]} …], "broken": {"convolution": 3, …}}
```
`layers` are places in the list of layers, `broken` counts the layers from which no way leads on, by what stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    from bnviz.theory.activations import ActivationName

Break = Literal["branch", "convolution", "other"]
# By the names of autograd's nodes (with 1 in place), as the theory knows them. Its own table needs SciPy, which a watch does without.
ACTIVATIONS: Final[Mapping[str, ActivationName]] = {
    "ReluBackward0": "relu",
    "LeakyReluBackward0": "leaky_relu",
    "LeakyReluBackward1": "leaky_relu",
    "EluBackward0": "elu",
    "EluBackward1": "elu",
    "GeluBackward0": "gelu",
    "SiluBackward0": "silu",
    "SigmoidBackward0": "sigmoid",
    "TanhBackward0": "tanh",
}


@dataclass(frozen=True)
class Chain:
    """One row. D layers."""

    layers: tuple[int, ...]
    """(D,) places among the norm layers of the model, in the order of the forward pass; D ≥ 2."""
    activations: tuple[ActivationName, ...]
    """(D − 1,) what stands behind each but the last."""


@dataclass(frozen=True)
class Chains:
    """What the graph of one forward pass in training mode showed."""

    found: tuple[Chain, ...]
    """No layer is in two of them."""
    broken: Mapping[Break, int]
    """How many layers that lead somewhere do not lead on, by what is in the way: layer or output are used more than once or the
    output meets another, a convolution, or anything else that the theory does not know."""

    def head(self) -> dict[str, Any]:
        """As a frame keeps it."""
        chains = [{"layers": list(chain.layers), "activations": list(chain.activations)} for chain in self.found]
        return {"chains": chains, "broken": dict(self.broken)}


def read_chains(head: Mapping[str, Any], count: int) -> Chains:
    """The rows of a frame in a recording of `count` layers. Raises: ValueError, KeyError, TypeError for what no bnviz writes."""
    chains, broken = head["chains"], head["broken"]
    if not isinstance(chains, list) or len(chains) > count:
        raise ValueError("chains")
    if not isinstance(broken, dict) or not broken.keys() <= set(get_args(Break)):
        raise ValueError("broken")
    if not all(type(number) is int and 0 <= number <= count for number in broken.values()):
        raise ValueError("broken")
    found = tuple(_chain(chain) for chain in chains)
    layers = [place for chain in found for place in chain.layers]
    if len(set(layers)) != len(layers) or not all(type(place) is int and 0 <= place < count for place in layers):
        raise ValueError("layers")
    return Chains(found, broken)


def _chain(chain: Any) -> Chain:
    layers, activations = chain["layers"], chain["activations"]
    if (
        not isinstance(layers, list)
        or not isinstance(activations, list)
        or not 2 <= len(layers) == len(activations) + 1
    ):
        raise ValueError("chain")
    if not set(activations) <= set(ACTIVATIONS.values()):
        raise ValueError("activation")
    return Chain(tuple(layers), tuple(activations))
