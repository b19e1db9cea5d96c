"""Colours, where a person looks: never in a pipe, nor where they are not wanted."""

import os
import re
from collections.abc import Mapping
from typing import Final, TextIO

import msgspec

_OFF: Final = "\x1b[0m"

_SEQUENCE: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Style(msgspec.Struct, frozen=True):
    """How text is painted on one stream; off, it stays as it is."""

    on: bool

    def error(self, text: str) -> str:
        """Return `text` as the word that says that something failed."""
        return self._paint("1;31", text)

    def warning(self, text: str) -> str:
        """Return `text` as the word that asks for attention."""
        return self._paint("1;33", text)

    def faint(self, text: str) -> str:
        """Return `text` as something that is there to be skipped."""
        return self._paint("2", text)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}{_OFF}" if self.on else text


def style_for(stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> Style:
    """Return the style for a stream: on for a terminal, unless NO_COLOR or a dumb one says no."""
    wanted = not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    return Style(wanted and is_terminal(stream))


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a person is at the other end of `stream`."""
    return stream is not None and not stream.closed and stream.isatty()


def printable(text: str) -> str:
    """Return a foreign line without what moves a terminal's cursor or paints on it."""
    return _CONTROL.sub("", _SEQUENCE.sub("", text))
