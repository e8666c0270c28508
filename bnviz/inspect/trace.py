"""Which operation feeds which: one forward pass, its PyTorch functions written down as they are called.

It works on any model that runs, with functions as with modules (`torch.fx` would refuse data-dependent code). Inside a
normalization layer nothing is written down: the layer is one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bnviz.inspect.evidence import Surroundings

WEIGHTS: Final = frozenset(
    f"conv{'_transpose' * transposed}{dimensions}d" for transposed in (False, True) for dimensions in (1, 2, 3)
) | {"linear", "bilinear", "embedding", "matmul", "__matmul__", "bmm", "addmm", "mm", "einsum"}
DROPOUTS: Final = frozenset(
    {
        "dropout",
        "dropout_",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "feature_dropout",
        "feature_alpha_dropout",
    }
)
RELUS: Final = frozenset({"relu", "relu_", "relu6"})
ACTIVATIONS: Final = RELUS | frozenset(
    [
        "hardtanh",
        "hardtanh_",
        "leaky_relu",
        "leaky_relu_",
        "elu",
        "elu_",
        "gelu",
        "silu",
        "sigmoid",
        "sigmoid_",
        "tanh",
        "tanh_",
        "softplus",
        "mish",
        "hardswish",
        "hardsigmoid",
        "prelu",
        "rrelu",
        "selu",
        "selu_",
        "celu",
        "clamp",
        "clamp_",
        "clip",
        "threshold",
        "softmax",
        "log_softmax",
        "logsigmoid",
        "softsign",
        "tanhshrink",
        "hardshrink",
        "softshrink",
        "glu",
        "sin",
        "cos",
        "exp",
        "square",
        "abs",
        "maximum",
        "max_pool1d",
        "max_pool2d",
        "max_pool3d",
        "adaptive_max_pool2d",
    ]
)
# They move or rename values and change none.
SHAPES: Final = frozenset(
    [
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "contiguous",
        "to",
        "float",
        "half",
        "bfloat16",
        "type",
        "type_as",
        "permute",
        "transpose",
        "swapaxes",
        "swapdims",
        "movedim",
        "squeeze",
        "unsqueeze",
        "clone",
        "detach",
        "ravel",
        "view_as",
        "expand",
        "__get__",
        "__getitem__",
        "chunk",
        "split",
        "unbind",
        "identity",
        "requires_grad_",
        "pad",
        "channel_shuffle",
        "pixel_shuffle",
        "cpu",
    ]
)
KEEP_AXIS: Final = frozenset({"interpolate", "upsample", "pad", "cat", "concat"})
CHANNEL_AXIS_LAST: Final = frozenset({"linear", "bilinear", "embedding", "lstm", "gru", "rnn_tanh", "rnn_relu"})


@dataclass(eq=False)
class Node:
    """One operation; `parents` made its inputs. Compared by identity."""

    name: str
    parents: tuple[Node, ...] = ()
    shape: tuple[int, ...] = ()
    """Of its first output."""
    axis: int | None = None
    """Axis of the channels in it."""
    bias: bool = False
    """Whether it adds a bias."""
    rate: float = 0.0
    """Of a Dropout that is on."""
    norm: str | None = None
    """Name of the normalization layer that it is."""
    weight: int | None = None
    """Identity of its weight."""
    children: list[Node] = field(default_factory=list)


class Tracer(TorchFunctionMode):
    """A mode in which every PyTorch function is written down; `without_dropout` skips Dropout, whoever calls it."""

    def __init__(self, *, without_dropout: bool = False, write: bool = True) -> None:
        super().__init__()
        self.without_dropout = without_dropout
        self.write = write
        self.batch_norms_in_training: list[Tensor | None] = []
        """Running means (or None) of the calls of `batch_norm` that normalized with the batch."""
        self.dropped = False
        self.nodes: dict[int, Node] = {}
        self.norms: list[Node] = []
        self._alive: list[Tensor] = []  # so that no identity is used twice
        self._inside: list[str] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call `func` and write down what it took and gave."""
        named = dict(kwargs or {})
        name = getattr(func, "__name__", "?")
        if name in DROPOUTS and self._drops(args, named):
            self.dropped = True
            if self.without_dropout:
                return args[0] if args else named["input"]
        if name == "batch_norm" and _argument(args, named, 5, "training"):
            self.batch_norms_in_training.append(_argument(args, named, 1, "running_mean"))
        result = func(*args, **named)
        if self.write and not self._inside:
            self._write(name, args, named, result)
        return result

    @staticmethod
    def _drops(args: Sequence[Any], named: Mapping[str, Any]) -> bool:
        training = _argument(args, named, 2, "training")
        return bool(True if training is None else training) and _rate(args, named) > 0

    @property
    def where(self) -> str | None:
        """The normalization layer that is at work, or where a refusal came up."""
        return self._inside[-1] if self._inside else None

    def enter(self, name: str) -> None:
        """A normalization layer begins: what happens in it is not written down."""
        self._inside.append(name)

    def leave(self, name: str, inputs: Tensor, output: Tensor) -> None:
        """It ends, having made `output` from `inputs`."""
        self._inside.pop()
        if self.write and not self._inside:
            parent = self.node(inputs)
            node = self._add(Node(name, (parent,), tuple(output.shape), parent.axis, norm=name), output)
            self.norms.append(node)

    def node(self, values: Tensor) -> Node:
        """The operation that made `values`; one named "input" where none was seen."""
        known = self.nodes.get(id(values))
        return known if known is not None else self._add(Node("input", (), tuple(values.shape)), values)

    def outputs(self, values: Iterable[Tensor]) -> None:
        """Mark `values` as what the model gives."""
        for value in values:
            if id(value) in self.nodes:
                self.nodes[id(value)].children.append(Node("output"))

    def _add(self, node: Node, *outputs: Tensor) -> Node:
        for parent in node.parents:
            parent.children.append(node)
        for output in outputs:
            self.nodes[id(output)] = node
            self._alive.append(output)
        return node

    def _write(self, name: str, args: Sequence[Any], named: Mapping[str, Any], result: Any) -> None:
        outputs = list(tensors(result))
        inputs = [part for part in tensors((args, named)) if not isinstance(part, nn.Parameter)]
        if not outputs or not outputs[0].is_floating_point() or name == "__set__":
            return
        if name == "__get__" and not inputs:
            return
        parents = tuple(dict.fromkeys(self.node(part) for part in inputs if part.is_floating_point()))
        weight = _argument(args, named, 1, "weight") if name in WEIGHTS else None
        node = Node(
            name,
            parents,
            tuple(outputs[0].shape),
            _axis(name, args, named, parents, tuple(outputs[0].shape)),
            bias=_adds_bias(name, args, named),
            rate=_rate(args, named) if name in DROPOUTS and self._drops(args, named) else 0.0,
            weight=id(weight) if isinstance(weight, Tensor) else None,
        )
        self._add(node, *outputs)


def tensors(values: Any, depth: int = 6) -> Iterable[Tensor]:
    """Every tensor in nested tuples, lists, dictionaries and dataclasses."""
    if isinstance(values, Tensor):
        yield values
    elif depth <= 0 or isinstance(values, (str, bytes, int, float, type(None), torch.device, torch.dtype)):
        return
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from tensors(value, depth - 1)
    elif isinstance(values, (tuple, list, set, frozenset)):
        for value in values:
            yield from tensors(value, depth - 1)
    elif hasattr(values, "__dataclass_fields__"):
        for name in values.__dataclass_fields__:
            yield from tensors(getattr(values, name, None), depth - 1)


def surroundings(node: Node) -> Surroundings:
    """What stands in front of and behind the normalization layer `node`."""
    before = list(_before(node))
    direct = next((part for part in before if part.name not in SHAPES and not part.name.startswith("avg_pool")), None)
    behind = frozenset(_behind(node))
    dropouts = tuple((part.name, part.rate) for part in before if part.name in DROPOUTS and part.rate > 0)
    return Surroundings(
        before=tuple(part.norm or part.name for part in before),
        bias=direct.name if direct is not None and direct.bias else None,
        norm_before=direct.norm if direct is not None else None,
        dropouts=dropouts,
        behind=behind,
        relu=bool(behind) and behind <= RELUS,
        axis=node.parents[0].axis,
        shape=node.parents[0].shape,
    )


def weight_in_front(node: Node) -> int | None:
    """Identity of the weight of the convolution or linear layer that feeds `node` alone and directly, if one does."""
    parent = node.parents[0]
    foldable = parent.name == "linear" or parent.name.startswith("conv")
    return parent.weight if foldable and len(parent.children) == 1 else None


def _before(node: Node) -> Iterable[Node]:
    """Operations backwards from `node`: up to and including a norm, a branch point's merge, or the input."""
    seen: set[int] = set()
    while len(node.parents) == 1 and id(node) not in seen:
        seen.add(id(node))
        node = node.parents[0]
        yield node
        if node.norm is not None:
            return


def _behind(node: Node, depth: int = 20) -> Iterable[str]:
    """Names of the operations that take `node`'s output, looking through those that only rename."""
    for child in node.children:
        if child.name in SHAPES and depth > 0:
            yield from _behind(child, depth - 1)
        else:
            yield child.norm or child.name


def _adds_bias(name: str, args: Sequence[Any], named: Mapping[str, Any]) -> bool:
    if name in {"add", "add_", "__add__", "__radd__", "__iadd__"}:
        return any(isinstance(part, nn.Parameter) for part in args)
    return (name == "linear" or name.startswith("conv")) and isinstance(_argument(args, named, 2, "bias"), Tensor)


def _argument(args: Sequence[Any], named: Mapping[str, Any], place: int, name: str) -> Any:
    return named.get(name) if name in named else args[place] if len(args) > place else None


def _rate(args: Sequence[Any], named: Mapping[str, Any]) -> float:
    rate = _argument(args, named, 1, "p")
    return 0.5 if rate is None else float(rate)


def _axis(
    name: str, args: Sequence[Any], named: Mapping[str, Any], parents: tuple[Node, ...], shape: tuple[int, ...]
) -> int | None:
    """Where the channels are after `name`, if that can be told."""
    if name in CHANNEL_AXIS_LAST:
        return len(shape) - 1
    if name.startswith("conv"):
        return 1 if len(shape) > 2 else None
    parent = next((part for part in parents if part.axis is not None), None)
    if parent is None or parent.axis is None:
        return None
    if name in {"permute", "transpose", "swapaxes", "swapdims", "movedim"}:
        return _moved(name, args, named, parent.axis, len(shape))
    if parent.shape == shape or (len(parent.shape) == len(shape) and (name in KEEP_AXIS or "pool" in name)):
        return parent.axis
    if parent.axis == len(parent.shape) - 1 and shape and shape[-1] == parent.shape[-1]:
        return len(shape) - 1
    if parent.axis == 1 and shape[:2] == parent.shape[:2]:
        return 1
    return None


def _moved(name: str, args: Sequence[Any], named: Mapping[str, Any], axis: int, dimensions: int) -> int | None:
    """Where `axis` goes: the function itself is asked, on an array without values."""
    probe = torch.empty([2 + place for place in range(dimensions)], device="meta")
    moved: Tensor = getattr(probe, name)(*args[1:], **{key: value for key, value in named.items() if key != "input"})
    return list(moved.shape).index(2 + axis)
