"""What is wrong with a link or with settings, told on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from bnviz.errors import BnvizError
from bnviz.i18n import Language, translator
from bnviz.ui.views import escaped

MOST: Final = 4


def tell(problems: Sequence[BnvizError], language: Language) -> None:
    """Each problem in a line, of many the first."""
    if not problems:
        return
    _ = translator(language)
    told = [escaped(problem.text(language)) for problem in problems[:MOST]]
    if len(problems) > len(told):
        told.append(_("… and {count} more.").format(count=len(problems) - len(told)))
    st.warning("  \n".join(told))
