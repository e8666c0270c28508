"""The network that every topic of the lab `recurrence` looks at."""

from __future__ import annotations

from bnviz.core.recurrent_networks import RecurrentPlan
from bnviz.labs.recurrence.shared.parameters import CLASSES, PIXELS
from bnviz.labs.recurrence.shared.settings import RecurrentSettings
from bnviz.settings import MomentumValue, RecurrentVariantName
from bnviz.theory.running import pytorch_momentum


def plan_of(settings: RecurrentSettings, variant: RecurrentVariantName, momentum: MomentumValue = 0.1) -> RecurrentPlan:
    """The network with that variant; `momentum` of its batch norm, which says nothing where only training mode is looked at."""
    return RecurrentPlan(
        settings.cell,
        variant,
        settings.steps,
        PIXELS // settings.steps,
        settings.width,
        CLASSES,
        settings.gamma,
        pytorch_momentum(momentum),
    )
