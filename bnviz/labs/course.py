"""The course: chapters and their labs, in the order in which a class takes them. A new lab is entered here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bnviz.errors import UnknownTopicError
from bnviz.i18n import N_
from bnviz.labs.adaptation.lab import LAB as ADAPTATION
from bnviz.labs.averages.lab import LAB as AVERAGES
from bnviz.labs.batch_size.lab import LAB as BATCH_SIZE
from bnviz.labs.builder.lab import LAB as BUILDER
from bnviz.labs.convolution.lab import LAB as CONVOLUTION
from bnviz.labs.devices.lab import LAB as DEVICES
from bnviz.labs.folding.lab import LAB as FOLDING
from bnviz.labs.gradient_flow.lab import LAB as GRADIENT_FLOW
from bnviz.labs.layer.lab import LAB as LAYER
from bnviz.labs.modes.lab import LAB as MODES
from bnviz.labs.noise.lab import LAB as NOISE
from bnviz.labs.placement.lab import LAB as PLACEMENT
from bnviz.labs.recurrence.lab import LAB as RECURRENCE
from bnviz.labs.running_stats.lab import LAB as RUNNING_STATS
from bnviz.labs.training.lab import LAB as TRAINING
from bnviz.labs.weight_decay.lab import LAB as WEIGHT_DECAY
from bnviz.teaching.lab import AnyTopic, Lab


@dataclass(frozen=True, slots=True)
class Chapter:
    """Labs that belong together."""

    title: str
    """A msgid."""
    labs: tuple[Lab, ...]
    """In the order in which a class takes them."""


COURSE: Final = (
    Chapter(N_("The layer"), (LAYER, RUNNING_STATS, MODES)),
    Chapter(N_("The gradient"), (GRADIENT_FLOW, PLACEMENT)),
    Chapter(N_("The batch"), (BATCH_SIZE, NOISE)),
    Chapter(N_("Architectures"), (CONVOLUTION, RECURRENCE)),
    Chapter(N_("Whole networks"), (TRAINING, BUILDER)),
    Chapter(N_("In use"), (AVERAGES, WEIGHT_DECAY, ADAPTATION, DEVICES, FOLDING)),
)
LABS: Final = tuple(lab for chapter in COURSE for lab in chapter.labs)
TOPICS: Final = tuple(topic for lab in LABS for topic in lab.topics)


def find_lab(name: str) -> Lab | None:
    """The lab whose page is `name`; None where there is none."""
    return next((lab for lab in LABS if lab.name == name), None)


def find(name: str) -> AnyTopic:
    """The topic `name`: "layer", "modes.gap", or "modes" for the lab's first. Raises: UnknownTopicError."""
    known = {topic.id: topic for topic in TOPICS} | {lab.name: lab.topics[0] for lab in LABS}
    if name not in known:
        raise UnknownTopicError(name, sorted(known))
    return known[name]
