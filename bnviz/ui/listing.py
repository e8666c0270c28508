"""A listing: remarks, then code or a table, one tab at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from bnviz.i18n import Language, Translate, translator
from bnviz.plot.listing import Code, Listing, Note, Table
from bnviz.ui import code_block
from bnviz.ui.views import escaped

ICONS: Final = {
    "error": ":material/block:",
    "warning": ":material/warning:",
    "info": ":material/info:",
    "success": ":material/check:",
}


@dataclass(frozen=True, slots=True)
class ReadyListing:
    """A listing and the page that it stands on (`group`)."""

    listing: Listing
    group: str
    language: Language

    def show(self) -> None:
        """Put it on the page."""
        _draw(self.listing, self.group, self.language)


def _draw(listing: Listing, group: str, language: Language) -> None:
    _, key = translator(language), f"{group}.{listing.name}"
    with st.container(key=f"listing-{group}-{listing.name}"):
        for note in listing.notes:
            _note(note)
        titles = list(listing.tabs)
        if len(titles) == 1:
            st.markdown("**" + escaped(titles[0]) + "**")
            _content(listing.tabs[titles[0]], titles[0], key, _)
            return
        # Not st.tabs: that would draw every tab at every rerun.
        chosen = st.segmented_control(
            listing.title,
            range(len(titles)),
            key=f"{group}:{listing.name}",
            default=0,
            required=True,
            format_func=titles.__getitem__,
            label_visibility="collapsed",
        )
        title = titles[chosen or 0]
        _content(listing.tabs[title], title, key, _)


def _note(note: Note) -> None:
    words = "**" + escaped(note.title) + "**" + (f"  \n{escaped(note.text)}" if note.text else "")
    {"error": st.error, "warning": st.warning, "info": st.info, "success": st.success}[note.tone](
        words, icon=ICONS[note.tone]
    )


def _content(content: Code | Table, title: str, key: str, _: Translate) -> None:
    if isinstance(content, Table):
        rows = zip(*content.columns.values(), strict=True)
        lines = [list(content.columns), [":--"] * len(content.columns), *([str(cell) for cell in row] for row in rows)]
        escape = [[cell if column == 1 else escaped(cell) for cell in line] for column, line in enumerate(lines)]
        st.markdown("\n".join("| " + " | ".join(line) + " |" for line in escape))
        return
    code_block.draw(key, content.text, title, _)
    if content.about:
        st.caption(escaped(content.about))
