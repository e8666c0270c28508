"""What one visitor's session remembers, and the link that brings it back. Nothing else touches session state keys."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from bnviz.errors import BnvizError
from bnviz.i18n import LANGUAGES, Language, Translate, choose_language
from bnviz.settings import LabSettings
from bnviz.teaching.lab import AnyTopic, Lab

VIEWS: Final = ("picture", "theory", "formula", "code", "data", "sources")
PAGE_KEYS: Final = ("lang", "view", "step", "predict")
FOREIGN_KEYS: Final = ("embed", "embed_options", "theme", "fbclid", "gclid")  # Streamlit's, and what networks append
TOO_MANY: Final = 60
LANGUAGE_NAMES: Final[dict[Language, str]] = {"en": "English", "zh": "中文"}

S = TypeVar("S", bound=LabSettings)


@dataclass
class LabState:
    """Where the visitor stands in one lab."""

    topic: AnyTopic
    settings: LabSettings
    """Of `topic`."""
    view: str = "picture"
    """Which of `VIEWS` is shown."""
    step: int = 0
    """The frame at which the playhead was left."""
    guesses: dict[str, int] = field(default_factory=dict)
    """The option chosen in each topic's prediction, by the topic's name; −1 for "just show me"."""
    preset: str | None = None
    """The preset that was clicked last, until another setting is changed."""
    problems: list[BnvizError] = field(default_factory=list)
    """What was wrong with the link, the settings or the file."""


@dataclass
class Visit:
    """One session. `page`: the page of the latest run. `wanted`: the language chosen by link or switch. `search`: what was looked
    for among the reported problems.

    `owner`: the secret token by which its long runs know it.
    """

    page: str = ""
    wanted: str | None = None
    predict: bool = True
    search: str = ""
    labs: dict[str, LabState] = field(default_factory=dict)
    owner: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def language(self) -> Language:
        """The language chosen, else the browser's, else English."""
        return choose_language(self.wanted, st.context.locale)


def current() -> Visit:
    """This session's visit."""
    if "visit" not in st.session_state:
        st.session_state["visit"] = Visit()
    return cast("Visit", st.session_state["visit"])


def still_wanted() -> None:
    """Ends this run of the script where the visitor has moved on or left: Streamlit looks whenever session state is asked."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        "visit" in st.session_state  # noqa: B015


def read_link() -> None:
    """At a session's first run, take over what the link says for every page: language, and whether to predict first."""
    if "visit" in st.session_state:
        return
    visit = current()
    query = st.query_params
    if query.get("lang"):
        visit.wanted = choose_language(query["lang"])
    visit.predict = query.get("predict") != "0"


def shown(key: str, value: Any, options: Sequence[Any] | None = None) -> Any:
    """What the widget `key` shows: `value` when it is drawn first, later what the visitor or `apply` made of it.

    `options`: what it may be. Whatever else Streamlit has kept under the key gives way to `value`.

    Every widget takes it as its default too. Streamlit sends a value of the session state once, and a browser that gets the
    widget's JavaScript only after the next rerun would start from the default, and answer with it.
    """
    now = st.session_state.setdefault(key, value)
    if options is not None and any(part not in options for part in (now if isinstance(now, list) else [now])):
        now = st.session_state[key] = value
    return now


def switches(_: Translate) -> None:
    """The switches that hold for every page: language, and whether to predict first."""
    visit = current()
    predict, language = shown("predict", visit.predict), shown("lang", visit.language)
    visit.predict = st.toggle(_("Predict first"), predict, key="predict", help=_("Ask before the picture is shown."))
    st.segmented_control(
        _("Language"), LANGUAGES, default=language, key="lang", format_func=LANGUAGE_NAMES.__getitem__, required=True,
        on_change=_choose_language, label_visibility="collapsed",
    )  # fmt: skip


def _choose_language() -> None:
    current().wanted = st.session_state["lang"]


def lab_state(lab: Lab) -> LabState:
    """The state of `lab`: kept from earlier, replaced by what the link says when the page is entered with one."""
    visit, name = current(), lab.name
    entered, visit.page = visit.page != name, name
    query = dict(list(st.query_params.to_dict().items())[:TOO_MANY]) if entered else {}
    own = {key: value for key, value in query.items() if _names_a_setting(key)}
    if own or name not in visit.labs:
        topic, settings, problems = lab.from_query(own)
        guesses = visit.labs[name].guesses if name in visit.labs else {}
        visit.labs[name] = LabState(topic, settings, guesses=guesses, problems=problems)
    state = visit.labs[name]
    if entered and query.get("predict") == "0":  # this link wants its picture seen; others still ask first
        state.guesses.setdefault(state.topic.name, -1)
    if entered:
        state.view = query["view"] if query.get("view") in VIEWS else state.view
        state.step = int(query["step"]) if query.get("step", "").isdecimal() and len(query["step"]) < 6 else state.step
    return state


def _names_a_setting(key: str) -> bool:
    return key not in PAGE_KEYS + FOREIGN_KEYS and not key.startswith("utm_")


def enter(page: str) -> bool:
    """Note that a page without settings is shown; whether the visitor has just come to it."""
    visit = current()
    entered, visit.page = visit.page != page, page
    return entered


def search_field(longest: int, label: str, placeholder: str) -> str:
    """A field to search with; its text is part of the link (`?q=`)."""
    visit = current()
    if enter("cases") and "q" in st.query_params:
        visit.search = _one_line(st.query_params["q"])[:longest]
        st.session_state["cases:q"] = visit.search
    st.session_state.setdefault("cases:q", visit.search)
    text = st.text_input(
        label,
        key="cases:q",
        max_chars=longest,
        type="search",
        placeholder=placeholder,
        icon=":material/search:",
        live=True,
    )
    visit.search = _one_line(text or "")[:longest]
    return visit.search


def search_for(text: str) -> None:
    """Put `text` into the search field."""
    st.session_state["cases:q"] = current().search = text


def _one_line(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def page_link(*, full: bool) -> dict[str, str]:
    """The part of a link that holds for every page."""
    visit = current()
    language = visit.language if full else visit.wanted
    return ({} if visit.predict else {"predict": "0"}) | ({"lang": language} if language else {})


def link(lab: Lab, state: LabState, *, full: bool) -> dict[str, str]:
    """The query that brings this state of `lab` back: short (what differs from the defaults) or `full` (survives new defaults)."""
    own = lab.to_query(state.topic, state.settings, full=full)
    view = {} if state.view == "picture" else {"view": state.view}
    step = {"step": str(state.step)} if state.step else {}
    return own | view | step | page_link(full=full)
