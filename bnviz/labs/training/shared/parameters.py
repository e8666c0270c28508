"""The parameters that only the lab `training` has."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bnviz.i18n import N_
from bnviz.settings import NORMALIZERS, Count, Number, Parameter, comma_separated, spaced

SourceName = Literal["digits", "moons", "circles", "spirals", "upload"]
VariantName = Literal["none", "batch", "layer", "group"]


def _once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted(set(values)))


Source = Annotated[
    SourceName,
    Parameter(
        N_("Data"),
        N_(
            "Digits: 1797 handwritten digits. Moons, circles, spirals: points in the plane, two classes. Your own table: a "
            "row per sample, the last column is the class, a whole number or a word; the other columns are brought to mean 0 and "
            "standard deviation 1."
        ),
        names={
            "digits": N_("digits"),
            "moons": N_("moons"),
            "circles": N_("circles"),
            "spirals": N_("spirals"),
            "upload": N_("your own table"),
        },
    ),
]
Variants = Annotated[
    tuple[VariantName, ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=4),
    AfterValidator(_once),
    Parameter(
        N_("Normalizers"),
        N_(
            "The networks to compare. The first is the one that the others are compared with; all start from the same "
            "weights."
        ),
        "",
        ("none", "batch", "layer", "group"),
        NORMALIZERS,
    ),
]
Init = Annotated[
    Literal["normal", "he", "torch"],
    Parameter(
        N_("Initialization"),
        N_(
            "normal: weights N(0, 0.1²). he: variance 2/n, n inputs. In both biases are 0. torch: what nn.Linear does, "
            "uniform on ±1/√n."
        ),
        names={"normal": N_("normal (s.d. 0.1)"), "he": N_("he (variance 2/n)"), "torch": N_("torch (default)")},
    ),
]
Optimizer = Annotated[
    Literal["sgd", "momentum", "adam"],
    Parameter(
        N_("Optimizer"),
        N_("SGD, SGD with momentum 0.9, or Adam with PyTorch's defaults."),
        names={"sgd": "SGD", "momentum": N_("SGD + momentum"), "adam": "Adam"},
    ),
]
Rate = Annotated[
    Number,
    Field(ge=1e-4, le=32),
    Parameter(
        N_("Learning rate"),
        N_("Step size of the optimizer. With Adam begin at about a hundredth of SGD's."),
        "",
        (1e-4, 1e-3, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
    ),
]
Rates = Annotated[
    tuple[Annotated[Number, Field(ge=1e-4, le=32)], ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=12),
    AfterValidator(_ascending),
    Parameter(
        N_("Learning rates"),
        N_("One to twelve rates to try. Every network is trained with every one of them."),
        "",
        (0.001, 0.003, 0.01, 0.03, 0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    ),
]
Unit = Annotated[
    Count,
    Field(ge=0, le=511),
    Parameter(
        N_("Unit watched"),
        N_("The unit of the last hidden layer whose activation input is followed, counted from 0."),
        "",
        (0, 1, 2, 3, 4, 5, 6, 7),
    ),
]
Samples = Annotated[
    Count,
    Field(ge=20, le=2000),
    Parameter(
        N_("Training points"),
        N_("Points in the plane to train on, drawn anew for every seed. 1000 others test the network."),
        N_("points"),
        (20, 50, 100, 200, 300, 500, 1000, 2000),
    ),
]
Noise = Annotated[
    Number,
    Field(ge=0, le=0.5),
    Parameter(
        N_("Noise"),
        N_("Standard deviation of the scatter around the curves, in both directions."),
        "",
        spaced(0, 0.5, 0.05),
    ),
]
Reach = Annotated[
    Number,
    Field(ge=0.5, le=64),
    Parameter(
        N_("Longest look ahead"),
        N_("The loss is measured up to this many times the learning rate along the gradient, from half of it on."),
        N_("× learning rate"),
        (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0),
    ),
]
PLANE: Final = ("moons", "circles", "spirals")
