"""What browsers and server say to each other: JSON texts, each with a `type`, bounded in every part and in nothing more than that.

A connection opens with `start`, `join` or `teach`, all of which name `version`; the server answers `welcome`, or `refused` and closes.
Later messages carry an `id` that counts up; each is answered by `done` or `refused` with the same `id`. Whenever what the screen
should show has changed, the server sends the whole `state`, the newest and nothing older, with a `version` that only grows. A
browser that comes back says which version it has seen, and gets a state only if there is a newer one.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from bnviz.classroom.errors import ClassroomError, Reason
from bnviz.classroom.limits import (
    LONGEST_ANSWER,
    LONGEST_FRAME,
    LONGEST_SETTING,
    LONGEST_TEXT,
    LONGEST_TIMER,
    MAX_OPTIONS,
    MAX_SETTINGS,
)
from bnviz.errors import Phrase
from bnviz.i18n import N_, translator

VERSION: Final = 1
LONGEST_LINK: Final = 4000  # all settings together, in characters


def _printable(text: str) -> str:
    if not all(character.isprintable() or character == "\n" for character in text):
        raise ValueError("a control character")
    return text


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number or a text is wanted")
    return value


class Part(BaseModel):
    """Base of everything that is sent: frozen, nothing converted, nothing unknown accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Line = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_printable)]
Secret = Annotated[str, Field(max_length=64)]
Number = Annotated[int, Field(ge=1, le=10**9)]
RoundNumber = Literal[1, 2]
Given = Annotated[
    int | float | Annotated[str, Field(max_length=LONGEST_ANSWER)],
    BeforeValidator(_no_bool),
]
"""An answer: the index of an option, or the value of a setting."""


class Text(Part):
    """The same in both languages."""

    en: Line
    zh: Line

    @classmethod
    def of(cls, phrase: Phrase | str) -> Text:
        """Both texts of a phrase or msgid."""
        if isinstance(phrase, Phrase):
            return cls(en=_bounded(phrase.text("en")), zh=_bounded(phrase.text("zh")))
        return cls(en=phrase, zh=translator("zh")(phrase))


def _bounded(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _short_enough(query: dict[str, str]) -> dict[str, str]:
    if sum(len(name) + len(value) for name, value in query.items()) > LONGEST_LINK:
        raise ValueError("too long a link")
    return query


class Place(Part):
    """A page with its settings, as a link names them. Whether the page has them is for the page to say, as with every link."""

    page: Annotated[str, Field(pattern=r"^[a-z_]{0,40}$")]
    """Empty: the first page."""
    query: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=40)],
            Annotated[str, Field(max_length=LONGEST_SETTING), AfterValidator(_printable)],
        ],
        Field(max_length=MAX_SETTINGS),
        AfterValidator(_short_enough),
    ]


# From the browser: how a connection begins.


class Start(Part):
    """Begin a class; the connection is its teacher's."""

    type: Literal["start"]
    version: int


class Join(Part):
    """Take a student's seat."""

    type: Literal["join"]
    version: int
    code: Annotated[str, Field(max_length=LONGEST_ANSWER)]
    """As typed."""
    token: Secret | None = None
    """Of the seat that this browser had; another or none gets a new one."""
    since: Annotated[int, Field(ge=0)] = 0
    """Version of the state that this browser shows."""


class Teach(Part):
    """Steer a class."""

    type: Literal["teach"]
    version: int
    code: Annotated[str, Field(max_length=LONGEST_ANSWER)]
    secret: Secret
    since: Annotated[int, Field(ge=0)] = 0


# From a student.


class Ping(Part):
    """Still here."""

    type: Literal["ping"]


class Answer(Part):
    """A vote, or a change of one. Whose it is says the connection, never the message."""

    type: Literal["answer"]
    id: Number
    poll: Number
    round: RoundNumber
    value: Given


# From a teacher.


class Ask(Part):
    """Open a vote on options."""

    type: Literal["ask"]
    id: Number
    question: Text
    options: Annotated[tuple[Text, ...], Field(min_length=2, max_length=MAX_OPTIONS)]


class AskNumber(Part):
    """Ask for a setting: everybody's number."""

    type: Literal["ask_number"]
    id: Number
    question: Text
    page: Name
    topic: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,40}$")] = ""
    setting: Name


class OnRound(Part):
    """Base of what is done to a round; it names what the teacher has before them, so that a command that comes late does nothing else."""

    id: Number
    poll: Number
    round: RoundNumber


class Close(OnRound):
    """No more votes in this round."""

    type: Literal["close"]


class Show(OnRound):
    """Close the round and show its votes."""

    type: Literal["show"]


class Again(OnRound):
    """Close the first round and open the second."""

    type: Literal["again"]


class Reveal(OnRound):
    """Close the round and show the answer on every screen."""

    type: Literal["reveal"]
    correct: Given | None = None
    """None: there is no right one."""
    explanation: Text | None = None
    at: Place | None = None
    """Where the answer is seen; None: where the class is."""


class Clear(Part):
    """Take the vote off the screens."""

    type: Literal["clear"]
    id: Number
    poll: Number


class Lead(Part):
    """Where everybody who follows goes."""

    type: Literal["lead"]
    id: Number
    at: Place


class SetTimer(Part):
    """Start the timer, or take it away."""

    type: Literal["timer"]
    id: Number
    seconds: Annotated[int, Field(ge=1, le=LONGEST_TIMER)] | None


class GoTo(Part):
    """The step of a plan that the teacher has come to; None: without a plan."""

    type: Literal["step"]
    id: Number
    plan: Name | None
    step: Annotated[int, Field(ge=0, le=99)] = 0


class End(Part):
    """End the class."""

    type: Literal["end"]
    id: Number


Beginning = Start | Join | Teach
FromTeacher = Ask | AskNumber | Close | Show | Again | Reveal | Clear | Lead | SetTimer | GoTo | End
FromBrowser = Beginning | Ping | Answer | FromTeacher

_FROM_BROWSER: Final[TypeAdapter[FromBrowser]] = TypeAdapter(Annotated[FromBrowser, Field(discriminator="type")])


def read(frame: str | bytes) -> FromBrowser:
    """The message in a frame. Raises: ClassroomError."""
    if not isinstance(frame, str):
        raise ClassroomError("invalid", N_("A class takes text only."))
    if len(frame) > LONGEST_FRAME:
        raise ClassroomError(
            "too_long", N_("That is too long: a message has at most {most} characters."), most=LONGEST_FRAME
        )
    try:
        return _FROM_BROWSER.validate_json(frame)
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> ClassroomError:
    """The first thing that is wrong, by the place where it stands; nothing of what was sent is repeated."""
    problem: Any = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in problem["loc"][1:])[:60] or "message"
    if problem["type"] in {"string_too_long", "too_long"}:
        limit = problem["ctx"]["max_length"]
        return ClassroomError("too_long", N_("{where} is too long: at most {most} are taken."), where=where, most=limit)
    return ClassroomError("invalid", N_("A class does not understand this message ({where})."), where=where)


def checked_version(version: int) -> None:
    """Raises: ClassroomError where a page and the server do not speak the same version."""
    if version != VERSION:
        raise ClassroomError("outdated", N_("This page no longer matches the server. Reload it."))


# From the server.


class Setting(Part):
    """The setting that is asked for."""

    page: str
    topic: str
    name: str
    label: Text
    unit: Text | None
    stops: tuple[float | str, ...]
    """In the order of the slider; a word last, where the setting takes one."""
    words: dict[str, Text]
    """What the words among the stops are called."""


class Poll(Part):
    """A vote as one audience may see it. K: options, or stops of the setting."""

    id: int
    question: Text
    options: tuple[Text, ...]
    """Empty where a setting is asked for."""
    setting: Setting | None
    round: RoundNumber
    open: bool
    voted: tuple[int, ...]
    """Students who answered, by round; for the teacher only, else empty."""
    bars: tuple[tuple[int, ...] | None, ...]
    """Per round the K counts; None until they are shown."""
    moved: tuple[tuple[int, ...], ...] | None
    """(K, K): from the option of the first round (row) to that of the second, over those who answered in both; None until both
    rounds are shown, and for settings."""
    revealed: bool
    correct: int | float | str | None
    """The right answer, once it is revealed and if there is one."""
    explanation: Text | None


class Timer(Part):
    """A timer that runs, on the clock of `State.now`."""

    ends: float
    seconds: int


class Step(Part):
    """Where the teacher is in a plan."""

    plan: str
    step: int


class Shared(Part):
    """What all screens of one audience have in common."""

    poll: Poll | None
    at: Place | None
    """Where the class is; None: the teacher has not led it anywhere yet."""
    timer: Timer | None
    students: int | None
    """Students who are connected; for the teacher only."""
    step: Step | None
    """For the teacher only."""


class Own(Part):
    """What a student alone sees."""

    last: int
    """Id of their latest message that counted; the next must be higher."""
    answers: tuple[int | float | str | None, int | float | str | None]
    """To the present vote, by round."""


class Welcome(Part):
    """A connection has begun."""

    type: Literal["welcome"] = "welcome"
    version: int = VERSION
    role: Literal["teacher", "student"]
    code: str
    token: str | None = None
    """To be kept by this browser: it brings the seat back."""
    secret: str | None = None
    """Once, to the browser that started the class: it belongs behind the # of the teacher's link."""


class Done(Part):
    """The message `id` was carried out."""

    type: Literal["done"] = "done"
    id: int


class Refused(Part):
    """Something was not done."""

    type: Literal["refused"] = "refused"
    id: int | None
    """Of the message; None where it had none that could be read."""
    reason: Reason
    sentence: Text
    seconds: float
    """After which asking again makes sense."""


class Ended(Part):
    """The class is over; the connection closes."""

    type: Literal["ended"] = "ended"
    sentence: Text


class Pong(Part):
    """Answer to `ping`."""

    type: Literal["pong"] = "pong"


class State(Part):
    """What the screen shows now."""

    type: Literal["state"] = "state"
    version: int
    now: float
    """Seconds since the class began, when this was sent."""
    shared: Shared
    own: Own | None
    """None for a teacher."""


FromServer = Welcome | Done | Refused | Ended | Pong | State

_FROM_SERVER: Final[TypeAdapter[FromServer]] = TypeAdapter(Annotated[FromServer, Field(discriminator="type")])


def read_server(frame: str) -> FromServer:
    """A frame of the server, for clients in Python: tests and benchmarks. Raises: pydantic.ValidationError."""
    return _FROM_SERVER.validate_json(frame)


def state_frame(version: int, now: float, shared: str, own: str) -> str:
    """A `State`; `shared` is one text for the whole audience, made once."""
    return f'{{"type":"state","version":{version},"now":{now:.3f},"shared":{shared},"own":{own}}}'
