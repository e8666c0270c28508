"""What one visitor's session remembers, and the link that brings it back. Nothing else touches session state keys."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from bnviz.errors import BnvizError, Phrase, SettingError, UnknownSettingError
from bnviz.i18n import LANGUAGES, N_, Language, Translate, choose_language, named_language
from bnviz.scripting.reader import Reader
from bnviz.settings import LabSettings, comma_separated, one_of, whole_number
from bnviz.teaching.lab import TOPIC_KEY, AnyTopic, Lab

NOT_ASKED: Final = -1
"""In place of a guess, after "just show me" and where the run has no answer."""
VIEWS: Final = ("picture", "theory", "formula", "code", "data", "sources")
PREDICT: Final = ("0", "1")
PRESSED: Final = "pressed"
FOLLOWED: Final = "followed"
"""Keys that address.js adds to the query of one request, with the number of a press of the browser's Back or Forward, or of a link."""
PAGE_KEYS: Final = (PRESSED, FOLLOWED, "lang", "view", "step", "predict", "class", "present", "show", "lock", "pin")
FOREIGN_KEYS: Final = ("embed", "embed_options", "theme", "fbclid", "gclid")  # Streamlit's, and what networks append
TOO_MANY: Final = 60
LONGEST_HISTORY: Final = 50
MODEL: Final = "your_model"
LONGEST_LAYER: Final = 200
LONGEST_STEP: Final = 12
LAST_FRAME: Final = 99_999  # no run has more
LANGUAGE_NAMES: Final[dict[Language, str]] = {"en": "English", "zh": "中文"}

S = TypeVar("S", bound=LabSettings)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A guess, judged once: by the first result that was seen after it."""

    guess: int
    """The option chosen."""
    right: int
    """The option that the result makes right."""


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
    linked: bool = False
    """Whether a link said `step`, and no picture has been drawn since."""
    guesses: dict[str, int] = field(default_factory=dict)
    """The option chosen in each topic's prediction, by the topic's name; NOT_ASKED where none was chosen."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """What became of each guess, by the topic's name."""
    history: list[tuple[AnyTopic, LabSettings]] = field(default_factory=list)
    """What was set before, oldest first."""
    shown: tuple[str, ...] = ()
    """The only settings that have a control here, as a teacher's link wants it; none: all."""
    locked: tuple[str, ...] = ()
    """Settings whose controls stand still, as a teacher's link wants it."""
    pinned: tuple[AnyTopic, LabSettings] | None = None
    """What was pinned, to be seen behind or beside what follows."""
    upload: Reader | None = None
    """The visitor's own file, where the topic reads one."""
    drawn: tuple[str, bool] | None = None
    """What was drawn last: the topic, by its name, and whether it was asked about first."""
    dragging: bool = False
    """Whether a slider was held when the page was drawn last."""
    preset: str | None = None
    """The preset that was clicked last, until another setting is changed."""
    problems: list[BnvizError] = field(default_factory=list)
    """What was wrong with the link, the settings or the file."""


@dataclass
class ModelState:
    """Where the visitor stands on the page "Your model"."""

    source: str = ""
    """Which recording; empty for the first that there is."""
    quantity: str = "gap"
    """What the heat map shows."""
    layer: str | None = None
    """Which layer is looked into; None for the first with a finding."""
    step: int | None = None
    """The optimizer step at which the playhead was left; None for the newest."""
    linked_step: str | None = None
    """What a link said of it, until the recording has been looked at."""
    stopped: int | None = None
    """The frame that the player told last."""
    guess: tuple[str, ...] | None = None
    """The layers that the visitor takes for broken; none for "just show me", None before."""
    problems: list[BnvizError] = field(default_factory=list)
    """What was wrong with the link."""


@dataclass
class Visit:
    """One session."""

    page: str = ""
    """Of the latest run."""
    wanted: str | None = None
    """The language chosen by link or switch."""
    predict: bool = True
    """Whether to ask before the picture is shown."""
    search: str = ""
    """What was looked for among the reported problems."""
    labs: dict[str, LabState] = field(default_factory=dict)
    """By the lab's name."""
    model: ModelState = field(default_factory=ModelState)
    """On the page of the visitor's own model."""
    owner: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    """The secret token by which its long runs know it."""
    followed: int = 0
    """The number of the latest press of the browser's Back or Forward, or of a link that sets something, that has been followed."""
    followed_everywhere: int = 0
    """The same of what holds for every page."""
    led: int = 0
    """The number of the class's latest move that has been followed."""
    refused: BnvizError | None = None
    """Why the run that it asked for was not taken."""
    file: object = None
    """The visitor's own file, as `uploads` read it last."""
    problems: list[BnvizError] = field(default_factory=list)
    """What was wrong with the part of the link that holds for every page, until a page has told it."""

    @property
    def language(self) -> Language:
        """The language chosen, else the browser's, else English."""
        return choose_language(self.wanted, st.context.locale)


def current() -> Visit:
    """This session's visit."""
    if "visit" not in st.session_state:
        st.session_state["visit"] = Visit()
    return cast("Visit", st.session_state["visit"])


def owner() -> str:
    """The token of this session; empty outside of one."""
    return current().owner if get_script_run_ctx(suppress_warning=True) is not None else ""


def still_wanted(before: int = 0) -> None:
    """Ends this run of the script where the visitor has moved on or left: Streamlit looks whenever session state is asked."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        "visit" in st.session_state  # noqa: B015


def read_link() -> None:
    """At a session's first run, take over what the link says for every page: language, and whether to predict first."""
    if "visit" in st.session_state:
        return
    _read_everywhere(st.query_params.to_dict())


def open_everywhere(query: Mapping[str, str]) -> None:
    """Make language and "Predict first" what a link with `query` says, and let their switches show it."""
    _read_everywhere(query)
    for key in ("lang", "predict"):
        st.session_state.pop(key, None)


def _read_everywhere(query: Mapping[str, str]) -> None:
    visit = current()
    visit.wanted = named_language(query.get("lang", ""))
    visit.predict = query.get("predict") != "0"
    visit.problems = []
    if "lang" in query and visit.wanted is None:
        visit.problems.append(none_of(LANGUAGES, "lang", query["lang"], visit.language))
    if query.get("predict", "1") not in PREDICT:
        visit.problems.append(none_of(PREDICT, "predict", query["predict"], "1"))


def untold() -> list[BnvizError]:
    """What was wrong with the part of the link that holds for every page; it is told once."""
    visit = current()
    problems, visit.problems = visit.problems, []
    return problems


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
    visit.predict = st.toggle(
        _("Predict first"), predict, key="predict", help=_("Ask before the picture is shown."), on_change=_ask_again
    )
    st.segmented_control(
        _("Language"),
        LANGUAGES,
        default=language,
        key="lang",
        format_func=LANGUAGE_NAMES.__getitem__,
        required=True,
        on_change=_choose_language,
        label_visibility="collapsed",
    )


def _ask_again() -> None:
    current().problems = []
    if st.session_state.get("predict") and not current().predict:  # and not where the browser's Back has set it already
        for state in current().labs.values():
            state.guesses.clear()
            state.verdicts.clear()
        current().model.guess = None


def _choose_language() -> None:
    current().problems = []
    current().wanted = st.session_state.get("lang", current().wanted)


def lab_state(lab: Lab) -> LabState:
    """The state of `lab`: kept from earlier, replaced by what the link says when the page is entered with one."""
    visit, name = current(), lab.name
    entered, visit.page = visit.page != name, name
    query = dict(list(st.query_params.to_dict().items())[:TOO_MANY]) if entered else {}
    own = settings_query(query)
    if own or name not in visit.labs:
        topic, settings, problems = lab.from_query(own)
        guesses = visit.labs[name].guesses if name in visit.labs else {}
        visit.labs[name] = LabState(topic, settings, guesses=guesses, problems=problems)
    state = visit.labs[name]
    if entered:
        restrict(lab, state, query)
        pin(lab, state, query)
    if entered and query.get("predict") == "0":  # this link wants its picture seen; others still ask first
        state.guesses.setdefault(state.topic.name, -1)
    if entered:
        _look(state, query, state.view)
        _stand(state, query)
        state.problems += untold()
    return state


def none_of(allowed: Sequence[str], name: str, given: str, used: str) -> SettingError:
    """That a link's value is none of the words that are allowed, and which is used."""
    return SettingError(name, one_of(allowed), given, used)


def _look(state: LabState, query: Mapping[str, str], otherwise: str) -> None:
    """Show the view that a link names, else `otherwise`."""
    state.view = query.get("view", otherwise)
    if state.view not in VIEWS:
        state.problems.append(none_of(VIEWS, "view", state.view, otherwise))
        state.view = otherwise


def _stand(state: LabState, query: Mapping[str, str]) -> None:
    """Stand at the frame that a link names; whether the run has it is seen with the picture."""
    text = query.get("step", "")
    state.linked = text.isdecimal() and len(text) <= len(str(LAST_FRAME))
    if state.linked:
        state.step = int(text)
    elif "step" in query:
        state.problems.append(SettingError("step", whole_number(0, LAST_FRAME), text, str(state.step)))


def stay_within(state: LabState, frames: int) -> list[BnvizError]:
    """Let the playhead stand on one of the `frames` that the picture has; what is wrong with the link where it named another."""
    given, state.step = state.step, min(state.step, max(frames - 1, 0))
    linked, state.linked = state.linked, False
    if given == state.step or not linked:
        return []
    problem = SettingError("step", whole_number(0, max(frames - 1, 0)), given, state.step)
    state.problems.append(problem)
    return [problem]


def restrict(lab: Lab, state: LabState, query: Mapping[str, str]) -> None:
    """Show and lock the controls that a link names (`?show=batch_size,momentum&lock=eps`). What is no setting of the lab is a problem."""
    if not ("show" in query or "lock" in query):
        return
    known = {name for topic in lab.topics for name in topic.settings.model_fields}
    named = {key: tuple(dict.fromkeys(comma_separated(query.get(key, ""))))[:TOO_MANY] for key in ("show", "lock")}
    for key, names in named.items():
        if unknown := [name for name in names if name not in known]:
            problem = UnknownSettingError(unknown, state.topic.settings.names())
            state.problems.append(_in_link(key, problem))
    state.shown, state.locked = (tuple(name for name in names if name in known) for names in named.values())


def _in_link(key: str, problem: BnvizError) -> BnvizError:
    """The same problem, of what a link says under `key`."""
    return BnvizError(N_("{name} in the link: {problem}"), name=key, problem=problem.phrase)


def pin(lab: Lab, state: LabState, query: Mapping[str, str]) -> None:
    """Pin what a link names (`?pin=batch_size%3D2`, a query within the query; `1`: the opening). What is wrong with it is a problem."""
    if query.get("pin"):
        topic, settings, problems = pinned(lab, query["pin"])
        state.pinned = topic, settings
        if query["pin"] != "1" and not parse_qsl(query["pin"]):
            problems.append(SettingError("pin", Phrase(N_("settings as in a link, or 1")), query["pin"], "1"))
        else:
            problems = [_in_link("pin", problem) for problem in problems]
        state.problems += problems


def pinned(lab: Lab, query: str) -> tuple[AnyTopic, LabSettings, list[BnvizError]]:
    """The topic and settings that a link pins, and what is wrong with them."""
    return lab.from_query(dict(parse_qsl(query)[:TOO_MANY]))


def pin_query(lab: Lab, state: LabState) -> str:
    """What is pinned, as in a link; "" where nothing is."""
    return "" if state.pinned is None else urlencode(lab.to_query(*state.pinned)) or "1"


def remember(state: LabState, before: tuple[AnyTopic, LabSettings], *, dragging: bool = False) -> None:
    """Keep what was set `before` a change, if there was one; of a slider that is being dragged, what it was at first."""
    if before != (state.topic, state.settings) and not (dragging and state.dragging):
        state.history = [*state.history, before][-LONGEST_HISTORY:]
    state.dragging = dragging


def settings_query(query: Mapping[str, str]) -> dict[str, str]:
    """The part of a link's `query` that names settings, or the topic."""
    some = list(query.items())[:TOO_MANY]
    return {key: value for key, value in some if key not in PAGE_KEYS + FOREIGN_KEYS and not key.startswith("utm_")}


def enter(page: str) -> bool:
    """Note that a page without settings is shown; whether the visitor has just come to it."""
    visit = current()
    entered, visit.page = visit.page != page, page
    return entered


def model_state(sources: Sequence[str], quantities: Sequence[str]) -> ModelState:
    """The state of the page "Your model": kept from earlier, replaced by what the link says when the page is entered with one."""
    state = current().model
    if enter(MODEL):
        _read_model_link(state, st.query_params.to_dict(), sources, quantities)
    return state


def open_model(query: Mapping[str, str], sources: Sequence[str], quantities: Sequence[str]) -> None:
    """Make the state of the page "Your model" what a link with `query` means; the guess is kept."""
    state = current().model
    state.source, state.quantity, state.layer, state.step = "", "gap", None, None
    _read_model_link(state, query, sources, quantities)
    for name in ("source", "quantity", "layer"):
        forget_keys(f"{MODEL}:{name}:")


def _read_model_link(
    state: ModelState, query: Mapping[str, str], sources: Sequence[str], quantities: Sequence[str]
) -> None:
    state.problems = []
    for name, allowed in (("source", sources), ("quantity", quantities)):
        if name in query and query[name] in allowed:
            setattr(state, name, query[name])
        elif name in query:
            state.problems.append(none_of(allowed, name, query[name], getattr(state, name) or allowed[0]))
    state.layer = _one_line(query["layer"])[:LONGEST_LAYER] if "layer" in query else state.layer
    if "step" in query:
        told = query["step"]
        state.step = int(told) if told.isdecimal() and len(told) <= LONGEST_STEP else None
        state.linked_step = told
    if query.get("predict") == "0" and state.guess is None:
        state.guess = ()


def model_link(state: ModelState, first: str) -> dict[str, str]:
    """The query that brings this state of the page "Your model" back, for whoever has the same recording; `first` source: by default."""
    own = {} if state.source in {"", first} else {"source": state.source}
    own |= {} if state.quantity == "gap" else {"quantity": state.quantity}
    own |= {} if state.layer is None else {"layer": state.layer}
    own |= {} if state.step is None else {"step": str(state.step)}
    return own | page_link()


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


def page_link() -> dict[str, str]:
    """The part of a link that holds for every page."""
    visit = current()
    return ({} if visit.predict else {"predict": "0"}) | ({"lang": visit.wanted} if visit.wanted else {})


def link(lab: Lab, state: LabState) -> dict[str, str]:
    """The query that brings this state of `lab` back: what differs from the opening of its topic."""
    own = lab.to_query(state.topic, state.settings)
    view = {} if state.view == "picture" else {"view": state.view}
    step = {"step": str(state.step)} if state.step else {}
    teachers = {"show": ",".join(state.shown), "lock": ",".join(state.locked)}
    pinning = {"pin": query} if (query := pin_query(lab, state)) else {}
    return own | view | step | {key: names for key, names in teachers.items() if names} | pinning | page_link()


def open_link(lab: Lab, state: LabState, query: Mapping[str, str]) -> None:
    """Make `state` what a link with `query` means."""
    state.topic, state.settings, state.problems = lab.from_query(settings_query(query))
    _look(state, query, "picture")
    state.preset = None
    restrict(lab, state, query)
    pin(lab, state, query)
    state.problems += untold()
    forget_widgets(lab)
    show_topic(state.topic)


def forget_keys(prefix: str) -> None:
    """Let every widget whose key begins so show what its state says."""
    for key in [key for key in st.session_state if str(key).startswith(prefix)]:
        del st.session_state[key]


def open_lab(lab: Lab, query: Mapping[str, str]) -> None:
    """Make the state of `lab`, which may not be on the page, what a link with `query` means; guesses are kept."""
    state = current().labs.setdefault(lab.name, LabState(lab.topics[0], lab.topics[0].opening))
    open_link(lab, state, query)
    if query.get("predict") == "0":
        state.guesses.setdefault(state.topic.name, -1)


def topic_key(lab: str, language: Language) -> str:
    """Of the widget that chooses among the topics of `lab`."""
    return f"{lab}:{TOPIC_KEY}:{language}"


def show_topic(topic: AnyTopic) -> None:
    """Let the choice of topics show `topic`.

    Where it does already it is left alone: a widget that is forgotten, and not drawn again in the same run, loses the next click.
    """
    for language in LANGUAGES:
        key = topic_key(topic.lab, language)
        if st.session_state.get(key) != topic.name:
            st.session_state.pop(key, None)


def forget_widgets(lab: Lab) -> None:
    """Let every widget of `lab` show what its state says, but for the choice of topics: see `show_topic`."""
    kept = {topic_key(lab.name, language) for language in LANGUAGES}
    for topic in lab.topics:
        for key in [key for key in st.session_state if str(key).startswith((f"{topic.id}:", f"{lab.name}:"))]:
            if key not in kept and not str(key).endswith((":more", ":upload")):
                del st.session_state[key]
