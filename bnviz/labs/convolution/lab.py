"""The lab `convolution`: its topics in the order in which they are offered."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.labs.convolution.effective.lesson import TOPIC as EFFECTIVE
from bnviz.labs.convolution.maps.lesson import TOPIC as MAPS
from bnviz.labs.convolution.sharing.lesson import TOPIC as SHARING
from bnviz.teaching.lab import Lab

LAB: Final = Lab(
    name="convolution",
    title=N_("Convolution"),
    question=N_("Which numbers share one mean?"),
    topics=(
        SHARING,
        MAPS,
        EFFECTIVE,
    ),
)
