"""When an instance that has ended is started again."""

import enum
from typing import Final

import msgspec

FIRST_BACK_OFF: Final = 1.0
LONGEST_BACK_OFF: Final = 30.0
"""Seconds before the first restart, twice as many before each that follows, up to this many."""

HEALTHY_FOR: Final = 60.0
"""Seconds of health after which an instance counts as well again: the back-off begins anew."""


class RestartMode(enum.StrEnum):
    """Which endings are followed by a new start."""

    NEVER = "never"
    ON_FAILURE = "on_failure"
    """All but the exit code 0."""
    ALWAYS = "always"


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one instance when it ends without having been asked to."""

    mode: RestartMode = RestartMode.NEVER
    limit: int = 5
    """Restarts within `window` after which it is left as it is."""
    window: float = 600.0
    """Seconds."""
    hung_after: float | None = None
    """Seconds without health after which a running instance counts as failed; None never does."""
