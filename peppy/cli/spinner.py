"""A sign on stderr that something is under way, and for how long."""

import contextlib
from collections.abc import Generator
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Spinner:
    """Turns while its block lasts and leaves nothing behind."""

    def __init__(self, text: str, console: Console | None = None) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )
        self._text = text
        self._task = self._progress.add_task(text, total=None)
        self._live = Live(
            self._progress,
            console=console or Console(stderr=True),
            transient=True,
            # Lines are written while it is hidden; stdout may lead somewhere else altogether.
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> "Spinner":
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def add(self, text: str) -> None:
        """Show `text` beside what is under way, in place of what was added before."""
        self._progress.update(self._task, description=f"{self._text}: {text}")

    @contextlib.contextmanager
    def hidden(self) -> Generator[None]:
        """Take it off the screen for a block."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()
