"""What stands behind the picture: prediction, theory table, formula, code, data, sources, and errors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

import pandas as pd
import streamlit as st

from bnviz.errors import BatchOfOneError, BnvizError, CostError
from bnviz.i18n import Language, Translate, closed_up, in_brackets, translator
from bnviz.plot.numbers import glued, grouped, short
from bnviz.scripting.notebook import notebook
from bnviz.settings import fields
from bnviz.study.comparison import Comparison
from bnviz.teaching.lab import AnyTopic, LiveTopic
from bnviz.teaching.sources import DIGITS
from bnviz.ui import code_block
from bnviz.ui.visit import NOT_ASKED, LabState, Verdict


def escaped(text: str) -> str:
    """`text` with every character escaped that Markdown or Streamlit's directives would read.

    Backslashes do not keep addresses from becoming links; a word joiner in them does, which nobody sees.
    """
    unlinked = re.sub(r"(?i)(?<=www)(?=\.)|(?=://|@)", "\N{WORD JOINER}", text)
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!$|:~])", r"\\\1", unlinked)


def explain_error(error: BnvizError, topic: AnyTopic, language: Language) -> None:
    """The error in the visitor's language, settings by their labels; for a batch of one also why, and what to do."""
    _ = translator(language)
    if isinstance(error, CostError):
        described = fields(topic.settings)
        error = error.naming(*(_(described[name].parameter.label) for name in error.reduce))
    st.error(escaped(error.text(language)))
    if isinstance(error, BatchOfOneError):
        st.markdown(
            _(
                "With one sample of shape (1, C), each channel has a single value: its mean is the value itself and its "
                "variance is 0, so every output would be β and no gradient could pass. PyTorch refuses rather than do that.\n\n"
                "An image batch of shape (1, C, H, W) with H·W > 1 is not refused: each channel still has H·W values to average.\n\n"
                "**What to do:** use a batch of 2 or more, `module.eval()`, a convolution, or a normalizer that does not "
                "look across the batch (LayerNorm, GroupNorm)."
            )
        )


def ask(topic: AnyTopic, state: LabState, language: Language) -> None:
    """The question before the picture."""
    _ = translator(language)
    with st.container(border=True, key="prediction"):
        st.markdown("## " + _("Predict first") + "\n" + glued(_(topic.prediction.question)))
        for number, option in enumerate(topic.prediction.options):
            st.button(
                _(option),
                key=f"{topic.id}:guess:{number}",
                on_click=_guess,
                args=(topic, state, number),
                width="stretch",
            )
        st.button(
            _("Just show me"),
            key=f"{topic.id}:guess:skip",
            on_click=_guess,
            args=(topic, state, NOT_ASKED),
            type="tertiary",
        )


def _guess(topic: AnyTopic, state: LabState, number: int) -> None:
    state.guesses[topic.name] = number


def _ask_again(topic: AnyTopic, state: LabState) -> None:
    state.guesses.pop(topic.name, None)
    state.verdicts.pop(topic.name, None)


def tell(topic: AnyTopic, state: LabState, result: Any, language: Language) -> None:
    """Whether the prediction was right at the settings at which it was judged, and, unfolded, why."""
    guess = state.guesses.get(topic.name, -1)
    if guess < 0:
        return
    _ = translator(language)
    prediction = topic.prediction
    if topic.name not in state.verdicts:
        answer = prediction.correct(result)
        if answer is None:
            return
        state.verdicts[topic.name] = Verdict(guess, answer)
    verdict = state.verdicts[topic.name]
    said, right = (_(prediction.options[option]) for option in (verdict.guess, verdict.right))
    if verdict.guess == verdict.right:
        line = _("Right: “{right}”.").format(right=right)
    else:
        line = _("Not quite. You said “{said}”; here it is “{right}”.").format(said=said, right=right)
    label = closed_up(line + " " + _("Why?"))
    # Folded: open it would take the picture, which shows the answer, half of a projector's height.
    with st.container(key="verdict"), st.expander(label, key=f"{topic.id}:verdict"):
        st.markdown(glued(_(prediction.explanation)))
        st.button(
            _("Ask again"),
            key=f"{topic.id}:ask",
            type="tertiary",
            icon=":material/replay:",
            on_click=_ask_again,
            args=(topic, state),
        )


def comparisons(rows: Sequence[Comparison], language: Language) -> None:
    """Measured against predicted, as a small table, or where there is no room for it as lists; nothing where nothing can be judged."""
    if not rows:
        return
    _ = translator(language)
    finite = any(row.allowance for row in rows)
    head = [_("Measured"), _("Predicted"), _("Difference"), _("Sampling error (s.e.)")]
    head += [_("Allowance"), _("Within 4 s.e. and the allowance?")] if finite else [_("Within 4 s.e.?")]
    body = []
    for row in rows:
        quantity = row.quantity.text(language)
        name = escape(in_brackets(quantity, row.note.text(language), _) if row.note else quantity)
        cells = zip(head, _judged(row, _, finite=finite), strict=True)
        told = "".join(f'<td data-head="{escape(title)}">{cell}</td>' for title, cell in cells)
        body.append(f'<tr><th scope="row">{name}</th>{told}</tr>')
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in (_("Quantity"), *head))
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    st.html(f'<div class="bnviz-comparisons"><div tabindex="0">{table}</div></div>')


def _judged(row: Comparison, _: Translate, *, finite: bool) -> list[str]:
    """What stands behind the quantity of a row, as HTML; `finite`: whether the table has a column for the allowance."""
    difference = row.relative_difference
    relative = "–" if difference != difference else f"{short(100 * difference)}\N{NO-BREAK SPACE}%"  # noqa: PLR0124 - NaN
    exact = row.standard_error == 0 and row.allowance == 0
    verdict = (_("yes, exact") if exact else _("yes")) if row.explained else "<b>" + _("no") + "</b>"
    whole = isinstance(row.measured, int)
    numbers = [grouped(int(one)) if whole else short(one) for one in (row.measured, row.predicted)]
    errors = [_("exact") if exact else short(row.standard_error)] + ([short(row.allowance)] if finite else [])
    return [*numbers, relative, *errors, verdict]


DIGITS_SHOWN: Final = 6


def _agreeing(value: float, other: float) -> int:
    """How many significant digits, at most DIGITS_SHOWN and at least one, `value` and `other` share."""
    if value == other or not (math.isfinite(value) and math.isfinite(other)):
        return DIGITS_SHOWN
    apart = abs(value - other) / max(abs(value), abs(other))
    return min(max(math.floor(-math.log10(apart)), 1), DIGITS_SHOWN)


def _file_name(topic: AnyTopic) -> str:
    return topic.id.replace(".", "_")


def formula(topic: AnyTopic, state: LabState, result: Any, language: Language) -> None:
    """The formula with live numbers. Markdown sets an equation large and centred only where its $$ stand on lines of their own."""
    text = topic.formula(result, state.step, language)
    st.markdown(re.sub(r"^\$\$(.+)\$\$$", r"$$\n\1\n$$", text, flags=re.MULTILINE))


def code(topic: AnyTopic, state: LabState, result: Any, language: Language, nudged: Mapping[str, float]) -> None:
    """The PyTorch script that prints the page's numbers, to the digits that do not hang on rounding.

    `nudged`: the numbers after a change of the settings by about one rounding, as far as they are known.
    """
    _ = translator(language)
    script = topic.write_script(state.settings, state.upload)
    told = (
        _("This script needs only torch and NumPy.")
        if state.upload is not None
        else _("This script needs only torch, NumPy and scikit-learn (for the digits).")
    )
    numbers = topic.headline(result)
    digits = {name: _agreeing(value, nudged.get(name, value)) for name, value in numbers.items()}
    printed = _(", ").join(f"`{name} = {value:.{digits[name]}g}`" for name, value in numbers.items())
    st.markdown(closed_up(told + " " + _("It prints: ") + printed))
    if isinstance(topic, LiveTopic):
        st.caption(
            _(
                "Training amplifies rounding: another machine, or the script, which trains one network after "
                "another, may classify a few test images differently. With two samples per statistic, or near the "
                "learning rate at which training breaks down, a single seed may differ by many points."
            )
        )
    elif (least := min(digits.values(), default=DIGITS_SHOWN)) < DIGITS_SHOWN:
        st.caption(
            _(
                "Training amplifies rounding: a learning rate larger by a ten-millionth changes some of these numbers at their digit "
                "{digit} already. They are given to the digits that it leaves alone."
            ).format(digit=least + 1)
        )
    with st.container(horizontal=True):
        st.download_button(_("Download script (.py)"), script, f"bnviz_{_file_name(topic)}.py", "text/x-python")
        st.download_button(
            _("Download notebook (.ipynb)"),
            notebook(script, _(topic.question)),
            f"bnviz_{_file_name(topic)}.ipynb",
            "application/x-ipynb+json",
        )
    code_block.draw(f"{topic.lab}.script", script, _("Code"), _)


def data(topic: AnyTopic, state: LabState, result: Any, language: Language) -> None:
    """The numbers behind the picture."""
    _ = translator(language)
    columns = topic.table(result)
    table = pd.DataFrame(dict(columns))
    st.download_button(
        _("Download table (CSV)"), table.to_csv(index=False).encode(), f"bnviz_{_file_name(topic)}.csv", "text/csv"
    )
    fractions = [name for name, values in columns.items() if values.dtype.kind == "f"]
    numbers = {name: st.column_config.NumberColumn(format="%.4g") for name in fractions}
    st.dataframe(table, hide_index=True, column_config=numbers)


def sources(topic: AnyTopic, state: LabState, result: Any, language: Language) -> None:
    """The paper or page behind each claim."""
    _ = translator(language)
    shown = [source for source in topic.sources if state.upload is None or source is not DIGITS]
    lines = ["- " + _(source.claim) + f" — [{source.title}]({source.url})" for source in shown]
    st.markdown("\n".join(lines))


DRAW: Final[dict[str, Callable[[AnyTopic, LabState, Any, Language], None]]] = {
    "formula": formula,
    "data": data,
    "sources": sources,
}
