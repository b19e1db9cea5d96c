"""Whether an instance is well, from the questions that its own event loop answers or misses.

One missed question makes it unhealthy, one answer makes it healthy again (behaviour.md 11.2); a
transition is told once. An instance whose policy wants it is hung when it still misses questions
after so long: that is judged as each one is missed, so a daemon that itself stood still meanwhile
has no live instance ended.
"""

import enum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from peppy.schema.control import Health
from peppy.schema.restart import RestartMode, RestartPolicy


class Pulse(msgspec.Struct, frozen=True):
    """What is known of one process; a new process has a new one."""

    health: Health | None = None
    """None until the first question is answered or missed."""
    unwell_since: float | None = None
    """When the first of the questions was missed that have all been missed since."""
    hung: bool = False
    """Whether it has been told that it is hung."""


class Answered(msgspec.Struct, frozen=True):
    """A question was answered in time."""


class Missed(msgspec.Struct, frozen=True):
    """A question was not answered in time."""


Event = Answered | Missed


class Verdict(enum.Enum):
    """What there is to tell."""

    UNHEALTHY = "unhealthy"
    RECOVERED = "recovered"
    HUNG = "hung"


Step = tuple[Pulse, Verdict | None]


def step(pulse: Pulse, event: Event, now: float, policy: RestartPolicy) -> Step:
    """Return what is known after `event`, and what is to be told; `now` is in seconds."""
    match event:
        case Answered():
            recovered = pulse.health is Health.UNHEALTHY
            return Pulse(Health.HEALTHY), Verdict.RECOVERED if recovered else None
        case Missed():
            if pulse.unwell_since is None:
                return Pulse(Health.UNHEALTHY, unwell_since=now), Verdict.UNHEALTHY
            if pulse.hung or not _too_long(pulse.unwell_since, now, policy):
                return pulse, None
            return replace(pulse, hung=True), Verdict.HUNG
    assert_never(event)


def _too_long(since: float, now: float, policy: RestartPolicy) -> bool:
    if policy.mode is RestartMode.NEVER or policy.hung_after is None:
        return False
    return now - since >= policy.hung_after
