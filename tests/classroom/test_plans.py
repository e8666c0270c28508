"""Lesson plans: whole in both languages, in time, and every link means what its page understands."""

from __future__ import annotations

import re

import pytest

from bnviz.classroom.plans import FOLDER, NumberAsked, Options, OwnPrediction, Plan, PlanError, Step, parsed, plans
from bnviz.classroom.polls import number_question
from bnviz.classroom.protocol import Ask, Place
from bnviz.labs.course import LABS
from bnviz.settings import LabSettings, fields
from bnviz.teaching.lab import AnyTopic, InstantTopic, LiveTopic
from bnviz.ui.runs import shipped_result
from bnviz.ui.visit import PAGE_KEYS

STEPS = [(plan, step) for plan in plans() for step in plan.steps]
EVERY_STEP = pytest.mark.parametrize(
    ("plan", "step"), STEPS, ids=[f"{plan.name}-{step.title.en}" for plan, step in STEPS]
)
PLAN = """
title = { en = "A", zh = "甲" }
aim = { en = "A", zh = "甲" }
minutes = 5
[[steps]]
title = { en = "A", zh = "甲" }
minutes = 5
link = "/layer?batch_size=2"
say = { en = "A", zh = "甲" }
"""


def opened(place: Place) -> tuple[AnyTopic, LabSettings, list[str]]:
    """What a page makes of a link: the topic, its settings, and what is wrong. The one place that knows the labs' interface."""
    lab = next(lab for lab in LABS if lab.name == place.page)
    topic, settings, problems = lab.from_query(own(place))
    return topic, settings, [str(problem) for problem in problems]


def own(place: Place) -> dict[str, str]:
    """The part of a link that names settings of the lab."""
    return {name: value for name, value in place.query.items() if name not in PAGE_KEYS}


def test_the_three_lessons_are_there() -> None:
    assert {(plan.title.en, plan.minutes) for plan in plans()} == {
        ("Batch norm from zero", 45),
        ("train() and eval()", 45),
        ("Why does it help?", 90),
    }
    assert {plan.name for plan in plans()} == {path.stem for path in FOLDER.glob("*.toml")}


@EVERY_STEP
def test_a_link_is_one_that_its_page_understands(plan: Plan, step: Step) -> None:
    topic, settings, problems = opened(step.link)
    assert problems == []
    lab = next(lab for lab in LABS if lab.name == step.link.page)
    assert step.link.query.get("topic", topic.name) == topic.name
    assert ("topic" in step.link.query) == (len(lab.topics) > 1)
    # Nothing is lost, cut to a bound or spelled in another way; and nothing belongs to another topic of the lab.
    full = lab.to_query(topic, settings, full=True)
    assert {name: full.get(name) for name in own(step.link)} == own(step.link)


@EVERY_STEP
def test_a_page_shows_what_the_step_wants_at_once(plan: Plan, step: Step) -> None:
    """A long run would keep the class waiting, unless its result is shipped. The page asks its own question where the plan does."""
    topic, settings, _ = opened(step.link)
    if isinstance(topic, LiveTopic):
        assert settings == topic.opening
        assert topic.shipped.is_file()
    assert ("predict" not in step.link.query) == isinstance(step.question, OwnPrediction)
    assert step.link.query.get("predict", "0") == "0"


@pytest.mark.parametrize(
    "step", [step for _, step in STEPS if isinstance(step.question, OwnPrediction)], ids=lambda step: step.title.en
)
def test_a_page_knows_the_answer_to_its_own_question(step: Step) -> None:
    topic, settings, _ = opened(step.link)
    result = topic.compute(settings) if isinstance(topic, InstantTopic) else shipped_result(topic)
    assert topic.prediction.correct(result) in range(len(topic.prediction.options))


@EVERY_STEP
def test_every_setting_in_a_link_has_an_effect_there(plan: Plan, step: Step) -> None:
    topic, settings, _ = opened(step.link)
    named = [name for name in own(step.link) if name != "topic"]
    assert [
        name for name in named if name in (*topic.controls, *topic.more) and not topic.applies(settings, name)
    ] == []


@EVERY_STEP
def test_a_question_can_be_asked(plan: Plan, step: Step) -> None:
    match step.question:
        case OwnPrediction():
            topic, _, _ = opened(step.link)
            assert 2 <= len(topic.prediction.options) <= 6
        case Options(text=text, options=options):
            Ask(type="ask", id=1, question=text, options=options)
            assert len({option.en for option in options}) == len({option.zh for option in options}) == len(options)
        case NumberAsked(text=text, setting=setting, correct=correct):
            topic, settings, _ = opened(step.link)
            question = number_question(text, step.link.page, topic.name, type(settings), setting)
            assert correct is not None
            assert question.read(correct) == correct
            assert correct in question.setting.stops
            # The students start from somewhere else, or they need not look for it.
            assert getattr(settings, setting) != correct


def test_the_numbers_that_are_asked_for_are_the_first_stops_that_do_it() -> None:
    """By the formulas that the plans quote."""
    asked = {
        step.question.setting: (step.question.correct, opened(step.link)[1])
        for _, step in STEPS
        if isinstance(step.question, NumberAsked)
    }
    batch_size, settings = asked["batch_size"]
    stops = fields(type(settings))["batch_size"].parameter.stops
    assert batch_size == min(stop for stop in stops if (1.5 / stop) ** 0.5 < 0.2)
    momentum, settings = asked["momentum"]
    stops = fields(type(settings))["momentum"].parameter.stops
    assert momentum == min(stop for stop in stops if not isinstance(stop, str) and (1 - stop) ** 100 < 0.01)


@pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan.name)
def test_a_plan_is_whole_in_both_languages(plan: Plan) -> None:
    for step in plan.steps:
        texts = [(step.title.en, step.title.zh), (step.say.en, step.say.zh)]
        assert all(re.search("[\u4e00-\u9fff]", chinese) for _, chinese in texts)
        assert not any(re.search("[\u4e00-\u9fff]", english) for english, _ in texts)
        assert step.say.en.strip().count("\n\n") == step.say.zh.strip().count("\n\n")
    assert any(isinstance(step.question, OwnPrediction) for step in plan.steps)


def test_a_right_plan_is_read() -> None:
    plan = parsed("mine", PLAN)
    assert plan.name == "mine"
    assert plan.steps[0].link == Place(page="layer", query={"batch_size": "2"})


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("minutes = 5\nlink", "minutes = 4\nlink", "4 minutes"),
        ('link = "/layer?batch_size=2"', 'link = "https://elsewhere.example/layer"', "steps.0.link"),
        ('link = "/layer?batch_size=2"', 'link = "/layer?batch_size=2&batch_size=3"', "twice"),
        ('link = "/layer?batch_size=2"', 'link = "/layer?batch_size"', "steps.0.link"),
        ('say = { en = "A", zh = "甲" }', 'say = { en = "A" }', "steps.0.say.zh"),
        ('say = { en = "A"', 'tell = 1\nsay = { en = "A"', "steps.0.tell"),
        ("minutes = 5\n[[", "minutes = 5\nname = 5\n[[", "name"),
        ("[[steps]]", "[steps", "cannot be read"),
        ("[[steps]]", '[[steps]]\nquestion = { kind = "riddle" }', "steps.0.question"),
    ],
)
def test_a_wrong_plan_says_where_it_is_wrong(right: str, wrong: str, said: str) -> None:
    text = PLAN.replace(right, wrong)
    assert text != PLAN
    with pytest.raises(PlanError, match=re.escape(said)):
        parsed("mine", text)


def test_an_answer_is_one_of_the_options() -> None:
    question = """[steps.question]
kind = "options"
text = { en = "A", zh = "甲" }
options = [{ en = "A", zh = "甲" }, { en = "B", zh = "乙" }]
"""
    assert parsed("mine", f"{PLAN}{question}correct = 1").steps[0].question is not None
    with pytest.raises(PlanError, match="no such option"):
        parsed("mine", f"{PLAN}{question}correct = 2")


def test_the_best_weight_of_the_training_statistics_does_not_ask_for_the_batch_size() -> None:
    """What the plan says of the new camera: brighter, with less contrast; N* is the same with batches of four."""
    (step,) = [step for _, step in STEPS if step.title.en == "A new camera"]
    topic, settings, _ = opened(step.link)
    assert settings.brightness > 0
    assert settings.contrast < 1
    results = [topic.compute(settings.replace(seeds=2, batch_size=size)) for size in (settings.batch_size, 4)]
    assert results[0].best_theory == pytest.approx(results[1].best_theory)
    gains = [float(result.error[0] - result.error.min()) for result in results]
    assert gains[1] > gains[0] + 1
