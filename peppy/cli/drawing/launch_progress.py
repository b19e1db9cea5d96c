"""How far each node of a launch has come: one line for each, as many as there is room for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from peppy.schema.launch import NodeProgress

WIDEST_NAME: Final = 40
"""Columns for a node's name; a longer one moves its own line only."""

SETTLED: Final = frozenset({NodeProgress.BUILT, NodeProgress.RUNNING, NodeProgress.FAILED})
"""States in which nothing goes on: their time stands still."""

_IMPORTANCE: Final = (
    NodeProgress.FAILED,
    NodeProgress.STARTING,
    NodeProgress.BUILDING,
    NodeProgress.FETCHING,
    NodeProgress.RESOLVING,
    NodeProgress.BUILT,
    NodeProgress.RUNNING,
)
"""What a person has to see first where there is not room for all."""

_STATE_WIDTH: Final = max(len(state) for state in NodeProgress)


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One node of a launch, as far as it has come. Times are seconds of one clock."""

    node: str
    state: NodeProgress
    began: float
    """When it was heard of first."""
    since: float
    """When it came into its state."""
    line: str = ""
    """What was heard of it last."""


class ProgressLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line on the screen."""

    state: NodeProgress | None
    """None for the line that stands for all that there is no room for."""
    head: str
    tail: str
    """May be cut, and shown less clearly."""


def progress(rows: Sequence[NodeRow], now: float, height: int) -> list[ProgressLine]:
    """Return a line for each row, in their order; at most `height`, which is at least 2.

    The last one says what is left out: what has failed or goes on is shown before what is done.
    """
    shown = rows if len(rows) <= height else _most_important(rows, height - 1)
    width = min(WIDEST_NAME, max((len(row.node) for row in shown), default=0))
    lines = [_line(row, now, width) for row in shown]
    if len(shown) < len(rows):
        kept = {row.node for row in shown}
        lines.append(_rest([row for row in rows if row.node not in kept]))
    return lines


def _most_important(rows: Sequence[NodeRow], count: int) -> list[NodeRow]:
    chosen = sorted(rows, key=lambda row: _IMPORTANCE.index(row.state))[:count]
    names = {row.node for row in chosen}
    return [row for row in rows if row.node in names]


def _line(row: NodeRow, now: float, width: int) -> ProgressLine:
    seconds = row.since - row.began if row.state in SETTLED else now - row.since
    head = f"{row.node:<{width}}  {row.state:<{_STATE_WIDTH}} {max(0.0, seconds):6.1f} s"
    return ProgressLine(state=row.state, head=head, tail=row.line)


def _rest(rows: Sequence[NodeRow]) -> ProgressLine:
    return ProgressLine(state=None, head=f"and {len(rows)} more: {counted(rows)}", tail="")


def counted(rows: Iterable[NodeRow]) -> str:
    """Return how many nodes are in which state, as in `2 building, 1 running`."""
    numbers = Counter(row.state for row in rows)
    return ", ".join(f"{numbers[state]} {state}" for state in _IMPORTANCE if numbers[state])


def state_line(node: str, state: NodeProgress, text: str) -> str:
    """Return what a pipe gets when a node comes into another state; `text` says more of it."""
    if state is NodeProgress.FAILED and text:
        return f"{node}: {state}: {text}"
    return f"{node}: {text or state}"
