"""One thing that was seen in a run."""

import enum
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import msgspec

from peppy.testing.trace_abridged import abridged


class Kind(enum.Enum):
    """What an entry is."""

    MESSAGE = "message"
    EVENT = "event"
    LINE = "line"
    FAULT = "fault"


class Entry(msgspec.Struct, eq=False):
    """One thing that was seen."""

    at: float
    """Seconds since the trace began."""
    kind: Kind
    who: str
    """The instance id of who sent, printed or was concerned; `daemon`, `test`."""
    name: str
    """A topic's name, an event's kind, `stdout` or `stderr`, a fault's name."""
    _read: Callable[[], Any] | None = None
    _what: Any = None

    @property
    def what(self) -> Any:
        """A message as plain values, an event's or a line's text; read when first asked for."""
        if self._read is not None:
            self._what, self._read = self._read(), None
        return self._what

    def abridge(self) -> None:
        """Keep only the length and the digest of large bytes."""
        try:
            self._what, self._read = abridged(self.what), None
        except Exception as error:  # it says the same to whoever looks at it
            self._read = partial(_refuse, error)

    def __repr__(self) -> str:
        return f"<{self.kind.value} {self.name} of {self.who} at {self.at:.3f} s>"


def _refuse(error: Exception) -> NoReturn:
    raise error
