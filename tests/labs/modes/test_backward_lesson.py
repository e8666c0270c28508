"""The lesson `backward` of the lab `modes`: everything is written, and what its fixed words claim holds in the runs they speak of."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES, Language
from bnviz.labs.modes.backward import lesson
from bnviz.labs.modes.backward.lesson import TOPIC
from bnviz.labs.modes.backward.result import Result
from bnviz.settings import fields

WORDS = {
    "title": TOPIC.title,
    "question": TOPIC.question,
    "answer": TOPIC.answer,
    "prediction.question": TOPIC.prediction.question,
    "prediction.explanation": TOPIC.prediction.explanation,
    **{f"presets: {preset.name}": preset.look_for for preset in TOPIC.presets},
    **{f"sources: {source.title}": source.claim for source in TOPIC.sources},
    **{f"settings: {name}": field.parameter.help for name, field in fields(TOPIC.settings).items()},
}


@pytest.mark.parametrize("name", WORDS)
def test_the_words_are_written(name: str) -> None:
    assert "TODO" not in WORDS[name], f"{name} is still the template's"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_said_of_a_result_is_written(language: Language) -> None:
    result = TOPIC.compute(TOPIC.opening)
    said = [TOPIC.formula(result, 0, language), *(str(draw(result, language)) for draw in TOPIC.pictures)]
    assert not [text for text in said if "TODO" in text or "待写" in text], (
        "lesson.formula or figures: still the template's"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_long_text_is_written(language: Language) -> None:
    text = TOPIC.text(language)
    assert "TODO" not in text, f"text.{language}.md is still the template's"
    assert "待写" not in text, f"text.{language}.md is still the template's"


def test_theory_explains_what_was_measured() -> None:
    rows = TOPIC.comparisons(TOPIC.compute(TOPIC.opening))
    assert rows
    assert [row.quantity.text() for row in rows if not row.explained] == []


def test_theory_is_drawn() -> None:
    assert TOPIC.theory, "lesson.py: `theory` wants a picture that lays the closed form over the measurement"


@cache
def opened(preset: str = "") -> Result:
    """The run of the topic as it opens, or of one of its presets."""
    return TOPIC.compute(TOPIC.preset(preset) if preset else TOPIC.opening)


@pytest.mark.parametrize(
    ("cosine", "option"),
    [
        (0.4, lesson.ANOTHER),
        (0.87, lesson.ANOTHER),
        (0.89, None),
        (0.91, None),
        (0.95, lesson.NEARLY),
        (0.989, None),
        (0.9995, lesson.SAME),
    ],
)
def test_near_a_border_nothing_is_asked(cosine: float, option: int | None) -> None:
    result = dataclasses.replace(opened(), cosine_same=np.full_like(opened().cosine_same, cosine))
    assert TOPIC.prediction.correct(result) == option


def test_what_the_texts_claim_holds() -> None:
    result = opened()
    assert TOPIC.prediction.correct(result) == lesson.ANOTHER
    assert TOPIC.holds is not None
    assert TOPIC.holds(result)
    for preset in TOPIC.presets:
        assert preset.holds is not None
        assert preset.holds(opened(preset.name)), preset.name
    # Pixels and outputs of ReLU: the means that make the weights' gradients differ more than those at the batch norm.
    assert (result.cosine_same**2 < result.kept).all()
    assert f"{result.cosine_same[0]:.3f}" in lesson.finding(result)
