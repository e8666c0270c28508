"""The page "Your model": a recording of a watched training, its findings, and what to look at."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import streamlit as st

from bnviz.errors import BnvizError, Phrase, SettingError
from bnviz.i18n import N_, Language, Translate, closed_up, translator
from bnviz.inspect import example
from bnviz.inspect.figures import (
    GROWTH,
    SHORT_NAMES,
    channel_bands,
    gradient_growth,
    growth_conditions,
    growth_words,
    heat_map,
    histograms,
    shortened_name,
)
from bnviz.inspect.finding import SEVERITIES, Finding
from bnviz.inspect.frames import RecordingError
from bnviz.inspect.growth import ABSENCES, Growth, growth_of, row_of
from bnviz.inspect.overview import channels, columns, layer_course, overview, table
from bnviz.inspect.pictures import with_pictures
from bnviz.inspect.recording import QUANTITIES, QuantityName
from bnviz.inspect.report import named_layers
from bnviz.labs.course import LABS
from bnviz.ui import assets, cache, chart, code_block, navigation, player, recordings, share, visit
from bnviz.ui.problems import tell
from bnviz.ui.recordings import Opened, Source
from bnviz.ui.turns import TURNS
from bnviz.ui.views import escaped
from bnviz.ui.visit import ModelState

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from streamlit.delta_generator import DeltaGenerator

QUESTION: Final = N_("Is batch norm healthy in my model?")
GROUP: Final = visit.MODEL
POLL_SECONDS: Final = 1.0
SOURCES: Final[dict[Source, str]] = {"example": N_("An example"), "upload": N_("My recording")}
ICONS: Final = {"error": ":material/block:", "warning": ":material/warning:", "note": ":material/info:"}
MAX_FINDINGS: Final = 40
RECORD: Final = """import bnviz

with bnviz.watch(model, "run.bnviz", optimizer=optimizer):
    train(model)"""


def show() -> None:
    """The page."""
    state = visit.model_state(recordings.sources(), QUANTITIES)
    if (query := share.followed()) is not None:
        visit.open_model(query, recordings.sources(), QUANTITIES)
    _ = translator(visit.current().language)
    with st.container(key="head"):
        st.markdown("# " + _(QUESTION))
    # Only the part below runs again while a training writes: what stands around it stays.
    growing = _source(state) == "followed"
    st.fragment(_body, run_every=POLL_SECONDS if growing else None)()


def _source(state: ModelState) -> Source:
    known = recordings.sources()
    return next((source for source in known if source == state.source), known[0])


def _body() -> None:
    with TURNS.take(whole=False):
        _follow()


def _follow() -> None:
    state, language = visit.current().model, visit.current().language
    _ = translator(language)
    line = st.container()
    link = _choose_source(state, language)
    try:
        opened = _opened(state, _)
    except RecordingError as error:
        st.error(escaped(error.text(language)))
        opened = None
    if opened is None:
        _explain(_)
    else:
        _recording(opened, state, line, language)
    with link:
        share.draw(_("Your model"), visit.model_link(state, recordings.sources()[0]), language)


def _choose_source(state: ModelState, language: Language) -> DeltaGenerator:
    """Which recording; returns the place of Share, at the row's end."""
    _ = translator(language)
    key = f"{GROUP}:source:{language}"
    followed = recordings.FOLLOWED.path
    names = {source: _(words) for source, words in SOURCES.items()}
    names["followed"] = "" if followed is None else shortened_name(followed.name)
    known = recordings.sources()
    now = visit.shown(key, _source(state), known)
    with st.container(key="presets", horizontal=True, gap="small", vertical_alignment="center"):
        chosen = st.segmented_control(
            _("Recording"),
            known,
            default=now,
            key=key,
            format_func=names.__getitem__,
            required=True,
            label_visibility="collapsed",
            on_change=partial(_forget_place, state),
        )
        if (chosen or now) != _source(state):
            state.source = chosen or now
            st.rerun(scope="app")  # whether the page follows a file is decided outside of the fragment
        st.space("stretch")
        return st.container(key="link", width=96)


def _forget_place(state: ModelState) -> None:
    """Another recording has other layers and steps."""
    state.layer, state.step, state.problems = None, None, []


def _opened(state: ModelState, _: Translate) -> Opened | None:
    """The recording chosen; None where there is none yet. Raises: RecordingError."""
    source = _source(state)
    if source == "example":
        return recordings.shipped()
    if source == "followed":
        return recordings.followed()
    file = st.file_uploader(
        _("A recording (.bnviz, at most {most} MB)").format(most=recordings.MAX_MEGABYTES),
        "bnviz",
        key=f"{GROUP}:upload",
        help=_("The file stays in the server's memory while it is in use, and is not kept."),
        max_upload_size=recordings.MAX_MEGABYTES,
        on_change=_forget_place,
        args=(state,),
    )
    return None if file is None else recordings.uploaded(file.name, file.getvalue())


def _explain(_: Translate) -> None:
    """How to make a recording."""
    st.markdown(
        _(
            "One line around your training records what its normalization layers do. The file holds numbers only; send it here:"
        )
    )
    code_block.draw(f"{GROUP}.record", RECORD, _("How to record"), _)
    st.markdown(
        _(
            "Or follow a training while it writes: `bnviz view run.bnviz`. Or look at a model as it is: `bnviz.check(model, inputs)`."
        )
    )


def _recording(opened: Opened, state: ModelState, line: DeltaGenerator, language: Language) -> None:
    _ = translator(language)
    recording = opened.recording
    asking = _source(state) == "example" and visit.current().predict and state.guess is None
    report = recording.report()
    if asking:
        line.markdown(
            closed_up(escaped(report.looked.text(language)) + " " + _("Three faults were planted. Can you find them?"))
        )
    else:
        going = "" if recording.finished else " " + _("The training has not finished.")
        line.markdown(closed_up(escaped(report.summary(language)) + going))
    if not len(recording.step):
        st.info(_("No training step is recorded yet."))
        return
    names = [norm.name for norm in recording.norms]
    first = names[0] if asking else _worst_layer(opened)
    picture, aside = st.columns([2.3, 1], gap="medium")
    with aside, st.container(key="controls"):
        _controls(state, names, first, language)
        if asking:
            _ask(state, names, _)
        else:
            _verdict(state, _)
            with st.container(key="findings"):
                _findings(opened, state, names, language)
    layer = state.layer if state.layer in names else first
    step = recording.step[columns(recording)]
    frame = len(step) - 1 if state.step is None else int(np.abs(step - state.step).argmin())
    with picture, st.container(key="picture"):
        _check_link(state, names, layer, step, int(step[frame]))
        tell(state.problems, language)
        _heat(opened, state, names, layer, not asking, language)
    with st.container(key="below"):
        frame = _played(opened, state, layer, frame, language)
        _channels(opened, layer, int(step[frame]), language)
        _growth(opened, layer, int(step[frame]), language)
        _take_home(opened, asking, language)


def _worst_layer(opened: Opened) -> str:
    """The worst finding's layer; the first of the model where there is none."""
    names = {norm.name for norm in opened.recording.norms}
    found = [layer for finding in opened.recording.findings for layer in finding.layers if layer in names]
    return found[0] if found else opened.recording.norms[0].name


def _check_link(state: ModelState, names: list[str], layer: str, step: NDArray[np.integer], shown: int) -> None:
    """Note what the link asked for and is not in this recording, which shows `layer` at step `shown`."""
    if state.layer is not None and state.layer not in names:
        told = N_("This recording has no layer {layer}, so {used} is shown.")
        state.problems.append(BnvizError(told, layer=state.layer, used=layer))
        state.layer = None
    first, last = int(step[0]), int(step[-1])
    if state.linked_step is not None and not (
        state.linked_step.isdecimal() and first <= int(state.linked_step) <= last
    ):
        allowed = Phrase(N_("a recorded step, from {first} to {last}"), {"first": first, "last": last})
        state.problems.append(SettingError("step", allowed, state.linked_step, shown))
        state.step = None if state.step is None else shown
    state.linked_step = None


def _controls(state: ModelState, names: list[str], first: str, language: Language) -> None:
    """What the heat map shows, and which layer is looked into."""
    _ = translator(language)
    key = f"{GROUP}:quantity:{language}"
    now = visit.shown(key, state.quantity, QUANTITIES)
    state.quantity = st.selectbox(
        _("Quantity"), QUANTITIES, QUANTITIES.index(now), key=key, format_func=lambda name: _(SHORT_NAMES[name])
    )
    layer = state.layer if state.layer in names else first
    key = f"{GROUP}:layer:{language}"
    now = visit.shown(key, layer, names)
    words = {name: shortened_name(name) or "(root)" for name in names}
    label = _("Layer (or click on the picture)")
    chosen = st.selectbox(label, names, names.index(now), key=key, format_func=words.__getitem__)
    if chosen != layer:
        state.layer = chosen


def _choose_layer(state: ModelState, layer: str) -> None:
    """Look into `layer`, and let the widget show it."""
    state.layer = layer
    visit.forget_keys(f"{GROUP}:layer:")


def _heat(opened: Opened, state: ModelState, names: list[str], layer: str, marked: bool, language: Language) -> None:
    recording = opened.recording
    quantity: QuantityName = next(name for name in QUANTITIES if name == state.quantity)

    def draw() -> tuple[tuple[str, ...], chart.ReadyChart]:
        shown = overview(recording, quantity, layer)
        return shown.layers, chart.ready(heat_map(shown, layer, marked, language), GROUP, "", language)

    rows, ready = cache.drawn((opened.version, "heat_map", quantity, layer, marked, language), draw)

    def picked(_x: int, y: int) -> None:
        if 0 <= y < len(rows) and rows[y] in names:
            _choose_layer(state, rows[y])

    ready.show_pickable(picked)


def _played(opened: Opened, state: ModelState, layer: str, frame: int, language: Language) -> int:
    """The layer's histograms; returns the frame where the playhead stands."""
    _ = translator(language)
    st.markdown("## " + escaped(layer or "(root)"))
    course = layer_course(opened.recording, layer)
    if not course.seen:
        st.info(
            _(
                "No histograms: in no snapshot did this layer normalize with a batch. It was in eval mode, was not called, or the "
                "model is compiled."
            )
        )
    growing = not opened.recording.finished and _source(state) == "followed"
    scene = cache.drawn(
        (opened.version, "histograms", layer, growing, language),
        lambda: player.ready(histograms(course, growing, language), GROUP, language),
    )
    stopped = scene.show(frame)
    if stopped is not None and stopped != state.stopped:
        state.stopped = stopped
        newest = growing and stopped == len(course.step) - 1
        state.step = None if newest else int(course.step[stopped])
        return int(stopped)
    return frame


def _channels(opened: Opened, layer: str, step: int, language: Language) -> None:
    _ = translator(language)
    found = channels(opened.recording, layer, step)
    if found is None:
        st.caption(_("This layer keeps no running statistics."))
        return
    st.markdown("#### " + _("Channel by channel, in the snapshot of step {step}").format(step=found.step))
    ready = cache.drawn(
        (opened.version, "channels", layer, found.step, language),
        lambda: chart.ready(channel_bands(found, layer, language), f"{GROUP}.channels", "", language),
    )
    ready.show()
    if found.mean.batch is None:
        return
    st.caption(
        _(
            "More outside than expected: the statistics lag behind weights that still move, or belong to other data. It matters where "
            "the gap is large."
        )
    )


def _growth(opened: Opened, layer: str, step: int, language: Language) -> None:
    """The gradient from layer to layer beside mean-field theory; where there is none, why."""
    _ = translator(language)
    recording = opened.recording
    row = row_of(recording, layer, step)
    if isinstance(row, str):
        st.markdown(f"#### {_(GROWTH)}\n\n{_(ABSENCES[row])}")
        return
    st.markdown("#### " + _(GROWTH))

    def draw() -> tuple[Growth, chart.ReadyChart]:
        found = growth_of(recording, row)
        return found, chart.ready(gradient_growth(found, layer, language), GROUP, "", language)

    found, ready = cache.drawn((opened.version, "gradient_growth", layer, row.place, language), draw)
    ready.show()
    st.caption(closed_up(growth_words(found, _) + " " + growth_conditions(found, _)))


def _take_home(opened: Opened, asking: bool, language: Language) -> None:
    """The data as CSV, and the report as a page of its own."""
    _ = translator(language)
    recording = opened.recording
    with st.container(horizontal=True):
        _download(_("Data (CSV)"), lambda: table(recording), "bnviz_recording.csv", "text/csv", ":material/table:")
        if not asking:
            report = replace(recording.report(), site=_site())

            def page() -> str:
                return with_pictures(report, recording).to_html(language)

            _download(_("Report (HTML)"), page, "bnviz_report.html", "text/html", ":material/description:")


def _download(label: str, make: Callable[[], str], name: str, mime: str, icon: str) -> None:
    """A button for a file that is made when it is asked for; the page stays as it is."""
    st.download_button(label, make, name, mime, on_click="ignore", icon=icon)


def _site() -> str:
    """The address of this server, as the visitor reached it."""
    parts = urlsplit(st.context.url or "http://localhost:8501")
    return f"{parts.scheme}://{parts.netloc}{assets.base_path()}"


def _ask(state: ModelState, names: list[str], _: Translate) -> None:
    """The exercise: find the planted faults before the list shows them."""
    with st.container(border=True, key="prediction"):
        st.markdown(
            "## "
            + _("Predict first")
            + "\n"
            + _("Three of these layers were broken on purpose. Which? Try other quantities, and play the histograms.")
        )
        chosen = st.pills(
            _("Layers"), names, selection_mode="multi", key=f"{GROUP}:guess", label_visibility="collapsed"
        )
        check = partial(_check, state)
        st.button(
            _("Check"), key=f"{GROUP}:check", type="primary", disabled=not chosen, width="stretch", on_click=check
        )
        st.button(_("Just show me"), key=f"{GROUP}:skip", type="tertiary", on_click=_guess, args=(state, ()))


def _check(state: ModelState) -> None:
    """By what is chosen when the button is pressed, which may be more than there was when it was drawn."""
    _guess(state, tuple(st.session_state[f"{GROUP}:guess"]))


def _guess(state: ModelState, layers: tuple[str, ...]) -> None:
    state.guess = layers


def _ask_again(state: ModelState) -> None:
    state.guess = None


def _verdict(state: ModelState, _: Translate) -> None:
    """How many of the planted faults were found, and what they are."""
    if _source(state) != "example" or not state.guess:
        return
    found = [layer for layer in example.PLANTED if layer in state.guess]
    wrong = [layer for layer in state.guess if layer not in example.PLANTED]
    line = _("You found {found} of {all}.").format(found=len(found), all=len(example.PLANTED))
    if wrong:
        line += " " + _("Nothing was planted in {layers}.").format(layers=_(", ").join(wrong))
    with st.container(key="verdict"), st.expander(line, expanded=True):
        st.markdown("\n".join(f"- **{layer}**: {_(words)}" for layer, words in example.PLANTED.items()))
        ask = partial(_ask_again, state)
        st.button(_("Ask again"), key=f"{GROUP}:ask", type="tertiary", icon=":material/replay:", on_click=ask)


def _findings(opened: Opened, state: ModelState, names: list[str], language: Language) -> None:
    """The list, worst first; where it is empty, what was looked at."""
    _ = translator(language)
    findings = opened.recording.findings
    if not findings:
        st.success(_("Nothing found. Every rule was checked on all layers."), icon=":material/check:")
        return
    for number, finding in enumerate(findings[:MAX_FINDINGS], start=1):
        layers = named_layers(tuple(map(shortened_name, finding.layers)), _)
        label = f"**{number}** · {escaped(layers)}{_(': ')}{escaped(finding.quantity.text(language))}"
        key, icon = f"{GROUP}:{finding.rule}:{number}", ICONS[finding.severity]
        with st.expander(label, icon=icon, key=key, on_change="rerun", expanded=number == 1) as card:
            if card.open:
                _inside(finding, number, state, names, language)
    if len(findings) > MAX_FINDINGS:
        st.caption(_("… and {count} more.").format(count=len(findings) - MAX_FINDINGS))


def _inside(finding: Finding, number: int, state: ModelState, names: list[str], language: Language) -> None:
    _ = translator(language)
    lines = [
        f"{_(SEVERITIES[finding.severity])} · `{finding.rule}`",
        "**" + _("Measured") + "** " + escaped(finding.evidence(language)),
        "**" + _("Cause") + "** " + escaped(finding.cause.text(language)),
        "**" + _("Cure") + "** " + escaped(finding.cure.text(language)),
    ]
    if finding.steps is not None:
        first, last = finding.steps
        lines.insert(2, _("Seen from step {first} to step {last}.").format(first=first, last=last))
    st.markdown("\n\n".join(lines))
    code_block.draw(f"{GROUP}.{finding.rule}.{number}", finding.code, _("Cure"), _)
    _links(finding, _)
    others = [layer for layer in finding.layers if layer in names]
    if others:
        label, look = (
            _("Show {layer}").format(layer=escaped(shortened_name(others[0]))),
            partial(_choose_layer, state, others[0]),
        )
        st.button(label, key=f"{GROUP}:look:{number}", type="tertiary", icon=":material/search:", on_click=look)


def _links(finding: Finding, _: Translate) -> None:
    """The lab at this model's numbers, and the case."""
    address = urlsplit(finding.link)
    lab = next((lab for lab in LABS if f"/{lab.name}" == address.path), None)
    if lab is not None:
        label = _("See it in the lab: {title}").format(title=_(lab.title))
        query = {**dict(parse_qsl(address.query)), "predict": "0"}
        st.page_link(navigation.lab_page(lab, _), label=label, icon=":material/science:", query_params=query)
    if finding.case is not None:
        label = _("Others have reported this")
        st.page_link(navigation.cases_page(_), label=label, icon=":material/forum:", query_params={"q": finding.case})
