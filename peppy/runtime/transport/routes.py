"""Keys, patterns, and who in this process listens to what."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

from peppy.runtime.transport.handover import Sink
from peppy.runtime.transport.port import TransportError

_ONE: Final = "*"
_ANY: Final = "**"

_MOST_FOUND: Final = 4096
"""Keys whose listeners are remembered."""

_FEW_FOUND: Final = 256
"""Of these, the most that are looked through for a new listener: of more, those that are still used
are found anew."""


class BadKey(TransportError):
    """A key or pattern that the wire would not take."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(
            f"'{key}' is not a key",
            hint="parts stand between single '/', are not empty, have none of '#', '?', '$' in"
            " them and no '@' in front; '*' and '**' are whole parts",
        )


@lru_cache(maxsize=1024)
def canonical(pattern: str) -> str:
    """Return the one spelling of a key or pattern, as zenoh has it; raises `BadKey`."""
    parts = pattern.split("/")
    for part in parts:
        wild = part in (_ONE, _ANY)
        if not part or part[0] == "@" or (not wild and any(mark in part for mark in "*#?$")):
            raise BadKey(pattern)
    spelled: list[str] = []
    for wild, run in groupby(parts, key=lambda part: part in (_ONE, _ANY)):
        together = list(run)
        if wild:
            any_number = _ANY in together
            together = [_ONE] * together.count(_ONE) + [_ANY] * any_number
        spelled += together
    return "/".join(spelled)


def intersect(one: str, other: str) -> bool:
    """Say whether there is a key that both patterns match; a key is a pattern too."""
    if _ONE not in one and _ONE not in other:
        return one == other
    return _meet(one.split("/"), other.split("/"))


def _meet(one: Sequence[str], other: Sequence[str]) -> bool:
    if not one or not other:
        return all(part == _ANY for part in (*one, *other))
    if one[0] == _ANY:
        return _meet(one[1:], other) or _meet(one, other[1:])
    if other[0] == _ANY:
        return _meet(one, other[1:]) or _meet(one[1:], other)
    return (one[0] == other[0] or _ONE in (one[0], other[0])) and _meet(one[1:], other[1:])


class Routes:
    """Sinks by the pattern that they listen to."""

    def __init__(self) -> None:
        self.sinks: list[tuple[str, Sink]] = []
        """All of them; a sender of many messages looks first whether there is any."""
        self._found: dict[str, tuple[Sink, ...]] = {}

    def add(self, pattern: str, sink: Sink) -> None:
        """Have `sink` listen to `pattern`."""
        self.sinks.append((pattern, sink))
        if len(self._found) > _FEW_FOUND:
            self._found.clear()
        for key, found in tuple(self._found.items()):
            if intersect(pattern, key):
                self._found[key] = (*found, sink)

    def remove(self, sink: Sink) -> None:
        """Have `sink` listen no more."""
        self.sinks = [(pattern, other) for pattern, other in self.sinks if other is not sink]
        for key, found in tuple(self._found.items()):
            if sink in found:
                self._found[key] = tuple(other for other in found if other is not sink)

    def listening(self, key: str) -> tuple[Sink, ...]:
        """Return the sinks that listen to `key`, which may be a pattern."""
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            found = tuple(sink for pattern, sink in self.sinks if intersect(pattern, key))
            self._found[key] = found
        return found
