"""Lesson plans as the class page sends them: whole, short, and with the answer that the run gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bnviz.classroom.plans import OwnPrediction, plans
from bnviz.i18n import LANGUAGES
from bnviz.labs.course import LABS
from bnviz.ui import lesson_plans
from bnviz.ui.visit import PAGE_KEYS

EVERY_PLAN = pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan.name)


def settings_of(place: dict[str, Any]) -> Any:
    lab = next(lab for lab in LABS if lab.name == place["page"])
    topic, settings, problems = lab.from_query({n: v for n, v in place["query"].items() if n not in PAGE_KEYS})
    assert problems == []
    return topic.id, settings


@EVERY_PLAN
def test_a_short_link_means_what_the_plan_says(plan: Any) -> None:
    content = lesson_plans.content(plan.name, "en")
    assert content is not None
    for step, sent in zip(plan.steps, content["steps"], strict=True):
        assert settings_of(sent["at"]) == settings_of({"page": step.link.page, "query": step.link.query})
        assert len(sent["at"]["query"]) <= len(step.link.query)
        assert ("predict" in sent["at"]["query"]) == ("predict" in step.link.query)


@EVERY_PLAN
def test_the_answer_opens_the_picture_where_the_question_was_asked(plan: Any) -> None:
    for step in plan.steps:
        question = lesson_plans.question(step)
        if question is None:
            assert step.question is None
            continue
        assert question["shown_at"]["query"]["predict"] == "0"
        assert settings_of(question["shown_at"]) == settings_of(lesson_plans.place(step))
        if isinstance(step.question, OwnPrediction):
            assert question["correct"] in range(len(question["options"]))


def test_the_answer_of_a_pages_own_question_comes_from_its_run() -> None:
    """The first plan asks the same at two settings of the layer; only the run knows that the answers differ."""
    first = next(plan for plan in plans() if plan.name == "from_zero").steps[1]
    fresh = first.model_copy(
        update={"link": first.link.model_copy(update={"query": {"mode": "eval", "input_scale": "5.0"}})}
    )
    train, untrained = lesson_plans.question(first), lesson_plans.question(fresh)
    assert train is not None
    assert untrained is not None
    assert (train["correct"], untrained["correct"]) == (0, 1)


@EVERY_PLAN
def test_a_plan_is_sent_in_the_pages_language_its_questions_in_both(plan: Any) -> None:
    english, chinese = (lesson_plans.content(plan.name, language) for language in LANGUAGES)
    assert english is not None
    assert chinese is not None
    assert json.loads(json.dumps(english)) == english
    assert english["title"] == plan.title.en
    assert chinese["steps"][0]["say"] == plan.steps[0].say.zh.strip().split("\n\n")
    for one, other in zip(english["steps"], chinese["steps"], strict=True):
        assert one["question"] == other["question"]


def test_no_other_plan_is_sent() -> None:
    assert lesson_plans.content("../secret", "en") is None


def test_a_class_is_asked_for_settings_with_a_scale_only() -> None:
    layer = next(lab for lab in LABS if lab.name == "layer").topics[0]
    names = [number["name"] for number in lesson_plans.numbers(layer)]
    assert {"batch_size", "momentum", "eps"} < set(names)
    assert not {"mode", "seed", "affine"} & set(names)
