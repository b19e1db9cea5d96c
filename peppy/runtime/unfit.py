"""What is said of a value or a payload that does not fit its message format."""

from typing import Any

from peppy.schema.errors import PeppyError


class UnfitValue(ValueError):
    """A value does not fit its declared type, so nothing was sent.

    `subject` is whose message it is, as in `topic 'video_stream'`; `path` names the field, as in
    `header.frame_id`, empty for the message itself; `problem` is the rest of the sentence.
    """

    def __init__(self, problem: str, path: str = "", subject: str = "") -> None:
        self.problem = problem
        self.path = path
        self.subject = subject
        place = f"field '{path}' {problem}" if path else problem
        super().__init__(f"{subject}: {place}" if subject else place)

    def under(self, name: str) -> "UnfitValue":
        """Return the same, seen from one level further out: `name` is a field or an `[index]`."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        return UnfitValue(self.problem, f"{name}{dot}{self.path}", self.subject)

    def of(self, subject: str) -> "UnfitValue":
        """Return the same, saying whose message it is."""
        return UnfitValue(self.problem, self.path, subject)


class UnreadablePayload(PeppyError):
    """A payload is not a message of the format in which it was expected."""

    def __init__(self, subject: str, reason: str) -> None:
        self.subject = subject
        self.reason = reason
        super().__init__(f"{subject}: the payload cannot be read: {reason}")


def shown(value: Any) -> str:
    """Return a value as an error shows it: short, with its type where that is not plain."""
    if value is None or isinstance(value, bool | int | float):
        text = repr(value)
    elif isinstance(value, str):
        text = f"the text {value!r}"
    else:
        return f"a value of type '{type(value).__qualname__}'"
    return text if len(text) <= 60 else f"{text[:57]}..."
