"""Which norm layer feeds which, read off the graph that autograd keeps of a forward pass.

Only the names of its nodes and the edges between them are read. Nothing saved is unpacked, so that no checkpoint is made again, no
function of the model is called or replaced, and no node is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor, nn

from bnviz.inspect.chains import ACTIVATIONS, Break, Chain, Chains

if TYPE_CHECKING:
    from bnviz.theory.activations import ActivationName

MAX_NODES: Final = 20_000  # of a graph that is walked
# Numbers that a node was called with where it is the theory's activation: SELU and CELU are nodes of ELU.
DEFAULTS: Final[Mapping[str, Mapping[str, float]]] = {
    "leaky_relu": {"_saved_negative_slope": 0.01},
    "elu": {"_saved_alpha": 1.0, "_saved_scale": 1.0, "_saved_input_scale": 1.0},
}
LINEAR: Final = frozenset({"AddmmBackward0", "MmBackward0", "LinearBackward0"})
COPIES: Final = frozenset({"ToCopyBackward0"})  # another type under autocast
OF_A_WEIGHT: Final = COPIES | {"TBackward0", "TransposeBackward0"}


def chains_of(outputs: Iterable[Tensor], norms: Mapping[str, nn.Module]) -> Chains | None:
    """The rows among `norms` in the graph behind the model's `outputs`; None where it does not hold a norm layer.

    Of a graph of more than `MAX_NODES` nothing is said.
    """
    takers = _takers(outputs)
    if takers is None:
        return Chains((), {})
    graph = _Graph(takers, list(norms.values()))
    if not graph.times:
        return None
    following: dict[int, tuple[ActivationName, int]] = {}
    broken: Counter[Break] = Counter()
    if repeated := sum(times > 1 for times in graph.times.values()):
        broken["branch"] = repeated
    for node, place in graph.places.items():
        found = graph.follow(node)
        if isinstance(found, tuple):
            following[place] = found
        elif found is not None:
            broken["convolution" if found == "other" and _behind_a_convolution(node) else found] += 1
    return Chains(tuple(_rows(following)), dict(broken))


def _rows(following: Mapping[int, tuple[ActivationName, int]]) -> Iterable[Chain]:
    """Rows of layers from `following`: behind each layer the activation, and the layer that it feeds."""
    fed = {place for _, place in following.values()}
    for first in following:
        if first in fed:
            continue
        layers = [first]
        activations: list[ActivationName] = []
        while layers[-1] in following:
            activation, place = following[layers[-1]]
            layers.append(place)
            activations.append(activation)
        yield Chain(tuple(layers), tuple(activations))


class _Graph:
    """The nodes behind some tensors, and who takes what they give."""

    def __init__(self, takers: Mapping[Any, list[Any]], norms: list[nn.Module]) -> None:
        self.takers = takers
        owners = {id(values): place for place, norm in enumerate(norms) for values in norm.parameters(recurse=False)}
        nodes = [(node, place) for node in takers if (place := _place(node, owners)) is not None]
        self.times = Counter(place for _, place in nodes)
        """How often each norm layer was called."""
        self.places = {node: place for node, place in nodes if self.times[place] == 1 and "BatchNorm" in node.name()}
        """Nodes of the batch norms that were called once, and which layers they are."""

    def follow(self, node: Any) -> tuple[ActivationName, int] | Break | None:
        """The activation behind the norm layer `node` and the norm layer that it feeds; else what is in the way, None at the end."""
        behind, broken = self._only(node)
        if behind is None:
            return broken
        activation = _activation(behind)
        if activation is None:
            return _obstacle(behind)
        linear, broken = self._only(behind)
        if linear is None:
            return broken
        if not _is_linear(linear, self._through_copies(behind)):
            return _obstacle(linear)
        following, broken = self._only(linear)
        if following is None:
            return broken
        place = self.places.get(following)
        return "other" if place is None else (activation, place)

    def _only(self, node: Any) -> tuple[Any, Break | None]:
        """The node that alone takes what `node` gives; None and what is in the way; None twice where it leaves the model."""
        while True:
            takers = self.takers[node]
            if len(takers) != 1:
                return None, "branch"
            if takers[0] is None or takers[0].name() not in COPIES:
                return takers[0], None
            node = takers[0]

    def _through_copies(self, node: Any) -> Any:
        """The node whose output is that of `node`, copied."""
        while self.takers[node][0].name() in COPIES:
            node = self.takers[node][0]
        return node


def _takers(outputs: Iterable[Tensor]) -> dict[Any, list[Any]] | None:
    """Of each node behind `outputs` the nodes that take what it gives; None among them is whoever called the model.

    None where there are more than `MAX_NODES`.
    """
    waiting = list(dict.fromkeys(values.grad_fn for values in outputs if values.grad_fn is not None))
    takers: dict[Any, list[Any]] = {node: [None] for node in waiting}
    while waiting:
        node = waiting.pop()
        for parent, _ in node.next_functions:
            if parent is None:
                continue
            if parent not in takers:
                if len(takers) >= MAX_NODES:
                    return None
                takers[parent] = []
                waiting.append(parent)
            takers[parent].append(node)
    return takers


def _place(node: Any, owners: Mapping[int, int]) -> int | None:
    """Which norm layer `node` is: the owner of a parameter that it takes."""
    for parent, _ in node.next_functions:
        if (place := owners.get(id(getattr(parent, "variable", None)))) is not None:
            return place
    return None


def _activation(node: Any) -> ActivationName | None:
    name = ACTIVATIONS.get(node.name())
    numbers = DEFAULTS.get(name or "", {})
    return name if all(getattr(node, key, None) == value for key, value in numbers.items()) else None


def _obstacle(node: Any) -> Break:
    if "Convolution" in node.name():
        return "convolution"
    parents = [parent for parent, _ in node.next_functions if parent is not None and not _is_parameter(parent)]
    return "branch" if len(parents) > 1 else "other"


def _behind_a_convolution(node: Any) -> bool:
    parent, _ = node.next_functions[0]
    return parent is not None and "Convolution" in parent.name()


def _is_linear(node: Any, inputs: Any) -> bool:
    """Whether `node` multiplies `inputs` by a weight, and adds a bias at most."""
    others = [parent for parent, _ in node.next_functions if parent is not None and parent is not inputs]
    return node.name() in LINEAR and bool(others) and all(_is_parameter(parent) for parent in others)


def _is_parameter(node: Any) -> bool:
    while node.name() in OF_A_WEIGHT:
        (node, _), *_rest = node.next_functions
        if node is None:
            return False
    return hasattr(node, "variable")
