"""What can be known of an actor from outside, by count: for people who look for what is slow."""

import enum
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HandlerStatistics:
    """What one type of message cost its receiver."""

    message: str
    """The type's name."""
    count: int
    seconds: float
    """In all, by the real clock, also where time is virtual."""
    slowest: float
    """The longest single one, in seconds."""


@dataclass(frozen=True, slots=True)
class ActorStatistics:
    """What went through an actor since it was made."""

    received: int
    waiting: int
    high_water: int
    """The most messages that ever waited at once."""
    dropped: int
    """Messages that came too late to be received."""
    restarts: int
    """How often it was made anew, before this time."""
    handlers: tuple[HandlerStatistics, ...]
    """By message type, the one that took the most time first."""

    @property
    def busiest(self) -> HandlerStatistics | None:
        """The message type that took the most time in all; None before the first message."""
        return self.handlers[0] if self.handlers else None


class Phase(enum.Enum):
    """Where an actor is in its life."""

    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"


class Handler:
    """The running count behind one `HandlerStatistics`."""

    __slots__ = ("count", "seconds", "slowest")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.slowest = 0.0


class Vitals:
    """The running counts of one actor; its ref keeps them readable after its end."""

    __slots__ = ("handlers", "phase", "restarts")

    def __init__(self, restarts: int) -> None:
        self.phase = Phase.RUNNING
        self.restarts = restarts
        self.handlers: dict[type, Handler] = {}

    def spent(self, kind: type, seconds: float) -> None:
        """Count one message of type `kind`."""
        handler = self.handlers.get(kind)
        if handler is None:
            handler = self.handlers[kind] = Handler()
        handler.count += 1
        handler.seconds += seconds
        if seconds > handler.slowest:
            handler.slowest = seconds

    def by_time(self) -> tuple[HandlerStatistics, ...]:
        """Return what each message type cost, the dearest first."""
        rows = (
            HandlerStatistics(kind.__name__, h.count, h.seconds, h.slowest)
            for kind, h in self.handlers.items()
        )
        return tuple(sorted(rows, key=lambda row: row.seconds, reverse=True))
