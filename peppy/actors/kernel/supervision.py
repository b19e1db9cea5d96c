"""What a parent does about a child that ended: the strategies and limits of OTP's supervisors."""

import enum
from collections import deque
from dataclasses import dataclass
from typing import Any

from peppy.actors.kernel.errors import ActorError
from peppy.actors.kernel.ref import Ended, Reason, Ref


class Strategy(enum.Enum):
    """Which children are made anew when one has ended."""

    ONE_FOR_ONE = "one_for_one"
    """That one."""
    REST_FOR_ONE = "rest_for_one"
    """That one and all that started after it: they may have relied on it."""


class Restart(enum.Enum):
    """When a child is made anew. One that its parent stopped never is."""

    PERMANENT = "permanent"
    """Whenever it ended."""
    TRANSIENT = "transient"
    """When it failed or was killed."""
    TEMPORARY = "temporary"
    """Never."""

    def applies(self, ended: Ended) -> bool:
        """Say whether a child that ended so is made anew."""
        match self:
            case Restart.PERMANENT:
                return True
            case Restart.TRANSIENT:
                return ended.reason is not Reason.NORMAL
            case Restart.TEMPORARY:
                return False


@dataclass(frozen=True, slots=True)
class Supervision:
    """A parent's strategy; with more than `intensity` restarts in `window` seconds it fails."""

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 3
    window: float = 60.0


class Escalated(ActorError):
    """A child had to be made anew too often; `error` is what it failed with last, if it failed."""

    def __init__(self, child: Ref[Any], error: Exception | None) -> None:
        self.child = child
        self.error = error
        why = "it ended" if error is None else f"{type(error).__name__}: {error}"
        super().__init__(f"'{child.path}' had to be restarted too often; last because of {why}")
        self.__cause__ = error


class Intensity:
    """Counts restarts against a limit."""

    def __init__(self, supervision: Supervision) -> None:
        self._limit = supervision.intensity
        self._window = supervision.window
        self._times: deque[float] = deque()

    def exceeded(self, now: float) -> bool:
        """Count one restart at `now`, in seconds; say whether it is one too many."""
        self._times.append(now)
        while self._times[0] <= now - self._window:
            self._times.popleft()
        return len(self._times) > self._limit
