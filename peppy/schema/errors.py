"""What a person can put right, as exceptions that carry their values.

`PeppyError` is the root of everything that is shown as a sentence, without a traceback. Any other
exception that reaches the top is a bug of ours and keeps its traceback.
"""

from collections.abc import Sequence

import msgspec


class PeppyError(Exception):
    """Something that a person can put right.

    `sentence` is whole, starts in lower case and has no full stop; names in it stand in single
    quotes. `hint` is the next step, or None where there is no other than what the sentence says.
    """

    kind: str = "error"
    """A stable word that programs may compare; it crosses the control plane."""

    needs: str | None = None
    """The consent that would let it pass: a field of the request, as in `stop_instances`."""

    def __init__(self, sentence: str, *, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint

    def __str__(self) -> str:
        return self.sentence if self.hint is None else f"{self.sentence}\n  {self.hint}"


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong in a document: where it stands and what to do about it."""

    line: int
    """1-based; 0 where the problem has no place in the text (the file is absent, say)."""
    column: int
    """1-based; 0 as above."""
    path: str
    """The value's path, as in `interfaces.topics.emits[0].name`; empty for the whole document."""
    what: str
    """What is wrong, and where it helps, what was probably meant."""


class DocumentError(PeppyError):
    """A document that has problems: all of them, not only the first."""

    kind = "document"

    def __init__(
        self, source: str, problems: Sequence[Problem], *, hint: str | None = None
    ) -> None:
        self.source = source
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"{count} in {source}\n{_table(self.problems)}", hint=hint)


def _table(problems: Sequence[Problem]) -> str:
    places = [f"{p.line}:{p.column}" if p.line else "" for p in problems]
    wide = max((len(place) for place in places), default=0)
    deep = max((len(p.path) for p in problems), default=0)
    rows = (
        f"  {place:<{wide}} {p.path:<{deep}}  {p.what}"
        for place, p in zip(places, problems, strict=True)
    )
    return "\n".join(rows)
