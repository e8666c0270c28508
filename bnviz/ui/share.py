"""The Share button: the link, a copy button and a QR code for the class. It also keeps the address bar true and follows it back.

Only the browser knows under which address it reached the page, so the server sends queries alone.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import streamlit as st
from streamlit import config

from bnviz.errors import BnvizError
from bnviz.i18n import Language, translator
from bnviz.teaching.lab import Lab
from bnviz.ui import assets, controls, visit
from bnviz.ui.visit import LabState

KEY: Final = "share"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
LONGEST_NUMBER: Final = 6


@dataclass(frozen=True, slots=True)
class About:
    """What is told of a page besides its link."""

    headline: str
    """Stands at the foot of what is downloaded."""
    settings: str = ""
    """In words; stands there too."""
    controls: tuple[tuple[str, str], ...] = ()
    """Name and label of each setting that a link may show or lock."""
    asked: Mapping[str, Any] | None = None
    """What a class can be asked here, as class.js reads it."""


def draw(title: str, query: dict[str, str], language: Language, about: About | None = None) -> None:
    """Show the button for the state whose link has this `query`, which also stands in the address bar. `about`: of a lab's page."""
    _ = translator(language)
    about = about or About(title)
    assets.component("share")(
        key=KEY,
        data={
            "words": {
                "share": _("Share"),
                "close": _("Close"),
                "copied": _("Copied"),
                "copy": _("Copy"),
                "link": _("Link to this state"),
                "qr": _("QR code of the link"),
                "ask": _("Ask the question first"),
                "present": _("Presenter mode"),
                "print": _("Print"),
                "class": _("Start a class"),
                "restrict": _("Which controls the link shows"),
                "show": _("shown"),
                "lock": _("locked"),
                "embed": _("Embed in a page"),
                "embed_note": _("Other sites may embed it where the server allows it (`BNVIZ_FRAME_ANCESTORS`)."),
                "alone": _(
                    "Only this computer can open this address. For others, start the dashboard with "
                    "`make run ADDRESS=0.0.0.0` (or `bnviz --address 0.0.0.0`)."
                ),
                "instead": _(
                    "You opened the dashboard as {here}, which only this computer can reach. The link uses its "
                    "address in the network instead."
                ),
            },
            "path": _path(visit.current().page),
            "query": _query(query),
            "followed": visit.current().followed,
            "shared": _query({name: value for name, value in query.items() if name != "predict"}),
            "qr": assets.url("qr.svg"),
            "reachable": reachable_address(),
            "lang": "zh-CN" if language == "zh" else "en",
            "title": f"{title} · bnviz",
            "asked": about.asked,
            "headline": about.headline,
            "settings": about.settings,
            "controls": [list(control) for control in about.controls],
        },
    )


def follow_everywhere() -> None:
    """Where the visitor has gone back or forward since the last run, make what holds for every page what the address says of it.

    Before the switches that show it are drawn.
    """
    current, number = visit.current(), _number(visit.PRESSED)
    if number > current.followed_everywhere:
        current.followed_everywhere = number
        visit.open_everywhere(st.query_params.to_dict())


def followed() -> dict[str, str] | None:
    """The query that the page has to follow: the visitor has pressed Back or Forward, or a link, since the last run. Else None."""
    current, number = visit.current(), max(_number(visit.PRESSED), _number(visit.FOLLOWED))
    if number <= current.followed:
        return None
    current.followed = number
    return {
        name: value for name, value in st.query_params.to_dict().items() if name not in (visit.PRESSED, visit.FOLLOWED)
    }


def _number(key: str) -> int:
    number = st.query_params.get(key, "")
    return int(number) if number.isdecimal() and len(number) <= LONGEST_NUMBER else 0


def _path(page: str) -> str:
    return f"{assets.base_path()}/{page}"


def follow_browser(lab: Lab, state: LabState) -> None:
    """Make `state` what the query says that the page has to follow, if there is one.

    What the teacher's link locks or does not show stays as it is.
    """
    query = followed()
    if query is None:
        return
    fixed = controls.kept(state)
    visit.open_link(lab, state, query)
    with suppress(BnvizError):
        state.settings = state.settings.replace(
            **{name: value for name, value in fixed.items() if name in state.settings.names()}
        )


def reachable_address() -> str:
    """This computer's address in its network, where the server listens there; else "". Nothing is sent to find out."""
    listens: Any = config.get_option("server.address")
    if listens in LOOPBACK:
        return ""
    if listens and listens != "0.0.0.0":
        return str(listens)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a datagram socket only looks up by which address it would leave
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _query(values: dict[str, str]) -> str:
    return urlencode(values, quote_via=quote, safe=",")
