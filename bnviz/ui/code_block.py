"""Code to read and to copy. Streamlit's own block brings half a megabyte of highlighter, whose colours cannot all be read."""

from __future__ import annotations

from bnviz.i18n import Translate
from bnviz.ui import assets


def draw(key: str, text: str, label: str, _: Translate) -> None:
    """Show `text`; `label` names it for those who do not see it."""
    words = {"copy": _("Copy"), "copied": _("Copied")}
    assets.component("code")(key=key, data={"text": text, "label": label, "words": words})
