"""What normalizers are called and drawn in wherever several of them stand in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bnviz.figures.theme import Role
from bnviz.i18n import N_, Translate
from bnviz.settings import NORMALIZERS

NORMALIZER_ROLES: Final[Mapping[str, Role]] = {
    "none": "series_6",
    "batch": "series_2",
    "layer": "series_4",
    "group": "series_1",
    "instance": "series_5",
}
NO_NORMALIZER: Final = N_("no normalizer")


def normalizer_name(normalizer: str, _: Translate) -> str:
    """`normalizer` as a label says it."""
    return _(NO_NORMALIZER if normalizer == "none" else NORMALIZERS[normalizer])
