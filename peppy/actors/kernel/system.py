"""The system: what all actors of one tree share, and nothing else is shared."""

import itertools
import logging
from collections.abc import Callable
from typing import Any

from peppy.actors.kernel.mailbox import DeadLetters
from peppy.actors.kernel.ref import Ref

OnFailure = Callable[[Ref[Any], Exception], None]
"""Is told of every failure, at once: `(ref, error)`."""

logger = logging.getLogger("peppy.actors.kernel")


def log_failure(ref: Ref[Any], error: Exception) -> None:
    """Report to the log: what is done where nobody else wants to know."""
    logger.error("%r failed", ref, exc_info=error)


class System:
    """One tree of actors: the counter behind their refs, the dead letters, the reporter."""

    def __init__(self, on_failure: OnFailure | None) -> None:
        self.dead_letters = DeadLetters()
        self._numbers = itertools.count(1)
        self._on_failure = on_failure or log_failure

    def next_number(self) -> int:
        """Return a number that no actor of this system has."""
        return next(self._numbers)

    def report(self, ref: Ref[Any], error: Exception) -> None:
        """Tell the reporter; one that fails itself is replaced by the log."""
        try:
            self._on_failure(ref, error)
        except Exception:
            logger.exception("the reporter of failures failed")
            log_failure(ref, error)
