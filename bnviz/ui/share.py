"""The Share button: the full link, a copy button and a QR code for the class; it also keeps the address bar true."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote, urlencode

import segno
import streamlit as st

from bnviz.i18n import Language, translator
from bnviz.ui import assets


def draw(title: str, short: dict[str, str], full: dict[str, str], language: Language) -> None:
    """Show the button for the state whose link has the query `full`; the address bar gets `short`."""
    _ = translator(language)
    base = (st.context.url or "").split("?")[0]
    address = f"{base}?{_query(full)}" if base else f"?{_query(full)}"
    assets.component("share")(
        key="share",
        data={
            "words": {
                "share": _("Share"),
                "copied": _("Copied"),
                "copy": _("Copy"),
                "link": _("Link to exactly this state"),
                "qr": _("QR code of the link"),
            },
            "url": address,
            "query": _query(short),
            "qr": _qr(address),
            "lang": "zh-CN" if language == "zh" else "en",
            "title": f"{title} · bnviz",
        },
    )


def _query(values: dict[str, str]) -> str:
    return urlencode(values, quote_via=quote, safe=",")


@lru_cache(maxsize=256)
def _qr(address: str) -> str:
    # Every slider move has a new address. Looking for the best of the eight masks takes 9 of 13 ms, and any can be read.
    return segno.make(address, error="l", mask=0).svg_inline(scale=4, border=2) if len(address) < 2000 else ""
