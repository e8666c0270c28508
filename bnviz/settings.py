"""The shared parameter table: each parameter's type, bounds, default, unit, label and help, declared once.

A lab's `Settings` picks its fields from here. One declaration drives validation, the widget, the URL key (the field's
name), the help text and the fuzz test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, Unpack, get_args, get_origin

import annotated_types
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from bnviz.errors import BnvizError, MisfitError, Phrase, SettingError, UnknownSettingError
from bnviz.i18n import N_

Value = bool | int | float | str | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """How a parameter is shown: label, help and unit (msgids), the stops of its slider, the names (msgids) of its choices."""

    label: str
    help: str
    unit: str = ""
    stops: tuple[Any, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


def spaced(low: float, high: float, step: float) -> tuple[float, ...]:
    """Stops from `low` to `high` in steps of `step`, free of rounding dust."""
    return tuple(round(low + index * step, 10) for index in range(round((high - low) / step) + 1))


def comma_separated(value: object) -> Any:
    """The values of a text with commas, as a link writes them, none where it is empty; anything that is no text as it is."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",")) if value.strip() else ()


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is wanted")
    return value


Number = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_no_bool)]
Count = Annotated[int, BeforeValidator(_no_bool)]

BATCH_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
CUMULATIVE = {"cumulative": N_("cumulative")}
MOMENTUMS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, "cumulative")

INTERVALS = {
    "[]": N_("a number from {low} to {high}"),
    "(]": N_("a number above {low} and at most {high}"),
    "[)": N_("a number of at least {low} and below {high}"),
}
"""In words, by the brackets that a mathematician writes."""

MomentumValue = Annotated[
    Annotated[Number, Field(gt=0, le=1)] | Literal["cumulative"], Field(union_mode="left_to_right")
]

BatchSize = Annotated[
    Count,
    Field(ge=1, le=1024),
    Parameter(N_("Batch size"), N_("Samples per batch, m."), N_("samples"), BATCH_SIZES),
]
Momentum = Annotated[
    MomentumValue,
    Parameter(
        N_("Momentum"),
        N_(
            "Weight of the newest batch in the running statistics (PyTorch's convention; Keras writes 1 − momentum). "
            "“cumulative” is PyTorch's None: the plain average of all batches."
        ),
        "",
        MOMENTUMS,
        CUMULATIVE,
    ),
]
Momentums = Annotated[
    tuple[MomentumValue, ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=6),
    Parameter(
        N_("Momentums"), N_("One to six values to compare; “cumulative” is PyTorch's None."), "", MOMENTUMS, CUMULATIVE
    ),
]
Eps = Annotated[
    Number,
    Field(ge=1e-12, le=1),
    Parameter(
        N_("eps (ε)"),
        N_("Added to the variance before the square root. PyTorch refuses 0 in training."),
        "",
        (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0),
    ),
]
Affine = Annotated[bool, Parameter(N_("Affine"), N_("Learn and apply γ (scale) and β (shift)."))]
Gamma = Annotated[
    Number,
    Field(ge=-5, le=5),
    Parameter(N_("γ (scale)"), N_("The layer's weight: multiplies the normalized value."), "", spaced(-5, 5, 0.25)),
]
Beta = Annotated[
    Number,
    Field(ge=-5, le=5),
    Parameter(N_("β (shift)"), N_("The layer's bias: added after γ."), "", spaced(-5, 5, 0.25)),
]
TrackRunningStats = Annotated[
    bool,
    Parameter(
        N_("Track running statistics"),
        N_("Keep a running mean and a running variance. Without them, eval mode normalizes with the batch."),
    ),
]
Mode = Annotated[
    Literal["train", "eval"],
    Parameter(
        N_("Mode"),
        N_("module.train() or module.eval()."),
        names={"train": N_("train"), "eval": N_("eval")},
    ),
]
ActivationName = Literal["identity", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh"]
Activation = Annotated[
    ActivationName,
    Parameter(
        N_("Activation"),
        N_("The function applied after the layer."),
        names={
            "identity": N_("identity"),
            "relu": "ReLU",
            "leaky_relu": "Leaky ReLU",
            "elu": "ELU",
            "gelu": "GELU",
            "silu": "SiLU",
            "sigmoid": "sigmoid",
            "tanh": "tanh",
        },
    ),
]
NormalizerName = Literal["none", "batch", "layer", "group", "instance"]
NORMALIZERS: Mapping[str, str] = {
    "none": N_("none"),
    "batch": N_("batch norm"),
    "layer": N_("layer norm"),
    "group": N_("group norm"),
    "instance": N_("instance norm"),
}
# What they are called where one of them is spoken of.
VARIANT_NAMES: Mapping[str, str] = {**NORMALIZERS, "none": N_("no normalizer")}
Normalizer = Annotated[
    NormalizerName,
    Parameter(N_("Normalizer"), N_("Which values share one mean and variance."), names=NORMALIZERS),
]
Groups = Annotated[
    Count,
    Field(ge=1, le=64),
    Parameter(
        N_("Groups"),
        N_("Groups of channels of group norm, G; it must divide the channels."),
        "",
        (1, 2, 4, 8, 16, 32, 64),
    ),
]
PositionName = Literal["none", "before", "after"]
Position = Annotated[
    PositionName,
    Parameter(
        N_("Position"),
        N_("The normalizer's place relative to the activation."),
        names={"none": N_("none"), "before": N_("before"), "after": N_("after")},
    ),
]
Depth = Annotated[
    Count,
    Field(ge=1, le=50),
    Parameter(
        N_("Depth"),
        N_("Hidden layers, L. A linear layer with one output per class follows."),
        N_("layers"),
        (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50),
    ),
]
Width = Annotated[
    Count,
    Field(ge=8, le=512),
    Parameter(
        N_("Width"),
        N_("Units per hidden layer, n."),
        N_("units"),
        (8, 16, 32, 64, 96, 128, 192, 256, 384, 512),
    ),
]
LearningRate = Annotated[
    Number,
    Field(ge=1e-4, le=10),
    Parameter(
        N_("Learning rate"),
        N_("Of plain SGD, without momentum."),
        "",
        (1e-4, 1e-3, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
    ),
]
Epochs = Annotated[
    Count,
    Field(ge=1, le=100),
    Parameter(
        N_("Epochs"),
        N_("Passes over the training images."),
        N_("epochs"),
        (1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100),
    ),
]
Seed = Annotated[
    Count,
    Field(ge=0, le=2**31 - 1),
    Parameter(N_("Seed"), N_("Seeds data, weights and order: the same seed gives the same numbers.")),
]
Seeds = Annotated[
    Count,
    Field(ge=1, le=20),
    Parameter(N_("Seeds"), N_("Replicas trained at once, for error bars."), N_("replicas"), tuple(range(1, 21))),
]
InitName = Literal["torch", "he", "normal", "scaled"]
CellName = Literal["rnn", "lstm", "gru"]
RecurrentVariantName = Literal["none", "batch_per_step", "batch_shared", "batch_input_only", "layer"]


class LabSettings(BaseModel):
    """Base of every lab's `Settings`: frozen, unknown fields refused, bounds checked once, here.

    Raises `SettingError` (name, allowed values, value given) or `UnknownSettingError`, both `ValueError`s.

    `class Settings(LabSettings, offered={"depth": (1, 12)})`: between which values a slider goes, ends included. What lies outside is
    too much for one visitor while the rest stands as the topic opens; a link may say it, beside settings that make up for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    offered: ClassVar[Mapping[str, tuple[float, float]]] = MappingProxyType({})

    def __init_subclass__(
        cls, offered: Mapping[str, tuple[float, float]] = MappingProxyType({}), **config: Unpack[ConfigDict]
    ) -> None:
        super().__init_subclass__(**config)
        cls.offered = offered

    def __init__(self, **values: Any) -> None:
        refusal = None
        try:
            super().__init__(**values)
        except ValidationError as error:
            refusal = _first_error(type(self), error, values).without_frames()
        if refusal is not None:
            # Not while pydantic's own error is handled: each would hold the other, where no garbage collection looks, and with them
            # every frame that this one comes through.
            try:
                raise refusal
            finally:
                del refusal

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The settings' names, which are also the URL's keys."""
        return tuple(cls.model_fields)

    def replace(self, **changes: Any) -> Self:
        """A copy with `changes`, validated."""
        return type(self)(**{**self.model_dump(), **changes})

    def with_defaults(self, *names: str) -> Self:
        """A copy in which the settings `names` are as by default."""
        default = type(self)()
        return self.replace(**{name: getattr(default, name) for name in names})


@dataclass(frozen=True, slots=True)
class SettingField:
    """One field of a lab's settings, as widgets, links and tests need it.

    `kind` is `bool`, `choice` (one of `choices`), `values` (a tuple; `low` and `high` bound its length) or `number`.
    """

    name: str
    kind: Literal["bool", "choice", "values", "number"]
    parameter: Parameter
    default: Value
    choices: tuple[str, ...]
    low: float
    high: float
    integer: bool
    allowed: Phrase


def fields(settings: type[LabSettings]) -> Mapping[str, SettingField]:
    """The declared fields of `settings` by name."""
    return _fields(settings)


@cache
def _fields(settings: Any) -> Mapping[str, SettingField]:
    described = {name: _describe(name, info) for name, info in settings.model_fields.items()}
    for name, (low, high) in settings.offered.items():
        parameter = described[name].parameter
        stops = tuple(stop for stop in parameter.stops if low <= stop <= high)
        described[name] = replace(described[name], parameter=replace(parameter, stops=stops))
    return MappingProxyType(described)


def reader(settings: type[LabSettings], name: str) -> Callable[[object], Value]:
    """The function that reads one value of the setting `name`, from a text too, and raises SettingError where it is not allowed.

    Raises: UnknownSettingError.
    """
    if name not in settings.model_fields:
        raise UnknownSettingError([name], settings.names())
    info = settings.model_fields[name]
    adapter = _adapter(settings, name)

    def read(value: object) -> Value:
        try:
            read_value: Value = adapter.validate_python(value)
        except ValidationError:
            raise SettingError(name, allowed_text(info), value) from None
        return read_value

    return read


S = TypeVar("S", bound=LabSettings)


def from_query(
    settings: type[S], query: Mapping[str, str], opening: Mapping[str, Any] = MappingProxyType({})
) -> tuple[S, list[BnvizError]]:
    """Read settings from a link's `query`; every bad value is reported, replaced by its default, and the rest kept.

    `opening`: values that stand in for the defaults.
    """
    values: dict[str, Any] = {}
    wrong: list[SettingError] = []
    unknown: list[str] = []
    for name, text in query.items():
        if name not in settings.model_fields:
            unknown.append(name)
            continue
        info = settings.model_fields[name]
        try:
            values[name] = _adapter(settings, name).validate_python(text)
        except ValidationError:
            wrong.append(SettingError(name, allowed_text(info), text))
    read, misfits = _without_misfits(settings, opening, values)

    def used(name: str) -> str:
        return _to_text(getattr(read, name))

    problems: list[BnvizError] = [error.replaced(used(error.name)) for error in wrong]
    problems += [UnknownSettingError(unknown, settings.names())] if unknown else []
    for name, error in misfits.items():
        own = name == error.name
        problems.append(error.replaced(used(name)) if own else MisfitError(name, error, query[name], used(name)))
    return read, problems


def _without_misfits(
    settings: type[S], opening: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[S, dict[str, SettingError]]:
    """Settings of `values` without those that do not go with the others; and for these, by name, why.

    Where the others do not go with a default, the last of them gives way.
    """
    kept, misfits = dict(values), dict[str, SettingError]()
    while True:
        try:
            return settings(**{**opening, **kept}), misfits
        except SettingError as error:
            if not kept:
                raise
            name = error.name if error.name in kept else list(kept)[-1]
            del kept[name]
            misfits[name] = error.without_frames()


def to_query(settings: LabSettings, *, full: bool = False) -> dict[str, str]:
    """The link's query for `settings`: what differs from the defaults, or everything (`full`)."""
    defaults = type(settings)()
    return {
        name: _to_text(getattr(settings, name))
        for name in settings.names()
        if full or getattr(settings, name) != getattr(defaults, name)
    }


def allowed_text(info: FieldInfo) -> Phrase:
    """The allowed values in words: `a whole number from 1 to 1024`, `one of train, eval`, `true or false`, and so on."""
    return _allowed(*_base(info))


def one_of(choices: Sequence[str]) -> Phrase:
    """In words, that a value is one of `choices`."""
    return Phrase(N_("one of {choices}"), {"choices": tuple(choices)})


def whole_number(low: int, high: int) -> Phrase:
    """In words, the whole numbers from `low` to `high`."""
    if low == high:
        return Phrase(str(low))
    return Phrase(N_("a whole number from {low} to {high}"), {"low": low, "high": high})


def _allowed(annotation: Any, metadata: list[Any]) -> Phrase:
    if annotation is bool:
        return Phrase(N_("true or false"))
    if get_origin(annotation) is Literal:
        return one_of(get_args(annotation))
    if get_origin(annotation) is tuple:
        low, high = _length(metadata)
        each = _allowed(*_unwrap(get_args(annotation)[0]))
        return Phrase(N_("{low} to {high} values, each {each}"), {"low": low, "high": high, "each": each})
    return _bounds(annotation, metadata)[2]


def _to_text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(_to_text(part) for part in value)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


@cache
def _adapter(settings: Any, name: str) -> TypeAdapter[Any]:
    info = settings.model_fields[name]
    annotation: Any = Annotated[(info.annotation, *info.metadata)]
    return TypeAdapter(annotation)


def _unwrap(annotation: Any) -> tuple[Any, list[Any]]:
    """Take every `Annotated` layer off `annotation`; the bare type and all metadata, field constraints opened."""
    metadata: list[Any] = []
    while get_origin(annotation) is Annotated:
        annotation, *layers = get_args(annotation)
        metadata += [part for layer in layers for part in (layer.metadata if isinstance(layer, FieldInfo) else [layer])]
    return annotation, metadata


def _base(info: FieldInfo) -> tuple[Any, list[Any]]:
    annotation, metadata = _unwrap(info.annotation)
    return annotation, [*info.metadata, *metadata]


def _length(metadata: list[Any]) -> tuple[int, int]:
    low = next((part.min_length for part in metadata if isinstance(part, annotated_types.MinLen)), 0)
    high = next(part.max_length for part in metadata if isinstance(part, annotated_types.MaxLen))
    return low, high


def _bounds(annotation: Any, metadata: list[Any]) -> tuple[float, float, Phrase]:
    """Lowest and highest allowed value, and the interval in words."""
    if get_origin(annotation) in (Union, type(int | str)):
        member, inner = _unwrap(get_args(annotation)[0])
        low, high, text = _bounds(member, inner)
        words = tuple(word for part in get_args(annotation)[1:] for word in get_args(part))
        other = words[0] if len(words) == 1 else one_of(words)
        return low, high, Phrase(N_("{interval}, or {word}"), {"interval": text, "word": other})
    low, high, left, right = -math.inf, math.inf, "[", "]"
    for part in metadata:
        if isinstance(part, annotated_types.Ge):
            low = float(part.ge)  # type: ignore[arg-type]
        elif isinstance(part, annotated_types.Gt):
            low, left = float(part.gt), "("  # type: ignore[arg-type]
        elif isinstance(part, annotated_types.Le):
            high = float(part.le)  # type: ignore[arg-type]
        elif isinstance(part, annotated_types.Lt):
            high, right = float(part.lt), ")"  # type: ignore[arg-type]
    if annotation is int:
        return low, high, whole_number(int(low), int(high))
    return low, high, Phrase(INTERVALS[left + right], {"low": _to_text(low), "high": _to_text(high)})


def _describe(name: str, info: FieldInfo) -> SettingField:
    annotation, metadata = _base(info)
    parameter = next(part for part in metadata if isinstance(part, Parameter))
    choices: tuple[str, ...] = ()
    low, high = -math.inf, math.inf
    kind: Literal["bool", "choice", "values", "number"] = "number"
    if annotation is bool:
        kind = "bool"
    elif get_origin(annotation) is Literal:
        kind, choices = "choice", get_args(annotation)
    elif get_origin(annotation) is tuple:
        kind = "values"
        low, high = _length(metadata)
    else:
        low, high, _ = _bounds(annotation, metadata)
    return SettingField(
        name, kind, parameter, info.get_default(), choices, low, high, annotation is int, allowed_text(info)
    )


def _first_error(settings: type[LabSettings], error: ValidationError, values: Mapping[str, Any]) -> BnvizError:
    problem = error.errors()[0]
    raised = problem.get("ctx", {}).get("error")
    if isinstance(raised, BnvizError):
        return raised
    name = str(problem["loc"][0])
    if problem["type"] == "extra_forbidden":
        return UnknownSettingError([name], settings.names())
    return SettingError(name, allowed_text(settings.model_fields[name]), values.get(name))
