"""Lesson plans: data in `plans/`, one file each, in both languages."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from bnviz.classroom.limits import MAX_OPTIONS
from bnviz.classroom.protocol import Given, Name, Part, Place, Text
from bnviz.errors import BnvizError
from bnviz.i18n import N_

FOLDER: Final = Path(__file__).parent / "plans"
LONGEST_SPEECH: Final = 1500


class Speech(Part):
    """What the teacher says and does, in both languages; paragraphs are apart by an empty line."""

    en: Annotated[str, Field(min_length=1, max_length=LONGEST_SPEECH)]
    zh: Annotated[str, Field(min_length=1, max_length=LONGEST_SPEECH)]


class Options(Part):
    """A question of the plan's own."""

    kind: Literal["options"]
    text: Text
    options: Annotated[tuple[Text, ...], Field(min_length=2, max_length=MAX_OPTIONS)]
    correct: Annotated[int, Field(ge=0)] | None = None
    """Index of the right option; None where there is none."""
    explanation: Text | None = None

    @model_validator(mode="after")
    def _has_its_answer(self) -> Self:
        if self.correct is not None and self.correct >= len(self.options):
            raise ValueError("there is no such option")
        return self


class NumberAsked(Part):
    """A setting of the step's page that everybody looks for."""

    kind: Literal["number"]
    text: Text
    setting: Name
    correct: Given | None = None
    explanation: Text | None = None


class OwnPrediction(Part):
    """The question that the page itself asks, at the settings of the link; the right option comes from the very run."""

    kind: Literal["prediction"]


def _place(link: object) -> object:
    """The place that a link like `/layer?batch_size=2` means."""
    if not isinstance(link, str) or not link.startswith("/"):
        raise ValueError("a link begins with /")
    parts = urlsplit(link)
    pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a setting stands twice in the link")
    return {"page": parts.path.removeprefix("/"), "query": dict(pairs)}


class Step(Part):
    """One step of a lesson."""

    title: Text
    minutes: Annotated[int, Field(ge=1, le=60)]
    link: Annotated[Place, BeforeValidator(_place)]
    """Where the class is."""
    say: Speech
    question: Annotated[Options | NumberAsked | OwnPrediction, Field(discriminator="kind")] | None = None


class Plan(Part):
    """A lesson."""

    name: Name
    """Of its file."""
    title: Text
    aim: Text
    """What students can do afterwards."""
    minutes: Annotated[int, Field(ge=1, le=180)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=40)]

    @model_validator(mode="after")
    def _fills_its_time(self) -> Self:
        if (taken := sum(step.minutes for step in self.steps)) != self.minutes:
            raise ValueError(f"its steps take {taken} minutes")
        return self


class PlanError(BnvizError):
    """A file is no plan."""


def parsed(name: str, text: str) -> Plan:
    """The plan in a file's text. Raises: PlanError, which says where it is wrong."""
    try:
        content: dict[str, Any] = tomllib.loads(text)
        return Plan.model_validate({"name": name, **content}, strict=False)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(N_("The plan {name} cannot be read: {problem}"), name=name, problem=error) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or name
        raise PlanError(
            N_("The plan {name} is wrong at {where}: {problem}"), name=name, where=where, problem=first["msg"]
        ) from None


@cache
def plans() -> tuple[Plan, ...]:
    """All plans, the short ones first. Raises: PlanError."""
    found = [parsed(path.stem, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))]
    return tuple(sorted(found, key=lambda plan: (plan.minutes, plan.name)))
