"""What a notebook shows of a result: its topic's question and answer, the headline, and the pictures."""

from __future__ import annotations

import html
from importlib import import_module
from typing import Any

from bnviz.i18n import Language, translator
from bnviz.plot.numbers import short
from bnviz.plot.page import notebook_frame
from bnviz.teaching.lab import AnyTopic


class Displayed:
    """A result that a notebook shows with its numbers and pictures. It stands beside the `lesson` of its topic."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        lesson = import_module(f"{type(self).__module__.rpartition('.')[0]}.lesson")
        return display(lesson.TOPIC, self)


def display(topic: AnyTopic, result: Any, language: Language = "en") -> str:
    """`result` of `topic` as an HTML element for a notebook."""
    _ = translator(language)
    answer = topic.finding(result, language) if topic.finding else _(topic.answer)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{short(value)}</td></tr>"
        for name, value in topic.headline(result).items()
    )
    head = f"<h2>{html.escape(_(topic.question))}</h2><p>{html.escape(answer)}</p><table>{rows}</table>"
    return notebook_frame([draw(result, language) for draw in topic.pictures], language, head)
