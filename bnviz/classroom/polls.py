"""A vote: one question, two rounds, and who moved in between."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from bnviz.classroom import protocol
from bnviz.classroom.errors import ClassroomError
from bnviz.classroom.protocol import RoundNumber, Text
from bnviz.i18n import N_
from bnviz.settings import LabSettings, fields, reader

Value = int | float | str
Settings = Callable[[str, str], type[LabSettings] | None]
"""The settings of a page and its topic (empty: the first); None where there is no such page."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with options."""

    text: Text
    options: tuple[Text, ...]
    """What there is to choose from."""
    setting: None = None

    @property
    def bins(self) -> int:
        """One bar per option."""
        return len(self.options)

    def read(self, given: Value) -> Value:
        """The index of an option. Raises: ClassroomError."""
        if not isinstance(given, int) or not 0 <= given < len(self.options):
            raise ClassroomError("invalid", N_("Choose one of the {count} answers."), count=len(self.options))
        return given

    def bin_of(self, value: Value) -> int:
        """The option itself."""
        return int(value)


@dataclass(frozen=True, slots=True)
class Number:
    """A question for the value of a setting."""

    text: Text
    setting: protocol.Setting
    """As it is shown."""
    read_value: Callable[[object], object]
    """Reads and checks a value, as the setting's declaration says."""
    options: tuple[Text, ...] = ()

    @property
    def bins(self) -> int:
        """One bar per stop of the slider."""
        return len(self.setting.stops)

    def read(self, given: Value) -> Value:
        """A value that the setting may have. Raises: SettingError."""
        value = self.read_value(given)
        assert isinstance(value, int | float | str)  # `number_question` asks for no other
        return value

    def bin_of(self, value: Value) -> int:
        """The stop at the value; between two stops, the nearer one."""
        stops = self.setting.stops
        if isinstance(value, str):
            return stops.index(value)
        numbers = [stop for stop in stops if not isinstance(stop, str)]
        above = min(bisect_left(numbers, value), len(numbers) - 1)
        below = max(above - 1, 0)
        return below if value - numbers[below] <= numbers[above] - value else above


Question = Choice | Number


def number_question(text: Text, page: str, topic: str, settings: type[LabSettings], name: str) -> Number:
    """The question for the setting `name` of a page. Raises: UnknownSettingError; ClassroomError where it is nothing to ask for."""
    read_value = reader(settings, name)
    described = fields(settings)[name]
    stops = described.parameter.stops
    if described.kind != "number" or not stops:
        raise ClassroomError(
            "invalid", N_("{name} is not a setting with a scale. Ask with options instead."), name=name
        )
    setting = protocol.Setting(
        page=page,
        topic=topic,
        name=name,
        label=Text.of(described.parameter.label),
        unit=Text.of(described.parameter.unit) if described.parameter.unit else None,
        stops=stops,
        words={word: Text.of(described.parameter.names.get(word, word)) for word in stops if isinstance(word, str)},
    )
    return Number(text, setting, read_value)


@dataclass(slots=True)
class Round:
    """One time of asking."""

    answers: dict[str, Value] = field(default_factory=dict)
    """By seat."""
    open: bool = True
    """Votes are taken and may be changed."""
    shown: bool = False
    """Its bars may be seen."""


@dataclass(slots=True)
class Poll:
    """A question that a class is asked."""

    id: int
    """Counts the questions of the class."""
    question: Question
    rounds: list[Round] = field(default_factory=lambda: [Round()])
    revealed: bool = False
    correct: Value | None = None
    explanation: Text | None = None

    @property
    def round(self) -> RoundNumber:
        """The present round."""
        return 1 if len(self.rounds) == 1 else 2

    def _present(self, number: RoundNumber) -> Round:
        if number != self.round:
            raise ClassroomError("closed", N_("This round is over."))
        return self.rounds[-1]

    def answer(self, seat: str, number: RoundNumber, given: Value) -> None:
        """Take or change the vote of a seat. Raises: BnvizError."""
        present = self._present(number)
        if not present.open:
            raise ClassroomError("closed", N_("The vote is closed."))
        present.answers[seat] = self.question.read(given)

    def answers_of(self, seat: str) -> tuple[Value | None, Value | None]:
        """What a seat has answered, by round."""
        first, *second = self.rounds
        return first.answers.get(seat), second[0].answers.get(seat) if second else None

    def forget(self, seat: str) -> None:
        """Take the votes of a seat back."""
        for each in self.rounds:
            each.answers.pop(seat, None)

    def close(self, number: RoundNumber) -> None:
        """End a round. Raises: ClassroomError."""
        self._present(number).open = False

    def show(self, number: RoundNumber) -> None:
        """End a round and show all votes so far: a vote that is seen while it is open is not the voter's own. Raises: ClassroomError."""
        self.close(number)
        for each in self.rounds:
            each.shown = True

    def again(self, number: RoundNumber) -> None:
        """End the first round and begin the second. Raises: ClassroomError."""
        present = self._present(number)
        if self.revealed:
            raise ClassroomError("closed", N_("The answer is on every screen already."))
        if number == 2:
            raise ClassroomError("closed", N_("There are two rounds. For a third, ask the question again."))
        present.open = False
        self.rounds.append(Round())

    def reveal(self, number: RoundNumber, correct: Value | None, explanation: Text | None) -> None:
        """End a round and tell the answer. Raises: BnvizError."""
        present = self._present(number)
        self.correct = None if correct is None else self.question.read(correct)
        self.explanation = explanation
        self.revealed, present.open = True, False

    def bars(self, number: int) -> tuple[int, ...]:
        """Votes by bar, of the round at index `number`."""
        counts = [0] * self.question.bins
        for value in self.rounds[number].answers.values():
            counts[self.question.bin_of(value)] += 1
        return tuple(counts)

    def moved(self) -> tuple[tuple[int, ...], ...]:
        """(K, K): how many went from an option (row) to another (column), of those who answered in both rounds."""
        table = [[0] * self.question.bins for _ in range(self.question.bins)]
        first, second = self.rounds
        for seat, value in first.answers.items():
            if seat in second.answers:
                table[self.question.bin_of(value)][self.question.bin_of(second.answers[seat])] += 1
        return tuple(tuple(row) for row in table)

    def view(self, *, teacher: bool) -> protocol.Poll:
        """What the teacher, or what the students may see."""
        both_shown = len(self.rounds) == 2 and all(each.shown for each in self.rounds)
        return protocol.Poll(
            id=self.id,
            question=self.question.text,
            options=self.question.options,
            setting=self.question.setting,
            round=self.round,
            open=self.rounds[-1].open,
            voted=tuple(len(each.answers) for each in self.rounds) if teacher else (),
            bars=tuple(self.bars(number) if each.shown else None for number, each in enumerate(self.rounds)),
            moved=self.moved() if both_shown and self.question.options else None,
            revealed=self.revealed,
            correct=self.correct,
            explanation=self.explanation,
        )
