"""What the lessons say about results: made from the result, counted by `make claims`, or asked. Here the short form, one fresh seed."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest

from bnviz.classroom.plans import Plan, plans
from bnviz.i18n import LANGUAGES, Language
from bnviz.labs.course import LABS, TOPICS
from bnviz.plot.chart import Chart
from bnviz.study.shipped import load
from bnviz.study.verdict import NOISY, SHOWS, SHOWS_NOT
from bnviz.teaching.lab import AnyTopic, LiveTopic
from scripts import claims

QUICK = [claim for topic in TOPICS if not isinstance(topic, LiveTopic) for claim in claims.claims(topic)]
RESULT = re.compile(
    r"\b(typically|mostly|turns? out|by little|nobody can|is real|(much|far) (better|worse|faster|stronger)"
    r"|costs? (one|two|nothing))\b"
)
"""Words with which a sentence says how a run ends."""
LINK = re.compile(r"\]\(\?([^)]*)\)")


@pytest.mark.parametrize("claim", QUICK, ids=lambda claim: f"{claim.topic.id}:{claim.name}")
def test_a_claim_holds_for_a_fresh_seed(claim: claims.Claim) -> None:
    assert claims.count(claim, 1) == 1


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_a_preset_claims_what_can_be_counted_or_asks(topic: AnyTopic) -> None:
    for preset in topic.presets:
        assert preset.holds is not None or "?" in preset.look_for, preset.name


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_what_a_topic_says_of_its_opening_is_counted_or_says_no_result(topic: AnyTopic) -> None:
    """A run that takes long is not counted for every sentence: there the texts ask, or say how things are computed."""
    if topic.holds is not None:
        return
    assert isinstance(topic, LiveTopic)
    texts = (
        topic.answer,
        topic.prediction.explanation,
        topic.text("en"),
        *(preset.look_for for preset in topic.presets),
    )
    assert [sentence for text in texts for sentence in results_stated(text)] == []


@pytest.mark.parametrize("plan", plans(), ids=lambda plan: plan.name)
def test_a_lesson_plan_asks_for_results(plan: Plan) -> None:
    """A teacher reads it out beside a run that shows what it shows."""
    assert [sentence for step in plan.steps for sentence in results_stated(step.say.en)] == []


def results_stated(text: str) -> list[str]:
    """The sentences of `text` that say how a run ends, and do not ask."""
    sentences = re.split(r"(?<=[.?!:])\s+", text)
    return [sentence for sentence in sentences if not sentence.endswith("?") and RESULT.search(sentence)]


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_the_sentence_under_the_title_is_made_from_the_result(topic: AnyTopic) -> None:
    """It is there for the opening, in two languages, and is not the fixed answer."""
    result = load(topic.result, topic.shipped) if isinstance(topic, LiveTopic) else topic.compute(topic.opening)
    assert topic.finding is not None
    told = {language: topic.finding(result, language) for language in LANGUAGES}
    assert told["en"] != told["zh"]
    for text in told.values():
        assert "{" not in text
        assert "nan" not in text.lower().replace("nan ", "")
    assert re.search("[\u4e00-\u9fff]", told["zh"])
    assert not re.search("[\u4e00-\u9fff]", told["en"])


@pytest.mark.parametrize(
    "topic", [topic for topic in TOPICS if isinstance(topic, LiveTopic)], ids=lambda topic: topic.id
)
def test_the_page_counts_every_verdict_that_its_pictures_give(topic: AnyTopic) -> None:
    assert isinstance(topic, LiveTopic)
    result = load(topic.result, topic.shipped)
    charts = [chart for draw in topic.pictures if isinstance(chart := draw(result, "en"), Chart)]
    told = " ".join(note["text"] for chart in charts for note in chart.layout["annotations"]).replace("<br>", " ")
    given = sum(told.count(verdict) for verdict in (SHOWS, SHOWS_NOT, NOISY, "no verdict"))
    counted = [] if topic.findings is None else topic.findings(result)
    assert given <= len(counted)


def test_another_result_makes_another_sentence() -> None:
    """The rows of the audit: a fixed sentence contradicted the picture at these settings."""
    topics = {topic.id: topic for topic in TOPICS}
    for name, changes, said in (
        ("modes.momentum_error", {"momentum": 0.1}, "the momentum is not to blame"),
        ("noise.shift", {"dropout": 0.0}, "no batch norm was misled"),
        ("modes.influence", {"mode": "eval"}, "0 of 7 other images with batch norm"),
    ):
        topic = topics[name]
        assert topic.finding is not None
        assert said in topic.finding(topic.compute(topic.settings(**changes)), "en")
        assert said not in topic.finding(topic.compute(topic.opening), "en")


def test_a_growing_gradient_is_not_said_to_decay() -> None:
    topic = next(topic for topic in TOPICS if topic.id == "recurrence.through_time")
    assert topic.finding is not None
    factor = re.search(r"batch norm per step ×([\d.]+)", topic.finding(topic.compute(topic.preset("gamma_3")), "en"))
    assert factor is not None
    assert float(factor[1]) > 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_links_in_texts_set_what_they_name(lab, language: Language) -> None:  # type: ignore[no-untyped-def]
    for topic in lab.topics:
        for query in LINK.findall(topic.text(language)):
            meant, settings, problems = lab.from_query(dict(parse_qsl(query)))
            assert not problems, query
            assert meant is topic
            assert settings != topic.opening or any(f"{key}=" in query for key in topic.opening.names()), query


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_both_languages_link_the_same(topic: AnyTopic) -> None:
    assert LINK.findall(topic.text("en")) == LINK.findall(topic.text("zh"))


def test_nineteen_of_twenty_are_enough_and_eighteen_are_not() -> None:
    assert claims.enough(19, 20)
    assert not claims.enough(18, 20)
