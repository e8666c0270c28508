"""What the kernels of the convolution do, in words."""

from __future__ import annotations

from typing import Final

from bnviz.core.feature_maps import KernelName
from bnviz.i18n import N_

KINDS: Final = {"edge": N_("edges"), "blur": N_("blur"), "random": N_("random")}
MIXED: Final = ("blur", "edge", "edge", "random") * 2


def kind_of(kernels: KernelName, channel: int) -> str:
    """What kind of kernel makes this channel: a key of `KINDS`."""
    return MIXED[channel] if kernels == "mixed" else kernels
