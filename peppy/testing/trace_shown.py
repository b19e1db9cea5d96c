"""What a trace shows, one sentence after the other; the first that does not hold is reported."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Self

from peppy.testing.sentences import Sentence
from peppy.testing.trace_entry import Entry
from peppy.testing.trace_text import excerpt


class NotShown(AssertionError):
    """What a sentence claims does not hold; the text shows where the trace comes nearest to it."""

    def __init__(self, claim: str, entries: Sequence[Entry], centre: int) -> None:
        super().__init__("\n".join([claim, *excerpt(entries, centre)]))
        self.claim = claim
        """What does not hold, without the trace."""


class Shown:
    """A chain of sentences that a trace shows."""

    def __init__(
        self, entries: Sequence[Entry], sentence: Sentence, words: str, ends: list[int]
    ) -> None:
        """Keep a chain that can end with each of the entries at `ends`, of which there is one."""
        self._entries = entries
        self._sentence = sentence
        self._words = words
        self._ends = ends

    @property
    def entry(self) -> Entry:
        """The first entry with which the chain ends."""
        return self._entries[self._ends[0]]

    def then(self, sentence: Sentence, *, within: float | None = None) -> "Shown":
        """See that this comes later, and at most `within` seconds later if that is said.

        Raises `NotShown`. There is one such pair: not each of the former needs to have a latter.
        """
        words = f"{self._words}, then {sentence}{_within(within)}"
        first = self._ends[0]
        later = [i for i in _positions(self._entries, sentence) if i > first]
        ends = [i for i in later if within is None or self._since(i) <= within]
        if ends:
            return Shown(self._entries, sentence, words, ends)
        if not later:
            claim = f"{sentence} did not come after {self._words}"
            raise NotShown(claim, self._entries, first)
        nearest = min(later, key=self._since)
        claim = (
            f"{sentence} did not come within {within:g} s after {self._words}: "
            f"the nearest came after {self._since(nearest):.3f} s"
        )
        raise NotShown(claim, self._entries, nearest)

    def before(self, sentence: Sentence) -> Self:
        """See that this comes as well, and not once earlier; raises `NotShown`."""
        found = _positions(self._entries, sentence)
        first = self._ends[0]
        if not found:
            raise NotShown(
                f"{sentence} never came, neither before nor after {self._words}",
                self._entries,
                first,
            )
        if found[0] < first:
            raise NotShown(f"{sentence} came before {self._words}", self._entries, found[0])
        return self

    def times(self, count: int) -> Self:
        """See that the last sentence holds for exactly so many entries; raises `NotShown`."""
        return self._counted(len(self._ends) == count, f"not {_times(count)}")

    def at_least(self, count: int) -> Self:
        """See that the last sentence holds for so many entries or more; raises `NotShown`."""
        return self._counted(len(self._ends) >= count, f"not {_times(count)} or more")

    def at_most(self, count: int) -> Self:
        """See that the last sentence holds for so many entries or fewer; raises `NotShown`."""
        return self._counted(len(self._ends) <= count, f"not {_times(count)} or fewer")

    def _counted(self, holds: bool, claim: str) -> Self:
        if not holds:
            what = f"{self._words} came {_times(len(self._ends))}, {claim}"
            raise NotShown(what, self._entries, self._ends[-1])
        return self

    def _since(self, position: int) -> float:
        """Return the seconds from the last possible end before this position."""
        end = self._ends[bisect_left(self._ends, position) - 1]
        return self._entries[position].at - self._entries[end].at

    def __repr__(self) -> str:
        return f"<shown {_times(len(self._ends))}: {self._words}>"


def shown(entries: Sequence[Entry], sentence: Sentence) -> Shown:
    """See that an entry is this; raises `NotShown`."""
    found = _positions(entries, sentence)
    if not found:
        nearest = _nearest(entries, sentence)
        raise NotShown(f"the trace does not show {sentence}", entries, nearest)
    return Shown(entries, sentence, str(sentence), found)


def never_shown(
    entries: Sequence[Entry], sentence: Sentence, after: Sentence | None, before: Sentence | None
) -> None:
    """See that no entry is this, after the first `after` and before the first `before`.

    Raises `NotShown`.
    """
    begin, end = 0, len(entries)
    claim = f"the trace shows {sentence}"
    if before is not None:
        end = next(iter(_positions(entries, before)), end)
        claim += f" before {before}"
    if after is not None:
        begin = next((i + 1 for i in _positions(entries, after)), end)
        claim += f" after {after}"
    for index in range(begin, end):
        if sentence.matches(entries[index]):
            raise NotShown(f"{claim}, which it never should", entries, index)


def each_followed(
    entries: Sequence[Entry], first: Sentence, second: Sentence, within: float, now: float
) -> None:
    """See that each entry that is `first` is followed by `second`; raises `NotShown`.

    What is not due yet at `now` is not missed.
    """
    answers = _positions(entries, second)
    for index in _positions(entries, first):
        due = entries[index].at + within
        place = bisect_left(answers, index + 1)
        answered = place < len(answers) and entries[answers[place]].at <= due
        if not answered and due < now:
            claim = f"{first} at {entries[index].at:.3f} s was not followed by {second}"
            raise NotShown(claim + _within(within), entries, index)


def _positions(entries: Sequence[Entry], sentence: Sentence) -> list[int]:
    return [i for i, entry in enumerate(entries) if sentence.matches(entry)]


def _nearest(entries: Sequence[Entry], sentence: Sentence) -> int:
    """Return where the last entry is of which the sentence could have been true, or the end."""
    alike = [i for i, entry in enumerate(entries) if entry.kind in sentence.kinds]
    return alike[-1] if alike else len(entries) - 1


def _within(seconds: float | None) -> str:
    return "" if seconds is None else f" within {seconds:g} s"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
