"""What the children say, put together: what went through, what was lost, and what is wrong."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.soaking.child import Child
from benchmarks.soaking.wares import NEVER_LOSES

LEASE: Final = 9.0
"""Seconds: who stands still for longer may be given up by the wire, which waits for ten."""

AFTERMATH: Final = 120.0
"""Seconds after such a stop in which a gap is its consequence: who was given up has to be found
again, and the gap is seen with the next message."""

GRACE: Final = 1.5
"""Seconds around a stop in which what it holds up is still its doing."""


WORTH_TELLING: Final = 1.0
"""Seconds of a stall or of a silence."""


@dataclass(slots=True)
class Row:
    """One sender at one end, as the receiving program last told of it."""

    seen: int = 0
    bytes: int = 0
    missing: int = 0
    bad: int = 0
    expected: int = 0


@dataclass(slots=True)
class EndView:
    rows: dict[str, Row] = field(default_factory=lambda: defaultdict[str, Row](Row))
    dropped: int = 0
    foreign: int = 0
    waiting: int = 0
    closed: bool = False
    """Whether its program has closed it."""


@dataclass
class Longest:
    """The longest of some waits, in seconds, by whose doing it was."""

    by_itself: float = 0.0
    by_another: float = 0.0


class Court:
    """Hears all children and keeps what they said."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.ends: dict[tuple[str, str], EndView] = defaultdict(EndView)
        self.calls: dict[str, Counter[str]] = defaultdict(Counter)
        self.goals: dict[str, Counter[str]] = defaultdict(Counter)
        self.strange: dict[str, dict[str, int]] = {}
        self.stall, self.silence = Longest(), Longest()
        self.forgiven = 0
        """Messages missing on topics that lose none, between two that were parted for long."""
        self.said: dict[str, dict[str, Any]] = defaultdict(dict)
        """What a child said last under each name."""
        self.rested: Counter[str] = Counter()
        self._children: dict[str, Child] = {}

    def know(self, child: Child) -> None:
        self._children[child.name] = child

    def accuse(self, what: str) -> None:
        """Note and print that something happened which must not."""
        self.violations.append(what)
        print(f"{time.strftime('%H:%M:%S')} VIOLATION {what}", flush=True)

    def hear(self, child: Child, heard: dict[str, Any]) -> None:
        """Take in one line of a child's."""
        if "violation" in heard:
            self.accuse(f"{child.name}: {heard['violation']}: {heard['context']}")
        elif "gap" in heard:
            self._gap(child, heard)
        elif "report" in heard:
            for news in heard["report"]:
                self._news(child, news)
            self.calls[child.name] = Counter(heard["calls"])
            self.goals[child.name] = Counter(heard["goals"])
            self.strange[child.name] = heard["strange"]
            for until, seconds in heard["stalls"]:
                self._waited(self.stall, "stall", child, until - seconds, until)
            self.rested[child.name] += heard["rest"]
        elif "rows" in heard:
            self._news(child, heard)
        else:
            self.said[child.name].update(heard)

    def _news(self, child: Child, news: dict[str, Any]) -> None:
        end = self.ends[child.name, news["end"]]
        for sender, *numbers in news["rows"]:
            end.rows[sender] = Row(*numbers)
        end.dropped, end.foreign = news["dropped"], news["foreign"]
        end.closed = "closed" in news
        end.waiting = 0 if end.closed else news["waiting"]

    def _gap(self, child: Child, heard: dict[str, Any]) -> None:
        at, sender = heard["at"], self._children.get(heard["sender"])
        parted = any(
            each.overlaps(at - AFTERMATH, at, LEASE) for each in (child, sender) if each is not None
        )
        if parted:
            self.forgiven += heard["gap"]
        else:
            self.accuse(f"{child.name}: a gap where nothing may be lost: {heard}")

    def silent(self, child: Child, since: float, until: float) -> None:
        """Take in that a child did not answer for a while."""
        self._waited(self.silence, "silence", child, since, until)

    def _waited(
        self, longest: Longest, what: str, child: Child, since: float, until: float
    ) -> None:
        if child.overlaps(since - GRACE, until + GRACE):
            return
        disturbed = self.disturbed(child, since, until)
        if until - since > WORTH_TELLING:
            why = "while another was stopped" if disturbed else "by itself"
            print(
                f"{time.strftime('%H:%M:%S')} {child.name}: a {what} of {until - since:.2f} s"
                f" {why}, {until - child.born:.0f} s old",
                flush=True,
            )
        if disturbed:
            longest.by_another = max(longest.by_another, until - since)
        else:
            longest.by_itself = max(longest.by_itself, until - since)

    def disturbed(self, child: Child, since: float, until: float) -> bool:
        """Say whether somebody else was stopped then."""
        others = (each for each in self._children.values() if each is not child)
        return any(each.overlaps(since - GRACE, until + GRACE) for each in others)

    # At the end.

    def check_whole(self, alive: list[Child], sent: dict[str, dict[str, int]]) -> None:
        """Between those that live, every message must have been seen or be missing."""
        now = time.time()
        whose = {child.name: child for child in alive}
        for (run, name), end in self.ends.items():
            if run in whose and not end.closed and name.partition("/")[0] in NEVER_LOSES:
                self._check_end(whose[run], name, end, alive, sent, now)

    def _check_end(
        self,
        receiver: Child,
        name: str,
        end: EndView,
        alive: list[Child],
        sent: dict[str, dict[str, int]],
        now: float,
    ) -> None:
        for sender in alive:
            row = end.rows.get(sender.name, Row())
            emitted = sent[sender.name][name.partition("/")[0]]
            parted = any(each.overlaps(now - AFTERMATH, now, LEASE) for each in (receiver, sender))
            if row.expected != emitted and not parted:
                self.accuse(
                    f"{receiver.name}: '{name}' has come to {row.expected} of the {emitted} that"
                    f" '{sender.name}' has sent; {end.waiting} wait"
                )

    def check_fuzz(self, claimed: dict[str, int]) -> None:
        """Nothing is unreadable or mismatched but what the fuzzer claimed."""
        for (receiver, name), end in self.ends.items():
            for sender, row in end.rows.items():
                most = claimed.get(f"{name.partition('/')[0]} {sender}", 0)
                if row.bad > most:
                    self.accuse(
                        f"{receiver}: '{name}': {row.bad} messages of '{sender}' could not be"
                        f" read, and {most} of them were none of its"
                    )

    def at_rest(self, run: str) -> dict[str, int]:
        """Return how much nonsense a run has counted so far, by where it came."""
        counted = dict(self.strange[run])
        for (receiver, name), end in self.ends.items():
            if receiver == run and not end.closed:
                counted[name] = end.foreign
        return counted


def roll_missing(
    run: str, before: dict[str, int], after: dict[str, int], rolled: dict[str, int]
) -> list[str]:
    """Return which pieces of nonsense were not counted."""
    expected = {"exchange": rolled.get(f"exchanged {run}", 0), "action": 1}
    found: list[str] = []
    for where, count in after.items():
        wanted = expected.get(where, rolled.get(where.partition("/")[0], 0))
        grown = count - before.get(where, 0)
        if grown != wanted:
            found.append(f"{run}: '{where}' counted {grown} of {wanted} pieces of nonsense")
    return found
