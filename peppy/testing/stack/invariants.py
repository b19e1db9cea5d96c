"""What always holds, whatever happened to a stack, once all is healed and has come to rest.

1. Every request of the test was answered, or refused with a `PeppyError`.
2. What the daemon has acknowledged holds: an instance that it said was stopped is not listed, one
   that it said was started is.
3. No instance runs that is not listed, and none runs twice at once; what is listed as running does.
4. What has a restart policy runs again after a failure, unless it was given up with an event.
5. No message is lost without a counter, and none is handed out twice unless the network duplicated
   messages: what each receiver counts against what senders sent (`accounts`).
6. Calls and goals end: nobody waits beyond his time-out.
7. Nobody prints a traceback but an instance whose own code has failed, which then has ended.
8. The daemon's actors fail with nothing but what a person can put right.
9. What was emitted at the beginning is emitted again, once everybody is back.
10. Nothing is left in the end: no program, no workspace, no instance directory.

What is wrong is collected, so that one run tells all of it; each is a sentence and a moment.
"""

from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import Final

import msgspec

from peppy.schema.control import InstanceState, InstanceView
from peppy.schema.events import EventKind
from peppy.schema.restart import RestartMode
from peppy.testing.trace_entry import Entry, Kind

TRACEBACK: Final = "Traceback (most recent call last)"

ENDS_WITHIN: Final = 15.0
"""Seconds from a traceback to the end of whoever prints it: hooks and other tasks come first."""

HARMLESS: Final = frozenset(
    {"no_daemon", "instance_exists", "unknown_instance", "in_progress", "needs_consent"}
)
"""Refusals after which nothing has changed."""

Leaving = tuple[str, float]
"""Whose process has ended, and when."""


class Violation(msgspec.Struct, frozen=True):
    """Something that does not hold."""

    at: float
    """Seconds since the trace began."""
    what: str


class Deed(msgspec.Struct):
    """A request that changes which instances there are, and what became of it."""

    verb: str
    instance: str | None
    """None is all of them."""
    begun: float
    ended: float = inf
    refusal: str | None = None
    """The kind of the error; None for an answer."""
    started: Collection[str] | None = None
    """Those of all that it has started, as its answer says."""

    @property
    def harmless(self) -> bool:
        """Whether it was refused, and nothing has come of it: a restart has stopped before that."""
        return self.refusal in HARMLESS and self.verb != "restart"


class Deeds:
    """All that the daemon was asked to do to instances."""

    def __init__(self) -> None:
        self._deeds: list[Deed] = []

    def begin(self, verb: str, instance: str | None, now: float) -> Deed:
        """Count a request from now on."""
        deed = Deed(verb, instance, now)
        self._deeds.append(deed)
        return deed

    def expected(self, name: str) -> Deed | None:
        """Return what was acknowledged last of an instance; None where that is not certain.

        One whose asker went away, or whose daemon died, may have its effect at any later time.
        """
        mine = [d for d in self._deeds if d.instance in (None, name) and not d.harmless]
        if not mine:
            return None
        last = max(mine, key=lambda deed: deed.begun)
        others = (deed for deed in mine if deed is not last)
        certain = last.refusal is None and all(deed.ended < last.begun for deed in others)
        if last.instance is None and (last.started is None or name not in last.started):
            return None
        return last if certain and last.ended < inf else None


def acknowledged(deeds: Deeds, names: Sequence[str], listed: Collection[str]) -> list[str]:
    """Return what is not as the daemon has said that it is."""
    found: list[str] = []
    for name in names:
        deed = deeds.expected(name)
        if deed is None:
            continue
        if deed.verb == "stop" and name in listed:
            found.append(f"'{name}' was stopped, and is listed")
        elif deed.verb != "stop" and name not in listed:
            verb = deed.verb.replace("_", " ")
            found.append(f"'{name}' was started ({verb}), and is not listed")
    return found


def running(listed: Mapping[str, InstanceView], living: Collection[str]) -> list[str]:
    """Return where the list and what really runs differ."""
    alive = {name for name, view in listed.items() if view.is_alive}
    unlisted = [
        f"'{name}' runs, and is not listed as alive" for name in living if name not in alive
    ]
    missing = [
        f"'{name}' is listed as running, and does not run"
        for name, view in listed.items()
        if view.state is InstanceState.RUNNING and name not in living
    ]
    return unlisted + missing


def restarted(listed: Mapping[str, InstanceView], entries: Sequence[Entry]) -> list[str]:
    """Return who should have been started again, and was not.

    The event of who was given up is lost where the disk was full; then its restarts tell it.
    """
    given_up = {e.who for e in entries if e.kind is Kind.EVENT and e.name == EventKind.GIVEN_UP}
    found: list[str] = []
    for name, view in listed.items():
        failed = view.restart.mode is not RestartMode.NEVER and view.state is InstanceState.FAILED
        over = view.restart.mode is RestartMode.ALWAYS and view.state is InstanceState.FINISHED
        spent = name in given_up or view.restarts >= view.restart.limit
        if (failed or over) and not view.is_alive and not spent:
            found.append(
                f"'{name}' has ended ({view.ended}), is to be restarted {view.restart.mode}, and"
                " was neither restarted nor given up"
            )
    return found


def tracebacks(entries: Sequence[Entry], leavings: Sequence[Leaving]) -> list[Violation]:
    """Return the tracebacks of all that have not ended with them."""
    found: list[Violation] = []
    last = entries[-1].at if entries else 0.0
    for entry in entries:
        if entry.kind is not Kind.LINE or TRACEBACK not in str(entry.what):
            continue
        due = entry.at + ENDS_WITHIN
        ended = any(who == entry.who and entry.at <= at <= due for who, at in leavings)
        if not ended and due <= last:
            found.append(Violation(entry.at, f"'{entry.who}' prints a traceback, and goes on"))
    return found


def silent(topics: Collection[str], entries: Sequence[Entry], since: float) -> list[str]:
    """Return the topics on which nothing has come since then."""
    heard = {e.name for e in entries if e.kind is Kind.MESSAGE and e.at >= since}
    return [f"nothing comes on topic '{topic}' any more" for topic in topics if topic not in heard]
