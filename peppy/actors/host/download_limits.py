"""How much a download may be and take, and what is said where one does not come about."""

from typing import Final

import msgspec

from peppy.actors.host.ports import HostError
from peppy.schema.addresses import without_credentials

GIB: Final = 1024 * 1024 * 1024


class DownloadLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What is accepted of a download."""

    most: int = 4 * GIB
    """Bytes, packed: half of what an archive may unpack to."""
    time: float = 3600.0
    """Seconds for all attempts together: the largest then needs 1.2 MB/s."""
    idle: float = 30.0
    """Seconds without a byte, after which a server is taken for dead."""
    attempts: int = 4
    """Failures in a row that bring nothing."""
    pause: float = 0.5
    """Seconds before the second attempt; each further one waits twice as long."""
    redirects: int = 5
    """A release page needs two."""
    note_every: float = 0.5
    """Seconds between two signs of progress."""


LIMITS: Final = DownloadLimits()


class Unreachable(HostError):
    """A file that does not come now; what has come of it is kept."""

    kind = "unreachable"


class DigestMismatch(HostError):
    """A file that is not the one that was meant."""

    kind = "digest_mismatch"

    def __init__(self, url: str, expected: str, computed: str) -> None:
        super().__init__(
            f"the SHA-256 of '{without_credentials(url)}' is not the expected one: "
            f"expected {expected}, computed {computed}",
            hint="the file has changed, or the digest was copied wrongly: ask whoever made it",
        )
        self.expected = expected
        self.computed = computed
