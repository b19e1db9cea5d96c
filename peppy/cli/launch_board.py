"""What is known of the nodes of a launch, from the notes that the daemon sends."""

import time
from collections.abc import Callable
from typing import Final

from peppy.cli.drawing.launch_progress import NodeRow, ProgressLine, progress
from peppy.schema.frames import Note
from peppy.schema.launch import NodeProgress

OF_INSTANCES: Final = frozenset({NodeProgress.STARTING, NodeProgress.RUNNING, NodeProgress.FAILED})
"""States that a node comes into once for each of its instances."""


class Board:
    """One row for each node, in the order in which they were heard of."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._rows: dict[str, NodeRow] = {}

    def __repr__(self) -> str:
        return f"Board({len(self._rows)} nodes)"

    def heard(self, note: Note, text: str) -> NodeProgress | None:
        """Take a note about a node; return its state if that is news.

        `text` is what the note says, safe to show. What a node prints changes its line only; of
        its instances, each is news.
        """
        if note.node is None:
            return None
        state, row, now = _state(note), self._rows.get(note.node), self._now()
        if state is None:
            if row is not None:
                self._set(row, text)
            return None
        if state is not NodeProgress.RESOLVING:
            self._forget_sources(note.node)
        if row is not None and row.state is state:
            news = state in OF_INSTANCES and text != row.line
            self._set(row, text or row.line)
            return state if news else None
        began = now if row is None else row.began
        self._rows[note.node] = NodeRow(
            node=note.node, state=state, began=began, since=now, line=text
        )
        return state

    def lines(self, height: int) -> list[ProgressLine]:
        """Return how it stands now, in at most `height` lines."""
        return progress(list(self._rows.values()), self._now(), height)

    def _set(self, row: NodeRow, text: str) -> None:
        self._rows[row.node] = NodeRow(
            node=row.node, state=row.state, began=row.began, since=row.since, line=text
        )

    def _forget_sources(self, node: str) -> None:
        """Drop rows of sources: all are resolved before the first node is fetched."""
        for name, row in list(self._rows.items()):
            if row.state is NodeProgress.RESOLVING and name != node:
                del self._rows[name]


def _state(note: Note) -> NodeProgress | None:
    """Return the state in a note; None if it tells of none, or of one that we do not know."""
    if note.state is None:
        return None
    try:
        return NodeProgress(note.state)
    except ValueError:
        return None
