"""Errors that a visitor may read: an English message template, its parameters, and a translation on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from bnviz.i18n import N_, Language, translator

MAX_NAMES: Final = 4  # of a link that are told to be unknown


@dataclass(frozen=True)
class Phrase:
    """An English template (a msgid) with its parameters, translated when it is shown."""

    template: str
    """With `{names}` in braces."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """What stands for each of them; a phrase is translated too, a tuple is listed."""

    def text(self, language: Language = "en") -> str:
        """The phrase in `language`."""
        _ = translator(language)

        def words(value: object) -> object:
            if isinstance(value, tuple):
                return _(", ").join(str(words(part)) for part in value)
            return value.text(language) if isinstance(value, Phrase) else value

        return _(self.template).format(**{name: words(value) for name, value in self.parameters.items()})

    def __str__(self) -> str:
        return self.text()


class BnvizError(ValueError):
    """Base of every error that bnviz raises on purpose.

    `message` is an English template (a msgid) whose `{names}` are filled from `parameters`.
    """

    def __init__(self, message: str, **parameters: object) -> None:
        self.phrase = Phrase(message, parameters)
        super().__init__(self.phrase.text())

    def text(self, language: Language = "en") -> str:
        """The message in `language`."""
        return self.phrase.text(language)

    def without_frames(self) -> Self:
        """This error, to be kept: it lets go of the frames that it came through, which hold all that was known in them."""
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses take other arguments than the text that Exception keeps; an error must survive the way between processes.
        return _rebuilt, (type(self), str(self)), self.__dict__


def _rebuilt(kind: type[BnvizError], text: str) -> BnvizError:
    error = kind.__new__(kind)
    ValueError.__init__(error, text)
    return error


class SettingError(BnvizError):
    """A setting has a value that is not allowed."""

    def __init__(self, name: str, allowed: Phrase | str, given: object, used: object = None) -> None:
        super().__init__(
            N_("{name} must be {allowed}; got {given}.")
            if used is None
            else N_("{name} must be {allowed}; got {given}, so {used} is used."),
            name=name,
            allowed=allowed,
            given=told(given),
            used=told(used),
        )
        self.name, self.allowed, self.given = name, allowed, given

    def replaced(self, used: object) -> SettingError:
        """The same error where `used` stands in for the value that was given."""
        return SettingError(self.name, self.allowed, self.given, used)


class MisfitError(SettingError):
    """A value of a link is allowed, but not beside the others: `reason`."""

    def __init__(self, name: str, reason: SettingError, given: object, used: object) -> None:
        super().__init__(name, reason.allowed, given, used)
        self.phrase = Phrase(
            N_("{name} cannot be {given} here, so {used} is used: {reason}"),
            {"name": name, "given": told(given), "used": told(used), "reason": reason.phrase},
        )
        self.args = (self.phrase.text(),)


class UnknownSettingError(BnvizError):
    """Names that are no settings of the lab."""

    def __init__(self, names: Sequence[str], known: Sequence[str]) -> None:
        told = [shortened(name) for name in names[:MAX_NAMES]] + ["…"] * (len(names) > MAX_NAMES)
        super().__init__(
            N_("Not a setting of this lab: {names}. Its settings are {known}."),
            names=tuple(told),
            known=tuple(known),
        )


class UnknownTopicError(BnvizError):
    """A name that is no topic of the course."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(N_("There is no topic {name}; there are {known}."), name=shortened(name), known=tuple(known))


class CostError(BnvizError):
    """The settings ask for more work than one visitor may take."""

    def __init__(self, times_too_large: float, reduce: tuple[str, ...]) -> None:
        super().__init__(
            N_("This is {times} times more work than one visitor may ask for. Reduce {names}."),
            times=f"{max(times_too_large, 1.1):.2g}" if times_too_large < 100 else f"{times_too_large:.0f}",
            names=reduce,
        )
        self.reduce = reduce

    def naming(self, *labels: str) -> BnvizError:
        """The same error with the settings under the names that the page shows."""
        return BnvizError(self.phrase.template, **{**self.phrase.parameters, "names": labels})


class BatchOfOneError(BnvizError):
    """PyTorch refuses one value per channel in training; the message carries PyTorch's own text."""

    def __init__(self, error: Exception | str) -> None:
        super().__init__(N_("PyTorch refuses a batch of one here: {error}"), error=error)


class UploadError(BnvizError):
    """An uploaded file cannot be used."""


def told(value: object) -> str | Phrase:
    """`value` in a message, where even an empty one has a name."""
    return shortened(value) if str(value).strip() else Phrase(N_("an empty value"))


def shortened(value: object, limit: int = 40) -> str:
    """`value` as one printable line of at most `limit` characters."""
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"
