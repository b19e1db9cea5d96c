"""Tasks that have not ended in time after they were cancelled: they catch it, and go on."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from peppy.runtime.output import complain

_COMPLAINT: Final = re.compile(r"warning: (.+ did not end within \S+ s of being cancelled)")


class Outstayed(TimeoutError):
    """Something was cancelled, and had not ended when its time was over."""

    def __init__(self, what: str, seconds: float, tasks: Iterable[object]) -> None:
        super().__init__(f"{what} did not end within {seconds:g} s of being cancelled")
        self.tasks = tuple(tasks)
        """Those of the loop for which nobody waits any more."""


def complain_of_outstaying(
    what: str,
    seconds: float,
    on_failure: Callable[[BaseException], None] | None,
    tasks: Iterable[object] = (),
) -> None:
    """Say it on standard error, and tell `on_failure`."""
    outstayed = Outstayed(what, seconds, tasks)
    complain(f"warning: {outstayed}")
    if on_failure is not None:
        on_failure(outstayed)


def complaint_in(line: str) -> str | None:
    """Return what a line on standard error complains of, if it is one of these."""
    found = _COMPLAINT.fullmatch(line)
    return None if found is None else found[1]
