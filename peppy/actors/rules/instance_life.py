"""The life of one instance.

    PREPARING ──► STARTING ──► RUNNING ──► ENDED ──► PREPARING, if its policy has it start again
        │             │            │          ▲
        └─────────────┴──► STOPPING ──────────┘

A first start that does not come to `RUNNING` fails the request that asked for it and leaves nothing
in the list. An instance that ends by itself later stays listed until somebody stops it
(behaviour.md 11.4), or until `rules.restart` has it start again. Whoever asks to stop gets the same
answer, however many they are.
"""

import enum
from typing import Final, assert_never

import msgspec
from msgspec.structs import replace

STOPPED_EARLY: Final = "it was stopped before it had started"
NOT_RUNNING: Final = "it was stopped before it was running"
HUNG: Final = "it did not answer, and was ended"
"""Why an instance ended, where its process does not say it."""


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
    asked: bool = False
    """Whether somebody wants it gone."""
    hung: bool = False
    """Whether it is being ended because it does not answer."""
    given_up: str | None = None
    """Why the start was given up, while the process is being ended for it."""
    ending: Ending | None = None


class Happening(msgspec.Struct, frozen=True):
    """What every `Event` is."""


class Prepared(Happening, frozen=True):
    """The artifact is laid out."""


class Failed(Happening, frozen=True):
    """It could not be laid out, or its process could not be started."""

    reason: str


class Spawned(Happening, frozen=True):
    """The process is there."""


class CameReady(Happening, frozen=True):
    """The node said that its `setup` has returned."""


class Exited(Happening, frozen=True):
    """The process has ended."""

    ending: Ending


class StopAsked(Happening, frozen=True):
    """Somebody wants it gone."""


class GraceOver(Happening, frozen=True):
    """It has had its time to end by itself."""


class GivenUp(Happening, frozen=True):
    """The start takes too long, or whoever asked for it went away."""

    reason: str


class Hung(Happening, frozen=True):
    """It runs and has not been well for so long that its policy ends it."""


class Hurried(Happening, frozen=True):
    """Whoever wants everything gone has no patience any more."""


class StartAgain(Happening, frozen=True):
    """Its policy has it start again, now."""


Event = (
    Prepared
    | Failed
    | Spawned
    | CameReady
    | Exited
    | StopAsked
    | GraceOver
    | GivenUp
    | Hung
    | Hurried
    | StartAgain
)


class Prepare(msgspec.Struct, frozen=True):
    """Lay the artifact out once more."""


class Spawn(msgspec.Struct, frozen=True):
    """Start the process."""


class ReportRunning(msgspec.Struct, frozen=True):
    """Answer the request to start it."""


class ReportFailure(msgspec.Struct, frozen=True):
    """Refuse the request to start it. Without a reason, how it ended says it all."""

    reason: str | None = None


class ReportEnded(msgspec.Struct, frozen=True):
    """Say that it has ended by itself; it stays in the list. Without a reason, how it ended."""

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
    Prepare
    | Spawn
    | ReportRunning
    | ReportFailure
    | ReportEnded
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
            return _once_ended(life, event)
    assert_never(life.phase)


def _while_preparing(life: Life, event: Event) -> Step:
    match event:
        case Prepared():
            return _to(life, Phase.STARTING), (Spawn(),)
        case Failed(reason):
            return _to(life, Phase.ENDED), _not_started(life, reason)
        case GivenUp(reason):
            return _to(life, Phase.ENDED), (AbandonPreparation(), *_not_started(life, reason))
        case StopAsked():
            failure = () if life.ready else (ReportFailure(STOPPED_EARLY),)
            ended = replace(life, phase=Phase.ENDED, asked=True)
            return ended, (AbandonPreparation(), *failure, ReportStopped())
        case _:
            return life, ()


def _while_starting(life: Life, event: Event) -> Step:
    match event:
        case Spawned():
            return _running_if_ready(replace(life, process=True))
        case CameReady():
            return _running_if_ready(replace(life, announced=True))
        case Failed(reason):
            return _to(life, Phase.ENDED), _not_started(life, reason)
        case Exited(ending):
            return _ended(life, ending), _not_started(life)
        case GivenUp(reason):
            stopping = replace(life, phase=Phase.STOPPING, given_up=reason)
            return stopping, _end(life)
        case StopAsked():
            return replace(life, phase=Phase.STOPPING, asked=True), _end(life)
        case _:
            return life, ()


def _running_if_ready(life: Life) -> Step:
    if not (life.process and life.announced):
        return life, ()
    return replace(life, phase=Phase.RUNNING, ready=True), (ReportRunning(),)


def _while_running(life: Life, event: Event) -> Step:
    match event:
        case Exited(ending):
            return _ended(life, ending), (ReportEnded(),)
        case StopAsked():
            return replace(life, phase=Phase.STOPPING, asked=True), (AskShutdown(),)
        case Hung():
            return replace(life, phase=Phase.STOPPING, hung=True), (AskShutdown(),)
        case _:
            return life, ()


def _while_stopping(life: Life, event: Event) -> Step:
    match event:
        case Spawned():
            # The wish to end it overtook its start, which nothing can call back.
            return replace(life, process=True, forced=True), (Kill(),)
        case StopAsked():
            return replace(life, asked=True), ()
        case Failed(reason):
            return _to(life, Phase.ENDED), _stopped(life, reason)
        case GraceOver() | Hurried() if life.process and not life.forced:
            return replace(life, forced=True), (Kill(),)
        case Exited(ending):
            return _ended(life, ending), _stopped(life)
        case _:
            return life, ()


def _once_ended(life: Life, event: Event) -> Step:
    match event:
        case StopAsked():
            return replace(life, asked=True), (ReportStopped(),)
        case StartAgain() if life.ready and not life.asked:
            return Life(ready=True), (Prepare(),)
        case _:
            return life, ()


def _not_started(life: Life, reason: str | None = None) -> tuple[Action, ...]:
    """Return what follows a start that failed: only the first one has somebody who waits."""
    return (ReportEnded(reason),) if life.ready else (ReportFailure(reason), Forget())


def _stopped(life: Life, reason: str | None = None) -> tuple[Action, ...]:
    """Return what follows the end of what was being ended, for whatever reason."""
    if life.ready and not life.asked:
        return (ReportEnded(reason or life.given_up or (HUNG if life.hung else None)),)
    failure = () if life.ready else (ReportFailure(reason or life.given_up or NOT_RUNNING),)
    return (*failure, ReportStopped())


def _end(life: Life) -> tuple[Action, ...]:
    """Without a process there is nobody to ask yet; its `Spawned` is answered with `Kill`."""
    return (AskShutdown(),) if life.process else ()


def _to(life: Life, phase: Phase) -> Life:
    return replace(life, phase=phase)


def _ended(life: Life, ending: Ending) -> Life:
    return replace(life, phase=Phase.ENDED, ending=ending)
