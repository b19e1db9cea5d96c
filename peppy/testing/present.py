"""The test that runs now, for what it makes: the seed that it has, the traces that it leaves."""

from contextvars import ContextVar
from pathlib import Path
from typing import Final, Protocol


class Readable(Protocol):
    """A trace, for who shows it."""

    def text(self, last: int | None = None, width: int | None = None) -> str:
        """Return its entries, or the last so many, one per line of at most `width` characters."""
        ...

    def write(self, path: str | Path) -> None:
        """Write it to a file."""
        ...

    def __len__(self) -> int: ...


class PresentTest:
    """What is known of one test while it runs."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.seed_taken = False
        """Whether anything of the test depends on its seed."""
        self.traces: list[Readable] = []
        """Those that were made in it, in their order."""

    def __repr__(self) -> str:
        return f"<PresentTest with seed {self.seed} and {len(self.traces)} traces>"


PRESENT: Final = ContextVar[PresentTest | None]("present_test", default=None)


def present_seed(default: int = 0) -> int:
    """Return the seed of the test that runs, as its fixture `seed` does; without one, `default`.

    A failing test's report then says how to replay it.
    """
    test = PRESENT.get()
    if test is None:
        return default
    test.seed_taken = True
    return test.seed
