"""Whether an instance that has ended is started again, and when.

    UP ──► WAITING ──► UP        it ended; its back-off passes; it is started again
    UP ──► HUNG ──► WAITING      it has to be ended first
    UP ──► SPENT ──► OVER        it hangs, and the limit of restarts is reached: it is left so
    UP ──► OVER                  its policy does not want it again, or the limit is reached

Whoever stops it wins over all of this, and for good. What it has been through survives the daemon:
`Course` can be written down, if `now` is given in seconds since the epoch.
"""

import enum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from peppy.schema.restart import (
    FIRST_BACK_OFF,
    HEALTHY_FOR,
    LONGEST_BACK_OFF,
    RestartMode,
    RestartPolicy,
)


class Phase(enum.Enum):
    """Where an instance is, as far as restarts go."""

    UP = "up"
    """It has a process, or is about to."""
    HUNG = "hung"
    """Its process is being ended, so that it can be started again."""
    SPENT = "spent"
    """It hangs, and may not be started again; one answer, and it is up."""
    WAITING = "waiting"
    OVER = "over"
    STOPPED = "stopped"


class Course(msgspec.Struct, frozen=True):
    """Everything the decisions depend on."""

    phase: Phase = Phase.UP
    back_off: float = FIRST_BACK_OFF
    """Seconds before the next restart."""
    healthy_since: float | None = None
    starts: tuple[float, ...] = ()
    """When it was started again; those too old to count are left out."""
    restarts: int = 0
    """All of them."""
    due: float | None = None
    """When it is to be started again, while it waits."""


class Healthy(msgspec.Struct, frozen=True):
    """It answers; told as often as one likes."""


class Unhealthy(msgspec.Struct, frozen=True):
    """It does not answer."""


class Hung(msgspec.Struct, frozen=True):
    """It has not answered for as long as its policy bears."""


class Ended(msgspec.Struct, frozen=True):
    """Its process has ended, or could not be started; `clean` is exit code 0."""

    clean: bool


class Waited(msgspec.Struct, frozen=True):
    """The time before its restart is over."""


class StopAsked(msgspec.Struct, frozen=True):
    """Somebody wants it gone."""


Event = Healthy | Unhealthy | Hung | Ended | Waited | StopAsked


class EndFirst(msgspec.Struct, frozen=True):
    """End its process, which hangs; its end is told as `Ended`."""


class StartAgain(msgspec.Struct, frozen=True):
    """Tell `Waited` after so many seconds."""

    after: float
    number: int
    """Which restart this is, from 1 on."""


class StartNow(msgspec.Struct, frozen=True):
    """Start it."""


class GiveUp(msgspec.Struct, frozen=True):
    """Leave it as it is: it has been started again so often within its window."""

    restarts: int


class WaitNoMore(msgspec.Struct, frozen=True):
    """Forget that it was to be started."""


Decision = EndFirst | StartAgain | StartNow | GiveUp | WaitNoMore

Step = tuple[Course, Decision | None]


def step(course: Course, event: Event, now: float, policy: RestartPolicy) -> Step:
    """Return what becomes of `course` after `event`, and the decision, if there is one to make.

    `now` is in seconds, of any clock that the events of one instance have in common.
    """
    if course.phase is Phase.STOPPED:
        return course, None
    match event:
        case StopAsked():
            waits = course.phase is Phase.WAITING
            return replace(_down(course), phase=Phase.STOPPED), WaitNoMore() if waits else None
        case Healthy():
            return _healthy(course, now), None
        case Unhealthy():
            return _rested(course, now), None
        case Hung():
            return _hung(course, now, policy)
        case Ended(clean):
            return _ended(course, now, policy, clean=clean)
        case Waited():
            return _waited(course, now, policy)
    assert_never(event)


def _healthy(course: Course, now: float) -> Course:
    if course.phase not in (Phase.UP, Phase.SPENT):
        return course
    since = now if course.healthy_since is None else course.healthy_since
    return replace(course, phase=Phase.UP, healthy_since=since)


def _rested(course: Course, now: float) -> Course:
    """Return `course` at the end of a time of health, which may have been long enough."""
    since = course.healthy_since
    if since is not None and now - since >= HEALTHY_FOR:
        course = replace(course, back_off=FIRST_BACK_OFF)
    return replace(course, healthy_since=None)


def _hung(course: Course, now: float, policy: RestartPolicy) -> Step:
    if course.phase is not Phase.UP or policy.mode is RestartMode.NEVER:
        return course, None
    course = _rested(course, now)
    if not _may_start(course, now + course.back_off, policy):
        return replace(course, phase=Phase.SPENT), GiveUp(_recent(course, now, policy))
    return replace(course, phase=Phase.HUNG), EndFirst()


def _ended(course: Course, now: float, policy: RestartPolicy, *, clean: bool) -> Step:
    if course.phase in (Phase.WAITING, Phase.OVER):
        return course, None
    failed = not clean or course.phase is Phase.HUNG
    wanted = policy.mode is RestartMode.ALWAYS or (policy.mode is RestartMode.ON_FAILURE and failed)
    if course.phase is Phase.SPENT or not wanted:
        return _down(course), None
    course = _rested(course, now)
    after = course.back_off
    if not _may_start(course, now + after, policy):
        return _down(course), GiveUp(_recent(course, now, policy))
    waiting = replace(
        course,
        phase=Phase.WAITING,
        back_off=min(2 * after, LONGEST_BACK_OFF),
        due=now + after,
    )
    return waiting, StartAgain(after, course.restarts + 1)


def _waited(course: Course, now: float, policy: RestartPolicy) -> Step:
    if course.phase is not Phase.WAITING:
        return course, None
    recent = tuple(start for start in course.starts if start > now - policy.window)
    up = replace(
        course,
        phase=Phase.UP,
        starts=(*recent, now),
        restarts=course.restarts + 1,
        due=None,
    )
    return up, StartNow()


def _may_start(course: Course, at: float, policy: RestartPolicy) -> bool:
    return _recent(course, at, policy) < policy.limit


def _recent(course: Course, at: float, policy: RestartPolicy) -> int:
    """Return how many restarts stand in the window that ends at this time."""
    return sum(start > at - policy.window for start in course.starts)


def _down(course: Course) -> Course:
    return replace(course, phase=Phase.OVER, healthy_since=None, due=None)
