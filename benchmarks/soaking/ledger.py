"""How many messages a run has sent, in a file that outlives it."""

import mmap
import struct
from pathlib import Path
from typing import Final

from benchmarks.soaking.wares import PROFILES

_NUMBER: Final = struct.Struct("<Q")
_SIZE: Final = _NUMBER.size * len(PROFILES)


class Ledger:
    """One number for each topic, written by the sender and read by whoever judges."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SIZE)

    def sent(self, profile: str, number: int) -> None:
        """Note that so many messages have been sent."""
        _NUMBER.pack_into(self._memory, _NUMBER.size * PROFILES.index(profile), number)

    def read(self) -> dict[str, int]:
        """Return how many messages were sent on each topic."""
        numbers = (number for (number,) in _NUMBER.iter_unpack(self._memory[:]))
        return dict(zip(PROFILES, numbers, strict=True))
