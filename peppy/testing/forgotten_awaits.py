"""Coroutines that a test, or a node in it, has made and nobody has awaited.

Python says so by a warning, at the moment at which the coroutine is thrown away. Here it is heard
as well, whatever becomes of it after that; who has filtered it out does not want to hear of it.
"""

import gc
import re
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

SAYS: Final = r"coroutine '.*' was never awaited"
"""How the warning begins."""


class ForgottenAwaits:
    """What was heard, while `listening`."""

    def __init__(self) -> None:
        self._heard: dict[str, None] = {}

    @property
    def sentences(self) -> list[str]:
        """One for each coroutine that was not awaited, with its name and where it was dropped."""
        return list(self._heard)

    def hear(self, message: object, place: str) -> None:
        """Take a warning, if it is one of those."""
        found = re.match(SAYS, str(message))
        if isinstance(message, RuntimeWarning) and found is not None:
            self._heard[f"{found[0]}{place}"] = None

    def collect(self) -> None:
        """Hear of those in cycles as well, of what was made just now."""
        # Where chance is seeded, no collection was due since.
        gc.collect(0)


@contextmanager
def listening() -> Generator[ForgottenAwaits]:
    """Inside the block hear of coroutines that nobody has awaited.

    The warnings go where they would go without it. Filters of others come before ours; where one
    makes errors of them, Python has nobody to raise them to, and they are heard all the same.
    """
    forgotten = ForgottenAwaits()
    show, hook = warnings.showwarning, sys.unraisablehook

    def shown(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        forgotten.hear(message, f" ({filename}:{lineno})")
        show(message, category, filename, lineno, file, line)

    def unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
        dropping = cast("Any", sys)._getframe(1)
        forgotten.hear(
            unraisable.exc_value, f" ({dropping.f_code.co_filename}:{dropping.f_lineno})"
        )
        hook(unraisable)

    warnings.showwarning, sys.unraisablehook = shown, unraisable
    before = len(warnings.filters)
    warnings.filterwarnings("always", SAYS, RuntimeWarning, append=True)
    ours = warnings.filters[before:]  # nothing, inside of another such block
    try:
        yield forgotten
    finally:
        # Whoever has replaced them meanwhile may restore ours later; then nobody listens to it.
        if warnings.showwarning is shown:
            warnings.showwarning = show
        if sys.unraisablehook is unraisable:
            sys.unraisablehook = hook
        filters = cast("list[object]", warnings.filters)
        filters[:] = [each for each in filters if each not in ours]
