"""The two formats of a service as one side knows them, and in what another side's differ."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import msgspec

from peppy.runtime.codec import Codec
from peppy.schema.errors import PeppyError
from peppy.schema.format_difference import differences
from peppy.schema.format_reader import parse_format
from peppy.schema.formats import MessageFormat
from peppy.schema.service_label import NO_FORMAT

Literal = Mapping[str, Any]

MOST_NAMED: Final = 8
"""Differences that an error names."""

ERROR: Final = "error"
"""The kind of a refusal because the handler raised."""
UNFIT: Final = "unfit"
"""The handler returned something that is not a response."""
UNREADABLE: Final = "unreadable"
"""The request is not a message of its format."""
MISMATCH: Final = "mismatch"
"""The formats differ; the detail is the server's, as `ServiceFormats.literals`."""


class _Literals(msgspec.Struct, frozen=True, array_like=True):
    request: dict[str, Any] | None
    response: dict[str, Any] | None


class ServiceFormats:
    """What travels: compiled at the first use."""

    def __init__(
        self,
        service: str,
        request: Literal | None,
        request_message: type[Any] | None,
        response: Literal | None,
        response_message: type[Any] | None,
    ) -> None:
        self._service = service
        self._literals = (request, response)
        self._messages = (request_message, response_message)

    @cached_property
    def request(self) -> Codec[Any] | None:
        """The codec of requests, None where there is nothing in them."""
        return self._codec("request", 0)

    @cached_property
    def response(self) -> Codec[Any] | None:
        """The codec of responses, None where there is nothing in them."""
        return self._codec("response", 1)

    @property
    def response_message(self) -> type[Any] | None:
        """The class of responses, None where there is nothing in them."""
        return self._messages[1]

    def _codec(self, part: str, index: int) -> Codec[Any] | None:
        literal, message = self._literals[index], self._messages[index]
        if literal is None or message is None:
            return None
        subject = f"{part} of service '{self._service}'"
        return Codec(subject, parse_format(literal), message)

    @cached_property
    def fingerprints(self) -> tuple[int, int]:
        """Of the request and of the response."""
        both = (self.request, self.response)
        request, response = (NO_FORMAT if each is None else each.fingerprint for each in both)
        return request, response

    @cached_property
    def literals(self) -> bytes:
        """Both formats, for another side to read."""
        return msgspec.msgpack.encode(self._literals)

    def differences(self, literals: bytes) -> str:
        """Return in what the formats of another side differ from these, as far as can be said."""
        try:
            theirs = msgspec.msgpack.decode(literals, type=_Literals)
            found = [
                *_differences("request", self._literals[0], theirs.request),
                *_differences("response", self._literals[1], theirs.response),
            ]
        except (msgspec.MsgspecError, UnicodeError, RecursionError, PeppyError):
            found = []
        if not found:
            return "the message formats differ"
        more = len(found) - MOST_NAMED
        return "; ".join(found[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _differences(part: str, here: Literal | None, there: Literal | None) -> list[str]:
    ours, theirs = (_parsed(each) for each in (here, there))
    if ours is None and theirs is None:
        return []
    if ours is None or theirs is None:
        sides = ("here", "there") if ours is None else ("there", "here")
        return [f"a {part} holds nothing {sides[0]} and something {sides[1]}"]
    return [f"{part} {sentence}" for sentence in differences(ours, theirs)]


def _parsed(literal: Literal | None) -> MessageFormat | None:
    return None if literal is None else parse_format(literal)
