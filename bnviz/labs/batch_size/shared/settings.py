"""Settings of the lab `batch_size`; the parameters that only this lab has are declared here."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bnviz.errors import Phrase, SettingError
from bnviz.i18n import N_
from bnviz.settings import (
    NORMALIZERS,
    BatchSize,
    Count,
    Epochs,
    Groups,
    LabSettings,
    LearningRate,
    NormalizerName,
    Parameter,
    Seed,
    Seeds,
    comma_separated,
)

NetworkName = Literal["mlp", "cnn"]
SamplingName = Literal["iid", "one_class"]

CHANNELS: Final[dict[NetworkName, int]] = {"mlp": 64, "cnn": 16}
COMPARED: Final = (1, 2, 3, 4, 8, 16, 32, 64, 128, 256)
RULE_BATCH: Final = 64  # the linear rule leaves the learning rate as it is at this batch size

Topic = Annotated[
    Literal["error", "statistics"],
    Parameter(
        N_("Topic"),
        N_("The question that is looked into."),
        names={"error": N_("Test error"), "statistics": N_("Noisy statistics")},
    ),
]
Normalizers = Annotated[
    tuple[NormalizerName, ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=5),
    AfterValidator(lambda values: tuple(dict.fromkeys(values))),
    Parameter(N_("Normalizers"), N_("One to five to compare."), "", tuple(NORMALIZERS), NORMALIZERS),
]
BatchSizes = Annotated[
    tuple[Annotated[Count, Field(ge=1, le=1024)], ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=12),
    AfterValidator(lambda values: tuple(dict.fromkeys(values))),
    Parameter(N_("Batch sizes"), N_("One to twelve to compare: samples per batch, m."), N_("samples"), COMPARED),
]
Network = Annotated[
    NetworkName,
    Parameter(
        N_("Network"),
        N_(
            "mlp: two hidden layers of 64 units. cnn: two 3×3 convolutions of 16 channels, each followed by 2×2 pooling."
        ),
        names={"mlp": "MLP", "cnn": "CNN"},
    ),
]
Sampling = Annotated[
    SamplingName,
    Parameter(
        N_("Batches drawn"),
        N_("iid: at random. one_class: all samples of a batch from one class, as when the data are read sorted."),
        names={"iid": N_("at random"), "one_class": N_("from one class")},
    ),
]
LearningRateRule = Annotated[
    Literal["linear", "fixed"],
    Parameter(
        N_("Rate and batch size"),
        N_("linear: learning rate · m / 64, so that an epoch moves the weights about as far at every batch size. "
           "fixed: the same rate for all."),
        names={"linear": N_("linear (· m/64)"), "fixed": N_("fixed")},
    ),
]  # fmt: skip
HiddenLayer = Annotated[
    Count,
    Field(ge=1, le=2),
    Parameter(
        N_("Hidden layer"),
        N_(
            "Whose batch norm is looked at. In the CNN the first sees 8×8 values per image and channel, the second 4×4."
        ),
        "",
        (1, 2),
    ),
]


class Settings(LabSettings):
    """Settings of the lab. Replicas take the seeds `seed`, `seed` + 1 …; `groups` must divide the network's channels.

    `batch_size` and `hidden_layer` choose what the topic `statistics` looks at closely.
    """

    topic: ClassVar[str] = "error"

    normalizers: Normalizers = ("batch", "layer", "group")
    batch_sizes: BatchSizes = (2, 4, 8, 16, 32, 64)
    network: Network = "mlp"
    groups: Groups = 8
    sampling: Sampling = "iid"
    epochs: Epochs = 10
    learning_rate: LearningRate = 0.3
    learning_rate_rule: LearningRateRule = "linear"
    seeds: Seeds = 10
    batch_size: BatchSize = 2
    hidden_layer: HiddenLayer = 1
    seed: Seed = 0

    @model_validator(mode="after")
    def _groups_divide_the_channels(self) -> Self:
        channels = CHANNELS[self.network]
        if "group" in self.normalizers and channels % self.groups:
            divisors = ", ".join(str(number) for number in range(1, channels + 1) if channels % number == 0)
            raise SettingError(
                "groups",
                Phrase(
                    N_("a divisor of the network's {channels} channels ({divisors})"),
                    {"channels": channels, "divisors": divisors},
                ),
                self.groups,
            )
        return self

    def rate(self, batch_size: int) -> float:
        """The learning rate at `batch_size`."""
        return self.learning_rate * (batch_size / RULE_BATCH if self.learning_rate_rule == "linear" else 1.0)
