"""The types of the course: a `Lab` has topics; a topic is everything about one question that is not a widget."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar

from numpy.typing import NDArray

from bnviz.errors import BnvizError, SettingError, UnknownSettingError
from bnviz.i18n import Language, long_text
from bnviz.plot.chart import Chart
from bnviz.plot.listing import Listing
from bnviz.plot.scene import Scene
from bnviz.scripting.reader import Reader
from bnviz.settings import LabSettings, from_query, one_of, to_query
from bnviz.study.comparison import Comparison
from bnviz.study.verdict import Finding

S = TypeVar("S", bound=LabSettings)
R = TypeVar("R")
Picture = Chart | Scene | Listing
Draw = Callable[[R, Language], Picture]
UploadKind = Literal["table", "images", "classes"]

TOPIC_KEY: Final = "topic"  # names the topic in a link to a lab that has several
SHIPPED: Final = "shipped.npz"
BUILT_IN: Final = re.compile(r"<!-- built-in data -->(.*?)<!-- /built-in data -->", re.DOTALL)
"""A passage of a long text that speaks of the built-in data."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings that one click sets."""

    name: str
    """By which tests and lesson plans address it: a Python identifier, unique within the topic."""
    title: str
    """On the button (msgid)."""
    look_for: str
    """One line saying what to look for (msgid)."""
    changes: Mapping[str, Any]
    """What differs from the topic's opening."""
    holds: Callable[[Any], bool] | None = None
    """Whether the result of these settings shows what `look_for` says: true for 19 of 20 fresh seeds at least, which `make claims`
    counts. None where `look_for` asks, tells what to look at, or says what holds by construction."""


@dataclass(frozen=True, slots=True)
class Prediction(Generic[R]):
    """The question that is asked before the picture."""

    question: str
    """A msgid."""
    options: tuple[str, ...]
    """The answers to choose from (msgids)."""
    correct: Callable[[R], int | None]
    """Finds the index of the right option in the very run; None where the run has no answer, and then nothing is asked."""
    explanation: str
    """Shown after the answer (msgid)."""
    asked: Callable[[Any], bool] | None = None
    """Of a run that takes long: whether its settings make sense of the question. None: all do."""


@dataclass(frozen=True, slots=True)
class Source:
    """A paper or page behind a claim."""

    claim: str
    """A msgid."""
    title: str
    """Of the paper or page, in its own language."""
    url: str
    """Where to read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic(Generic[S, R]):
    """One question: its settings, run, pictures and texts. Of its two kinds, `InstantTopic` and `LiveTopic`, every topic is one."""

    lab: str
    """Name of its lab: the page's URL."""
    name: str
    """Within its lab; of a lab with one question it is the lab's name."""
    folder: Path
    """Where `text.en.md`, `text.zh.md`, the catalogue and the shipped result are."""
    title: str
    """In the navigation (msgid)."""
    question: str
    """In a student's words (msgid)."""
    answer: str
    """One sentence (msgid)."""
    settings: type[S]
    """Their defaults are what the topic opens with."""
    controls: tuple[str, ...]
    """The at most six settings that are seen first."""
    more: tuple[str, ...]
    """The rest."""
    applies: Callable[[S, str], bool] = lambda settings, name: True
    """Whether a control has an effect now."""
    pictures: tuple[Draw[R], ...]
    """Hero first, at most three."""
    theory: tuple[Draw[R], ...]
    """At most three pictures that lay closed forms over the measurement."""
    comparisons: Callable[[R], Sequence[Comparison]]
    """Measured beside predicted."""
    presets: tuple[Preset, ...]
    """At most eight."""
    prediction: Prediction[R]
    """The question before the picture."""
    formula: Callable[[R, int, Language], str]
    """Markdown with the live numbers of one frame (`result`, `step`, `language`)."""
    script: Callable[..., str]
    """The standalone PyTorch script: `script(settings)`; `script(settings, upload)` where `upload` says what the data is."""
    headline: Callable[[R], Mapping[str, float]]
    """The numbers that the script prints, by the names that it prints."""
    table: Callable[[R], Mapping[str, NDArray[Any]]]
    """Columns of equal length behind the pictures."""
    sources: tuple[Source, ...]
    """Behind the claims."""
    finding: Callable[[R, Language], str] | None = None
    """The answer for the run that is shown, one sentence in the reader's language; stands in place of `answer` where given."""
    holds: Callable[[R], bool] | None = None
    """Whether the result of the opening shows what `answer` and the long text say of it; as `Preset.holds`."""
    findings: Callable[[R], Sequence[Finding]] | None = None
    """Every verdict on the page: how many there are, and of which data they speak, is then said below the pictures."""
    upload: UploadKind | None = None
    """What the visitor's own data is, where the topic takes any: a "table" (N, D), "images" (N, K, H, W) or "classes", a table
    whose last column is the class. `run`, and `cost` of a `LiveTopic`, then take it (or None) as their second argument, and raise
    UploadError where the settings want data and there is none."""

    @property
    def id(self) -> str:
        """Unique in the course: `layer`, `modes.gap`."""
        return self.lab if self.name == self.lab else f"{self.lab}.{self.name}"

    @property
    def opening(self) -> S:
        """The settings with which the topic opens."""
        return self.settings()

    def preset(self, name: str) -> S:
        """The settings of a preset. Raises: KeyError where there is none of that name."""
        return self.settings(**{preset.name: preset for preset in self.presets}[name].changes)

    def write_script(self, settings: S, upload: Reader | None = None) -> str:
        """The standalone PyTorch script for `settings`, which reads the visitor's own file where there is one."""
        return self.script(settings) if self.upload is None else self.script(settings, upload)

    def text(self, language: Language, *, own_data: bool = False) -> str:
        """The long text below the pictures (Markdown), without what speaks of the built-in data where the visitor's own is shown.

        A link of settings only, `[batch size 2](?batch_size=2)`, means this topic.
        """
        text = BUILT_IN.sub("" if own_data else r"\1", long_text(self.folder, language))
        return text if self.name == self.lab else text.replace("](?", f"](?{TOPIC_KEY}={self.name}&")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstantTopic(Topic[S, R]):
    """A topic whose result is there before the visitor notices."""

    run: Callable[..., R]
    """`run(settings)`; `run(settings, data)` where `upload` says what the data is."""

    def compute(self, settings: S, data: NDArray[Any] | None = None) -> R:
        """The result for `settings`. Raises: what `run` raises."""
        return self.computation(settings, data)()

    def computation(self, settings: S, data: NDArray[Any] | None = None) -> Callable[[], R]:
        """What computes the result for `settings`, in a form that may be sent to another process."""
        return partial(self.run, settings) if self.upload is None else partial(self.run, settings, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTopic(Topic[S, R]):
    """A topic whose run takes long: started by a button, run in a worker process, its pictures drawn from partial results too."""

    run: Callable[..., R]
    """`run(settings, on_update)`; `run(settings, data, on_update)` where `upload` says what the data is. `on_update` gets partial
    results on the way; None where nobody wants them."""
    result: type[R]
    """What `run` returns; it has `settings` and `progress`, the share of the run that it holds, in [0, 1]."""
    cost: Callable[..., float]
    """Seconds that a run will take on one core: `cost(settings)` or `cost(settings, data)`. Raises CostError where that is too much."""

    def compute(self, settings: S, data: NDArray[Any] | None = None, on_update: Callable[[R], None] | None = None) -> R:
        """The result for `settings`, computed here. Raises: what `run` raises."""
        return self.run(settings, on_update) if self.upload is None else self.run(settings, data, on_update)

    def seconds(self, settings: S, data: NDArray[Any] | None = None) -> float:
        """What a run will take on one core. Raises: CostError."""
        return self.cost(settings) if self.upload is None else self.cost(settings, data)

    @property
    def shipped(self) -> Path:
        """The file with the result of the topic's opening; it may be missing."""
        return self.folder / SHIPPED


AnyTopic = InstantTopic[Any, Any] | LiveTopic[Any, Any]


@dataclass(frozen=True, slots=True)
class Lab:
    """One page: a question of a chapter, with one topic or several that share the names of their settings."""

    name: str
    """The page's URL."""
    title: str
    """In the navigation (msgid)."""
    question: str
    """A msgid."""
    topics: tuple[AnyTopic, ...]
    """In the order in which they are offered; the lab opens with the first."""

    def topic(self, name: str) -> AnyTopic:
        """The topic `name`; the first where there is none of that name."""
        return next((topic for topic in self.topics if topic.name == name), self.topics[0])

    def from_query(self, query: Mapping[str, str]) -> tuple[AnyTopic, LabSettings, list[BnvizError]]:
        """What a link to the lab means: a topic, its settings counted from its opening, and what is wrong with the link.

        Settings that only another topic of the lab has are not wrong: they say nothing here.
        """
        topic = self.topic(query.get(TOPIC_KEY, ""))
        foreign = {name for other in self.topics for name in other.settings.model_fields} - set(
            topic.settings.model_fields
        )
        problems: list[BnvizError] = []
        if TOPIC_KEY in query and (len(self.topics) == 1 or topic.name != query[TOPIC_KEY]):
            problems.append(self._no_such_topic(query[TOPIC_KEY]))
        own = {name: text for name, text in query.items() if name != TOPIC_KEY and name not in foreign}
        settings, wrong = from_query(topic.settings, own)
        return topic, settings, problems + wrong

    def _no_such_topic(self, given: str) -> BnvizError:
        if len(self.topics) == 1:
            return UnknownSettingError([TOPIC_KEY], self.topics[0].settings.names())
        allowed = one_of([topic.name for topic in self.topics])
        return SettingError(TOPIC_KEY, allowed, given, self.topics[0].name)

    def to_query(self, topic: AnyTopic, settings: LabSettings, *, full: bool = False) -> dict[str, str]:
        """The link's query from which `from_query` makes `settings` again: what differs from the opening, or everything (`full`)."""
        named = {TOPIC_KEY: topic.name} if len(self.topics) > 1 and (full or topic is not self.topics[0]) else {}
        return named | to_query(settings, full=full)

    def carried_over(self, old: AnyTopic, settings: LabSettings, new: AnyTopic) -> LabSettings:
        """The settings with which `new` is entered from `old`: a value comes along where both topics open with the same one."""
        before: LabSettings = old.opening
        after: LabSettings = new.opening
        shared = [
            name for name in after.names() if name in before.names() and getattr(before, name) == getattr(after, name)
        ]
        try:
            return after.replace(**{name: getattr(settings, name) for name in shared})
        except BnvizError:
            return after
