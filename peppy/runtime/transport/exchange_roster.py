"""Who announces that it serves something, at any moment and without asking."""

from collections.abc import Callable

from peppy.runtime.transport.port import Presence, Transport


class Roster:
    """The identities that announce keys of one pattern, each as the last part of its key."""

    def __init__(self, transport: Transport, pattern: str, on_change: Callable[[], None]) -> None:
        self.here: frozenset[str] = frozenset()
        """Those who are there as far as is known here: nobody, until `look` was awaited once."""
        self._transport = transport
        self._pattern = pattern
        self._on_change = on_change
        self._keys: set[str] = set()
        self._told: frozenset[str] = frozenset()
        self._looking = 0
        self._left: set[str] = set()
        """Keys that went away while somebody looks: what a look finds may be older than that."""
        self._following = transport.follow(pattern, self._on_presence)

    async def look(self) -> None:
        """Ask everybody; afterwards whoever is there is known. Raises as `Transport.present`."""
        self._looking += 1
        try:
            found = await self._transport.present(self._pattern)
            self._keys.update(key for key in found if key not in self._left)
        finally:
            self._looking -= 1
            if not self._looking:
                self._left.clear()
        self._tell()

    def served(self) -> set[str]:
        """Return what is announced, without the identities."""
        return {key.rpartition("/")[0] for key in self._keys}

    def _on_presence(self, presence: Presence) -> None:
        if presence.present:
            self._keys.add(presence.key)
            self._left.discard(presence.key)
        else:
            self._keys.discard(presence.key)
            if self._looking:
                self._left.add(presence.key)
        self._tell()

    def _tell(self) -> None:
        now = frozenset(self._keys)
        if now != self._told:
            self._told = now
            self.here = frozenset(key.rpartition("/")[2] for key in self._keys)
            self._on_change()

    def close(self) -> None:
        """Follow no more."""
        self._following.close()
