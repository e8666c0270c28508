"""The pages: the home page, the class page and one per lab, each at the URL that is the lab's name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from bnviz.i18n import Translate
from bnviz.labs.course import COURSE, LABS
from bnviz.teaching.lab import Lab

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

PACKAGE: Final = Path(__file__).parents[1]
# Installed inside the package, beside it in a checkout.
PAGES: Final = next(folder for folder in (PACKAGE / "pages", PACKAGE.parent / "pages") if (folder / "home.py").exists())


def home_page(_: Translate) -> StreamlitPage:
    """The course at a glance."""
    return st.Page(PAGES / "home.py", title=_("The course"), icon=":material/home:", default=True)


def cases_page(_: Translate) -> StreamlitPage:
    """The problems that people reported."""
    return st.Page(PAGES / "cases.py", title=_("Reported problems"), url_path="cases")


def model_page(_: Translate) -> StreamlitPage:
    """The visitor's own model."""
    return st.Page(PAGES / "your_model.py", title=_("Your model"), url_path="your_model")


def class_page(_: Translate) -> StreamlitPage:
    """Where a class is started, joined and steered."""
    return st.Page(
        PAGES / "classroom.py", title=_("Teach with a class"), icon=":material/groups:", url_path="classroom"
    )


def lab_page(lab: Lab, _: Translate) -> StreamlitPage:
    """The page of `lab`."""
    return st.Page(PAGES / f"{lab.name}.py", title=_(lab.title), url_path=lab.name)


def lab_after(name: str) -> Lab | None:
    """The lab that a class takes after the lab `name`; None after the last, and for one outside the course."""
    following = next((number for number, lab in enumerate(LABS, start=1) if lab.name == name), len(LABS))
    return LABS[following] if following < len(LABS) else None


def sections(_: Translate) -> dict[str, list[StreamlitPage]]:
    """Home and the class, then the labs by chapter, then where to go with a problem."""
    chapters = {_(chapter.title): [lab_page(lab, _) for lab in chapter.labs] for chapter in COURSE}
    return {"": [home_page(_), class_page(_)], **chapters, _("I have a problem"): [cases_page(_), model_page(_)]}
