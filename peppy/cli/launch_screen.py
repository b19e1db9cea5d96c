"""The rows of a launch on a terminal, redrawn in place; lines are written above them."""

import contextlib
import threading
from collections.abc import Generator
from types import TracebackType
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from peppy.cli.drawing.launch_progress import ProgressLine
from peppy.cli.launch_board import Board
from peppy.schema.launch import NodeProgress

FRAMES_PER_SECOND: Final = 8.0

ROOM_ABOVE: Final = 2
"""Rows of the screen that are left for what was written before."""

LEAST_ROWS: Final = 2
"""Rows on the smallest of screens: one node, and how many there are besides."""

_STYLES: Final = {
    NodeProgress.FAILED: "bold red",
    NodeProgress.BUILT: "green",
    NodeProgress.RUNNING: "green",
}


class Screen:
    """Shows a board while its block lasts.

    What stood there last stays where the launch has come to grief, and goes where it has not.
    """

    def __init__(self, board: Board, console: Console | None = None) -> None:
        self._board = board
        self._console = console or Console(stderr=True)
        self._drawing = threading.Lock()
        self._hiding = threading.RLock()
        self._remark = ""
        self._stays = True
        self._live = self._fresh()

    def __repr__(self) -> str:
        return f"Screen({self._board!r})"

    def __enter__(self) -> "Screen":
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.transient = not self._stays
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with self._drawing:
            remark = self._remark
            room = options.max_height - ROOM_ABOVE - bool(remark)
            lines = self._board.lines(max(LEAST_ROWS, room))
        yield from map(_drawn, lines)
        if remark:
            yield Text(remark, style="dim", no_wrap=True, overflow="ellipsis")

    @contextlib.contextmanager
    def changing(self) -> Generator[Board]:
        """Give the board for a change: it is not drawn meanwhile."""
        with self._drawing:
            yield self._board

    def add(self, text: str) -> None:
        """Show `text` below the rows, in place of what was added before."""
        with self._drawing:
            self._remark = text

    def leave_nothing(self) -> None:
        """Have the rows go when the block ends."""
        self._stays = False

    @contextlib.contextmanager
    def hidden(self) -> Generator[None]:
        """Take them off the screen for a block; threads that write take turns."""
        with self._hiding:
            self._live.transient = True
            self._live.stop()
            try:
                yield
            finally:
                # One that has stopped would go back to where it stood and wipe out what came since.
                self._live = self._fresh()
                self._live.start()

    def _fresh(self) -> Live:
        return Live(
            self,
            console=self._console,
            refresh_per_second=FRAMES_PER_SECOND,
            # Lines are written while it is hidden; stdout may lead somewhere else altogether.
            redirect_stdout=False,
            redirect_stderr=False,
        )


def _drawn(line: ProgressLine) -> Text:
    style = "dim" if line.state is None else _STYLES.get(line.state, "")
    text = Text(line.head, style=style, no_wrap=True, overflow="ellipsis")
    return text.append(f"  {line.tail}", style="dim") if line.tail else text
