"""The Share button: the full link, a copy button and a QR code for the class; it also keeps the address bar true.

Only the browser knows under which address it reached the page, so the server sends queries alone.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from bnviz.i18n import Language, translator
from bnviz.ui import assets


def draw(title: str, short: dict[str, str], full: dict[str, str], language: Language) -> None:
    """Show the button for the state whose link has the query `full`; the address bar gets `short`."""
    _ = translator(language)
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
            "url": f"?{_query(full)}",
            "query": _query(short),
            "qr": assets.url("qr.svg"),
            "lang": "zh-CN" if language == "zh" else "en",
            "title": f"{title} · bnviz",
        },
    )


def _query(values: dict[str, str]) -> str:
    return urlencode(values, quote_via=quote, safe=",")
