"""The shape of a lesson: everything about a lab that is not an experiment, a picture or a widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar

from numpy.typing import NDArray

from bnviz.errors import BnvizError
from bnviz.study.comparison import Comparison
from bnviz.plot.chart import Chart
from bnviz.plot.listing import Listing
from bnviz.plot.scene import Scene
from bnviz.i18n import Language
from bnviz.settings import LabSettings, from_query, to_query

S = TypeVar("S", bound=LabSettings)
R = TypeVar("R")
Picture = Chart | Scene | Listing
Draw = Callable[[R, Language], Picture]


@dataclass(frozen=True, slots=True)
class Preset:
    """One click: `changes` from the defaults, and one line saying what to look for. `title` and `look_for` are msgids."""

    title: str
    look_for: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prediction(Generic[R]):
    """The question before the picture. `options` are msgids; `correct` finds the right one in the run itself."""

    question: str
    options: tuple[str, ...]
    correct: Callable[[R], int]
    explanation: str


@dataclass(frozen=True, slots=True)
class Source:
    """A paper or page behind a claim. `claim` is a msgid, `title` stays in its language."""

    claim: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Lesson(Generic[S, R]):
    """One lab.

    `name`: URL, page file and long text. `title` (navigation), `question` and `answer` are msgids.
    `controls`: the at most six that are seen first; `more`: the rest. `applies(settings, name)`: whether a control has an effect now.
    `pictures`: hero first, at most three. `theory`: pictures that lay closed forms over the measurement, at most three.
    `formula(result, step, language)`: Markdown with the live numbers of frame `step`.
    `script(settings)`: the standalone PyTorch script. `headline(result)`: the numbers that it prints, by the names that it prints.
    `table(result)`: columns of equal length behind the pictures.
    `run` takes the settings and the visitor's own data or None, of a `live` lesson `on_update` or None. `upload`: what that data
    is: a "table" (N, D), "images" (N, K, H, W), or "classes", a table whose last column is the class. The last goes with a `live`
    lesson to its worker: `run` takes it as `data=`, `cost` as its second argument; both raise UploadError where the settings want a
    table and there is none.
    `live`: a run takes long, so it is started by a button, runs in a worker process as `Settings` and `run` of the module that
    defines `run`, and its `pictures` are drawn from partial results too. `cost(settings)`: seconds that it will take on
    one core; raises CostError where that is too much. `shipped`: the file in `bnviz/experiments/shipped` that holds the
    result for the settings with which the part opens, if one is there.

    A lab with several questions has `topics`: whole lessons by the value of the setting `topic`, of which `on(settings)` is the
    one shown (see `with_topics`). `topic`: which of them this is. `opens`: what differs from the defaults when it is opened.
    """

    name: str
    title: str
    question: str
    answer: str
    settings: type[S]
    run: Callable[[S, Any], R]
    controls: tuple[str, ...]
    more: tuple[str, ...]
    applies: Callable[[S, str], bool]
    pictures: tuple[Draw[R], ...]
    theory: tuple[Draw[R], ...]
    comparisons: Callable[[R], Sequence[Comparison]]
    presets: tuple[Preset, ...]
    prediction: Prediction[R]
    formula: Callable[[R, int, Language], str]
    script: Callable[[S], str]
    headline: Callable[[R], Mapping[str, float]]
    table: Callable[[R], Mapping[str, NDArray[Any]]]
    sources: tuple[Source, ...]
    upload: Literal["table", "images", "classes"] = "table"
    live: bool = False
    cost: Callable[..., float] | None = None
    shipped: str = ""
    topic: str = ""
    opens: Mapping[str, Any] = field(default_factory=dict)
    topics: Mapping[str, Lesson[S, R]] = field(default_factory=dict)

    def on(self, settings: LabSettings) -> Lesson[S, R]:
        """The part that `settings` choose: one of the topics, or the lesson itself where there are none."""
        return self.topics[getattr(settings, "topic")] if self.topics else self  # noqa: B009 - only labs with topics have it

    @property
    def parts(self) -> tuple[Lesson[S, R], ...]:
        """All that `on` may return."""
        return tuple(self.topics.values()) or (self,)

    @property
    def text(self) -> str:
        """The name of the long text."""
        return f"{self.name}_{self.topic}" if self.topic else self.name

    @property
    def opening(self) -> dict[str, Any]:
        """What differs from the defaults when this part is opened, `topic` among it."""
        return {**({"topic": self.topic} if self.topic else {}), **self.opens}

    @property
    def beginning(self) -> S:
        """The settings with which this part is opened."""
        return self.settings(**self.opening)

    def preset(self, number: int) -> S:
        """The settings of a preset."""
        return self.settings(**{**self.opening, **self.presets[number].changes})

    def from_query(self, query: Mapping[str, str]) -> tuple[S, list[BnvizError]]:
        """The settings that a link to the lab means, counted from those with which its topic opens; and what is wrong with it."""
        named = self.topics.get(query.get("topic", ""))
        return from_query(self.settings, query, named.opening if named else {})

    def to_query(self, settings: S, *, full: bool = False) -> dict[str, str]:
        """The link's query from which `from_query` makes `settings` again: what differs, or everything (`full`)."""
        every = to_query(settings, full=True)
        if full:
            return every
        beginning = self.on(settings).beginning
        opening = to_query(beginning, full=True)
        if beginning != self.settings():  # without its topic the link would mean other settings
            del opening["topic"]
        return {name: text for name, text in every.items() if text != opening.get(name)}


def with_topics(title: str, question: str, parts: Sequence[Lesson[S, R]]) -> Lesson[S, R]:
    """One lab of several lessons, each with a `topic` of its own; it opens with the first. `title` and `question` are the lab's."""
    return replace(parts[0], title=title, question=question, topics={part.topic: part for part in parts})
