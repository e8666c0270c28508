"""The class page: start or join a class, the teacher's desk, the lesson plans."""

from __future__ import annotations

import streamlit as st

from bnviz.classroom.plans import plans
from bnviz.i18n import Translate, translator
from bnviz.ui import assets, share, visit


def show() -> None:
    """The page."""
    visit.enter("classroom")
    language = visit.current().language
    _ = translator(language)
    with st.container(key="head"):
        st.markdown("# " + _("Teach with a class"))
    assets.component("desk")(
        key="desk",
        data={
            "words": _words(_),
            "lang": language,
            "qr": assets.url("qr.svg"),
            "reachable": share.reachable_address(),
            "plans": [
                {"name": plan.name, "title": getattr(plan.title, language), "minutes": plan.minutes} for plan in plans()
            ],
        },
    )


def _words(_: Translate) -> dict[str, str]:
    """What the component says, by the names that desk.js uses."""
    return {
        "teach": _("Start a class"),
        "promise": _(
            "Students join with a code or a QR code, see what you show, and vote. No accounts, no names; nothing is stored. "
            "A class ends three hours after its teacher has left."
        ),
        "start": _("Start a class"),
        "attend": _("Join a class"),
        "type_code": _("Type the code that your teacher shows, a word and a number."),
        "code": _("Class code"),
        "join": _("Join"),
        "seated": _("You are in class {code}. The page follows your teacher."),
        "present": _("Students here: {count}"),
        "qr": _("QR code of the students' link"),
        "timer": _("Timer"),
        "no_timer": _("None"),
        "minutes": _("{count} min"),
        "copy_link": _("Copy the teacher's link"),
        "copied": _("Copied"),
        "keep_link": _(
            "Whoever has the teacher's link controls the class: keep it for yourself, or for a second screen of yours."
        ),
        "end": _("End the class"),
        "really": _("Really end it?"),
        "alone": _(
            "Only this computer can open this address. For others, start the dashboard with "
            "`make run ADDRESS=0.0.0.0` (or `bnviz --address 0.0.0.0`)."
        ),
        "plans": _("Lesson plans"),
        "print": _("Print as a handout"),
        "go": _("Go"),
        "again_here": _("Start this step again"),
        "see": _("Open here"),
        "ask_step": _("Ask the question"),
        "right_answer": _("Right answer:"),
    }
