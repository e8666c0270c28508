"""The problems that people reported, one card each, searched by symptom."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Final

import streamlit as st

from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.cases.case import FAMILIES, Case, Link, Measured
from bnviz.labs.cases.catalogue import CASES, QUESTION
from bnviz.labs.cases.near import near
from bnviz.labs.cases.search import LONGEST_QUERY, names_no_symptom, search, shortened
from bnviz.labs.course import find_lab
from bnviz.plot.numbers import short
from bnviz.ui import controls, navigation, share, visit
from bnviz.ui.views import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bnviz.teaching.lab import Lab

DUST: Final = 1e-5
EXAMPLES: Final = (N_("eval"), "NaN", N_("batch of one"), N_("momentum"), N_("freeze"), N_("several GPUs"))
KINDS: Final = {"wrong": N_("See it go wrong"), "right": N_("See it fixed")}
ICONS: Final = {"wrong": ":material/error:", "right": ":material/check_circle:"}


def show() -> None:
    """The page."""
    language = visit.current().language
    _ = translator(language)
    with st.container(key="head"):
        st.markdown(
            "# "
            + _(QUESTION)
            + "\n"
            + _("Reported in public and reproduced here: find your symptom, see it in the lab, read what helps.")
        )
    query = _search(_, language)
    cases = search(query)
    with st.container(key="cases"):
        if not query:
            _families(_)
        elif cases:
            if names_no_symptom(query):
                st.info(
                    _("Every problem here is about batch norm. What goes wrong? Of each kind, what is reported most:")
                )
            else:
                st.caption(_("Best match first; {count} of {all} problems").format(count=len(cases), all=len(CASES)))
            for case in cases:
                _card(case, _, first=case is cases[0])
        else:
            st.info(_("Nothing fits. Paste the error message, or try one word of the symptom, such as eval or NaN."))


def _search(_: Translate, language: Language) -> str:
    if (wanted := share.followed()) is not None:
        visit.search_for(wanted.get("q", "")[:LONGEST_QUERY])
    with st.container(key="search", horizontal=True, gap="small", vertical_alignment="bottom"):
        with st.container(width=345):
            query = visit.search_field(
                LONGEST_QUERY,
                _("Search by symptom, or paste the error message"),
                _("eval, NaN, batch of one, momentum …"),
            )
        for example in EXAMPLES:
            st.button(_(example), key=f"cases:{example}", on_click=visit.search_for, args=(_(example),))
        st.button(_("All"), key="cases:all", on_click=visit.search_for, args=("",), disabled=not query)
        st.space("stretch")
        with st.container(width=112):
            words = {"q": shortened(query)} if query else {}
            share.draw(_("Reported problems"), words | visit.page_link(), language)
    return query


def _families(_: Translate) -> None:
    """All cards, family by family, in two columns of about equal length."""
    columns, lengths = st.columns(2), [0, 0]
    for family, cases in groupby(CASES, key=lambda case: case.family):
        members = list(cases)
        shortest = lengths.index(min(lengths))
        lengths[shortest] += len(members) + 1
        with columns[shortest]:
            st.markdown("##### " + _(FAMILIES[family]))
            for case in members:
                _card(case, _)


def _card(case: Case, _: Translate, *, first: bool = False) -> None:
    """One problem: its symptom, and behind it what is filled in when it is opened; the best match is open."""
    with st.expander(
        escaped(_(case.symptom)),
        expanded=first,
        key=f"case:{case.name}:{'first' if first else 'listed'}",
        on_change="rerun",
    ) as card:
        if card.open:
            _inside(case, _)


def _inside(case: Case, _: Translate) -> None:
    threads = _(", ").join(f"[{thread.name}]({thread.url})" for thread in case.threads)
    numbers = _measured(case.name)
    outcome = _("{look}: {wrong} → {cured}").format(
        look=escaped(_(case.look)), wrong=f"**{short(numbers.wrong, DUST)}**", cured=f"**{short(numbers.cured, DUST)}**"
    )
    lines = [
        "**" + _("Cause") + "** " + escaped(_(case.cause)),
        "**" + _("Cure") + "** " + escaped(_(case.cure)),
        "**" + _("Measured here") + "** " + outcome,
        _("Reported: {threads}").format(threads=threads),
    ]
    st.markdown("\n\n".join(lines))
    with st.container(horizontal=True, gap="small"):
        for link, lab, label in _links(case, _):
            st.page_link(
                navigation.lab_page(lab, _),
                label=label,
                icon=ICONS[link.kind],
                query_params={**link.query, "predict": "0"},
            )
    if others := near(case):
        _neighbours(case, others, _)


def _links(case: Case, _: Translate) -> list[tuple[Link, Lab, str]]:
    """Each link, its lab and what it says: the lab, and where two would say the same, what they set there."""
    links = [(link, lab) for link in case.links if (lab := lab_of(link)) is not None]
    places = Counter((link.kind, lab.name) for link, lab in links)
    labelled = []
    for link, lab in links:
        label = _("{kind}: {place}").format(kind=_(KINDS[link.kind]), place=_(lab.title))
        if places[link.kind, lab.name] > 1:
            topic, settings, _problems = lab.from_query(link.query)
            said = controls.described(topic, settings, visit.current().language) or _(topic.title)
            label = f"{label} · {said}"
        labelled.append((link, lab, label))
    return labelled


def _neighbours(case: Case, others: Sequence[Case], _: Translate) -> None:
    """What is easily taken for `case`: a button for each that searches for it."""
    st.caption(_("Easily confused with:"))
    with st.container(horizontal=True, gap="xsmall"):
        for other in others:
            symptom = _(other.symptom)
            st.button(
                escaped(symptom),
                key=f"near:{case.name}:{other.name}",
                type="tertiary",
                icon=":material/arrow_forward:",
                on_click=visit.search_for,
                args=(symptom,),
            )


def lab_of(link: Link) -> Lab | None:
    """The lab that `link` leads to; None where the course does not have it."""
    return find_lab(link.lab)


@st.cache_data(show_spinner=False)
def _measured(name: str) -> Measured:
    return next(case for case in CASES if case.name == name).reproduce()
