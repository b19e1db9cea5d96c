"""The life of one goal, as the server of its action sees it.

    OFFERED ◄─► DECIDING ─► ACTIVE ─► FINISHING
       │         │   │        │           │
       │         │   │        ├───────────┴────► SETTLED, SUPERSEDED
       │         │   │        └────────────────► CANCELLED
       │         │   └─────────────────────────► REJECTED
       └─────────┴─────────────────────────────► ABANDONED

A handler is not told which goal it is called for: it answers for the goal that the server took on
last. So handlers begin for the ACTIVE goal only, and what it is superseded by ends it. But a result
handler that runs at that moment has begun for it, and what it answers still counts.

Whoever asks for the result, or asks to cancel, is an *asker*, known by a number. Each gets exactly
one answer, unless it leaves before. Of a result that is given and a cancel that is accepted, the
first wins: all that is asked or decided later hears that the goal has ended. Source: seed 003,
"Actions"; behaviour.md 8.5.
"""

import enum
from typing import Final, assert_never

import msgspec
from msgspec.structs import replace


class Phase(enum.Enum):
    """How far a goal has come."""

    OFFERED = "offered"
    """It waits for the server to ask for its next goal."""
    DECIDING = "deciding"
    """The goal handler runs."""
    ACTIVE = "active"
    """It is the one that the server works on."""
    FINISHING = "finishing"
    """The server has gone on to its next goal while the result handler ran, which it still does."""
    SETTLED = "settled"
    """The result handler has answered; the answer is kept."""
    SUPERSEDED = "superseded"
    """The server has gone on to its next goal without a result for this one."""
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    ABANDONED = "abandoned"
    """Nobody wants it any more."""


OPEN: Final = frozenset({Phase.ACTIVE, Phase.FINISHING})
"""The phases in which the server may still settle a goal."""

ENDED: Final = frozenset(
    {Phase.SETTLED, Phase.SUPERSEDED, Phase.CANCELLED, Phase.REJECTED, Phase.ABANDONED}
)


class Life(msgspec.Struct, frozen=True):
    """Everything the decisions depend on."""

    phase: Phase = Phase.OFFERED
    client_gone: bool = False
    """Whether the client has left; a goal that is worked on goes on all the same."""
    askers: tuple[int, ...] = ()
    """Who waits for the result, in order of arrival."""
    settling: bool = False
    """Whether the result handler runs."""
    cancels: tuple[int, ...] = ()
    """Whose cancel waits to be handled, in order of arrival."""
    cancelling: bool = False
    """Whether the cancel handler runs."""
    canceller: int | None = None
    """Whose cancel it is that the handler looks at; None once that asker has left."""


class Taken(msgspec.Struct, frozen=True):
    """The server took it from its queue, and the goal handler begins."""


class PutBack(msgspec.Struct, frozen=True):
    """The server was interrupted before it had decided."""


class Accepted(msgspec.Struct, frozen=True):
    """The goal handler took it on."""


class Rejected(msgspec.Struct, frozen=True):
    """The goal handler refused it, or failed."""


class ClientLeft(msgspec.Struct, frozen=True):
    """Its client has died, or no longer waits for the decision."""


class Superseded(msgspec.Struct, frozen=True):
    """The server took on another goal."""


class ResultAsked(msgspec.Struct, frozen=True):
    """Somebody asks for the result."""

    asker: int


class CancelAsked(msgspec.Struct, frozen=True):
    """Somebody asks to cancel it."""

    asker: int


class AskerLeft(msgspec.Struct, frozen=True):
    """Who asked for the result, or to cancel, waits no longer."""

    asker: int


class ResultBegun(msgspec.Struct, frozen=True):
    """The result handler begins."""


class ResultInterrupted(msgspec.Struct, frozen=True):
    """The result handler was interrupted."""


class ResultGiven(msgspec.Struct, frozen=True):
    """The result handler has returned, or failed: either is the answer."""


class CancelBegun(msgspec.Struct, frozen=True):
    """The cancel handler begins with the cancel that has waited longest."""


class CancelInterrupted(msgspec.Struct, frozen=True):
    """The cancel handler was interrupted."""


class CancelDecided(msgspec.Struct, frozen=True):
    """The cancel handler has returned, or failed, which accepts nothing."""

    accepted: bool


class Expired(msgspec.Struct, frozen=True):
    """It has been kept long enough."""


Event = (
    Taken
    | PutBack
    | Accepted
    | Rejected
    | ClientLeft
    | Superseded
    | ResultAsked
    | CancelAsked
    | AskerLeft
    | ResultBegun
    | ResultInterrupted
    | ResultGiven
    | CancelBegun
    | CancelInterrupted
    | CancelDecided
    | Expired
)


class TellDecision(msgspec.Struct, frozen=True):
    """Answer the client who fired it."""


class DropOffer(msgspec.Struct, frozen=True):
    """Take it out of the queue."""


class StopDeciding(msgspec.Struct, frozen=True):
    """Interrupt the goal handler: nobody waits for its decision."""


class EndFeedback(msgspec.Struct, frozen=True):
    """Let the client know that no more feedback comes."""


class GiveResult(msgspec.Struct, frozen=True):
    """Answer this asker with what the result handler answered."""

    asker: int


class RefuseResult(msgspec.Struct, frozen=True):
    """Tell this asker that there will be no result."""

    asker: int


class AnswerCancel(msgspec.Struct, frozen=True):
    """Answer this asker with what the cancel handler answered."""

    asker: int


class DenyCancel(msgspec.Struct, frozen=True):
    """Tell this asker that its cancel is not accepted: the goal had ended."""

    asker: int


class Forget(msgspec.Struct, frozen=True):
    """Keep it no longer."""


Action = (
    TellDecision
    | DropOffer
    | StopDeciding
    | EndFeedback
    | GiveResult
    | RefuseResult
    | AnswerCancel
    | DenyCancel
    | Forget
)

Step = tuple[Life, tuple[Action, ...]]


def step(life: Life, event: Event) -> Step:
    """Return what becomes of `life` after `event`, and what is to be done, in order."""
    match event:
        case Taken() | PutBack() | Accepted() | Rejected() | ClientLeft() | Superseded():
            return _of_the_goal(life, event)
        case ResultAsked() | CancelAsked() | AskerLeft():
            return _of_an_asker(life, event)
        case ResultBegun() | ResultInterrupted() | ResultGiven():
            return _of_the_result(life, event)
        case CancelBegun() | CancelInterrupted() | CancelDecided():
            return _of_a_cancel(life, event)
        case Expired():
            return _expired(life)
    assert_never(event)


def result_wanted(life: Life) -> bool:
    """Say whether the result handler is to be called.

    Somebody waits for it; or nobody ever will, and the server must not wait for that: what the
    handler does besides answering still counts.
    """
    wanted = bool(life.askers) or life.client_gone
    return life.phase is Phase.ACTIVE and not life.settling and wanted


def cancel_wanted(life: Life) -> bool:
    """Say whether the cancel handler is to be called."""
    return life.phase is Phase.ACTIVE and not life.cancelling and bool(life.cancels)


def _of_the_goal(
    life: Life, event: Taken | PutBack | Accepted | Rejected | ClientLeft | Superseded
) -> Step:
    match life.phase, event:
        case Phase.OFFERED, Taken():
            return replace(life, phase=Phase.DECIDING), ()
        case Phase.OFFERED, ClientLeft():
            return _ended(life, Phase.ABANDONED, DropOffer())
        case Phase.DECIDING, PutBack():
            return replace(life, phase=Phase.OFFERED), ()
        case Phase.DECIDING, Accepted():
            return replace(life, phase=Phase.ACTIVE), (TellDecision(),)
        case Phase.DECIDING, Rejected():
            return _ended(life, Phase.REJECTED, TellDecision(), EndFeedback())
        case Phase.DECIDING, ClientLeft():
            return _ended(life, Phase.ABANDONED, StopDeciding())
        case ((Phase.ACTIVE | Phase.FINISHING), ClientLeft()):
            return replace(life, client_gone=True), ()
        case Phase.ACTIVE, Superseded() if life.settling:
            finishing = replace(
                life, phase=Phase.FINISHING, cancels=(), cancelling=False, canceller=None
            )
            return finishing, (EndFeedback(), *_denied(life))
        case Phase.ACTIVE, Superseded():
            return _ended(life, Phase.SUPERSEDED, EndFeedback())
        case _:
            return life, ()


def _of_an_asker(life: Life, event: ResultAsked | CancelAsked | AskerLeft) -> Step:
    match event:
        case ResultAsked(asker) if life.phase is Phase.SETTLED:
            return life, (GiveResult(asker),)
        case ResultAsked(asker) if life.phase in ENDED:
            return life, (RefuseResult(asker),)
        case ResultAsked(asker):
            return replace(life, askers=(*life.askers, asker)), ()
        case CancelAsked(asker) if life.phase in ENDED or life.phase is Phase.FINISHING:
            return life, (DenyCancel(asker),)
        case CancelAsked(asker):
            return replace(life, cancels=(*life.cancels, asker)), ()
        case AskerLeft(asker):
            left = replace(
                life,
                askers=_without(life.askers, asker),
                cancels=_without(life.cancels, asker),
                canceller=None if life.canceller == asker else life.canceller,
            )
            return left, ()
    assert_never(event)


def _of_the_result(life: Life, event: ResultBegun | ResultInterrupted | ResultGiven) -> Step:
    if life.phase not in OPEN:  # an accepted cancel was faster
        return life, ()
    match event:
        case ResultBegun():
            return replace(life, settling=True), ()
        case ResultInterrupted() if life.phase is Phase.FINISHING:
            return _ended(life, Phase.SUPERSEDED)
        case ResultInterrupted():
            return replace(life, settling=False), ()
        case ResultGiven():
            answers = tuple(GiveResult(asker) for asker in life.askers)
            return _ended(replace(life, askers=()), Phase.SETTLED, *_last_feedback(life), *answers)
    assert_never(event)


def _of_a_cancel(life: Life, event: CancelBegun | CancelInterrupted | CancelDecided) -> Step:
    if life.phase is not Phase.ACTIVE:  # a result or the next goal was faster
        return life, ()
    asker = () if life.canceller is None else (life.canceller,)
    others = replace(life, cancelling=False, canceller=None)
    match event:
        case CancelBegun():
            first, *rest = life.cancels
            return replace(life, cancels=tuple(rest), cancelling=True, canceller=first), ()
        case CancelInterrupted():
            return replace(others, cancels=(*asker, *life.cancels)), ()
        case CancelDecided(accepted):
            answers = tuple(AnswerCancel(each) for each in asker)
            if not accepted:
                return others, answers
            return _ended(others, Phase.CANCELLED, EndFeedback(), *answers)
    assert_never(event)


def _expired(life: Life) -> Step:
    return life, (Forget(),) if life.phase in ENDED else ()


def _last_feedback(life: Life) -> tuple[Action, ...]:
    """Return what ends the feedback; a goal that the server has left behind has had that."""
    return (EndFeedback(),) if life.phase is Phase.ACTIVE else ()


def _ended(life: Life, phase: Phase, *actions: Action) -> Step:
    """Nobody waits beyond the end: askers are told, whatever they asked."""
    refused = tuple(RefuseResult(asker) for asker in life.askers)
    ended = Life(phase=phase, client_gone=life.client_gone)
    return ended, (*actions, *refused, *_denied(life))


def _denied(life: Life) -> tuple[Action, ...]:
    """Return what answers all cancels, the one that is looked at first."""
    looked_at = () if life.canceller is None else (life.canceller,)
    return tuple(DenyCancel(asker) for asker in (*looked_at, *life.cancels))


def _without(askers: tuple[int, ...], asker: int) -> tuple[int, ...]:
    return tuple(each for each in askers if each != asker)
