"""The problems that people reported, one card each, searched by symptom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from bnviz.experiments.cases import REPRODUCTIONS, Measured
from bnviz.i18n import N_, Language, Translate, translator
from bnviz.labs.course import LABS
from bnviz.lessons.cases import CASES, LONGEST_QUERY, QUESTION, Case, Link, found
from bnviz.plot.numbers import short
from bnviz.ui import navigation, share, visit
from bnviz.ui.views import escaped

if TYPE_CHECKING:
    from bnviz.teaching.lab import Lab

DUST: Final = 1e-5
EXAMPLES: Final = (N_("eval"), "NaN", N_("batch of one"), N_("momentum"), N_("freeze"), N_("padding"))
KINDS: Final = {"wrong": N_("See it go wrong"), "right": N_("See it cured")}
ICONS: Final = {"wrong": ":material/error:", "right": ":material/check_circle:"}


def show() -> None:
    """The page."""
    language = visit.current().language
    _ = translator(language)
    with st.container(key="head"):
        st.markdown(
            "### "
            + _(QUESTION)
            + "\n"
            + _(
                "Reported in public, reproduced here: look for your symptom, open the lab at the setting that shows it, read what helps."
            )
        )
    query = _search(_, language)
    cases = found(query)
    if not cases:
        st.info(
            _("Nothing fits “{query}”. Try one word of the symptom, such as eval or NaN.").format(query=escaped(query))
        )
    elif len(cases) < len(CASES):
        st.caption(_("{count} of {all} problems").format(count=len(cases), all=len(CASES)))
    with st.container(key="cases"):
        for start in range(0, len(cases), 2):
            for column, case in zip(st.columns(2), cases[start : start + 2], strict=False):
                with column.container(border=True, key=f"case-{case.name}"):
                    _card(case, _)


def _search(_: Translate, language: Language) -> str:
    with st.container(key="search", horizontal=True, gap="small", vertical_alignment="bottom"):
        with st.container(width=330):
            query = visit.search_field(LONGEST_QUERY, _("Search by symptom"), _("eval, NaN, batch of one, momentum …"))
        for example in EXAMPLES:
            st.button(_(example), key=f"cases:{example}", on_click=visit.search_for, args=(_(example),))
        st.button(_("All"), key="cases:all", on_click=visit.search_for, args=("",), disabled=not query)
        st.space("stretch")
        with st.container(width=112):
            words = {"q": query} if query else {}
            short_link, full_link = (words | visit.page_link(full=full) for full in (False, True))
            share.draw(_("Reported problems"), short_link, full_link, language)
    return query


def _card(case: Case, _: Translate) -> None:
    threads = ", ".join(f"[{thread.name}]({thread.url})" for thread in case.threads)
    numbers = _measured(case.name)
    told = _("{look}: {wrong} → {cured}").format(
        look=escaped(_(case.look)), wrong=f"**{short(numbers.wrong, DUST)}**", cured=f"**{short(numbers.cured, DUST)}**"
    )
    lines = [
        "##### " + escaped(_(case.symptom)),
        _("Reported: {threads}").format(threads=threads),
        "**" + _("Look at") + "** " + told,
        "**" + _("Cause") + "** " + escaped(_(case.cause)),
        "**" + _("Cure") + "** " + escaped(_(case.cure)),
    ]
    st.markdown("\n\n".join(lines))
    with st.container(horizontal=True, gap="small"):
        for link in case.links:
            lab = lab_of(link)
            if lab is not None:
                st.page_link(
                    navigation.lab_page(lab, _),
                    label=f"{_(KINDS[link.kind])}: {_(lab.title)}",
                    icon=ICONS[link.kind],
                    query_params={**link.query, "predict": "0"},
                )


def lab_of(link: Link) -> Lab | None:
    """The lab that `link` leads to; None where the course does not have it."""
    return next((lab for lab in LABS if lab.name == link.lab), None)


@st.cache_data(show_spinner=False)
def _measured(name: str) -> Measured:
    return REPRODUCTIONS[name]()
