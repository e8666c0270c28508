"""The Share button: the link, a copy button and a QR code for the class. It also keeps the address bar true and follows it back.

Only the browser knows under which address it reached the page, so the server sends queries alone.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import streamlit as st
from streamlit import config

from bnviz.errors import BnvizError
from bnviz.i18n import Language, translator
from bnviz.teaching.lab import Lab
from bnviz.ui import assets, controls, visit
from bnviz.ui.visit import LabState

KEY: Final = "share"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
LONGEST_QUERY: Final = 4000


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
        default={"wanted": None},
        on_wanted_change=lambda: None,
    )


def follow_browser(lab: Lab, state: LabState) -> None:
    """Where the visitor has pressed the browser's Back or Forward, or a link in a text, since the last run, make `state` what it says.

    What the teacher's link locks or does not show stays as it is.
    """
    wanted = getattr(st.session_state.get(KEY), "wanted", None)
    if not isinstance(wanted, Mapping):
        return
    number, search = wanted.get("number"), wanted.get("search")
    current = visit.current()
    if isinstance(number, int) and number > current.followed and isinstance(search, str):
        current.followed = number
        fixed = controls.kept(state)
        visit.open_link(lab, state, dict(parse_qsl(search[:LONGEST_QUERY].removeprefix("?"))))
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
