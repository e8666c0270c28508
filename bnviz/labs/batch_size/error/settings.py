"""Settings of the topic `error` of the lab `batch_size`."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bnviz.errors import Phrase, SettingError
from bnviz.i18n import N_
from bnviz.labs.batch_size.shared.parameters import CHANNELS, BatchSizes, NetworkName, Sampling
from bnviz.settings import (
    NORMALIZERS,
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

RULE_BATCH: Final = 64  # the linear rule leaves the learning rate as it is at this batch size

Normalizers = Annotated[
    tuple[NormalizerName, ...],
    BeforeValidator(comma_separated),
    Field(min_length=1, max_length=5),
    AfterValidator(lambda values: tuple(dict.fromkeys(values))),
    Parameter(N_("Normalizers"), N_("One to five to compare."), "", tuple(NORMALIZERS), NORMALIZERS),
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
LearningRateRule = Annotated[
    Literal["linear", "fixed"],
    Parameter(
        N_("Rate and batch size"),
        N_(
            "linear: learning rate · m / 64, so that an epoch moves the weights about as far at every batch size. "
            "fixed: the same rate for all."
        ),
        names={"linear": N_("linear (· m/64)"), "fixed": N_("fixed")},
    ),
]


class Settings(LabSettings, offered={"epochs": (1, 50)}):
    """What the topic opens with. Replicas take the seeds `seed`, `seed` + 1 …; `groups` must divide the network's channels."""

    normalizers: Normalizers = ("batch", "layer", "group")
    batch_sizes: BatchSizes = (2, 4, 8, 16, 32, 64)
    network: Network = "mlp"
    groups: Groups = 8
    sampling: Sampling = "iid"
    epochs: Epochs = 10
    learning_rate: LearningRate = 0.3
    learning_rate_rule: LearningRateRule = "linear"
    seeds: Seeds = 10
    seed: Seed = 0

    @model_validator(mode="after")
    def _groups_divide_the_channels(self) -> Self:
        channels = CHANNELS[self.network]
        if "group" in self.normalizers and channels % self.groups:
            divisors = tuple(number for number in range(1, channels + 1) if channels % number == 0)
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
