"""Reading plain values into typed ones while every problem is collected.

A getter always returns a value of its type. Where it notes a problem, that value is a stand-in
which nobody sees, because `Report.settle` raises before the result is handed out. So readers are
straight lines, and a person gets all problems at once.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from peppy.schema.errors import DocumentError, Problem
from peppy.schema.names import NAME_RULE, TAG_RULE, Name, Tag, is_name, is_tag
from peppy.schema.places import Lines, Parsed, Place, Spot, joined
from peppy.schema.wording import described, did_you_mean, either, quoted

T = TypeVar("T")
E = TypeVar("E", bound=enum.StrEnum)

MOST_PROBLEMS: Final = 200
"""Problems of one document that are listed; more help nobody, and each costs time to word."""

STAND_IN: Final = Name("")
"""In place of a name that is wrong; no real name is empty."""


class Report:
    """The problems of one document."""

    def __init__(self, source: str, lines: Lines | None = None) -> None:
        self._source = source
        self._lines = lines
        self._problems: list[Problem] = []

    def note(self, offset: int | None, path: str, what: str) -> None:
        """Keep a problem; `offset` is None where there is no text.

        Raises `DocumentError` at once when there are `MOST_PROBLEMS` already.
        """
        if len(self._problems) == MOST_PROBLEMS:
            what = "there are more problems, they are listed when these are solved"
            raise DocumentError(self._source, [*self._ordered(), Problem(0, 0, "", what)])
        if offset is None or self._lines is None:
            self._problems.append(Problem(0, 0, path, what))
        else:
            place = self._lines.place(offset)
            self._problems.append(Problem(place.line, place.column, path, what))

    def place(self, offset: int) -> Place | None:
        """Return the place of an offset; None where there is no text."""
        return None if self._lines is None else self._lines.place(offset)

    def settle(self) -> None:
        """Raise `DocumentError` with all problems, in the order of their places, if any."""
        if self._problems:
            raise DocumentError(self._source, self._ordered())

    def _ordered(self) -> list[Problem]:
        # A value that two rules look at is noted twice when both find it to be no object.
        once = dict.fromkeys(self._problems)
        return sorted(once, key=lambda problem: (problem.line, problem.column))


class Cursor:
    """One value of a document, with the path to it and the report that it adds to."""

    __slots__ = ("_spot", "path", "report", "value")

    def __init__(self, value: object, path: str, report: Report, spot: Spot | None = None) -> None:
        self.value = value
        self.path = path
        self.report = report
        self._spot = spot

    @property
    def place(self) -> Place | None:
        """Where this value begins; None where there is no text."""
        return None if self._spot is None else self.report.place(self._spot.offset)

    def part(self, value: object) -> "Cursor":
        """Return a cursor over a part of this value, such as half of a string, in its place."""
        return Cursor(value, self.path, self.report, self._spot)

    def problem(self, what: str) -> None:
        """Note that this value is wrong."""
        self.report.note(None if self._spot is None else self._spot.offset, self.path, what)

    def key_problem(self, what: str) -> None:
        """Note a problem where this value's key stands, or the value if it has none."""
        spot = self._spot
        offset = None if spot is None else spot.offset if spot.key is None else spot.key
        self.report.note(offset, self.path, what)

    def must_be(self, what: str) -> None:
        """Note that this value is of the wrong kind; `what` says which one is right."""
        self.problem(f"must be {what}, not {described(self.value)}")

    @property
    def is_object(self) -> bool:
        """Whether this is an object; `entries` notes a problem where it is not."""
        return isinstance(self.value, dict)

    def has(self, key: str) -> bool:
        """Say whether this is an object with the member `key`, known or not."""
        return self.is_object and key in cast("dict[object, object]", self.value)

    def entries(self) -> "dict[str, Cursor]":
        """Return the members of an object with any keys."""
        if not self.is_object:
            self.must_be("an object")
            return {}
        members: dict[str, Cursor] = {}
        for key, value in cast("dict[object, object]", self.value).items():
            if isinstance(key, str):
                members[key] = self._member(key, value)
            else:
                self.problem(f"has a key that is {described(key)}, not a string")
        return members

    def fields(
        self,
        required: Sequence[str] = (),
        optional: Sequence[str] = (),
        retired: Mapping[str, str] | None = None,
    ) -> "Fields":
        """Return the members of an object that has these keys and no others.

        `retired` gives, for keys of older generations, what to write instead.
        """
        allowed = (*required, *optional)
        members = self.entries()
        retired = retired or {}
        for key, member in members.items():
            if key in allowed:
                continue
            if key in retired:
                member.key_problem(f"{quoted(key)} is from an older generation: {retired[key]}")
            else:
                member.key_problem(f"{quoted(key)} is not known here{did_you_mean(key, allowed)}")
        if self.is_object:
            for key in required:
                if key not in members:
                    self.key_problem(f"{quoted(key)} is missing")
        return Fields({key: member for key, member in members.items() if key in allowed})

    def items(self) -> "list[Cursor]":
        """Return the members of a list."""
        value = self.value
        if not isinstance(value, list | tuple):
            self.must_be("a list")
            return []
        values = cast("Sequence[object]", value)
        return [self._member(index, value) for index, value in enumerate(values)]

    def read_all(self, how: "Callable[[Cursor], T]") -> tuple[T, ...]:
        """Return what `how` reads from each member of a list."""
        return tuple(how(item) for item in self.items())

    def text(self) -> str:
        """Return a string that is not blank and that a program can be given."""
        if not isinstance(self.value, str):
            self.must_be("a string")
            return ""
        if not self.value.strip():
            self.problem("is empty")
        elif "\0" in self.value:
            self.problem("holds a NUL character")
        return self.value

    def any_text(self) -> str:
        """Return a string that may be empty."""
        if self.value == "":
            return ""
        return self.text()

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.must_be("true or false")
            return False
        return self.value

    def integer(self, least: int, most: int) -> int:
        """Return a whole number within these bounds, both included."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.must_be("a whole number")
            return least
        if not least <= self.value <= most:
            self.problem(f"must be from {least} to {most}, not {quoted(str(self.value))}")
            return least
        return self.value

    def name(self) -> Name:
        """Return a name, or `STAND_IN`."""
        text = self.text()
        if not text.strip():
            return STAND_IN
        if not is_name(text):
            self.problem(f"{quoted(text)} is not a name: {NAME_RULE}")
            return STAND_IN
        return Name(text)

    def tag(self) -> Tag:
        """Return a node's tag."""
        text = self.text()
        if text.strip() and not is_tag(text):
            self.problem(f"{quoted(text)} is not a tag: {TAG_RULE}")
        return Tag(text)

    def choice(self, kind: type[E]) -> E:
        """Return one of an enumeration's values."""
        allowed = [member.value for member in kind]
        if isinstance(self.value, str) and self.value in allowed:
            return kind(self.value)
        if isinstance(self.value, str):
            guess = did_you_mean(self.value, allowed) or f"; write {either(allowed)}"
            self.problem(f"{quoted(self.value)} is not known here{guess}")
        else:
            self.must_be(either(allowed))
        return kind(allowed[0])

    def _member(self, part: str | int, value: object) -> "Cursor":
        spot = None if self._spot is None else self._spot.members.get(part)
        return Cursor(value, joined(self.path, part), self.report, spot)


class Fields:
    """The known members of a closed object."""

    def __init__(self, members: dict[str, Cursor]) -> None:
        self._members = members

    def __contains__(self, key: str) -> bool:
        return key in self._members

    def get(self, key: str) -> Cursor | None:
        """Return the member, or None if it is absent."""
        return self._members.get(key)

    def read(self, key: str, how: Callable[[Cursor], T], otherwise: T) -> T:
        """Return what `how` reads from the member, or `otherwise` if it is absent."""
        member = self._members.get(key)
        return otherwise if member is None else how(member)


def cursor_over(parsed: Parsed) -> Cursor:
    """Return the cursor at the root of a parsed text; its problems have places."""
    report = Report(parsed.source, parsed.lines)
    return Cursor(parsed.value, "", report, parsed.root)


def literal_cursor(value: object, source: str) -> Cursor:
    """Return the cursor at the root of a plain Python value; its problems have paths only."""
    return Cursor(value, "", Report(source))


def refuse_duplicates(named: "Iterable[tuple[Cursor, str]]", what: str) -> None:
    """Note each value whose name an earlier one has; names that are wrong anyway do not count."""
    seen: set[Any] = set()
    for cursor, name in named:
        if name in seen:
            cursor.problem(f"{what} {quoted(name)} stands here a second time")
        elif name:
            seen.add(name)
