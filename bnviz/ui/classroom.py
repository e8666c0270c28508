"""The class on every page: the component that keeps the connection, and the way that it asks the page to go.

Who is in which class, and as whom, only the browser and the class know: Streamlit's session has nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from bnviz.classroom.protocol import Place
from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.course import find_lab
from bnviz.teaching.lab import Lab
from bnviz.ui import assets, lesson_plans, navigation, visit
from bnviz.ui.visit import LabState

KEY: Final = "class"
LATEST: Final = 2**53  # of a number that a browser counts exactly


def draw(language: Language) -> None:
    """Put the component on the page; it takes no room for who is in no class."""
    _ = translator(language)
    wanted = _said("plan")
    assets.component("class")(
        key=KEY,
        data={
            "words": _words(_) | {"board": lesson_plans.both(N_("The question on the board"))},
            "lang": language,
            "path": f"{assets.base_path()}/{assets.ROOT}/{KEY}",
            "base": f"{assets.base_path()}/",
            "plan": lesson_plans.content(wanted, language) if isinstance(wanted, str) else None,
        },
        default={"wanted": None, "plan": None, "teaching": False},
        on_wanted_change=lambda: None,
        on_plan_change=lambda: None,
        on_teaching_change=lambda: None,
    )


def _words(_: Translate) -> dict[str, str]:
    """What the component says, by the names that class.js uses."""
    return {
        "connecting": _("Connecting to the class …"),
        "lost": _("Connection lost, trying again"),
        "over": _("The class is over."),
        "following": _("You follow the class."),
        "wandering": _("You are on your own."),
        "follow": _("Follow the class"),
        "wander": _("Go my own way"),
        "leave": _("Leave the class"),
        "close": _("Close"),
        "present": _("Students here: {count}"),
        "lead": _("The class follows me"),
        "desk": _("Class page"),
        "ask": _("Ask the class"),
        "ask_page": _("The page's question"),
        "ask_number": _("Ask for everybody's number"),
        "ask_board": _("A question spoken or on the board, answers A to D"),
        "ask_step": _("Ask the question"),
        "setting": _("Setting"),
        "which_value": _("The question, e.g. at which value …?"),
        "question": _("Question to the class"),
        "previous": _("Previous step"),
        "next": _("Next step"),
        "minutes": _("{count} min"),
        "time_left": _("Time left"),
        "time_is_up": _("Time is up."),
        "vote": _("Vote"),
        "second_vote": _("Vote again: second round"),
        "voted": _("Votes: {count} of {all}"),
        "choose": _("Choose an answer."),
        "mine": _("Your vote: {answer}. You can change it until the vote is closed."),
        "you_said": _("You said {answer}."),
        "answer": _("The right answer is {answer}."),
        "was_right": _("Right."),
        "closed": _("The vote is closed."),
        "votes_shown": _("The votes are shown."),
        "answer_shown": _("The answer is shown."),
        "everybodys_number": _("everybody gives a number"),
        "no_answers": _("Nobody has answered."),
        "send": _("Send"),
        "first": _("first vote"),
        "second": _("second vote"),
        "moved": _("Who moved: from the first vote (rows) to the second (columns)"),
        "show": _("Show the votes"),
        "again": _("Vote again"),
        "reveal": _("Show the answer"),
        "clear": _("Remove the question"),
    }


def follow(language: Language) -> None:
    """Where the class has gone somewhere since the last run, go there too."""
    wanted, current = _said("wanted"), visit.current()
    number = wanted.get("number") if isinstance(wanted, Mapping) else None
    if not isinstance(number, int) or not current.led < number < LATEST:
        return
    current.led = number
    try:
        place = Place.model_validate({"page": wanted.get("page"), "query": wanted.get("query")})
    except ValueError:  # nobody's browser says such a thing by itself
        return
    _ = translator(language)
    lab = find_lab(place.page)
    if lab is not None:
        visit.open_lab(lab, place.query)
        if current.page != lab.name:
            st.switch_page(navigation.lab_page(lab, _), query_params=place.query)
    pages = {"": navigation.home_page, "cases": navigation.cases_page, "classroom": navigation.class_page}
    if place.page in pages and current.page != place.page:
        st.switch_page(pages[place.page](_), query_params=place.query)


def askable(lab: Lab, state: LabState, result: Any) -> dict[str, Any] | None:
    """What a teacher can ask the class on the page of `lab`; None for others. `result`: what the page shows, if it has any."""
    if _said("teaching") is not True:
        return None
    topic = state.topic
    own = lab.to_query(topic, state.settings)
    asked = lesson_plans.prediction(topic, result)
    return asked | {
        "at": {"page": lab.name, "query": own},
        "shown_at": {"page": lab.name, "query": own | {"predict": "0"}},
        "topic": topic.name,
        "numbers": lesson_plans.numbers(topic),
    }


def _said(name: str) -> Any:
    """What the browser said last under `name`."""
    return getattr(st.session_state.get(KEY), name, None)
