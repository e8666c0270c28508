"""The same block in Keras 3 and Flax NNX: channels last, momentum the weight of the old estimate, ε always spelled out.

Sources: https://keras.io/api/layers/normalization_layers/batch_normalization/ and
https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bnviz.labs.builder.plan import stages_of
from bnviz.labs.builder.settings import Settings
from bnviz.labs.builder.stage import Stage
from bnviz.theory.running import keras_momentum

NO_CUMULATIVE: Final = "there is no plain average here (PyTorch's momentum=None)"
NO_ESTIMATES: Final = "no running estimates here: PyTorch's track_running_stats=True has no counterpart"
ALWAYS_TRACKED: Final = "keeps estimates all the same; normalize with the batch always, as PyTorch does without them"
OTHER_START: Final = "# The initial weights are drawn from other distributions than PyTorch's."
UNBIASED: Final = "# The running variance averages the biased batch variance; PyTorch averages the unbiased one."

KERAS_ACTIVATIONS: Final = {
    "ReLU": 'layers.Activation("relu")',
    "LeakyReLU": "layers.LeakyReLU(negative_slope=0.01)",
    "ELU": "layers.ELU()",
    "GELU": 'layers.Activation("gelu")',
    "SiLU": 'layers.Activation("silu")',
    "Sigmoid": 'layers.Activation("sigmoid")',
    "Tanh": 'layers.Activation("tanh")',
}
FLAX_ACTIVATIONS: Final = {
    "ReLU": "nnx.relu",
    "LeakyReLU": "nnx.leaky_relu",
    "ELU": "nnx.elu",
    "GELU": "partial(nnx.gelu, approximate=False)",
    "SiLU": "nnx.silu",
    "Sigmoid": "nnx.sigmoid",
    "Tanh": "nnx.tanh",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the listing: `name(arguments, option=value)  # note`."""

    name: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    rngs: bool = False

    @property
    def line(self) -> str:
        """The line, indented."""
        words = [repr(value) for value in self.arguments]
        words += [f"{name}={value!r}" for name, value in self.options.items()]
        words += ["rngs=rngs"] if self.rngs else []
        return f"    {self.name}({', '.join(words)})," + (f"  # {self.note}" if self.note else "")


def keras(settings: Settings) -> str:
    """The block in Keras 3."""
    shape = (*settings.input_positions, settings.in_channels)
    lines = [f"    keras.Input({shape!r}),  # channels last"]
    for stage in stages_of(settings):
        if stage.role == "activation":
            lines.append(f"    {KERAS_ACTIVATIONS[stage.module]},")
        elif stage.role == "dropout":
            lines.append(Call("layers.Dropout", (stage.options["p"],)).line)
        elif stage.role == "layer":
            lines += [call.line for call in _keras_layer(settings, stage)]
        else:
            lines.append(_keras_normalizer(settings, stage).line)
    forced = settings.mode == "eval" and _batch_always(settings)
    call = f"y = block(keras.random.normal({(settings.batch_size, *shape)!r}), training={settings.mode == 'train' or forced})"
    call += "  # for batch norm's sake; Dropout drops, too" if forced and settings.dropout else ""
    head = ["import keras", "from keras import layers", "", *_remarks(settings)]
    return "\n".join([*head, "block = keras.Sequential([", *lines, "])", call]) + "\n"


def flax(settings: Settings) -> str:
    """The block in Flax NNX."""
    shape = (settings.batch_size, *settings.input_positions, settings.in_channels)
    lines = []
    for stage in stages_of(settings):
        if stage.role == "activation":
            lines.append(f"    {FLAX_ACTIVATIONS[stage.module]},")
        elif stage.role == "dropout":
            lines.append(Call("nnx.Dropout", (stage.options["p"],), rngs=True).line)
        elif stage.role == "layer":
            lines.append(_flax_layer(settings, stage).line)
        else:
            lines.append(_flax_normalizer(settings, stage).line)
    partial = ["from functools import partial", ""] if any("partial(" in line for line in lines) else []
    head = [*partial, "import jax", "from flax import nnx", "", *_remarks(settings), "rngs = nnx.Rngs(0)"]
    mode = [f"block.{settings.mode}()"]
    if settings.mode == "eval" and _batch_always(settings):
        mode.append("block.set_attributes(use_running_average=False)  # the batch's statistics in eval mode, too")
    call = f"y = block(jax.random.normal(jax.random.key(0), {shape!r}))  # channels last"
    return "\n".join([*head, "block = nnx.Sequential(", *lines, ")", *mode, call]) + "\n"


def momentum(settings: Settings) -> float | None:
    """Keras' and Flax' momentum, 1 − α; None for the plain average, which they do not offer."""
    return None if settings.momentum == "cumulative" else round(keras_momentum(settings.momentum), 10)


def _batch_always(settings: Settings) -> bool:
    """Whether batch norm takes the batch's statistics in eval mode, too."""
    return settings.normalizes and settings.normalizer == "batch" and not settings.track_running_stats


def _remarks(settings: Settings) -> Sequence[str]:
    tracked = settings.keeps_estimates and settings.normalizer == "batch"
    return [OTHER_START, *([UNBIASED] if tracked else [])]


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _keras_layer(settings: Settings, stage: Stage) -> list[Call]:
    bias = {"use_bias": stage.options["bias"]}
    if settings.layer == "linear":
        return [Call("layers.Dense", (settings.out_channels,), bias)]
    kind = settings.layer.removeprefix("conv").upper()
    options = {"strides": settings.stride, "padding": "valid", **bias}
    conv = Call(f"layers.Conv{kind}", (settings.out_channels, settings.kernel_size), options)
    return [*([Call(f"layers.ZeroPadding{kind}", (settings.padding,))] if settings.padding else []), conv]


def _keras_normalizer(settings: Settings, stage: Stage) -> Call:
    eps, affine = {"epsilon": settings.eps}, {"center": settings.affine, "scale": settings.affine}
    if settings.normalizer == "layer":
        axes = -1 if settings.layer == "linear" else tuple(range(1, len(settings.input_positions) + 2))
        return Call("layers.LayerNormalization", (), {"axis": axes, **eps, **affine})
    if settings.normalizer == "group":
        return Call("layers.GroupNormalization", (), {"groups": settings.groups, **eps, **affine})
    if settings.normalizer == "instance":
        note = NO_ESTIMATES if settings.keeps_estimates else "one group per channel: instance norm"
        return Call("layers.GroupNormalization", (), {"groups": -1, **eps, **affine}, note)
    return Call("layers.BatchNormalization", (), {**_momentum(settings), **eps, **affine}, _momentum_note(settings))


def _flax_layer(settings: Settings, stage: Stage) -> Call:
    sizes, bias = (settings.in_channels, settings.out_channels), {"use_bias": stage.options["bias"]}
    if settings.layer == "linear":
        return Call("nnx.Linear", sizes, bias, rngs=True)
    kernel = (settings.kernel_size,) * len(settings.input_positions)
    options = {"kernel_size": kernel, "strides": settings.stride, "padding": settings.padding, **bias}
    return Call("nnx.Conv", sizes, options, rngs=True)


def _flax_normalizer(settings: Settings, stage: Stage) -> Call:
    channels = settings.out_channels
    eps, affine = {"epsilon": settings.eps}, {"use_bias": settings.affine, "use_scale": settings.affine}
    if settings.normalizer == "layer":
        if settings.layer == "linear":
            return Call("nnx.LayerNorm", (channels,), {**eps, **affine}, rngs=True)
        axes = tuple(range(1, len(settings.input_positions) + 2))
        note = "γ and β per channel; PyTorch has one per element" if settings.affine else ""
        return Call("nnx.LayerNorm", (channels,), {"reduction_axes": axes, **eps, **affine}, note, rngs=True)
    if settings.normalizer in ("group", "instance"):
        groups = settings.groups if settings.normalizer == "group" else channels
        note = NO_ESTIMATES if settings.keeps_estimates else ""
        return Call("nnx.GroupNorm", (channels,), {"num_groups": groups, **eps, **affine}, note, rngs=True)
    options = {**_momentum(settings), **eps, **affine}
    return Call("nnx.BatchNorm", (channels,), options, _momentum_note(settings), rngs=True)


def _momentum(settings: Settings) -> dict[str, float]:
    converted = momentum(settings)
    return {} if converted is None else {"momentum": converted}


def _momentum_note(settings: Settings) -> str:
    weight = NO_CUMULATIVE if settings.momentum == "cumulative" else f"1 − {settings.momentum:g}"
    return _joined(weight, "" if settings.track_running_stats else ALWAYS_TRACKED)
