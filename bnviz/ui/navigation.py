"""The pages: the home page and one per lab, each at the URL that is the lab's name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from bnviz.i18n import Translate
from bnviz.labs.course import COURSE
from bnviz.teaching.lab import Lesson

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

PAGES: Final = Path(__file__).parents[2] / "pages"


def home_page(_: Translate) -> StreamlitPage:
    """The course at a glance."""
    return st.Page(PAGES / "home.py", title=_("The course"), icon=":material/home:", default=True)


def cases_page(_: Translate) -> StreamlitPage:
    """The problems that people reported."""
    return st.Page(PAGES / "cases.py", title=_("Reported problems"), url_path="cases")


def lab_page(lesson: Lesson[Any, Any], _: Translate) -> StreamlitPage:
    """The page of `lesson`."""
    return st.Page(PAGES / f"{lesson.name}.py", title=_(lesson.title), url_path=lesson.name)


def lab_after(name: str) -> Lesson[Any, Any] | None:
    """The lab that a class takes after the lab `name`; None after the last."""
    lessons = [lesson for chapter in COURSE for lesson in chapter.lessons]
    place = next(place for place, lesson in enumerate(lessons, start=1) if lesson.name == name)
    return lessons[place] if place < len(lessons) else None


def sections(_: Translate) -> dict[str, list[StreamlitPage]]:
    """Home, then the labs by chapter, then where to go with a problem."""
    chapters = {_(chapter.title): [lab_page(lesson, _) for lesson in chapter.lessons] for chapter in COURSE}
    return {"": [home_page(_)], **chapters, _("I have a problem"): [cases_page(_)]}
