"""The visitor's own file: read within limits, told in words, kept in the session only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from bnviz.errors import Phrase, UploadError
from bnviz.i18n import Language, Translate, translator
from bnviz.teaching.lab import AnyTopic
from bnviz.ui import views, visit
from bnviz.ui.visit import LabState

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from bnviz.core.uploads import Choice, Kind, Upload

CELL_LETTERS: Final = 20
SMALL: Final = "font-size:0.85em;line-height:1.45;overflow-wrap:anywhere"


@dataclass(frozen=True, slots=True)
class _Read:
    """A file as it was read last, so that a slider's movement does not read it again. What was refused leaves a sentence only."""

    file_id: str
    kind: Kind
    columns: tuple[str, ...]
    """To choose from."""
    suggested: dict[int | None, Choice]
    """What goes with each class column unless the visitor says otherwise; one entry, None, where there is no class column."""
    choice: Choice | None
    """What was read; None where the file cannot be read at all."""
    outcome: Upload | Phrase
    """The numbers, or what is wrong."""


def draw(topic: AnyTopic, state: LabState, language: Language, above: DeltaGenerator) -> Upload | None:
    """The uploader where the source is `upload`, what the file was read as, and what to choose.

    The uploader stands `above`, before the settings, and below it why a file is refused, or what is suspicious in it. None where
    there is no file, and where it cannot be used; `state.problems` has the error then.
    """
    if topic.upload is None or getattr(state.settings, "source", "") != "upload":
        return None
    _ = translator(language)
    layout = {
        "table": _("Rows are samples, columns are features."),
        "images": _("An image as an array (H, W), (H, W, 3) or (3, H, W), or several."),
        "classes": _("Rows are samples; one column is the class, a whole number or a word. Or an .npz with X and y."),
    }[topic.upload]
    kept = _("The file stays in the server's memory while it is in use, and is not kept.")
    with above:  # takes files of any name: what is not read is told how to become what is
        file = st.file_uploader(
            _("Your data (CSV, .npy or .npz, at most 2 MB)"),
            key=f"{topic.lab}:upload",
            help=f"{layout} {kept}",
            max_upload_size=2,
        )
    # Problems of an earlier file go.
    state.problems = [problem for problem in state.problems if not isinstance(problem, UploadError)]
    if file is None:
        visit.current().file = None
        return None
    read = _read(topic.upload, file, None)
    said = st.container()
    choice = _choose(topic.lab, read, language)
    if choice is not None and choice != read.choice:
        read = _read(topic.upload, file, choice)
    if isinstance(read.outcome, Phrase):
        # A new error, not the one that was raised: that would keep the frames in which it was raised, and the arrays in them.
        state.problems = [UploadError(read.outcome.template, **read.outcome.parameters)]
        above.warning(views.escaped(read.outcome.text(language)))
        return None
    with said:
        st.html(_description(read.outcome, language))
    if read.outcome.warnings:
        above.html(_warnings(read.outcome, language))
    return read.outcome


def _read(kind: Kind, file: UploadedFile, choice: Choice | None) -> _Read:
    """The file, read with this `choice`; with None as it was read last, or as is suggested."""
    from bnviz.core.uploads import open_upload

    kept = visit.current().file
    if isinstance(kept, _Read) and (kept.file_id, kept.kind) == (file.file_id, kind) and choice in {None, kept.choice}:
        return kept
    try:
        opened = open_upload(file.name, file.getvalue(), kind)
    except UploadError as error:
        read = _Read(file.file_id, kind, (), {}, None, error.phrase)
    else:
        choice = choice or opened.choice
        places = range(len(opened.columns)) if opened.class_column is not None else [None]
        outcome: Upload | Phrase
        try:
            outcome = opened.read(choice)
        except UploadError as error:
            outcome = error.phrase
        suggested = {place: opened.beside(place) for place in places}
        read = _Read(file.file_id, kind, opened.columns, suggested, choice, outcome)
    visit.current().file = read
    return read


def _choose(lab: str, read: _Read, language: Language) -> Choice | None:
    """The class column and what is left out, if there is a choice.

    What Streamlit keeps of these widgets are names of columns, which no language changes.
    """
    from bnviz.core.uploads import Choice

    if read.choice is None or len(read.columns) < 2:
        return read.choice
    _ = translator(language)
    key, places, class_column = f"{lab}:{read.file_id}", list(range(len(read.columns))), read.choice.class_column
    if class_column is not None:
        now = visit.shown(f"{key}:class", class_column, places)
        class_column = st.selectbox(
            _("Class column"), places, places.index(now), key=f"{key}:class", format_func=read.columns.__getitem__
        )
    others = [place for place in places if place != class_column]
    same = class_column == read.choice.class_column
    suggested = read.choice if same else read.suggested[class_column]
    if len(others) < 2:
        return suggested
    now = visit.shown(f"{key}:left_out:{class_column}", list(suggested.left_out), others)
    left_out = st.multiselect(
        _("Columns to leave out"),
        others,
        now,
        key=f"{key}:left_out:{class_column}",
        format_func=read.columns.__getitem__,
        placeholder=_("none"),
    )
    return Choice(class_column, tuple(sorted(left_out)))


def _description(upload: Upload, language: Language) -> str:
    """What was read, as HTML in which everything from the file is text."""
    _ = translator(language)

    def clauses(phrases: Sequence[Phrase]) -> str:
        return escape(_("; ").join(phrase.text(language) for phrase in phrases))

    parts = [
        f"<b>{clauses(upload.summary())}</b>",
        escape(_("How it was read: ")) + clauses(upload.how),
    ]
    return f'<div style="{SMALL}">{_paragraphs(parts)}{_preview(upload, _)}</div>'


def _warnings(upload: Upload, language: Language) -> str:
    """What is lost or suspicious, as HTML in which everything from the file is text."""
    return f'<div style="{SMALL}">{_paragraphs([f"⚠ {escape(said.text(language))}" for said in upload.warnings])}</div>'


def _paragraphs(parts: Sequence[str]) -> str:
    return "".join(f'<p style="margin:0 0 0.4em">{part}</p>' for part in parts)


def _preview(upload: Upload, _: Translate) -> str:
    if not upload.preview:
        return ""

    def row(cells: Sequence[str], tag: str) -> str:
        style = "padding:0.1em 0.5em;text-align:right;white-space:nowrap"
        return "<tr>" + "".join(f'<{tag} style="{style}">{escape(_cut(cell))}</{tag}>' for cell in cells) + "</tr>"

    title = escape(_("The first rows"))
    body = "".join(row(cells, "td") for cells in upload.preview)
    return (
        f'<details><summary>{title}</summary><div style="overflow-x:auto" tabindex="0"><table>'
        f"<thead>{row(upload.header, 'th')}</thead><tbody>{body}</tbody></table></div></details>"
    )


def _cut(cell: str) -> str:
    return cell if len(cell) <= CELL_LETTERS else cell[: CELL_LETTERS - 1] + "…"
