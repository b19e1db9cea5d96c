"""The life of one instance.

    PREPARING ──► STARTING ──► RUNNING ──► ENDED
        │             │            │          ▲
        └─────────────┴──► STOPPING ──────────┘

A start that does not come to `RUNNING` fails the request that asked for it and leaves nothing in
the list. An instance that ends by itself later stays listed until somebody stops it (behaviour.md
11.4). Whoever asks to stop gets the same answer, however many they are.
"""

import enum
from typing import assert_never

import msgspec
from msgspec.structs import replace


class Phase(enum.Enum):
    """How far an instance has come."""

    PREPARING = "preparing"
    """Its artifact is being laid out; there is no process yet."""
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"


class Ending(msgspec.Struct, frozen=True):
    """How a process ended: with a code or by a signal; neither where there never was one."""

    code: int | None = None
    signal: int | None = None


class Life(msgspec.Struct, frozen=True):
    """Everything the decisions depend on."""

    phase: Phase = Phase.PREPARING
    process: bool = False
    """Whether a process is known to have been started."""
    announced: bool = False
    """Whether the node has said that it is ready; it may overtake the word of its start."""
    ready: bool = False
    """Whether it has ever been running."""
    forced: bool = False
    given_up: str | None = None
    """Why the start was given up, while the process is being ended for it."""
    ending: Ending | None = None


class Prepared(msgspec.Struct, frozen=True):
    """The artifact is laid out."""


class Failed(msgspec.Struct, frozen=True):
    """It could not be laid out, or its process could not be started."""

    reason: str


class Spawned(msgspec.Struct, frozen=True):
    """The process is there."""


class CameReady(msgspec.Struct, frozen=True):
    """The node said that its `setup` has returned."""


class Exited(msgspec.Struct, frozen=True):
    """The process has ended."""

    ending: Ending


class StopAsked(msgspec.Struct, frozen=True):
    """Somebody wants it gone."""


class GraceOver(msgspec.Struct, frozen=True):
    """It has had its time to end by itself."""


class GivenUp(msgspec.Struct, frozen=True):
    """The start takes too long, or whoever asked for it went away."""

    reason: str


Event = Prepared | Failed | Spawned | CameReady | Exited | StopAsked | GraceOver | GivenUp


class Spawn(msgspec.Struct, frozen=True):
    """Start the process."""


class ReportRunning(msgspec.Struct, frozen=True):
    """Answer the request to start it."""


class ReportFailure(msgspec.Struct, frozen=True):
    """Refuse the request to start it. Without a reason, how it ended says it all."""

    reason: str | None = None


class AskShutdown(msgspec.Struct, frozen=True):
    """Ask the node to end itself, and begin to count its grace."""


class Kill(msgspec.Struct, frozen=True):
    """End it and all that came of it, at once."""


class AbandonPreparation(msgspec.Struct, frozen=True):
    """Stop laying the artifact out."""


class ReportStopped(msgspec.Struct, frozen=True):
    """Answer everybody who asked to stop it, and forget the instance."""


class Forget(msgspec.Struct, frozen=True):
    """Take the instance off the list: it never ran."""


Action = (
    Spawn
    | ReportRunning
    | ReportFailure
    | AskShutdown
    | Kill
    | AbandonPreparation
    | ReportStopped
    | Forget
)

Step = tuple[Life, tuple[Action, ...]]


def step(life: Life, event: Event) -> Step:
    """Return what becomes of `life` after `event`, and what is to be done, in order."""
    match life.phase:
        case Phase.PREPARING:
            return _while_preparing(life, event)
        case Phase.STARTING:
            return _while_starting(life, event)
        case Phase.RUNNING:
            return _while_running(life, event)
        case Phase.STOPPING:
            return _while_stopping(life, event)
        case Phase.ENDED:
            return life, ((ReportStopped(),) if isinstance(event, StopAsked) else ())
    assert_never(life.phase)


def _while_preparing(life: Life, event: Event) -> Step:
    ended = _to(life, Phase.ENDED)
    match event:
        case Prepared():
            return _to(life, Phase.STARTING), (Spawn(),)
        case Failed(reason):
            return ended, (ReportFailure(reason), Forget())
        case GivenUp(reason):
            return ended, (AbandonPreparation(), ReportFailure(reason), Forget())
        case StopAsked():
            stopped = ReportFailure("it was stopped before it had started")
            return ended, (AbandonPreparation(), stopped, ReportStopped())
        case _:
            return life, ()


def _while_starting(life: Life, event: Event) -> Step:
    match event:
        case Spawned():
            return _running_if_ready(replace(life, process=True))
        case CameReady():
            return _running_if_ready(replace(life, announced=True))
        case Failed(reason):
            return _to(life, Phase.ENDED), (ReportFailure(reason), Forget())
        case Exited(ending):
            return _ended(life, ending), (ReportFailure(), Forget())
        case GivenUp(reason):
            stopping = replace(life, phase=Phase.STOPPING, given_up=reason)
            return stopping, _end(life)
        case StopAsked():
            return _to(life, Phase.STOPPING), _end(life)
        case _:
            return life, ()


def _running_if_ready(life: Life) -> Step:
    if not (life.process and life.announced):
        return life, ()
    return replace(life, phase=Phase.RUNNING, ready=True), (ReportRunning(),)


def _while_running(life: Life, event: Event) -> Step:
    match event:
        case Exited(ending):
            return _ended(life, ending), ()
        case StopAsked():
            return _to(life, Phase.STOPPING), (AskShutdown(),)
        case _:
            return life, ()


def _while_stopping(life: Life, event: Event) -> Step:
    match event:
        case Spawned():
            # The wish to end it overtook its start, which nothing can call back.
            return replace(life, process=True, forced=True), (Kill(),)
        case Failed(reason):
            return _to(life, Phase.ENDED), (ReportFailure(reason), ReportStopped())
        case GraceOver() if not life.forced:
            return replace(life, forced=True), (Kill(),)
        case Exited(ending):
            report = () if life.ready else (ReportFailure(_why_not_started(life)),)
            return _ended(life, ending), (*report, ReportStopped())
        case _:
            return life, ()


def _why_not_started(life: Life) -> str:
    return life.given_up or "it was stopped before it was running"


def _end(life: Life) -> tuple[Action, ...]:
    """Without a process there is nobody to ask yet; its `Spawned` is answered with `Kill`."""
    return (AskShutdown(),) if life.process else ()


def _to(life: Life, phase: Phase) -> Life:
    return replace(life, phase=phase)


def _ended(life: Life, ending: Ending) -> Life:
    return replace(life, phase=Phase.ENDED, ending=ending)
