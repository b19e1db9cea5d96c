"""Keys, patterns, and who in this process listens to what."""

import re
from functools import lru_cache
from typing import Generic, TypeVar

from peppy.runtime.transport.port import TransportError
from peppy.runtime.transport.ring import Ring

T = TypeVar("T")


class BadKey(TransportError):
    """A key or pattern that the wire would not take."""

    def __init__(self, key: str) -> None:
        super().__init__(f"'{key}' is not a key: parts between single '/' must not be empty")


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> re.Pattern[str]:
    """Return a pattern as a regular expression; `*` is one part, `**` any number of them."""
    if not pattern or "" in pattern.split("/"):
        raise BadKey(pattern)
    text = ""
    for part in pattern.split("/"):
        text += {"*": "/[^/]+", "**": "(?:/[^/]+)*"}.get(part, "/" + re.escape(part))
    return re.compile(text)


def matches(pattern: str, key: str) -> bool:
    """Say whether `pattern` matches `key`."""
    return matcher(pattern).fullmatch("/" + key) is not None


class Routes(Generic[T]):
    """Rings by the pattern that they listen to."""

    def __init__(self) -> None:
        self._rings: list[tuple[re.Pattern[str], Ring[T]]] = []
        self._found: dict[str, tuple[Ring[T], ...]] = {}

    def add(self, pattern: str, ring: Ring[T]) -> None:
        """Have `ring` listen to `pattern`."""
        self._rings.append((matcher(pattern), ring))
        self._found.clear()

    def remove(self, ring: Ring[T]) -> None:
        """Have `ring` listen no more."""
        self._rings = [(regex, other) for regex, other in self._rings if other is not ring]
        self._found.clear()

    def listening(self, key: str) -> tuple[Ring[T], ...]:
        """Return the rings that listen to `key`."""
        found = self._found.get(key)
        if found is None:
            if len(self._found) > 4096:
                self._found.clear()
            rings = self._rings
            found = tuple(ring for regex, ring in rings if regex.fullmatch("/" + key))
            self._found[key] = found
        return found

    def rings(self) -> list[Ring[T]]:
        """Return all of them."""
        return [ring for _, ring in self._rings]
