"""Lesson plans as the class page shows them: short links, and the answers that only a run knows."""

from __future__ import annotations

from functools import cache
from typing import Any

from bnviz.classroom.plans import NumberAsked, Options, OwnPrediction, Step, plans
from bnviz.i18n import Language, translator
from bnviz.labs.course import find_lab
from bnviz.settings import LabSettings, fields
from bnviz.teaching.lab import AnyTopic, InstantTopic, Lab
from bnviz.ui import cache as results
from bnviz.ui.runs import shipped_result
from bnviz.ui.visit import PAGE_KEYS


@cache
def content(name: str, language: Language) -> dict[str, Any] | None:
    """The plan `name` in one language, its questions in both, since a class may read both; None where there is no such plan."""
    plan = next((plan for plan in plans() if plan.name == name), None)
    return (
        None
        if plan is None
        else {
            "name": plan.name,
            "lang": language,
            "title": getattr(plan.title, language),
            "aim": getattr(plan.aim, language),
            "minutes": plan.minutes,
            "steps": [
                {
                    "title": getattr(step.title, language),
                    "minutes": step.minutes,
                    "say": getattr(step.say, language).strip().split("\n\n"),
                    "at": place(step),
                    "topic": _opened(step)[1].name,
                    "question": question(step),
                }
                for step in plan.steps
            ],
        }
    )


def _opened(step: Step) -> tuple[Lab, AnyTopic, LabSettings]:
    lab = find_lab(step.link.page)
    assert lab is not None, "the tests open every step"
    topic, settings, _ = lab.from_query(
        {name: value for name, value in step.link.query.items() if name not in PAGE_KEYS}
    )
    return lab, topic, settings


def place(step: Step, *, seen: bool = False) -> dict[str, Any]:
    """Where a step is, by what differs from the topic's opening; `seen`: with its picture, without the page's question."""
    lab, topic, settings = _opened(step)
    own = {name: value for name, value in step.link.query.items() if name in PAGE_KEYS}
    return {
        "page": step.link.page,
        "query": lab.to_query(topic, settings) | own | ({"predict": "0"} if seen else {}),
    }


def question(step: Step) -> dict[str, Any] | None:
    """The question of a step with its answer, as class.js asks and reveals it; None where it has none."""
    asked = step.question
    if asked is None:
        return None
    common = {"kind": asked.kind, "shown_at": place(step, seen=True)}
    if isinstance(asked, OwnPrediction):
        _, topic, settings = _opened(step)
        return common | prediction(topic, _result(topic, settings))
    explanation = asked.explanation.model_dump() if asked.explanation else None
    own = {"text": asked.text.model_dump(), "correct": asked.correct, "explanation": explanation}
    if isinstance(asked, NumberAsked):
        return common | own | {"setting": asked.setting}
    assert isinstance(asked, Options)
    return common | own | {"options": [option.model_dump() for option in asked.options]}


def prediction(topic: AnyTopic, result: Any) -> dict[str, Any]:
    """The question that `topic` asks before its picture; its answer, where there is a result."""
    asked = topic.prediction
    return {
        "text": both(asked.question),
        "options": [both(option) for option in asked.options],
        "correct": None if result is None else asked.correct(result),
        "explanation": both(asked.explanation),
    }


def numbers(topic: AnyTopic) -> list[dict[str, Any]]:
    """The settings of `topic` that a class can be asked for: those with a scale."""
    described = fields(topic.settings)
    return [
        {"name": name, "label": both(described[name].parameter.label)}
        for name in (*topic.controls, *topic.more)
        if described[name].kind == "number" and described[name].parameter.stops
    ]


def both(message: str) -> dict[str, str]:
    """`message` in both languages."""
    return {"en": message, "zh": translator("zh")(message)}


def _result(topic: AnyTopic, settings: LabSettings) -> Any:
    return results.result(topic, settings, None) if isinstance(topic, InstantTopic) else shipped_result(topic)
