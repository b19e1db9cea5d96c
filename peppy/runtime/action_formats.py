"""The formats of an action's messages, compiled at their first use."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Literal

from peppy.runtime.codec import Codec
from peppy.runtime.unfit import UnfitValue, shown
from peppy.schema.errors import PeppyError
from peppy.schema.format_difference import differences
from peppy.schema.format_reader import parse_format
from peppy.schema.formats import Kind, MessageFormat, Primitive

Part = Literal["goal request", "goal response", "feedback", "result", "cancel response"]

MOST_NAMED: Final = 8
"""Differences in one sentence."""

Declared = tuple[Mapping[str, Any], type[Any]] | None
"""A format as a plain value and the dataclass that shows it; None where there is no format."""


class ActionFormats:
    """What one action's messages look like to a server or to a client."""

    def __init__(self, action: str, declared: Mapping[Part, Declared]) -> None:
        self._action = action
        self._declared = declared
        self._codecs: dict[Part, Codec[Any]] = {}

    @cached_property
    def fingerprints(self) -> dict[str, int]:
        """The fingerprint of each format, 0 where there is none."""
        return {part: 0 if f is None else f.fingerprint() for part, f in self._formats.items()}

    @property
    def literals(self) -> dict[str, Any]:
        """Each format as a plain value."""
        return {part: None if d is None else d[0] for part, d in self._declared.items()}

    @cached_property
    def can_reject(self) -> bool:
        """Whether a response to a goal says, by a field `accepted`, if it was taken on."""
        response = self._formats["goal response"]
        fields = () if response is None else response.fields
        return any(f.name == "accepted" and f.type == Primitive(Kind.BOOL) for f in fields)

    def message(self, part: Part) -> type[Any] | None:
        """Return the class of these messages, None where there is no format."""
        declared = self._declared[part]
        return None if declared is None else declared[1]

    def encode(self, part: Part, message: Any) -> bytes:
        """Return a message's payload, empty where there is no format. Raises `UnfitValue`."""
        declared = self._declared[part]
        if declared is None:
            return b""
        if not isinstance(message, declared[1]):
            expected = declared[1].__qualname__
            raise UnfitValue(f"must be a {expected}, not {shown(message)}", "", self._subject(part))
        return self._codec(part).encode(message)

    def decode(self, part: Part, payload: bytes) -> Any:
        """Return the message in a payload, None where there is no format.

        Raises `UnreadablePayload`.
        """
        return None if self._declared[part] is None else self._codec(part).decode(payload)

    def differences(self, other: Mapping[str, Any]) -> str:
        """Return, in a sentence, what of the formats in `other`, as plain values, is not ours."""
        found = self._differences(other) or ["their fingerprints differ"]
        more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        return "; ".join(found[:MOST_NAMED]) + more

    def _differences(self, other: Mapping[str, Any]) -> list[str]:
        found: list[str] = []
        for part, ours in self._formats.items():
            try:
                literal = other.get(part)
                theirs = None if literal is None else parse_format(literal)
            except (PeppyError, RecursionError):
                found.append(f"{part}: what is sent there is no message format")
                continue
            if ours is not None and theirs is not None:
                found += (f"{part}: {each}" for each in differences(ours, theirs))
            elif ours is not theirs:
                here, there = ("none", "one") if ours is None else ("one", "none")
                found.append(f"{part}: there is {here} here and {there} there")
        return found

    @cached_property
    def _formats(self) -> dict[Part, MessageFormat | None]:
        return {p: None if d is None else parse_format(d[0]) for p, d in self._declared.items()}

    def _codec(self, part: Part) -> Codec[Any]:
        codec = self._codecs.get(part)
        if codec is None:
            declared, message_format = self._declared[part], self._formats[part]
            if declared is None or message_format is None:
                raise LookupError(part)
            codec = self._codecs[part] = Codec(self._subject(part), message_format, declared[1])
        return codec

    def _subject(self, part: Part) -> str:
        return f"action '{self._action}', {part}"
