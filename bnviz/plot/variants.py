"""What normalizers are called and drawn in wherever several of them stand in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bnviz.i18n import Translate
from bnviz.plot.theme import Role
from bnviz.settings import VARIANT_NAMES

NORMALIZER_ROLES: Final[Mapping[str, Role]] = {
    "none": "series_6",
    "batch": "series_2",
    "layer": "series_4",
    "group": "series_1",
    "instance": "series_5",
}


def normalizer_name(normalizer: str, _: Translate) -> str:
    """`normalizer` as a label says it."""
    return _(VARIANT_NAMES[normalizer])
