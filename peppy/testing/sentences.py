"""Sentences about what a trace shows, as values: `message("joint_states", sender="the_arm")`."""

import enum
import linecache
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any, Final, NamedTuple

from peppy.schema.events import EventKind
from peppy.schema.wording import did_you_mean
from peppy.testing.trace_entry import Entry, Kind

KINDS: Final = (*(kind.value for kind in EventKind), "leaving")
"""What events are called in a trace: as in the daemon's log, and a step of a node under test on its
way out."""

FAULTS: Final = (
    "crash", "hang", "resume", "kill_daemon", "fill_disk", "free_disk", "reboot",
)  # fmt: skip
"""What faults are called in a trace."""

_ABSENT: Final = object()

Matches = Callable[[Entry], bool]


class Mentioned(enum.Enum):
    """What a name in a sentence is the name of."""

    TOPIC = "topic"
    INSTANCE = "instance"
    SUBJECT = "subject"
    """Whom an event concerns: an instance, a node, the daemon."""


class Mention(NamedTuple):
    """A name in a sentence, which nothing can match if there is nothing of that name."""

    what: Mentioned
    name: str
    fields: tuple[str, ...] = ()
    """Those of the messages of a topic."""


class Sentence:
    """Something that an entry of a trace can be; `a | b` is either, `a & b` is both."""

    def __init__(
        self,
        words: str,
        matches: Matches,
        kinds: frozenset[Kind],
        mentions: tuple[Mention, ...] = (),
    ) -> None:
        self._words = words
        self._matches = matches
        self.kinds = kinds
        """Which entries it can be at all."""
        self.mentions = mentions
        """The names in it."""

    def matches(self, entry: Entry) -> bool:
        """Return whether this entry is it; what a `where` raises comes out, noting the entry."""
        if entry.kind not in self.kinds:
            return False
        try:
            return self._matches(entry)
        except Exception as error:
            error.add_note(f"while {entry!r} was asked whether it is {self}")
            raise

    def __or__(self, other: "Sentence") -> "Sentence":
        return Sentence(
            f"{self} or {other}",
            lambda entry: self.matches(entry) or other.matches(entry),
            self.kinds | other.kinds,
            self.mentions + other.mentions,
        )

    def __and__(self, other: "Sentence") -> "Sentence":
        return Sentence(
            f"({self}) that is also ({other})",
            lambda entry: self.matches(entry) and other.matches(entry),
            self.kinds & other.kinds,
            self.mentions + other.mentions,
        )

    def __str__(self) -> str:
        return self._words

    def __repr__(self) -> str:
        return f"<sentence: {self._words}>"


def message(
    topic: str,
    /,
    *,
    where: Callable[[Any], bool] | None = None,
    sender: str | None = None,
    **fields: Any,
) -> Sentence:
    """Return: a message on this topic.

    `sender` is the instance id of who sent it; `where` gets the message as it stands in the trace
    (a dict by the document's names, or a dataclass); `fields` are values that it has to have.
    """

    def matches(entry: Entry) -> bool:
        return (
            entry.name == topic
            and sender in (None, entry.who)
            and all(_field(entry.what, name) == value for name, value in fields.items())
            and (where is None or bool(where(entry.what)))
        )

    words = f"a message on '{topic}'"
    if sender is not None:
        words += f" from '{sender}'"
    conditions = [f"{name} = {value!r}" for name, value in fields.items()]
    if where is not None:
        conditions.append(wording(where))
    if conditions:
        words += f" with {' and '.join(conditions)}"
    mentions = (Mention(Mentioned.TOPIC, topic, tuple(fields)), *_who(Mentioned.INSTANCE, sender))
    return Sentence(words, matches, frozenset({Kind.MESSAGE}), mentions)


def event(kind: str, who: str | None = None) -> Sentence:
    """Return: an event of this kind, as in `event("stopped", "the_arm")`.

    `who` is the instance that it concerns, or the node where it concerns no instance. Raises
    `ValueError` for a kind that no event has: nothing would ever show it.
    """
    if kind not in KINDS:
        raise ValueError(f"there are no events '{kind}'{did_you_mean(kind, KINDS)}")
    return _named(Kind.EVENT, f"an event '{kind}'", kind, who, Mentioned.SUBJECT)


def fault(name: str, who: str | None = None) -> Sentence:
    """Return: a fault that the test has injected, as in `fault("crash", "the_arm")`.

    Raises `ValueError` for one that there is not.
    """
    if name not in FAULTS:
        raise ValueError(f"there are no faults '{name}'{did_you_mean(name, FAULTS)}")
    return _named(Kind.FAULT, f"a fault '{name}'", name, who, Mentioned.INSTANCE)


def line(containing: str, who: str | None = None) -> Sentence:
    """Return: a line of output that contains this text, on stdout or stderr.

    `who` is the instance that printed it.
    """
    return Sentence(
        f"a line containing {containing!r}{_of(who)}",
        lambda entry: who in (None, entry.who) and containing in str(entry.what),
        frozenset({Kind.LINE}),
        _who(Mentioned.INSTANCE, who),
    )


def wording(condition: Callable[..., object]) -> str:
    """Return the text of a lambda's expression, or else the name of a function."""
    code: CodeType | None = getattr(condition, "__code__", None)
    if code is None or code.co_name != "<lambda>":
        return str(getattr(condition, "__name__", condition))
    return _source(code) or f"what line {code.co_firstlineno} of {code.co_filename} says"


def _source(code: CodeType) -> str:
    """Return what stands in the file where this code comes from, on one line."""
    begin, end = (sys.maxsize, 0), (0, 0)
    for first, last, left, right in code.co_positions():
        # What has no extent belongs to no part of the text.
        if first is None or last is None or left is None or not right:
            continue
        begin, end = min(begin, (first, left)), max(end, (last, right))
    lines = [linecache.getline(code.co_filename, n).encode() for n in range(begin[0], end[0] + 1)]
    if not lines:
        return ""
    lines[-1] = lines[-1][: end[1]]
    lines[0] = lines[0][begin[1] :]
    return " ".join(b" ".join(lines).decode().split())


def _named(kind: Kind, words: str, name: str, who: str | None, mentioned: Mentioned) -> Sentence:
    return Sentence(
        f"{words}{_of(who)}",
        lambda entry: entry.name == name and who in (None, entry.who),
        frozenset({kind}),
        _who(mentioned, who),
    )


def _who(what: Mentioned, name: str | None) -> tuple[Mention, ...]:
    return () if name is None else (Mention(what, name),)


def _of(who: str | None) -> str:
    return "" if who is None else f" of '{who}'"


def _field(values: Any, name: str) -> Any:
    if isinstance(values, dict):
        return values.get(name, _ABSENT)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return getattr(values, name, _ABSENT)
