"""The lesson `convolution`: which numbers share one mean, what that does, and what they are worth."""

from __future__ import annotations

from typing import Final

from bnviz.i18n import N_
from bnviz.labs.convolution.effective import lesson as convolution_effective
from bnviz.labs.convolution.maps import lesson as convolution_maps
from bnviz.labs.convolution.sharing import lesson as convolution_sharing
from bnviz.teaching.lab import with_topics

LESSON: Final = with_topics(
    N_("Convolution"),
    N_("Which numbers share one mean?"),
    (convolution_sharing.LESSON, convolution_maps.LESSON, convolution_effective.LESSON),
)
